"""The archive of a release: a read-only folder laid out like a project, so that `verify` and `diff` read both alike."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from sealproof.evidence.errors import EvidenceMissingError, OutputError
from sealproof.evidence.files import unwritable
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.workspace import Workspace
from sealproof.signing.exchange import flush, flush_folder, partial_of

FILES = ("params.yaml", "dvc.yaml", "dvc.lock", "constraints.txt")
#: Left out: what a running or killed stage is making, and what only Git reads.
_LEFT_OUT = ("*.partial", ".gitignore", "release-run.json")
_READ_ONLY = 0o444


def archive_place(workspace: Workspace, release_id: str) -> Path:
    """The folder of a release: `releases/<product>/<first 12 digits>`."""
    return workspace.releases / release_id[:12]


def archive(workspace: Workspace, release_id: str) -> bool:
    """Copy a release into its archive, in one step; one that exists is never changed.

    Args:
        workspace: the project.
        release_id: of the release, 64 hexadecimal digits.

    Returns:
        True when it was made, False when it was there already with the same content.

    Raises:
        EvidenceMissingError: a file that belongs into it does not exist.
        OutputError: it exists with other content, or cannot be written.
    """
    place = archive_place(workspace, release_id)
    partial = partial_of(place)
    try:
        if partial.exists():
            shutil.rmtree(partial)
        if place.exists():
            _refuse_other(workspace, place)
            return False
        _copy(workspace, partial)
        flush(partial)
        partial.rename(place)
        flush_folder(place.parent)
    except OSError as error:
        raise unwritable(place, error) from error
    return True


def _copy(workspace: Workspace, target: Path) -> None:
    for source, name in _sources(workspace):
        if not source.exists():
            raise EvidenceMissingError(
                "a release cannot be archived", where=name, why="it does not exist", mend="run `dvc repro`"
            )
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns(*_LEFT_OUT), dirs_exist_ok=True)
        else:
            shutil.copy2(source, copy)
    for path in target.rglob("*"):
        if path.is_file():
            path.chmod(_READ_ONLY)


def _sources(workspace: Workspace) -> Iterator[tuple[Path, str]]:
    """(file or folder, name in the archive) of all that belongs into it."""
    product = workspace.product
    folders = ("protocols", *(f"{room}/{product}" for room in ("products", "artifacts", "reports", "data")))
    for name in (*FILES, *folders):
        yield workspace.root / name, name


def _refuse_other(workspace: Workspace, place: Path) -> None:
    """The archive against the project: all files are equal, but trail and side records, which go on."""
    growing = (f"artifacts/{workspace.product}/trail.jsonl", f"artifacts/{workspace.product}/runs/")
    there = {name: path for name, path in _files(place) if not name.startswith(growing)}
    here = {
        name: path
        for source, folder in _sources(workspace)
        for name, path in _files(source, folder)
        if not name.startswith(growing)
    }
    different = sorted(
        name
        for name in there.keys() | here.keys()
        if name not in there or name not in here or sha256_file(there[name]) != sha256_file(here[name])
    )
    if different:
        raise OutputError(
            "a release of this id has been archived with other content",
            where=workspace.relative(place),
            why=_some(different),
            mend="an archived release is never overwritten; find out which of the two is right with `sealproof diff`",
        )


def _files(source: Path, prefix: str = "") -> Iterator[tuple[str, Path]]:
    if source.is_file():
        yield prefix, source
        return
    for path in sorted(source.rglob("*")):
        inside = path.relative_to(source)
        if path.is_file() and not any(part_is_left_out(part) for part in inside.parts):
            yield f"{prefix}/{inside.as_posix()}".lstrip("/"), path


def part_is_left_out(part: str) -> bool:
    """Whether a file or folder of that name stays out of an archive.

    Example:
        >>> part_is_left_out("score.partial"), part_is_left_out("score")
        (True, False)
    """
    return any(Path(part).match(pattern) for pattern in _LEFT_OUT)


def _some(names: list[str], most: int = 10) -> str:
    shown = "\n".join(f"{name} differs" for name in names[:most])
    return shown if len(names) <= most else f"{shown}\nand {len(names) - most} more"
