"""dvc.lock: hashes of outputs and inputs against the files, parameters against what they were read from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sealproof.verification.digests import dvc_folder_md5
from sealproof.verification.tree import Tree

LOCK = "dvc.lock"
_STAGES = (
    "ingest",
    "check",
    "roi",
    "train",
    "score",
    "cross_fit",
    "threshold",
    "challenge",
    "evaluate",
    "qualify",
    "dossier",
)


def check_lock(tree: Tree) -> None:
    """Hold dvc.lock against the files and parameters at hand."""
    content = tree.yaml(LOCK, optional=True)
    if content is None:
        if not tree.exists(LOCK):
            tree.findings.add("lock-missing", LOCK, expected="the lock file of the run", found="no such file")
        return
    with tree.findings.guard(LOCK):
        stages = dict(_own_stages(tree, content["stages"]))
        for name in sorted({*_STAGES} - stages.keys()):
            tree.findings.add(
                "lock-stage-missing",
                LOCK,
                name,
                expected=f"the stage as it ran for {tree.product}",
                found="no such stage",
            )
        for name, stage in stages.items():
            with tree.findings.guard(LOCK, name):
                _check_files(tree, name, stage)
                _check_params(tree, name, stage.get("params") or {})


def _own_stages(tree: Tree, stages: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Stages that write what belongs to this product."""
    folders = tuple(f"{folder}/{tree.product}" for folder in ("artifacts", "reports", "data"))
    for name, stage in stages.items():
        if any(str(out["path"]).startswith(folders) for out in stage.get("outs", [])):
            yield name, stage


def _check_files(tree: Tree, name: str, stage: Mapping[str, Any]) -> None:
    for kind, code in (("outs", "lock-output-differs"), ("deps", "lock-input-differs")):
        for row in stage.get(kind) or []:
            path = row["path"]
            found = md5_of(tree, path)
            tree.findings.count("entries of dvc.lock")
            if not found:
                _absent(tree, name, path)
            elif found != row["md5"]:
                chosen = code if _is_evidence(path) else "code-differs-from-lock"
                tree.findings.add(
                    chosen,
                    LOCK,
                    f"{name}, {path}",
                    expected=f"MD5 {found} (as the files are)",
                    found=f"MD5 {row['md5']}",
                )


def _is_evidence(path: str) -> bool:
    return path.startswith(("artifacts/", "reports/", "data/", "products/", "protocols"))


def _absent(tree: Tree, name: str, path: str) -> None:
    code = (
        "code-absent"
        if not _is_evidence(path)
        else "images-absent"
        if path.startswith("data/")
        else "file-missing"
    )
    tree.findings.add(
        code,
        path,
        "" if code != "file-missing" else name,
        expected=f"what stage {name} of dvc.lock names" if code == "file-missing" else "what dvc.lock names",
        found="no such file or folder",
    )


def md5_of(tree: Tree, path: str) -> str:
    """MD5 of a file, or of a folder as DVC 3 has it; empty when there is nothing."""
    place = tree.path(path)
    if place.is_file():
        found = tree.digest(path)
        return found.md5 if found else ""
    if not place.is_dir():
        return ""
    prefix = len(path.rstrip("/")) + 1
    rows = [
        (name[prefix:], digest.md5)
        for name in tree.files(path, all_of_them=True)
        if (digest := tree.digest(name))
    ]
    return dvc_folder_md5(rows)


def _check_params(tree: Tree, name: str, params: Mapping[str, Any]) -> None:
    for file, values in params.items():
        content = tree.yaml(file, optional=True)
        if content is None:
            tree.findings.add("code-absent", file, expected="what dvc.lock names", found="no such file")
            continue
        for key, value in (values or {}).items():
            found = _at(content, str(key))
            if found != value:
                tree.findings.add(
                    "parameter-changed",
                    file,
                    f"{key} ({name})",
                    expected=f"{value!r} (dvc.lock)",
                    found=found,
                )


def _at(content: Any, key: str) -> Any:
    for part in key.split("."):
        content = content.get(part) if isinstance(content, dict) else None
    return content
