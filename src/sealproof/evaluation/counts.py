"""Confusion counts and the rates that derive from them: one matrix, all rates, asserted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

ACCEPT, REJECT, UNDECIDED = "accept", "reject", "undecided"
VERDICTS = (ACCEPT, REJECT, UNDECIDED)


@dataclass(frozen=True)
class ConfusionCounts:
    """Images by truth and verdict; positive = defective = rejected.

    Args:
        tp: defective images that are rejected.
        fp: normal images that are rejected.
        tn: normal images that are accepted.
        fn: defective images that are accepted.
        undecided_normal, undecided_defective: images without a verdict; a person has to look at them.

    Raises:
        ValueError: a negative count.

    Example:
        >>> ConfusionCounts(tp=8, fp=1, tn=9, fn=2).defective
        10
    """

    tp: int
    fp: int
    tn: int
    fn: int
    undecided_normal: int = 0
    undecided_defective: int = 0

    def __post_init__(self) -> None:
        if min(self.tp, self.fp, self.tn, self.fn, self.undecided_normal, self.undecided_defective) < 0:
            raise ValueError(f"a count is negative: {self}")

    @property
    def normal(self) -> int:
        """All normal images, undecided ones included."""
        return self.tn + self.fp + self.undecided_normal

    @property
    def defective(self) -> int:
        """All defective images, undecided ones included."""
        return self.tp + self.fn + self.undecided_defective

    @property
    def total(self) -> int:
        """All images."""
        return self.normal + self.defective

    @property
    def undecided(self) -> int:
        """Images without a verdict."""
        return self.undecided_normal + self.undecided_defective

    def conservative(self) -> ConfusionCounts:
        """Undecided counts against the detector: a defect as missed, a normal part as falsely rejected.

        Example:
            >>> ConfusionCounts(8, 1, 9, 2, undecided_normal=3, undecided_defective=4).conservative()
            ConfusionCounts(tp=8, fp=4, tn=9, fn=6, undecided_normal=0, undecided_defective=0)
        """
        return ConfusionCounts(
            self.tp, self.fp + self.undecided_normal, self.tn, self.fn + self.undecided_defective
        )

    def decided_only(self) -> ConfusionCounts:
        """The same without the undecided images."""
        return ConfusionCounts(self.tp, self.fp, self.tn, self.fn)

    def as_json(self) -> dict[str, int]:
        """Counts by their full names."""
        return {
            "true_positive": self.tp,
            "false_positive": self.fp,
            "true_negative": self.tn,
            "false_negative": self.fn,
            "undecided_normal": self.undecided_normal,
            "undecided_defective": self.undecided_defective,
        }


def count_verdicts(labels: ArrayLike, verdicts: ArrayLike) -> ConfusionCounts:
    """Count images by label (0 normal, 1 defective) and verdict (`accept`, `reject`, `undecided`).

    Raises:
        ValueError: another label or verdict, or different lengths.

    Example:
        >>> count_verdicts([0, 1, 1], ["accept", "reject", "undecided"])
        ConfusionCounts(tp=1, fp=0, tn=1, fn=0, undecided_normal=0, undecided_defective=1)
    """
    truth, verdict = np.asarray(labels), np.asarray(verdicts)
    if truth.shape != verdict.shape or truth.ndim != 1:
        raise ValueError(f"labels have the shape {truth.shape}, verdicts {verdict.shape}")
    if not np.isin(truth, (0, 1)).all() or not np.isin(verdict, VERDICTS).all():
        raise ValueError(f"labels are 0 or 1 and verdicts one of {', '.join(VERDICTS)}")

    def count(label: int, name: str) -> int:
        return int(((truth == label) & (verdict == name)).sum())

    return ConfusionCounts(
        tp=count(1, REJECT),
        fp=count(0, REJECT),
        tn=count(0, ACCEPT),
        fn=count(1, ACCEPT),
        undecided_normal=count(0, UNDECIDED),
        undecided_defective=count(1, UNDECIDED),
    )


def rates(counts: ConfusionCounts) -> dict[str, float | None]:
    """Recall, specificity, accuracy, balanced accuracy, precision and F1; None where the denominator is 0.

    Raises:
        ValueError: undecided images; decide first how they count (`conservative` or `decided_only`).

    Example:
        >>> rates(ConfusionCounts(tp=8, fp=1, tn=9, fn=2))["recall"]
        0.8
    """
    if counts.undecided:
        raise ValueError("undecided images have no place in a rate: use conservative() or decided_only()")
    recall = _ratio(counts.tp, counts.defective)
    specificity = _ratio(counts.tn, counts.normal)
    both = None if recall is None or specificity is None else (recall + specificity) / 2
    return {
        "recall": recall,
        "specificity": specificity,
        "accuracy": _ratio(counts.tp + counts.tn, counts.total),
        "balanced_accuracy": both,
        "precision": _ratio(counts.tp, counts.tp + counts.fp),
        "f1": _ratio(2 * counts.tp, 2 * counts.tp + counts.fp + counts.fn) if counts.defective else None,
    }


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def assert_derived(counts: ConfusionCounts, stated: Mapping[str, float | None]) -> None:
    """Assert that every stated rate is the one that the counts give, and that the rates agree with each
    other.

    Raises:
        ValueError: naming every rate that is not.

    Example:
        >>> assert_derived(ConfusionCounts(8, 1, 9, 2), {"recall": 0.8, "specificity": 0.9})
    """
    derived = rates(counts)
    wrong = [
        f"{name}: {stated[name]} is not {derived[name]}"
        for name in stated
        if not _same(stated[name], derived[name])
    ]
    recall, specificity = derived["recall"], derived["specificity"]
    if recall is not None and specificity is not None and counts.total:
        prevalence = counts.defective / counts.total
        mixed = prevalence * recall + (1 - prevalence) * specificity
        if not _same(mixed, derived["accuracy"]):
            wrong.append(
                f"accuracy {derived['accuracy']} is not the mixture {mixed} of recall and specificity"
            )
    if wrong:
        raise ValueError("rates do not derive from the counts: " + "; ".join(wrong))


def _same(first: float | None, second: float | None) -> bool:
    if first is None or second is None:
        return first is second
    return abs(first - second) <= 1e-12


def explainable(
    stated: Mapping[str, float], *, normal: int, defective: int, decimals: int = 3
) -> list[ConfusionCounts]:
    """All confusion counts that give the stated rates after rounding; an empty list exposes an impossible
    table row.

    Args:
        stated: rates by name, as printed.
        normal, defective: images of each class.
        decimals: digits that were printed.

    Example:
        >>> explainable({"recall": 0.9, "accuracy": 0.95}, normal=10, defective=10, decimals=2)
        [ConfusionCounts(tp=9, fp=0, tn=10, fn=1, undecided_normal=0, undecided_defective=0)]
        >>> explainable({"recall": 1.0, "accuracy": 0.4}, normal=10, defective=10, decimals=2)
        []
    """
    tolerance = 0.5 * 10**-decimals + 1e-9
    found = []
    for tp in range(defective + 1):
        for tn in range(normal + 1):
            counts = ConfusionCounts(tp, normal - tn, tn, defective - tp)
            derived = rates(counts)
            values = [(derived[name], value) for name, value in stated.items()]
            if all(have is not None and abs(have - want) <= tolerance for have, want in values):
                found.append(counts)
    return found
