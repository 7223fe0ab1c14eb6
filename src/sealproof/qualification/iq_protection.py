"""IQ checks of what protects records: file permissions, the clock that dates files, trail and ledger."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from pydantic import NonNegativeFloat, PositiveInt

from sealproof.evidence import chain
from sealproof.evidence.ledger import NAME as LEDGER
from sealproof.evidence.strict import StrictModel
from sealproof.evidence.trail import read_trail
from sealproof.qualification.context import Context
from sealproof.qualification.iq_software import shown
from sealproof.qualification.registry import Finding, NoParameters, check
from sealproof.qualification.results import RESULT_STAGES


@check("file-permissions", NoParameters)
def file_permissions(context: Context, parameters: NoParameters) -> Finding:
    """Can no account but owner and group write definitions, artefacts, ledger and trail, or their folders?"""
    del parameters
    paths = sorted(set(_protected(context)))
    open_to_all = [context.workspace.relative(path) for path in paths if _world_writable(path)]
    trail, ledger = context.workspace.trail, context.workspace.ledger
    missing = [context.workspace.relative(path) for path in (trail, ledger) if not path.is_file()]
    umask = _umask()
    actual = (
        f"{len(paths)} files and folders, {len(open_to_all)} that every account can write{shown(open_to_all)}; "
        f"{len(missing)} of ledger and trail missing; umask {umask:03o}"
    )
    values = {"paths": len(paths), "world_writable": open_to_all, "missing": missing, "umask": f"{umask:03o}"}
    return Finding(passed=not open_to_all and not missing, actual=actual, values=values)


def _protected(context: Context) -> Iterator[Path]:
    place = context.workspace
    folders = [context.root / "protocols", place.definition]
    folders += [place.artifacts(stage) for stage in RESULT_STAGES]
    for folder in folders:
        if folder.is_dir():
            yield folder
            yield from folder.rglob("*")
    yield from (path for path in (place.trail.parent, place.trail, place.ledger) if path.exists())


def _world_writable(path: Path) -> bool:
    mode = path.lstat().st_mode
    return not stat.S_ISLNK(mode) and bool(mode & stat.S_IWOTH)


def _umask() -> int:
    """The mask of new files; there is no way to ask for it without setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


class FileClockParameters(StrictModel):
    """Largest difference in seconds between clock and file system; how often the clock is read in a row."""

    tolerance_seconds: NonNegativeFloat
    readings: PositiveInt


@check("file-clock", FileClockParameters)
def file_clock(context: Context, parameters: FileClockParameters) -> Finding:
    """Does the file system date a file written now as the clock does, and does the clock never run back?"""
    probe = context.workspace.artifacts("qualify").parent / ".clock-probe"
    try:
        before = time.time()
        probe.write_bytes(b"now")
        after, dated = time.time(), probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)
    apart = max(before - dated, dated - after, 0.0)
    readings = [time.time_ns() for _ in range(parameters.readings)]
    back = sum(second < first for first, second in pairwise(readings))
    clock = time.get_clock_info("monotonic")
    actual = (
        f"clock {_utc(before)}, file dated {_utc(dated)}: {apart:.3f} s apart; {len(readings)} readings, {back} of "
        f"them before the one before; monotonic clock: {clock.implementation}"
    )
    return Finding(
        passed=apart <= parameters.tolerance_seconds and not back and clock.monotonic,
        actual=actual,
        values={"seconds_apart": round(apart, 3), "readings": len(readings), "backwards": back},
    )


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


@check("trail-chain", NoParameters)
def trail_chain(context: Context, parameters: NoParameters) -> Finding:
    """Is the audit trail unbroken, and has each opening in the ledger its one line there, and each line its opening?"""
    del parameters
    place = context.workspace
    trail, ledger = context.existing(place.trail), context.existing(place.ledger)
    entries, lines = read_trail(trail), chain.read(ledger, LEDGER).lines
    hashes = {number: line.sha256 for number, line in enumerate(lines, start=1)}
    named = [entry.details for entry in entries if entry.event == "test-set.opened"]
    problems = [
        f"opening {item['opening']} of the trail is not in the ledger"
        for item in named
        if hashes.get(item["opening"]) != item["ledger_sha256"]
    ]
    for number in hashes:
        times = sum(item["opening"] == number for item in named)
        problems += [] if times == 1 else [f"opening {number} stands in the trail {times} times"]
    actual = (
        f"{len(entries)} lines, every line continues the one before it; {len(lines)} openings in the ledger, "
        f"{len(named)} in the trail, {len(problems)} contradictions{shown(problems)}"
    )
    values = {"lines": len(entries), "openings": len(lines), "named": len(named), "problems": problems}
    return Finding(passed=bool(entries) and not problems, actual=actual, values=values, files=(ledger,))
