"""The audit trail of a product: one chained line for each stage run, approval, opening, deviation and signature.

Every event names by hash what it is about, so that a line proves that this very file existed when it was written, and
the order of the lines proves what came first, without trusting a clock.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sealproof.evidence import chain
from sealproof.evidence.chain import Chain, Line
from sealproof.evidence.hashing import sha256_bytes

NAME = "audit trail"

#: Event -> its details, all of them required, and their kind; a dict holds text by text: `{path: sha256}`.
EVENTS: Mapping[str, Mapping[str, type]] = {
    "stage.run": {"stage": str, "fingerprint": str, "commit": str, "mlflow_run": str},
    "criteria.approved": {"path": str, "sha256": str, "files": dict},
    "test-set.opened": {"opening": int, "ledger_sha256": str},
    "deviation.opened": {"deviation": str, "case": str, "failure_sha256": str},
    "deviation.disposed": {"deviation": str, "decision": str, "path": str, "sha256": str},
    "case.recorded": {"case": str, "verdict": str, "path": str, "sha256": str},
    "release.made": {"release_id": str, "decision": str, "release_sha256": str, "documents": dict},
    "document.signed": {
        "release_id": str,
        "role": str,
        "name": str,
        "certificate_sha256": str,
        "documents": dict,
    },
    "release.published": {
        "release_id": str,
        "path": str,
        "sha256": str,
        "mlflow_model": str,
        "mlflow_version": str,
    },
    "reproduction.done": {"path": str, "sha256": str, "verdict": str},
    "repeatability.done": {"path": str, "sha256": str},
    "trail.repaired": {"bytes": int, "sha256": str},
}
_FIELDS = {"at", "by", "details", "event", "number", "previous"}


@dataclass(frozen=True)
class Entry:
    """One line of the trail.

    Args:
        number: 1 for the first line.
        at: time in UTC, ISO 8601.
        by: who or what did it.
        event: one of `EVENTS`.
        details: what the event is about, with hashes.
        previous: hash of the line before; 64 zeros for the first.
        sha256: hash of this line.
    """

    number: int
    at: str
    by: str
    event: str
    details: Mapping[str, Any]
    previous: str
    sha256: str


#: Gets all entries as they stand; gives (event, details) of each line to append.
BuildEvents = Callable[[Sequence[Entry]], Iterable[tuple[str, Mapping[str, Any]]]]


def append_event(trail: Path, event: str, details: Mapping[str, Any], *, by: str) -> Entry:
    """Append one event, on disk before this returns. What a killed writer left torn is noted first.

    Args:
        trail: the file, `Workspace.trail`.
        event: one of `EVENTS`.
        details: exactly the keys that `EVENTS` names.
        by: who or what did it; `account()` where no one is named.

    Raises:
        ValueError: the event is unknown, a detail is missing, unknown or of the wrong kind, or `by` is empty.
        EvidenceAlteredError: the trail's chain does not hold.
        OutputError: the trail cannot be written.
    """
    return append_events(trail, lambda entries: [(event, details)], by=by)[-1]


def append_events(trail: Path, build: BuildEvents, *, by: str) -> list[Entry]:
    """Append the events that `build` gives for the trail as it stands; no other writer comes between.

    Args:
        trail: the file, `Workspace.trail`.
        build: gets all entries, gives pairs of event and details; none of them writes nothing.
        by: who or what did it.

    Returns:
        The new entries, with the note of a repair first when there was something torn.

    Raises:
        ValueError, EvidenceAlteredError, OutputError: as `append_event` does.
    """

    def rows(found: Chain) -> list[dict[str, Any]]:
        events = list(build(_entries(found, trail)))
        torn = [("trail.repaired", describe_torn(found.torn))] if found.torn and events else []
        return [_row(event, details, by) for event, details in [*torn, *events]]

    return [_entry(line, trail) for line in chain.append(trail, rows, NAME)]


def describe_torn(torn: bytes) -> dict[str, Any]:
    """The details of `trail.repaired`: how many bytes were torn, and their SHA-256."""
    return {"bytes": len(torn), "sha256": sha256_bytes(torn)}


def read_trail(path: Path) -> list[Entry]:
    """All entries, oldest first; an empty list when there is no trail. A torn last line is none (`is_torn`).

    Raises:
        EvidenceAlteredError: the chain does not hold, or a line is no event with its details.
    """
    return _entries(chain.read(path, NAME), path)


def head(path: Path) -> str:
    """Hash of the last whole line, 64 zeros when there is none; raises as `read_trail` does."""
    entries = read_trail(path)
    return entries[-1].sha256 if entries else chain.ORIGIN


def is_torn(path: Path) -> bool:
    """Whether a killed writer left a torn last line. It is no tampering: the next event notes and replaces it."""
    return bool(chain.read(path, NAME).torn)


def account() -> str:
    """Name of the operating system's account that runs this process, or its number where it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _entries(found: Chain, path: Path) -> list[Entry]:
    return [_entry(line, path) for line in found.lines]


def _entry(line: Line, path: Path) -> Entry:
    fields = line.fields
    wrong = _wrong_fields(fields)
    if wrong:
        raise chain.altered(path, fields["number"], wrong, NAME)
    return Entry(**fields, sha256=line.sha256)


def _wrong_fields(fields: Mapping[str, Any]) -> str:
    if fields.keys() != _FIELDS:
        return "its fields are not those of an event"
    if not (isinstance(fields["at"], str) and isinstance(fields["by"], str)):
        return "its time or author is no text"
    return _wrong_event(fields["event"], fields["details"])


def _row(event: str, details: Mapping[str, Any], by: str) -> dict[str, Any]:
    wrong = _wrong_event(event, details) or ("" if by.strip() else "nobody is named as its author")
    if wrong:
        raise ValueError(f"event cannot be recorded: {wrong}")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"at": now, "by": by, "details": dict(details), "event": event}


def _wrong_event(event: Any, details: Any) -> str:
    """What is wrong with an event, in words; empty when nothing is."""
    kinds = EVENTS.get(event) if isinstance(event, str) else None
    if kinds is None:
        return f"event {event!r} is unknown"
    if not isinstance(details, Mapping) or details.keys() != kinds.keys():
        return f"details of {event} are {', '.join(kinds)}, all of them and no other"
    wrong = [name for name, kind in kinds.items() if not _is(details[name], kind)]
    return f"details of {event} have the wrong kind: {', '.join(wrong)}" if wrong else ""


def _is(value: Any, kind: type) -> bool:
    if kind is dict:
        return isinstance(value, Mapping) and all(
            isinstance(part, str) for pair in value.items() for part in pair
        )
    return type(value) is kind
