"""The lines of the audit trail that tell of signatures; one that a kill left out is added by whoever comes next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sealproof.evidence.errors import EvidenceAlteredError
from sealproof.evidence.trail import Entry, append_events
from sealproof.evidence.workspace import Workspace
from sealproof.signing.record import SIGNATURES, SignatureEntry, SignatureRecord, read_record

SIGNED = "document.signed"


def complete_trail(workspace: Workspace) -> bool:
    """Add the line of the last signature where it is missing; whether it was.

    A kill between the exchange of the folder and the line leaves out the last line and no other: where an earlier one
    is missing, somebody took it away.

    Raises:
        EvidenceAlteredError: the line of an earlier signature is missing, or the trail's chain does not hold.
        OutputError: the trail cannot be written.
    """
    if not workspace.signed.is_dir():
        return False
    record = read_record(workspace.signed / SIGNATURES)

    def missing(entries: Sequence[Entry]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        known = [dict(entry.details) for entry in entries if entry.event == SIGNED]
        lacking = [item for item in record.signatures if details(record, item) not in known]
        if [item for item in lacking if item != record.signatures[-1]]:
            raise EvidenceAlteredError(
                "the audit trail does not know a signature",
                where=workspace.relative(workspace.trail),
                why=f"no line tells of the signature of the {lacking[0].role}",
                mend="restore the audit trail from a backup",
            )
        return ((SIGNED, details(record, item)) for item in lacking)

    return bool(append_events(workspace.trail, missing, by=record.signatures[-1].name))


def details(record: SignatureRecord, entry: SignatureEntry) -> dict[str, Any]:
    """What a line of the trail says of a signature."""
    return {
        "release_id": record.release_id,
        "role": entry.role,
        "name": entry.name,
        "certificate_sha256": entry.certificate_sha256,
        "documents": dict(entry.documents),
    }
