"""predictions.parquet: label, score, threshold, verdict and correctness of each test image, derived anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sealproof.verification.cases import Cases, verdicts
from sealproof.verification.tree import Tree


def plain(value: Any) -> Any:
    """A number of Python's own; None for what is no number.

    Example:
        >>> plain(np.float64(0.5)), plain(float("nan"))
        (0.5, None)
    """
    item = value.item() if hasattr(value, "item") else value
    return None if isinstance(item, float) and not np.isfinite(item) else item


def check_predictions(tree: Tree, cases: Cases, thresholds: Mapping[str, Any]) -> None:
    """Hold predictions.parquet against labels, scores and the rule in force."""
    file = tree.artifact("evaluate", "predictions.parquet")
    stated = tree.table(file)
    if stated is None:
        return
    score, threshold = thresholds["in_force"]["score"], thresholds["in_force"]["threshold"]
    limit = thresholds["in_force"]["accept_below"]
    found = verdicts(cases.values(score), cases.decided, threshold, limit)
    rows = stated.set_index("image_id")
    wanted = set(cases.table["image_id"])
    for image in sorted(wanted ^ set(rows.index)):
        tree.findings.add(
            "prediction-changed",
            file,
            image,
            expected="the test images, each once",
            found="missing" if image in wanted else "not a test image",
        )
    values = zip(
        cases.table["image_id"], cases.labels.tolist(), cases.values(score).tolist(), found, strict=True
    )
    for image, label, value, verdict in values:
        if image not in rows.index:
            continue
        expected = {
            "label": label,
            "score": value,
            "threshold": threshold,
            "verdict": verdict,
            "correct": verdict == ("reject" if label else "accept"),
        }
        _check_prediction(tree, file, image, expected, rows.loc[image].to_dict())
        tree.findings.count("predictions")


def _check_prediction(
    tree: Tree, file: str, image: str, expected: Mapping[str, Any], row: Mapping[str, Any]
) -> None:
    codes = {"label": "label-changed", "score": "score-changed"}
    for column, value in expected.items():
        have = plain(row[column])
        want = plain(value)
        if have != want:
            tree.findings.add(
                codes.get(column, "prediction-changed"), file, f"{image}, {column}", expected=want, found=have
            )
