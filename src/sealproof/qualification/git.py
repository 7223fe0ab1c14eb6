"""What Git says of the checkout: its commit and whether the tree is clean, in a stated meaning of clean."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sealproof.evidence.errors import EvidenceMissingError

#: Written by `dvc repro` itself while it runs, so they can never be clean during a run.
WRITTEN_BY_THE_RUN = ("dvc.lock",)


@dataclass(frozen=True)
class Commit:
    """A commit: full hash and time in UTC."""

    sha: str
    committed_at: datetime


def head_commit(root: Path) -> Commit:
    """The commit that is checked out.

    Raises:
        EvidenceMissingError: there is no Git, no repository, or no commit.
    """
    sha, at = _git(root, "log", "-1", "--format=%H %cI").split()
    return Commit(sha, datetime.fromisoformat(at).astimezone(UTC))


def changed_files(root: Path) -> list[str]:
    """Tracked files that differ from the commit and untracked files that are not ignored, sorted.

    `dvc.lock` is left out: the run itself writes it. What `.gitignore` names (data, artefacts, reports) is no
    part of the release's source.
    """
    lines = _git(root, "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all").split("\0")
    return sorted(line[3:] for line in lines if line and line[3:] not in WRITTEN_BY_THE_RUN)


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603 - fixed command
    except FileNotFoundError as error:
        raise _missing("the program `git` is not installed") from error
    except subprocess.CalledProcessError as error:
        raise _missing(error.stderr.strip()) from error
    if not done.stdout.strip() and arguments[0] == "log":
        raise _missing("there is no commit")
    return done.stdout


def _missing(why: str) -> EvidenceMissingError:
    return EvidenceMissingError(
        "the commit of this checkout cannot be told",
        where="git",
        why=why,
        mend="run in a Git checkout of the project, with at least one commit",
    )
