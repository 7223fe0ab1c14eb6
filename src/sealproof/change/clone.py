"""A fresh clone of the project: the commit that is checked out, an empty cache, no artefact, images by hash."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sealproof.evidence.errors import (
    DefinitionError,
    EvidenceAlteredError,
    EvidenceMissingError,
    OutputError,
)
from sealproof.evidence.files import read_yaml, unwritable
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.telemetry import SILENCE
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.git import changed_files, head_commit

_DROPPED = ("DVC_", "MLFLOW_", "GIT_", "PYTHONPATH", "PYTHONHOME")
_TAIL = 30


@dataclass(frozen=True)
class Clone:
    """A clone ready to run.

    Attributes:
        workspace: of the product in the clone.
        commit: that is checked out.
        images: where the images come from, in words.
        environment: of every process that runs in it.
    """

    workspace: Workspace
    commit: str
    images: str
    environment: Mapping[str, str]


def require_clean(root: Path) -> str:
    """The commit that is checked out, when nothing but dvc.lock differs from it.

    Raises:
        EvidenceMissingError: there is no Git repository, or no commit.
        DefinitionError: files differ from the commit; they are named.
    """
    commit, changed = head_commit(root).sha, changed_files(root)
    if changed:
        raise DefinitionError(
            "a release can only be reproduced from a commit",
            where=", ".join(changed[:20]) + (f" and {len(changed) - 20} more" if len(changed) > 20 else ""),
            why=f"these files are not as commit {commit[:12]} has them, or it does not know them",
            mend="commit them, or remove them, then run again",
        )
    return commit


def make_clone(workspace: Workspace, folder: Path, commit: str) -> Clone:
    """Clone the project at a commit and put its images in place, unless the pipeline makes them itself.

    Args:
        workspace: of the project.
        folder: empty, for the clone and what belongs to it.
        commit: full hash.

    Raises:
        OutputError: the clone cannot be made.
        DefinitionError: the commit holds artefacts, so that nothing would have to be made.
        EvidenceMissingError, EvidenceAlteredError: images are missing, or not those of the manifest.
    """
    top = folder / "project"
    prefix = _git(workspace.root, "rev-parse", "--show-prefix").strip()
    source = _git(workspace.root, "rev-parse", "--show-toplevel").strip()
    _git(
        folder,
        "clone",
        "--quiet",
        "--no-hardlinks",
        "--no-tags",
        "--no-checkout",
        "--template=",
        source,
        str(top),
    )
    _git(top, "checkout", "--quiet", "--detach", commit)
    clone = Workspace(top / prefix, workspace.product)
    _refuse_artefacts(clone)
    environment = _environment(folder, clone.root)
    _require_own_sources(clone.root, environment)
    return Clone(clone, commit, _place_images(workspace, clone), environment)


def _refuse_artefacts(clone: Workspace) -> None:
    found = [path for path in (clone.artifacts("").parent, clone.reports) if path.exists()]
    if found:
        raise DefinitionError(
            "the commit holds results, so that a clone has nothing to make",
            where=", ".join(clone.relative(path) for path in found),
            why="artefacts and reports are made by the pipeline and belong to no commit",
            mend="remove them from the repository (`git rm --cached`) and name them in .gitignore",
        )


def _place_images(workspace: Workspace, clone: Workspace) -> str:
    if clone.images.exists():
        return "part of the repository"
    if makes_images(clone.root, clone.product):
        return "made by the pipeline"
    _check_images(workspace)
    count = sum(1 for _ in _linked(workspace.images, clone.images))
    return f"{count} files from data/{workspace.product}; the images have the hashes of the manifest"


def makes_images(root: Path, product: str) -> bool:
    """Whether a stage of dvc.yaml has `data/<product>` as output, with its `foreach` spelled out."""
    stages = (read_yaml(root / "dvc.yaml") or {}).get("stages", {})
    return any(f"data/{product}" in _outputs(stage) for stage in stages.values())


def _outputs(stage: Mapping[str, Any]) -> set[str]:
    items, body = stage.get("foreach", [""]), stage.get("do", stage)
    outs = [next(iter(out)) if isinstance(out, Mapping) else out for out in body.get("outs", [])]
    return {str(out).replace("${item}", str(item)) for item in items for out in outs}


def _check_images(workspace: Workspace) -> None:
    """Hold the images against the manifest before they go into the clone."""
    manifest = workspace.artifacts("ingest") / "manifest.parquet"
    table = pd.read_parquet(manifest, columns=["path", "sha256"])
    paths = [
        (name, digest, workspace.images / name)
        for name, digest in zip(table["path"], table["sha256"], strict=True)
    ]
    missing = sorted(name for name, _, path in paths if not path.is_file())
    if missing:
        raise EvidenceMissingError(
            "images of the release are missing",
            where=f"data/{workspace.product}: {', '.join(missing[:10])}",
            why=f"{len(missing)} of {len(paths)} images that the manifest names do not exist",
            mend="put them back; a reproduction starts from the images",
        )
    altered = sorted(name for name, digest, path in paths if sha256_file(path) != digest)
    if altered:
        raise EvidenceAlteredError(
            "images are not those of the release",
            where=f"data/{workspace.product}: {', '.join(altered[:10])}",
            why=f"{len(altered)} of {len(paths)} have another SHA-256 than the manifest",
            mend="put the original images back",
        )


def _linked(source: Path, target: Path) -> Iterator[Path]:
    """Hard links where the file system allows it, else copies; nothing of a run writes into the images."""
    for path in sorted(source.rglob("*")):
        if not path.is_file():
            continue
        place = target / path.relative_to(source)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(path, place)
            except OSError:
                shutil.copyfile(path, place)
        except OSError as error:
            raise unwritable(place, error) from error
        yield place


def _environment(folder: Path, root: Path) -> dict[str, str]:
    """This interpreter as `python`, the sources of the clone, no cache or setting of the user's DVC or MLflow."""
    shim = folder / "bin" / "python"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    shim.chmod(0o755)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_DROPPED)}
    path = [str(shim.parent), str(Path(sys.executable).parent), kept.get("PATH", os.defpath)]
    dvc = {
        f"DVC_{name}": str(folder / "dvc" / name.lower())
        for name in ("GLOBAL_CONFIG_DIR", "SYSTEM_CONFIG_DIR", "SITE_CACHE_DIR")
    }
    sources = {"PYTHONPATH": str(root / "src")} if (root / "src").is_dir() else {}
    return kept | SILENCE | dvc | sources | {"PATH": os.pathsep.join(path)}


def _require_own_sources(root: Path, environment: Mapping[str, str]) -> None:
    """The clone must run its own sources, not those of the installed package that may be the working tree's."""
    if not (root / "src" / "sealproof").is_dir():
        return
    command = ["python", "-c", "import sealproof; print(sealproof.__file__)"]
    done = subprocess.run(  # noqa: S603 - fixed command
        command, cwd=root, env=dict(environment), capture_output=True, text=True, check=False
    )
    found = done.stdout.strip()
    if done.returncode or not Path(found).resolve().is_relative_to(root.resolve()):
        raise EvidenceAlteredError(
            "the clone would not run its own sources",
            where=found or str(root / "src"),
            why=done.stderr.strip() or "the package is imported from outside the clone",
            mend="install the package as `pip install --editable .`, and unset what changes Python's import path",
        )


def is_committed(root: Path, path: Path) -> bool:
    """Whether Git knows a file of the project; with a clean tree that means: as it is in the commit."""
    command = ["git", "-C", str(root), "ls-files", "--error-unmatch", "--", str(path.resolve())]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603 - fixed command


def run_pipeline(clone: Clone, target: str, progress: Callable[[str], None]) -> str:
    """Run `dvc repro <target>` in the clone.

    Args:
        clone: made by `make_clone`.
        target: last stage.
        progress: gets each line that the run prints.

    Returns:
        "" when it succeeded, else the last lines it printed.
    """
    command = [sys.executable, "-m", "dvc", "repro", target]
    tail: list[str] = []
    with subprocess.Popen(  # noqa: S603 - fixed command
        command,
        cwd=clone.workspace.root,
        env=dict(clone.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        try:
            for line in process.stdout or ():
                tail = [*tail[1 - _TAIL :], line.rstrip()]
                progress(line.rstrip())
        except BaseException:
            process.terminate()
            raise
    return "" if process.returncode == 0 else "\n".join(tail) or f"exit code {process.returncode}"


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - fixed command
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise OutputError(
            "the project cannot be cloned",
            where=str(root),
            why=str(getattr(error, "stderr", "") or error).strip(),
            mend="install Git, and check the owner of the folder and the free space of the disk",
        ) from error
    return done.stdout
