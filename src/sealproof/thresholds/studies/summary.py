"""What the table of guarantees comes to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sealproof.thresholds.promises import percent

Row = dict[str, Any]


def summary(rows: Sequence[Row], coverage: Sequence[Row]) -> dict[str, Any]:
    """Counts, worst cells and a sentence.

    Keys: cells, kept, refused, broken; broken_coverage; methods: method -> {cells, kept, refused, broken,
    broken_without_rule, worst, worst_without_rule} where a worst cell is the index of its row (null: none); sentence.
    """
    methods = {}
    for name in dict.fromkeys(row["method"] for row in rows):
        own = [(index, row) for index, row in enumerate(rows) if row["method"] == name]
        methods[name] = _counts([row for _, row in own]) | {
            "broken_without_rule": sum(row["without_rule"]["verdict"] == "broken" for _, row in own),
            "worst": _worst([(index, row, row) for index, row in own if row["verdict"] != "refused"]),
            "worst_without_rule": _worst([(index, row, row["without_rule"]) for index, row in own]),
        }
    counts = _counts(rows)
    broken = sum(row["verdict"] == "broken" for row in coverage)
    text = _sentence(counts, methods, rows)
    return counts | {"broken_coverage": broken, "methods": methods, "sentence": text}


def _counts(rows: Sequence[Row]) -> dict[str, int]:
    found = {word: sum(row["verdict"] == word for row in rows) for word in ("kept", "refused", "broken")}
    return {"cells": len(rows)} | found


def _worst(cells: Sequence[tuple[int, Row, Row]]) -> int | None:
    """Index of the row whose promise is exceeded most: in standard errors, or by the share of data sets."""
    found = [
        (_strain(row, figures), -index) for index, row, figures in cells if figures["observed"] is not None
    ]
    return -max(found)[1] if found else None


def _strain(row: Row, figures: Row) -> float:
    if row["confidence"] is not None:
        return float(figures["share_exceeding"])
    error = figures["standard_error"] or 1.0
    return float((figures["observed"] - figures["promised"]) / error)


def _sentence(counts: dict[str, int], methods: dict[str, Any], rows: Sequence[Row]) -> str:
    kept = (
        f"Of {counts['cells']} cells the promise is kept in {counts['kept']} and the method refused in "
        f"{counts['refused']}; it is broken in {counts['broken']}."
    )
    found = methods.get("mean_sigma")
    if found is None or found["worst_without_rule"] is None:
        return kept
    row = rows[found["worst_without_rule"]]
    bare = row["without_rule"]
    return (
        f"{kept} Without its eligibility rule mean + k sigma would break its promise in "
        f"{found['broken_without_rule']} of {found['cells']} cells, most of all on {row['n']} normals of the "
        f"distribution {row['distribution']}: {percent(round(bare['promised'], 5))} promised, "
        f"{percent(round(bare['observed'], 5))} observed."
    )
