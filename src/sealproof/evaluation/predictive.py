"""Positive and negative predictive value at the share of defective parts in the field, with conservative bounds."""

from __future__ import annotations

import math

from sealproof.evaluation.counts import ConfusionCounts
from sealproof.evaluation.intervals import Estimate, not_evaluable
from sealproof.thresholds.bounds import clopper_pearson

NAMES = ("positive", "negative")
NO_PREVALENCE = "not provided (product.yaml: field_prevalence)"
INTERVAL = (
    "rectangle of Clopper-Pearson bounds of recall and specificity, each at the square root of the confidence"
)
_EMPTY = {"positive": "no part would be rejected", "negative": "no part would be accepted"}


def predictive_values(
    counts: ConfusionCounts, prevalence: float | None, confidence: float = 0.95, reason: str = ""
) -> dict[str, Estimate]:
    """Share of defective among rejected parts (`positive`) and of normal among accepted ones (`negative`).

    Bayes: positive = r p / (r p + (1 - s) (1 - p)), negative = s (1 - p) / (s (1 - p) + (1 - r) p) for recall r,
    specificity s and prevalence p. Both rise with r and with s, so the corners of the rectangle of their bounds
    bound them. Recall and specificity come from different parts and are independent: at sqrt(confidence) each, the
    rectangle holds both with at least the confidence. The prevalence is taken as given.

    Args:
        counts: without undecided images (`ConfusionCounts.conservative`).
        prevalence: share of defective parts in the field, in (0, 1); None when it is not provided.
        confidence: of the two-sided bounds, in (0, 1).
        reason: why nothing can be evaluated; empty when it can.

    Raises:
        ValueError: the prevalence is not between 0 and 1, or images are undecided.

    Reference: Pepe, The Statistical Evaluation of Medical Tests (2003), section 2.1.2.

    Example:
        >>> found = predictive_values(ConfusionCounts(tp=90, fp=10, tn=90, fn=10), 0.1)
        >>> round(found["positive"].value, 3), round(found["positive"].low, 3), round(found["negative"].value, 3)
        (0.5, 0.325, 0.988)
        >>> predictive_values(ConfusionCounts(9, 1, 9, 1), None)["positive"].reason
        'not provided (product.yaml: field_prevalence)'
    """
    if counts.undecided:
        raise ValueError("undecided images have no place in a rate: use conservative() or decided_only()")
    if prevalence is None:
        return dict.fromkeys(NAMES, not_evaluable(NO_PREVALENCE))
    if not 0 < prevalence < 1:
        raise ValueError(f"prevalence {prevalence} is not between 0 and 1")
    if not counts.defective or not counts.normal:
        reason = reason or "one of the two classes is missing"
    if reason:
        return dict.fromkeys(NAMES, not_evaluable(reason))
    each = math.sqrt(confidence)
    recall = clopper_pearson(counts.tp, counts.defective, each)
    specificity = clopper_pearson(counts.tn, counts.normal, each)
    value = bayes(counts.tp / counts.defective, counts.tn / counts.normal, prevalence)
    low, high = (bayes(r, s, prevalence) for r, s in zip(recall, specificity, strict=True))
    return {
        name: Estimate(value[at], low[at], high[at], INTERVAL, _EMPTY[name] if value[at] is None else "")
        for at, name in enumerate(NAMES)
    }


def bayes(recall: float, specificity: float, prevalence: float) -> tuple[float | None, float | None]:
    """(positive, negative) predictive value; None where no part would get the verdict.

    Example:
        >>> bayes(1.0, 1.0, 0.1), bayes(0.0, 1.0, 0.1)
        ((1.0, 1.0), (None, 0.9))
    """
    rejected = recall * prevalence, (1 - specificity) * (1 - prevalence)
    accepted = specificity * (1 - prevalence), (1 - recall) * prevalence
    return _share(*rejected), _share(*accepted)


def _share(part: float, rest: float) -> float | None:
    return part / (part + rest) if part + rest > 0 else None
