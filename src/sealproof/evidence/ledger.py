"""The test-set ledger: an append-only, hash-chained list of every opening of the sealed test labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sealproof.evidence import chain, trail
from sealproof.evidence.chain import Chain, Line
from sealproof.evidence.errors import EvidenceAlteredError

NAME = "test-set ledger"
_OPENED = "test-set.opened"


@dataclass(frozen=True)
class Opening:
    """One opening of the test set.

    Args:
        number: 1 for the first opening.
        opened_at: time in UTC, ISO 8601.
        purpose: why it was opened.
        labels_sha256: hash of the sealed labels.
        model_sha256: hash of the weights that are judged.
        threshold_sha256: hash of the thresholds in force.
        criteria_sha256: hash of the acceptance criteria.
        previous: hash of the line before; 64 zeros for the first.
        approval_sha256: hash of the approval of the criteria as it stood at the opening; empty when nobody had
            approved them (and in lines that were written before approvals existed).
    """

    number: int
    opened_at: str
    purpose: str
    labels_sha256: str
    model_sha256: str
    threshold_sha256: str
    criteria_sha256: str
    previous: str
    approval_sha256: str = ""


_NAMES = {field.name for field in fields(Opening)}
_REQUIRED = _NAMES - {"approval_sha256"}


def record_opening(
    ledger: Path,
    *,
    purpose: str,
    labels: str,
    model: str,
    threshold: str,
    criteria: str,
    approval: str = "",
    audit_trail: Path | None = None,
) -> Opening:
    """Append one opening, flushed to disk before this returns, so that no label is read unrecorded.

    Args:
        ledger: the file, `Workspace.ledger`.
        purpose: why the test set is opened.
        labels: SHA-256 of the sealed labels; `model`, `threshold` and `criteria` accordingly.
        model: of the weights that are judged.
        threshold: of the thresholds in force.
        criteria: of the acceptance criteria.
        approval: of approvals/criteria.json as it stands now; empty when there is none.
        audit_trail: gets `test-set.opened` as well, before this returns; None for a ledger without a trail.

    Raises:
        EvidenceAlteredError: the chain of ledger or trail does not hold, or the two contradict each other.
        OutputError: ledger or trail cannot be written.
    """
    if audit_trail is not None:
        reconcile_openings(ledger, audit_trail)

    def row(found: Chain) -> list[Mapping[str, Any]]:
        _openings(found, ledger)
        if found.torn and audit_trail is not None:  # noted before it is replaced: never lost silently
            trail.append_event(
                audit_trail, "trail.repaired", trail.describe_torn(found.torn), by=trail.account()
            )
        return [
            {
                "opened_at": datetime.now(UTC).isoformat(timespec="seconds"),
                "purpose": purpose,
                "labels_sha256": labels,
                "model_sha256": model,
                "threshold_sha256": threshold,
                "criteria_sha256": criteria,
                "approval_sha256": approval,
            }
        ]

    (line,) = chain.append(ledger, row, NAME)
    if audit_trail is not None:
        reconcile_openings(ledger, audit_trail)
    return _opening(line, ledger)


def read_ledger(ledger: Path) -> list[Opening]:
    """All openings, oldest first; an empty list when there is no ledger.

    A torn last line, which a killed writer leaves, is no opening: no label was read after it.

    Raises:
        EvidenceAlteredError: a line is not readable, or does not carry the hash of the line before it.
    """
    return _openings(chain.read(ledger, NAME), ledger)


def reconcile_openings(ledger: Path, audit_trail: Path) -> int:
    """Give every line of the ledger its one line in the trail.

    A process that died between the two leaves an opening that the trail does not name; this adds it.

    Args:
        ledger: the file, `Workspace.ledger`.
        audit_trail: the file, `Workspace.trail`.

    Returns:
        How many lines were added to the trail.

    Raises:
        EvidenceAlteredError: a chain does not hold, or the trail names an opening that the ledger does not hold,
            holds otherwise, or names it twice.
        OutputError: the trail cannot be written.
    """
    unnamed = _unnamed(ledger, audit_trail)
    if not unnamed:
        return 0

    def still_unnamed(entries: Sequence[trail.Entry]) -> list[tuple[str, Mapping[str, Any]]]:
        named = {entry.details["opening"] for entry in entries if entry.event == _OPENED}
        return [
            (_OPENED, {"opening": number, "ledger_sha256": digest})
            for number, digest in unnamed
            if number not in named
        ]

    added = trail.append_events(audit_trail, still_unnamed, by=trail.account())
    return sum(entry.event == _OPENED for entry in added)


def _unnamed(ledger: Path, audit_trail: Path) -> list[tuple[int, str]]:
    """(number, hash) of the ledger's lines that the trail does not name. Read trail first: it is written last."""
    entries = [entry for entry in trail.read_trail(audit_trail) if entry.event == _OPENED]
    lines = chain.read(ledger, NAME).lines
    hashes = {number: line.sha256 for number, line in enumerate(lines, start=1)}
    for entry in entries:
        if hashes.pop(entry.details["opening"], None) != entry.details["ledger_sha256"]:
            raise _contradiction(ledger, audit_trail, entry)
    return sorted(hashes.items())


def _contradiction(ledger: Path, audit_trail: Path, entry: trail.Entry) -> EvidenceAlteredError:
    return EvidenceAlteredError(
        "the test-set ledger and the audit trail contradict each other",
        where=f"{audit_trail}, line {entry.number}, and {ledger}",
        why=f"the ledger holds no opening {entry.details['opening']} of the hash in the trail, or it is named twice",
        mend="restore both files from a backup; an opening that was removed or replaced cannot support a release",
    )


def _openings(found: Chain, ledger: Path) -> list[Opening]:
    return [_opening(line, ledger) for line in found.lines]


def _opening(line: Line, ledger: Path) -> Opening:
    keys = line.fields.keys()
    if not _REQUIRED <= keys <= _NAMES:
        wrong = ", ".join(sorted((_REQUIRED - keys) | (keys - _NAMES)))
        raise chain.altered(ledger, line.fields["number"], f"fields are missing or unknown: {wrong}", NAME)
    texts = keys - {"number"}
    if not all(isinstance(line.fields[name], str) for name in texts):
        raise chain.altered(ledger, line.fields["number"], "a field is no text", NAME)
    return Opening(**line.fields)
