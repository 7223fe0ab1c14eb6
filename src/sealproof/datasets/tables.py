"""Small CSV tables that describe images: read whole, checked, every wrong line named."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from sealproof.evidence.errors import DataError

_SHOWN = 20


def read_table(path: Path, required: Iterable[str], mend: str) -> list[dict[str, str]]:
    """Rows of a CSV file with a header line; values are stripped text, a byte-order mark is accepted.

    Args:
        path: the file, UTF-8.
        required: columns that must be there; more may be.
        mend: what a user does when the file is missing.

    Raises:
        DataError: the file is missing, not UTF-8, has no rows, lacks a column, or has a line with too few or
            too many cells.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            lines = list(csv.reader(stream, strict=True))
    except FileNotFoundError as error:
        raise DataError(
            "a list of images is missing", where=str(path), why="the file does not exist", mend=mend
        ) from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _wrong(path, [str(error)]) from error
    header = [name.strip() for name in lines[0]] if lines else []
    missing = sorted(set(required) - set(header))
    if missing or len(lines) < 2 or len(set(header)) != len(header):
        why = f"columns are missing: {', '.join(missing)}" if missing else "it has no rows, or a column twice"
        raise _wrong(path, [why])
    body = [(number, cells) for number, cells in enumerate(lines[1:], start=2) if cells]
    uneven = [
        f"line {number}: {len(cells)} cells, {len(header)} columns"
        for number, cells in body
        if len(cells) != len(header)
    ]
    if uneven:
        raise _wrong(path, uneven)
    return [dict(zip(header, (cell.strip() for cell in cells), strict=True)) for _, cells in body]


def parse_time(text: str) -> datetime:
    """A time in ISO 8601; without a zone it is taken as UTC.

    Raises:
        ValueError: the text is no time.

    Example:
        >>> parse_time("2019-09-05T03:53:10+02:00").isoformat()
        '2019-09-05T01:53:10+00:00'
    """
    time = datetime.fromisoformat(text)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def listed(problems: list[str]) -> str:
    """Problems, one a line, the first twenty and how many more.

    Example:
        >>> listed(["a", "b"])
        'a\\nb'
    """
    more = [f"and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
    return "\n".join(problems[:_SHOWN] + more)


def _wrong(path: Path, problems: list[str]) -> DataError:
    return DataError(
        "a list of images cannot be read",
        where=str(path),
        why=listed(problems),
        mend="correct the lines named above",
    )
