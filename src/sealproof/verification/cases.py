"""The test images with labels, scores and verdicts, put together anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sealproof.verification.formulas import Floats, exact_bounds, joint_bounds
from sealproof.verification.images import manifest, sealed_labels
from sealproof.verification.scores import image_scores, score_names
from sealproof.verification.tree import Tree


@dataclass(frozen=True)
class Cases:
    """Test images, one row each, sorted by image_id; `scores` are the names of the score columns."""

    table: pd.DataFrame
    scores: tuple[str, ...]

    @property
    def labels(self) -> NDArray[np.int64]:
        """0 normal, 1 defective."""
        return self.table["label"].to_numpy(dtype=np.int64)

    @property
    def decided(self) -> NDArray[np.bool_]:
        """Whether there is a score."""
        return self.table["decided"].to_numpy(dtype=bool)

    def values(self, score: str) -> Floats:
        """A score's column."""
        return self.table[score].to_numpy(dtype=np.float64)

    def ranked(self, score: str) -> Floats:
        """The column with undecided images counting against the detector."""
        worst = np.where(self.labels == 1, -np.inf, np.inf)
        return np.where(self.decided, self.values(score), worst)


def assemble(tree: Tree) -> Cases | None:
    """Labels, manifest and scores of the test split; None when one of them cannot be read."""
    labels, listed, scored = sealed_labels(tree), manifest(tree), image_scores(tree)
    if labels is None or listed is None or scored is None:
        return None
    names = score_names(scored)
    groups = [str(name) for name in listed.columns if str(name).startswith("group_")]
    test = listed.loc[listed["split"] == "test", ["image_id", *groups]]
    table = labels[["image_id", "label", "defect_type", "size_mm"]].merge(test, on="image_id")
    table = table.merge(scored[["image_id", "decided", *names]], on="image_id")
    return Cases(table.sort_values("image_id", ignore_index=True), tuple(names))


def verdicts(
    scores: Floats, decided: NDArray[np.bool_], threshold: float | None, limit: float | None = None
) -> list[str]:
    """`reject` at or above the threshold, `accept` below it and the limit, else `undecided`, as without a score.

    Args:
        scores: higher = more anomalous.
        decided: whether there is a score.
        threshold: None when there is no valid one: nothing is decided.
        limit: below which a part is accepted when the verdict is three-way.

    Example:
        >>> import numpy as np
        >>> verdicts(np.array([0.9, 1.0, np.nan]), np.array([True, True, False]), 1.0)
        ['accept', 'reject', 'undecided']
        >>> verdicts(np.array([0.4, 0.5, 1.0]), np.array([True, True, True]), 1.0, 0.5)
        ['accept', 'undecided', 'reject']
    """
    found = []
    for score, known in zip(scores.tolist(), decided.tolist(), strict=True):
        if threshold is None or not known or score != score:
            found.append("undecided")
        elif score >= threshold:
            found.append("reject")
        else:
            found.append("accept" if limit is None or score < limit else "undecided")
    return found


def count(labels: NDArray[np.int64], found: list[str]) -> dict[str, int]:
    """Images by truth and verdict, by their names in evaluation.json."""
    names = {
        (1, "reject"): "true_positive",
        (0, "reject"): "false_positive",
        (0, "accept"): "true_negative",
        (1, "accept"): "false_negative",
        (0, "undecided"): "undecided_normal",
        (1, "undecided"): "undecided_defective",
    }
    counts = dict.fromkeys(names.values(), 0)
    for label, verdict in zip(labels.tolist(), found, strict=True):
        counts[names[label, verdict]] += 1
    return counts


def rates(
    counts: dict[str, int], confidence: float, *, conservative: bool = True
) -> dict[str, dict[str, Any]]:
    """All rates of confusion counts with their bounds; None where there is nothing to divide by.

    Args:
        counts: as `count` gives them.
        confidence: two-sided.
        conservative: undecided counts against the detector; else undecided images are left out.

    Example:
        >>> names = ("true_positive", "false_positive", "true_negative", "false_negative")
        >>> counts = dict(zip(names, (8, 1, 9, 2))) | {"undecided_normal": 0, "undecided_defective": 0}
        >>> rates(counts, 0.95)["recall"]["value"]
        0.8
    """
    tp, tn = counts["true_positive"], counts["true_negative"]
    fp, fn = counts["false_positive"], counts["false_negative"]
    if conservative:
        fp, fn = fp + counts["undecided_normal"], fn + counts["undecided_defective"]
    parts = {
        "recall": (tp, tp + fn),
        "specificity": (tn, tn + fp),
        "accuracy": (tp + tn, tp + tn + fp + fn),
        "precision": (tp, tp + fp),
    }
    found = {name: share(part, whole, confidence) for name, (part, whole) in parts.items()}
    return found | _joint(tp, fp, tn, fn, confidence)


def _joint(tp: int, fp: int, tn: int, fn: int, confidence: float) -> dict[str, dict[str, Any]]:
    defective, normal = tp + fn, tn + fp
    both = defective > 0 and normal > 0
    balanced = (tp / defective + tn / normal) / 2 if both else None
    f1 = 2 * tp / (2 * tp + fp + fn) if defective else None
    bounds = joint_bounds(tp, defective, tn, normal, confidence) if both else {}
    return {
        name: {
            "value": value,
            "low": bounds.get(name, (None, None))[0],
            "high": bounds.get(name, (None, None))[1],
        }
        for name, value in (("balanced_accuracy", balanced), ("f1", f1))
    }


def share(part: int, whole: int, confidence: float) -> dict[str, Any]:
    """A proportion with exact bounds; None without units.

    Example:
        >>> share(0, 0, 0.95)
        {'value': None, 'low': None, 'high': None}
    """
    if not whole:
        return {"value": None, "low": None, "high": None}
    low, high = exact_bounds(part, whole, confidence)
    return {"value": part / whole, "low": low, "high": high}
