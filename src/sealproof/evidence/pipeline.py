"""What dvc.yaml declares and dvc.lock holds of a stage, and the SHA-256 of everything a stage declares as its input.

DVC identifies files by MD5, which proves nothing against a forger. A finished stage therefore notes the SHA-256 of
what it was about to read.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from sealproof.evidence.files import read_yaml
from sealproof.evidence.hashing import sha256_file, sha256_json
from sealproof.evidence.workspace import Workspace

_REFERENCE = re.compile(r"\$\{([\w.]+)\}")
_RESULTS = ("artifacts", "reports")
#: As in .dvcignore.
_IGNORED = ("__pycache__", "*.pyc", "*.egg-info")
_PARAMETER = "#/"
#: Hash of what does not exist.
ABSENT = ""


@dataclass(frozen=True)
class Declared:
    """What dvc.yaml declares as the input of a stage.

    Args:
        files: files and folders, relative to the root, sorted.
        params: (file, dotted key) of each parameter; an empty key means the whole file; sorted.
    """

    files: tuple[str, ...]
    params: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Locked:
    """What dvc.lock holds of a stage.

    Args:
        cmd: the command.
        deps: path -> MD5 of each dependency, with the ending `.dir` for a folder.
        params: file -> key -> value as it was.
        outs: path -> MD5 of each output.
    """

    cmd: str
    deps: Mapping[str, str]
    params: Mapping[str, Mapping[str, Any]]
    outs: Mapping[str, str]


def declared_inputs(root: Path, stage: str) -> Declared | None:
    """What dvc.yaml below `root` declares for `stage`; None when there is no dvc.yaml or no such stage.

    Raises:
        DefinitionError: dvc.yaml or params.yaml is not YAML.
    """
    if not (root / "dvc.yaml").exists():
        return None
    found = (read_yaml(root / "dvc.yaml").get("stages") or {}).get(stage)
    if not found or "cmd" not in found:
        return None
    values = read_yaml(root / "params.yaml")

    def resolve(text: str) -> str:
        return _REFERENCE.sub(lambda match: str(_value(values, match[1])), text)

    files = sorted(
        resolve(path if isinstance(path, str) else next(iter(path))) for path in found.get("deps", ())
    )
    params = sorted((resolve(file), key) for file, key in _params(found.get("params", ())))
    return Declared(tuple(files), tuple(params))


def hash_inputs(workspace: Workspace, declared: Declared) -> dict[str, str]:
    """SHA-256 of everything declared.

    Returns:
        Sorted by key; `hash_input` says what each key means. Results are named file by file; source, templates and
        definitions, which stand in Git, folder by folder.

    Raises:
        DefinitionError: a file of parameters is not YAML.
        OSError: a file cannot be read.
    """
    keys = [key for name in declared.files for key in _keys(workspace.root, name)]
    keys += [f"{file}{_PARAMETER}{key.replace('.', '/')}" for file, key in declared.params]
    return {key: hash_input(workspace, key) for key in sorted(keys)}


def hash_input(workspace: Workspace, key: str) -> str:
    """SHA-256 of one input; empty when it does not exist.

    Args:
        workspace: of the product.
        key: `<path>`: a file. `<path>/`: a folder, as SHA-256 of canonical JSON {path inside: SHA-256}.
            `data/<product>/`: the images, which the manifest stands for (`images_sha256`).
            `<file>#/<key>`: a parameter, as SHA-256 of its canonical JSON.

    Raises:
        DefinitionError: a file of parameters is not YAML.
        OSError: a file cannot be read.
    """
    file, is_parameter, pointer = key.partition(_PARAMETER)
    path = workspace.root / file
    if is_parameter:
        value = _value(read_yaml(path), pointer.replace("/", ".")) if path.is_file() else None
        return ABSENT if value is None else sha256_json(value)
    if key.startswith("data/") and key.endswith("/"):
        manifest = workspace.artifacts("ingest") / "manifest.parquet"
        return images_sha256(manifest)[1] if manifest.is_file() else ABSENT
    if path.is_dir():
        return sha256_json(_files_below(path))
    return sha256_file(path) if path.is_file() else ABSENT


def images_sha256(manifest: Path) -> tuple[int, str]:
    """Number of images in a manifest, and one SHA-256 for all of them, as the record `ingest.images.sha256` has it.

    Returns:
        The number, and SHA-256 of the canonical JSON list of [image_id, sha256] in the manifest's order.

    Raises:
        OSError, ValueError: the manifest cannot be read, or is no Parquet.
    """
    from pyarrow import parquet  # slow to import

    table = parquet.read_table(manifest, columns=["image_id", "sha256"]).to_pydict()
    rows = [list(row) for row in zip(table["image_id"], table["sha256"], strict=True)]
    return len(rows), sha256_json(rows)


def read_lock(root: Path) -> dict[str, Locked]:
    """The stages of dvc.lock by name; empty when there is no dvc.lock.

    Raises:
        DefinitionError: it is not YAML.
    """
    if not (root / "dvc.lock").exists():
        return {}
    stages = (read_yaml(root / "dvc.lock") or {}).get("stages") or {}
    return {name: _locked(entry) for name, entry in sorted(stages.items())}


def md5_of(path: Path) -> str:
    """MD5 of a file or folder as dvc.lock holds it, by DVC's rule for folders; empty when it does not exist.

    The MD5 of a folder is that of the JSON list of {md5, relpath} of its files, sorted by relpath, with `.dir` behind.
    """
    if path.is_file():
        return _md5(path)
    if not path.is_dir():
        return ABSENT
    files = [
        {"md5": _md5(file), "relpath": file.relative_to(path).as_posix()}
        for file in path.rglob("*")
        if file.is_file() and not _is_ignored(file.relative_to(path))
    ]
    listing = json.dumps(sorted(files, key=lambda row: row["relpath"]), sort_keys=True)
    return f"{hashlib.md5(listing.encode(), usedforsecurity=False).hexdigest()}.dir"


def maker_of(lock: Mapping[str, Locked], path: str) -> str | None:
    """Name of the stage one of whose outputs is, or holds, `path`; None when no stage makes it."""
    for name, stage in lock.items():
        if any(path == out or path.startswith(f"{out}/") for out in stage.outs):
            return name
    return None


def _locked(entry: Mapping[str, Any]) -> Locked:
    return Locked(
        cmd=str(entry.get("cmd", "")),
        deps={row["path"]: str(row.get("md5", ABSENT)) for row in entry.get("deps") or ()},
        params=entry.get("params") or {},
        outs={row["path"]: str(row.get("md5", ABSENT)) for row in entry.get("outs") or ()},
    )


def _params(rows: Any) -> Iterator[tuple[str, str]]:
    for row in rows:
        if isinstance(row, str):
            yield "params.yaml", row
            continue
        for file, keys in row.items():
            yield from ((file, key) for key in keys or ("",))


def _value(content: Any, key: str) -> Any:
    for part in key.split(".") if key else ():
        content = content.get(part) if isinstance(content, Mapping) else None
    return content


def _keys(root: Path, name: str) -> list[str]:
    path = root / name
    if name.startswith("data/"):
        return [f"{name}/"]
    if not path.is_dir():
        return [name]
    if name.split("/")[0] not in _RESULTS:
        return [f"{name}/"]
    return [f"{name}/{below}" for below in _files_below(path)]


def _files_below(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): sha256_file(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not _is_ignored(path.relative_to(folder))
    }


def _is_ignored(path: Path) -> bool:
    return any(fnmatch(part, pattern) for part in path.parts for pattern in _IGNORED)


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
