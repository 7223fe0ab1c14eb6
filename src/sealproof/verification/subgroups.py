"""Rates of every subgroup, counted anew."""

from __future__ import annotations

from typing import Any

import pandas as pd

from sealproof.verification.cases import count, rates
from sealproof.verification.images import manifest
from sealproof.verification.tree import Tree


def derive_subgroups(tree: Tree, rows: pd.DataFrame, confidence: float) -> dict[str, Any]:
    """The part `subgroups` of evaluation.json.

    Args:
        tree: the manifest tells which values occur.
        rows: test images with label, verdict, defect_type and group_* columns.
        confidence: two-sided.
    """
    listed = manifest(tree)
    used = listed[~listed["excluded"]] if listed is not None else rows
    groups: list[dict[str, Any]] = []
    for column in [
        *sorted(str(name) for name in rows.columns if str(name).startswith("group_")),
        "defect_type",
    ]:
        members, values = _members(rows, used, column)
        groups += [
            _group(members[members[column] == value], column, str(value), confidence)
            for value in sorted(values)
        ]
    present = [group for group in groups if group["images"]]
    least = min(present, key=lambda group: (group["images"], group["column"], group["value"]), default=None)
    empty = [{"column": group["column"], "value": group["value"]} for group in groups if not group["images"]]
    return {"all": groups, "smallest": least, "not_evaluable": empty}


def _members(rows: pd.DataFrame, used: pd.DataFrame, column: str) -> tuple[pd.DataFrame, set[Any]]:
    """(rows, values): of a defect type the defective images alone, of which it says something."""
    if column != "defect_type":
        return rows, {*rows[column], *used[column]}
    members = rows[rows["label"] == 1]
    known = used.loc[(used["label"] == 1).to_numpy(dtype=bool, na_value=False), column]
    return members, {*members[column], *known}


def _group(members: pd.DataFrame, column: str, value: str, confidence: float) -> dict[str, Any]:
    counts = count(members["label"].to_numpy(dtype="int64"), members["verdict"].tolist())
    found = rates(counts, confidence)
    normal = counts["true_negative"] + counts["false_positive"] + counts["undecided_normal"]
    return {
        "column": column,
        "value": value,
        "images": len(members),
        "normal": normal,
        "defective": len(members) - normal,
        "counts": counts,
        "recall": found["recall"],
        "specificity": found["specificity"],
    }
