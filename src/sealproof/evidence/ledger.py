"""The test-set ledger: an append-only, hash-chained list of every opening of the sealed test labels."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from sealproof.evidence.errors import EvidenceAlteredError
from sealproof.evidence.hashing import canonical_json, sha256_bytes

_ORIGIN = "0" * 64


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
    """

    number: int
    opened_at: str
    purpose: str
    labels_sha256: str
    model_sha256: str
    threshold_sha256: str
    criteria_sha256: str
    previous: str


def record_opening(
    ledger: Path, *, purpose: str, labels: str, model: str, threshold: str, criteria: str
) -> Opening:
    """Append one opening, flushed to disk before this returns, so that no label is read unrecorded.

    Raises:
        EvidenceAlteredError: the ledger's chain does not hold.
    """
    ledger.parent.mkdir(parents=True, exist_ok=True)
    with ledger.open("a+", encoding="utf-8") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        openings = read_ledger(ledger)
        opening = Opening(
            number=len(openings) + 1,
            opened_at=datetime.now(UTC).isoformat(timespec="seconds"),
            purpose=purpose,
            labels_sha256=labels,
            model_sha256=model,
            threshold_sha256=threshold,
            criteria_sha256=criteria,
            previous=_hash(openings[-1]) if openings else _ORIGIN,
        )
        stream.write(canonical_json(asdict(opening)) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    return opening


def read_ledger(ledger: Path) -> list[Opening]:
    """All openings, oldest first; an empty list when there is no ledger.

    Raises:
        EvidenceAlteredError: a line is not readable, or does not carry the hash of the line before it.
    """
    if not ledger.exists():
        return []
    openings: list[Opening] = []
    for number, line in enumerate(ledger.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            opening = Opening(**json.loads(line))
        except (TypeError, ValueError) as error:
            raise _altered(ledger, number, f"the line cannot be read: {error}") from error
        expected = _hash(openings[-1]) if openings else _ORIGIN
        if opening.number != number or opening.previous != expected:
            raise _altered(ledger, number, "it does not continue the line before it")
        openings.append(opening)
    return openings


def _hash(opening: Opening) -> str:
    return sha256_bytes(canonical_json(asdict(opening)).encode())


def _altered(ledger: Path, number: int, why: str) -> EvidenceAlteredError:
    return EvidenceAlteredError(
        "the test-set ledger was altered",
        where=f"{ledger}, line {number}",
        why=why,
        mend="restore the ledger from a backup; a ledger that was altered cannot support a release",
    )
