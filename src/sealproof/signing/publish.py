"""Publishing: a release that is decided `released` is checked once more, archived, registered, noted in the trail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.trail import Entry, account, append_events
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.release import Release
from sealproof.signing.archive import archive, archive_place
from sealproof.signing.exchange import only_one, recover
from sealproof.signing.held import hold_release, hold_signatures
from sealproof.signing.record import RELEASE, signed_release
from sealproof.signing.registration import Registered, register
from sealproof.signing.trail_lines import complete_trail

PUBLISHED = "release.published"


@dataclass(frozen=True)
class Published:
    """What became of a release.

    Args:
        release: as it stands with its signatures.
        place: of the archive; None when the release is not `released` and nothing was written.
        archived: whether the archive was made just now.
        registered: where it stands in MLflow; None as `place`.
    """

    release: Release
    place: Path | None = None
    archived: bool = False
    registered: Registered | None = None


def publish(workspace: Workspace) -> Published:
    """Archive and register a release, when and only when its decision is `released`.

    Each step that a killed call has done already is found done: a second call does what is left.

    Raises:
        EvidenceMissingError, EvidenceAlteredError: release, evidence, documents or signatures do not hold.
        OutputError: archive, MLflow or trail cannot be written, or the archive exists with other content.
    """
    with only_one(workspace.reports):
        recover(workspace.signed)
        complete_trail(workspace)
        draft = hold_release(workspace)
        held = hold_signatures(workspace, draft)
        release = draft if held.record is None else signed_release(draft, held.record, workspace)
        if release.decision != "released":
            return Published(release)
        made = archive(workspace, release.release_id)
        registered = register(workspace, release, workspace.signed)
        place = archive_place(workspace, release.release_id)
        _note(workspace, release, place, registered)
        return Published(release, place, made, registered)


def _note(workspace: Workspace, release: Release, place: Path, registered: Registered) -> None:
    details = {
        "release_id": release.release_id,
        "path": workspace.relative(place),
        "sha256": sha256_file(place / "reports" / workspace.product / "signed" / RELEASE),
        "mlflow_model": registered.model,
        "mlflow_version": registered.version,
    }

    def missing(entries: Sequence[Entry]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        known = [dict(entry.details) for entry in entries if entry.event == PUBLISHED]
        if details not in known:
            yield PUBLISHED, details

    append_events(workspace.trail, missing, by=account())
