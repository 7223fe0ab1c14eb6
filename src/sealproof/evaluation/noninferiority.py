"""No worse than the inspection that is replaced: a score test for the difference of two independent proportions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator
from scipy import stats

from sealproof.evaluation.counts import ConfusionCounts
from sealproof.evidence.strict import StrictModel

NOT_PROVIDED = "not provided (product.yaml: human_inspection)"
METRICS = ("recall", "specificity")
REFERENCE = "one-sided score bound of Miettinen and Nurminen"
_HALVINGS = 60  # halves an interval of 2 below the resolution of a double


class HumanInspection(StrictModel):
    """`human_inspection` of product.yaml: how the inspection that is replaced did, on other parts of known truth.

    Args:
        defective: defective parts that were inspected.
        found: those of them that were rejected.
        normal: normal parts that were inspected.
        accepted: those of them that were accepted.
        margin: largest loss of recall, and of specificity, that is tolerable; decided beforehand, in (0, 1).
        source: where the figures come from.
        not_applicable: the reason, where no inspection is replaced; then nothing else is given.
    """

    defective: PositiveInt | None = None
    found: NonNegativeInt | None = None
    normal: PositiveInt | None = None
    accepted: NonNegativeInt | None = None
    margin: float | None = Field(default=None, gt=0, lt=1)
    source: str | None = Field(default=None, min_length=1)
    not_applicable: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        figures = self.model_dump(exclude={"not_applicable"})
        missing = [name for name, value in figures.items() if value is None]
        if self.not_applicable is not None and len(missing) < len(figures):
            raise ValueError("give either the figures or `not_applicable` (with the reason), not both")
        if self.not_applicable is None and missing:
            raise ValueError(f"these figures are missing: {', '.join(missing)}")
        for part, whole in (("found", "defective"), ("accepted", "normal")):
            if figures[part] is not None and figures[part] > figures[whole]:
                raise ValueError(f"{part} {figures[part]} is more than {whole} {figures[whole]}")
        return self

    def right(self, metric: str) -> tuple[int, int]:
        """(rightly judged, units) of the metric."""
        pairs = {"recall": (self.found, self.defective), "specificity": (self.accepted, self.normal)}
        part, whole = pairs[metric]
        return part or 0, whole or 0


@dataclass(frozen=True)
class Difference:
    """Machine minus human for one metric.

    Attributes:
        difference: of the two shares; None when it cannot be evaluated.
        low: its one-sided lower bound.
        shown: whether the bound lies above minus the margin; None when it cannot be evaluated.
        reason: why not; empty otherwise.
    """

    difference: float | None
    low: float | None
    shown: bool | None
    reason: str = ""


def difference_low(right: int, units: int, human_right: int, human_units: int, confidence: float) -> float:
    """One-sided lower bound of machine minus human, two independent proportions.

    The difference d at which the score statistic of the hypothesis "machine - human = d" equals the normal quantile
    of the confidence; its variance uses the proportions of greatest likelihood under that hypothesis, and the factor
    N / (N - 1). Miettinen and Nurminen, Statistics in Medicine 4 (1985) 213-226; the closed form of these proportions
    as in Farrington and Manning, Statistics in Medicine 9 (1990) 1447-1454, appendix. The bound is that of large
    samples: enumerated for 20 to 80 units and shares from 0.5 to 0.99, it holds in 95 % of cases on average where 95 %
    are asked for, and in 90 % in the worst corner (20 to 40 units, a share near 1).

    Args:
        right, units: rightly judged by the machine, of how many.
        human_right, human_units: by the inspection that is replaced.
        confidence: one-sided, in (0.5, 1).

    Returns:
        a difference in [-1, 1].

    Raises:
        ValueError: counts or confidence out of range.

    Example:
        >>> round(difference_low(56, 70, 48, 80, 0.975), 4)  # Newcombe, Statist. Med. 17 (1998) 873-890, table II
        0.0528
    """
    for part, whole in ((right, units), (human_right, human_units)):
        if whole < 1 or not 0 <= part <= whole:
            raise ValueError(f"{part} of {whole} is not a proportion")
    if not 0.5 < confidence < 1:
        raise ValueError(f"confidence {confidence} is not between 0.5 and 1")
    quantile = float(stats.norm.ppf(confidence))
    low, high = -1.0, right / units - human_right / human_units
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        rejected = _score(right, units, human_right, human_units, middle) > quantile
        low, high = (middle, high) if rejected else (low, middle)
    return low


def _score(x: int, m: int, y: int, n: int, d: float) -> float:
    """(x/m - y/n - d) / its standard error under the hypothesis that the difference is d."""
    distance = x / m - y / n - d
    first, second = restricted_proportions(x, m, y, n, d)
    variance = (first * (1 - first) / m + second * (1 - second) / n) * (m + n) / (m + n - 1)
    if variance <= 0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)


def restricted_proportions(x: int, m: int, y: int, n: int, d: float) -> tuple[float, float]:
    """The two proportions of greatest likelihood, given x of m and y of n, among those that differ by `d`.

    The root in [0, 1] of the cubic of the likelihood equation, by Viete's formula.

    Example:
        >>> first, second = restricted_proportions(56, 70, 48, 80, 0.0)
        >>> round(first, 9) == round(second, 9) == round(104 / 150, 9)
        True
    """
    theta = n / m
    a = 1 + theta
    b = -(1 + theta + x / m + theta * y / n + d * (theta + 2))
    c = d * d + d * (2 * x / m + theta + 1) + x / m + theta * y / n
    e = -(x / m) * d * (1 + d)
    v = b**3 / (3 * a) ** 3 - b * c / (6 * a * a) + e / (2 * a)
    u = math.copysign(math.sqrt(max(b * b / (3 * a) ** 2 - c / (3 * a), 0.0)), v)
    ratio = 0.0 if u == 0 else max(-1.0, min(1.0, v / u**3))
    angle = (math.pi + math.acos(ratio)) / 3
    first = 2 * u * math.cos(angle) - b / (3 * a)
    first = max(0.0, d, min(1.0, 1 + d, first))
    return first, max(0.0, min(1.0, first - d))


def compare(
    counts: ConfusionCounts, human: HumanInspection | None, confidence: float, reason: str = ""
) -> dict[str, Difference]:
    """Non-inferiority of recall and of specificity; an undecided image counts against the machine.

    Args:
        counts: of the score in force.
        human: as the manufacturer gives it; None when it is not provided.
        confidence: one-sided.
        reason: why nothing can be evaluated; empty when it can.
    """
    given = human is not None and human.not_applicable is None
    reason = reason or (
        "" if given else NOT_PROVIDED if human is None else f"not applicable: {human.not_applicable}"
    )
    if reason or human is None or human.margin is None:
        return dict.fromkeys(METRICS, Difference(None, None, None, reason))
    machine = {"recall": (counts.tp, counts.defective), "specificity": (counts.tn, counts.normal)}
    return {metric: _difference(*machine[metric], human, metric, confidence) for metric in METRICS}


def _difference(right: int, units: int, human: HumanInspection, metric: str, confidence: float) -> Difference:
    if not units:
        return Difference(None, None, None, "there is no such test image")
    before, whole = human.right(metric)
    low = difference_low(right, units, before, whole, confidence)
    return Difference(right / units - before / whole, low, low > -(human.margin or 0))


def noninferiority_json(
    counts: ConfusionCounts, human: HumanInspection | None, confidence: float, reason: str = ""
) -> dict[str, Any]:
    """Section `non_inferiority` of evaluation.json.

    Returns:
        `provided`; `confidence` (one-sided), `method`; `human`: the manufacturer's figures, null when there are none;
        `recall` and `specificity`: machine and human {right, units, share}, difference, low, shown, reason.
    """
    found = compare(counts, human, confidence, reason)
    machine = {"recall": (counts.tp, counts.defective), "specificity": (counts.tn, counts.normal)}
    rows = {
        metric: {
            "machine": _side(*machine[metric]),
            "human": None if human is None or human.not_applicable else _side(*human.right(metric)),
            "difference": item.difference,
            "low": item.low,
            "shown": item.shown,
            "reason": item.reason,
        }
        for metric, item in found.items()
    }
    return {
        "provided": human is not None,
        "not_applicable": None if human is None else human.not_applicable,
        "confidence": confidence,
        "method": REFERENCE,
        "margin": None if human is None else human.margin,
        "source": None if human is None else human.source,
        **rows,
    }


def _side(right: int, units: int) -> dict[str, Any]:
    return {"right": right, "units": units, "share": right / units if units else None}
