"""What follows the documents: the statement of provenance over all outputs, and the line in the audit trail."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.provenance import provenance_statement
from sealproof.evidence.trail import Entry, account, append_event
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.release import EVIDENCE_STAGES, Release


def state_provenance(
    release: Release, path: Path, workspace: Workspace, *, commit: str, dirty: bool
) -> bytes:
    """The statement over everything that the release names, its documents and itself.

    Args:
        release: with its documents.
        path: of release.json as written, which may not be in its place yet.
        workspace: where things lie.
        commit: that was checked out; empty when there is no Git.
        dirty: whether the checkout differed from it.

    Raises:
        EvidenceMissingError: what the outputs were built from does not exist.
    """
    itself = {workspace.relative(workspace.reports / "release.json"): sha256_file(path)}
    made = (f"artifacts/{workspace.product}/", f"reports/{workspace.product}/")
    outputs = {name: digest for name, digest in release.evidence.items() if name.startswith(made)}
    return provenance_statement(
        workspace,
        {**outputs, **release.documents, **itself},
        commit=commit,
        dirty=dirty,
        stages=EVIDENCE_STAGES,
    )


def announce(release: Release, path: Path, trail: Path) -> Entry:
    """Append `release.made`: which release was made, its decision and the hashes of its documents.

    Args:
        release: with its documents.
        path: of release.json.
        trail: the audit trail.

    Raises:
        EvidenceAlteredError: the trail's chain does not hold.
        OutputError: it cannot be written.
    """
    details = {
        "release_id": release.release_id,
        "decision": release.decision,
        "release_sha256": sha256_file(path),
        "documents": {PurePosixPath(name).name: digest for name, digest in release.documents.items()},
    }
    return append_event(trail, "release.made", details, by=account())
