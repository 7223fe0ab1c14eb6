"""Performance as confidence and reliability: "95 % confidence that recall is at least R", overall and by subgroup."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sealproof.evaluation.counts import ConfusionCounts
from sealproof.evaluation.planning import provable_reliability
from sealproof.evaluation.subgroups import Subgroup

METRICS = ("recall", "specificity")
_UNITS = {"recall": "defective test images", "specificity": "normal test images"}
_FAILURES = {"recall": "accepted or undecided", "specificity": "rejected or undecided"}


@dataclass(frozen=True)
class Reliability:
    """A share that is proved to be at least so large, one-sided and exact.

    Attributes:
        metric: `recall` or `specificity`.
        units: defective or normal images.
        failures: those of them that were not judged rightly, undecided ones among them.
        confidence: one-sided.
        reliability: the lower bound; None when it cannot be evaluated.
        reason: why not; empty otherwise.
    """

    metric: str
    units: int
    failures: int
    confidence: float
    reliability: float | None
    reason: str = ""

    @property
    def statement(self) -> str:
        """The claim in a sentence; the bound is rounded down, so that the sentence claims no more than is proved.

        Example:
            >>> reliability("recall", 1, 180, 0.95).statement
            '95 % confidence that recall is at least 0.9739 (1 of 180 defective test images accepted or undecided)'
        """
        if self.reliability is None:
            return f"{self.metric}: not evaluable: {self.reason}"
        return (
            f"{100 * self.confidence:g} % confidence that {self.metric} is at least {rounded_down(self.reliability)} "
            f"({self.failures} of {self.units} {_UNITS[self.metric]} {_FAILURES[self.metric]})"
        )

    def as_json(self) -> dict[str, Any]:
        """Figures and statement as JSON types, without an empty reason."""
        content: dict[str, Any] = {
            "units": self.units,
            "failures": self.failures,
            "reliability": self.reliability,
            "statement": self.statement,
        }
        return content | ({"reason": self.reason} if self.reason else {})


def rounded_down(value: float) -> str:
    """Four decimals, never more than the value.

    Example:
        >>> rounded_down(0.98349), rounded_down(1 / 3)
        ('0.9834', '0.3333')
    """
    return f"{math.floor(value * 1e4) / 1e4:.4f}"


def reliability(metric: str, failures: int, units: int, confidence: float, reason: str = "") -> Reliability:
    """The one-sided exact lower bound of a share (`planning.provable_reliability`).

    Args:
        metric: `recall` or `specificity`.
        failures: 0 to `units`.
        units: images of the class.
        confidence: one-sided, in (0, 1).
        reason: why it cannot be evaluated; empty when it can.

    Example:
        >>> reliability("specificity", 0, 0, 0.95).statement
        'specificity: not evaluable: there is no such image'
    """
    reason = reason or ("" if units else "there is no such image")
    bound = None if reason else provable_reliability(units, failures, confidence)
    return Reliability(metric, units, failures, confidence, bound, reason)


def of_counts(counts: ConfusionCounts, confidence: float, reason: str = "") -> dict[str, Reliability]:
    """Both reliabilities of a confusion matrix; an undecided image is a failure.

    Example:
        >>> of_counts(ConfusionCounts(8, 1, 9, 2, undecided_defective=1), 0.95)["recall"].failures
        3
    """
    return {
        "recall": reliability("recall", counts.defective - counts.tp, counts.defective, confidence, reason),
        "specificity": reliability(
            "specificity", counts.normal - counts.tn, counts.normal, confidence, reason
        ),
    }


def smallest_of(groups: Sequence[Subgroup], metric: str) -> int | None:
    """Place of the subgroup with the fewest images of the class that the metric is about; None without any."""
    sizes = [(_size(group, metric), group.column, group.value, at) for at, group in enumerate(groups)]
    return min((size for size in sizes if size[0]), default=(0, "", "", None))[-1]


def _size(group: Subgroup, metric: str) -> int:
    return group.counts.defective if metric == "recall" else group.counts.normal


def reliability_json(
    counts: ConfusionCounts, groups: Sequence[Subgroup], confidence: float, reason: str = ""
) -> dict[str, Any]:
    """Section `reliability` of evaluation.json.

    Args:
        counts: of the score in force.
        groups: subgroups with the score in force.
        confidence: one-sided. Statements on subgroups hold one by one, not all at once.
        reason: why nothing can be evaluated; empty when it can.

    Returns:
        `confidence` (one-sided), `recall`, `specificity`, `subgroups` (in the order of the subgroups), `smallest`:
        metric -> the subgroup with the fewest images of that class, whose statement is the weakest founded.
    """
    rows: list[dict[str, Any]] = [
        {"column": group.column, "value": group.value}
        | {name: found.as_json() for name, found in of_counts(group.counts, confidence, reason).items()}
        for group in groups
    ]
    smallest: dict[str, Any] = {}
    for metric in METRICS:
        place = smallest_of(groups, metric)
        smallest[metric] = (
            None
            if place is None
            else {"column": rows[place]["column"], "value": rows[place]["value"], **rows[place][metric]}
        )
    overall = {name: found.as_json() for name, found in of_counts(counts, confidence, reason).items()}
    return {"confidence": confidence, **overall, "subgroups": rows, "smallest": smallest}
