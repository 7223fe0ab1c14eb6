"""Parquet as CSV that needs no library to read and loses no digit."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator
from typing import Any

import pandas as pd

from sealproof.evidence.errors import EvidenceAlteredError


def csv_bytes(parquet: bytes, *, without: Collection[str] = ()) -> bytes:
    """A Parquet file as CSV: comma, header, `\\n`, floats by `repr`, missing empty, booleans `true` and `false`.

    Args:
        parquet: content of the file.
        without: columns that are left out.

    Returns:
        UTF-8; times as ISO 8601. A float read back with `float()` is the same number, bit for bit.

    Raises:
        EvidenceAlteredError: it is no Parquet file.

    Example:
        >>> stream = io.BytesIO()
        >>> pd.DataFrame({"a": ["x,y", ""], "b": [0.1, None], "c": [True, False]}).to_parquet(stream)
        >>> csv_bytes(stream.getvalue()).decode().splitlines()
        ['a,b,c', '"x,y",0.1,true', ',,false']
    """
    try:
        table = pd.read_parquet(io.BytesIO(parquet))
    except (OSError, ValueError) as error:
        raise EvidenceAlteredError(
            "a table to attach cannot be read",
            where="manifest.parquet, scores.parquet or predictions.parquet",
            why=str(error),
            mend="delete it and run `dvc repro`",
        ) from error
    table = table[[name for name in table.columns if name not in without]]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(_rows(table))
    return text.getvalue().encode()


def _rows(table: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    columns = [[_cell(value) for value in table[name].tolist()] for name in table.columns]
    yield from zip(*columns, strict=True)


def _cell(value: Any) -> str:
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    return value.isoformat() if isinstance(value, pd.Timestamp) else str(value)
