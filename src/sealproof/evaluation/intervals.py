"""Bounds of rates that derive from confusion counts: exact wherever exact bounds exist."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from sealproof.evaluation.counts import ConfusionCounts, assert_derived, rates
from sealproof.thresholds.bounds import clopper_pearson

#: Rates in the order they are reported: what leads comes first.
RATES = ("recall", "specificity", "accuracy", "balanced_accuracy", "precision", "f1")

_EMPTY = {
    "recall": "there is no defective image",
    "specificity": "there is no normal image",
    "accuracy": "there is no image",
    "balanced_accuracy": "one of the two classes is missing",
    "precision": "no image was rejected",
    "f1": "there is no defective image",
}


@dataclass(frozen=True)
class Estimate:
    """A value with two-sided bounds.

    Args:
        value: the point estimate; None when it cannot be evaluated.
        low, high: bounds; None when there are none.
        interval: how the bounds were computed.
        reason: why value or bounds are None; empty otherwise.
    """

    value: float | None
    low: float | None
    high: float | None
    interval: str = ""
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """The fields as JSON types, without an empty reason."""
        content = asdict(self)
        return content if self.reason else {key: value for key, value in content.items() if key != "reason"}


def not_evaluable(reason: str) -> Estimate:
    """No value and no bounds, with the reason: never a NaN, never a pass."""
    return Estimate(None, None, None, reason=reason)


def proportion(successes: int, trials: int, confidence: float, empty: str) -> Estimate:
    """A proportion with Clopper-Pearson bounds; not evaluable without trials.

    Example:
        >>> proportion(10, 10, 0.95, "nothing").low
        0.6915028921812392
    """
    if not trials:
        return not_evaluable(empty)
    low, high = clopper_pearson(successes, trials, confidence)
    return Estimate(successes / trials, low, high, "Clopper-Pearson")


def rate_estimates(counts: ConfusionCounts, confidence: float = 0.95) -> dict[str, Estimate]:
    """All rates of a matrix without undecided images, with bounds at `confidence`.

    Recall, specificity: Clopper-Pearson. Accuracy: the same; conservative for a test set with fixed class
    sizes (a sum of unequal Bernoulli variables varies less than a binomial one: Hoeffding, Ann. Math.
    Statist. 27 (1956) 713-721), and true for the test set's own share of defects only. Precision: the same
    given the number of rejected images, for the test set's share of defects. Balanced accuracy and F1 rise
    with recall and with specificity, so they are bounded over the rectangle of Clopper-Pearson bounds of both
    at confidence sqrt(`confidence`) each: guaranteed, and finite even where a bootstrap interval would shrink
    to a point.

    Example:
        >>> found = rate_estimates(ConfusionCounts(tp=10, fp=0, tn=10, fn=0))
        >>> round(found["recall"].low, 3), found["f1"].value, round(found["f1"].low, 3)
        (0.692, 1.0, 0.646)
    """
    values = rates(counts)
    found = {
        "recall": proportion(counts.tp, counts.defective, confidence, _EMPTY["recall"]),
        "specificity": proportion(counts.tn, counts.normal, confidence, _EMPTY["specificity"]),
        "accuracy": proportion(counts.tp + counts.tn, counts.total, confidence, _EMPTY["accuracy"]),
        "precision": proportion(counts.tp, counts.tp + counts.fp, confidence, _EMPTY["precision"]),
        **_joint(counts, values, confidence),
    }
    assert_derived(counts, {name: found[name].value for name in RATES})
    return {name: found[name] for name in RATES}


def _joint(
    counts: ConfusionCounts, values: dict[str, float | None], confidence: float
) -> dict[str, Estimate]:
    """Balanced accuracy and F1 over the rectangle of recall and specificity."""
    text = "rectangle of Clopper-Pearson bounds"
    if not counts.defective or not counts.normal:
        # Without normals F1 and recall have one source of chance only, but such a test set judges no
        # detector.
        reason = _EMPTY["balanced_accuracy"]
        return {
            name: Estimate(values[name], None, None, reason=reason) for name in ("balanced_accuracy", "f1")
        }
    each = math.sqrt(confidence)
    recall = clopper_pearson(counts.tp, counts.defective, each)
    specificity = clopper_pearson(counts.tn, counts.normal, each)
    corners = tuple(zip(recall, specificity, strict=True))
    low, high = ((r + s) / 2 for r, s in corners)
    f1_low, f1_high = (f1_of(r, s, counts.defective, counts.normal) for r, s in corners)
    return {
        "balanced_accuracy": Estimate(values["balanced_accuracy"], low, high, text),
        "f1": Estimate(values["f1"], f1_low, f1_high, text),
    }


def f1_of(recall: float, specificity: float, defective: int, normal: int) -> float:
    """F1 = 2 r P / (r P + P + (1 - s) N) of recall r and specificity s in P defective and N normal images.

    Example:
        >>> f1_of(0.8, 0.9, 10, 10) == 2 * 8 / (2 * 8 + 1 + 2)
        True
    """
    caught = recall * defective
    return 2 * caught / (caught + defective + (1 - specificity) * normal)
