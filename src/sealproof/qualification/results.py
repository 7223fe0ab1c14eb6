"""The id of results: one hash for what was computed, without documents, people and times."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sealproof.evidence.errors import EvidenceMissingError
from sealproof.evidence.hashing import sha256_file, sha256_json
from sealproof.evidence.workspace import Workspace

#: Stages whose outputs are the results.
RESULT_STAGES = (
    "ingest",
    "check",
    "roi",
    "train",
    "score",
    "cross_fit",
    "threshold",
    "challenge",
    "evaluate",
)
_NO_OUTPUT = {".gitignore", ".gitkeep"}


def files_below(folder: Path) -> list[Path]:
    """Every file below a folder, sorted; what only keeps Git informed is left out."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in _NO_OUTPUT)


def results_id_of(hashes: Mapping[str, str], product: str) -> str:
    """The id of the results among a release's evidence.

    Args:
        hashes: path relative to the root -> SHA-256; of more than the results.
        product: its name.

    Returns:
        SHA-256 of canonical JSON `{path: sha256}` of all files below `artifacts/<product>/` of the stages ingest to
        evaluate, and of `reports/<product>/metrics.json`.

    Example:
        >>> one = results_id_of({"artifacts/p/train/a": "0", "protocols/iq.yaml": "1"}, "p")
        >>> one == results_id_of({"artifacts/p/train/a": "0"}, "p")
        True
    """
    folders = tuple(f"artifacts/{product}/{stage}/" for stage in RESULT_STAGES)
    metrics = f"reports/{product}/metrics.json"
    kept = {name: digest for name, digest in hashes.items() if name.startswith(folders) or name == metrics}
    return sha256_json(kept)


def results_id(workspace: Workspace) -> str:
    """The id of the results that lie in a workspace now; see `results_id_of`.

    Raises:
        EvidenceMissingError: a stage has written nothing, or there are no metrics; all of them are named.
    """
    metrics = workspace.reports / "metrics.json"
    files = {stage: files_below(workspace.artifacts(stage)) for stage in RESULT_STAGES}
    missing = [f"artifacts/{workspace.product}/{stage}" for stage, found in files.items() if not found]
    missing += [] if metrics.is_file() else [f"reports/{workspace.product}/metrics.json"]
    if missing:
        raise EvidenceMissingError(
            "there are no results yet",
            where=", ".join(missing),
            why="the files do not exist",
            mend="run `dvc repro`",
        )
    every = [*(path for found in files.values() for path in found), metrics]
    return results_id_of({workspace.relative(path): sha256_file(path) for path in every}, workspace.product)
