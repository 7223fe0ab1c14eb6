"""The threshold of lowest expected cost at the field prevalence."""

from __future__ import annotations

from dataclasses import dataclass, replace

from numpy.typing import ArrayLike

from sealproof.thresholds.result import (
    Basis,
    Fault,
    ThresholdResult,
    common_faults,
    no_threshold,
    sorted_scores,
)
from sealproof.thresholds.settings import CostSettings
from sealproof.thresholds.supervised import TIE, Judged, Judgement, Weights, no_defects, tuned_threshold

METHOD = "cost"


def cost(
    normals: ArrayLike,
    defects: ArrayLike,
    *,
    settings: CostSettings | None = None,
    basis: Basis | None = None,
) -> ThresholdResult:
    """T = arg min of prevalence x false_negative x miss rate + (1 - prevalence) x false_positive x
    false-reject rate over the midpoints between neighbouring different scores.

    The expected cost of a part in the field, in the unit of the two costs. Of several equally cheap midpoints
    the lowest is taken: it misses the fewest defects. It promises no false-reject rate. It is not eligible
    without a prevalence, nor when rejecting all parts, or none, is as cheap. Reference: Elkan, The foundations
    of cost-sensitive learning, IJCAI 2001, 973-978.

    Args:
        normals: (n,) finite scores of normal images.
        defects: (m,) finite scores of training defects; with none the method is not eligible.
        settings: costs and prevalence.
        basis: calibration, confidence and resamples.

    Raises:
        ValueError: scores that are not finite or not one-dimensional.

    Example:
        >>> result = cost(range(20), [16.5, 30.0])
        >>> result.threshold, round(result.details["expected_cost"], 3)
        (16.25, 0.135)
    """
    basis, settings = basis or Basis(), settings or CostSettings()
    if settings.prevalence is None:
        result = _without_prevalence(normals, defects, basis)
    else:
        missed = settings.prevalence * settings.false_negative
        prices = _Prices(missed, (1 - settings.prevalence) * settings.false_positive)
        result = tuned_threshold(METHOD, normals, defects, basis, weigh=prices.weigh, judge=prices.judge)
    given = {
        "false_negative_cost": settings.false_negative,
        "false_positive_cost": settings.false_positive,
        "prevalence": settings.prevalence,
    }
    return replace(result, details=result.details | given)


def _without_prevalence(normals: ArrayLike, defects: ArrayLike, basis: Basis) -> ThresholdResult:
    good, bad = sorted_scores(normals), sorted_scores(defects)
    fault = Fault("no-prevalence", "the field prevalence is not stated, so no cost can be expected")
    faults = [fault, *common_faults(good, basis), *no_defects(bad)]
    return no_threshold(METHOD, good.size + bad.size, basis, faults)


@dataclass(frozen=True)
class _Prices:
    """Expected cost of a part when all defects are missed, and when all normals are rejected."""

    all_missed: float
    all_rejected: float

    def weigh(self, n: int, m: int) -> Weights:
        """What one right verdict saves, times n m: rounds less than dividing."""
        return Weights(normal=self.all_rejected * m, defect=self.all_missed * n)

    def judge(self, found: Judged) -> Judgement:
        """Compare with the two rules that look at no part."""
        n, m = found.normals.size, found.defects.size
        expected = self.all_missed * found.missed / m + self.all_rejected * found.false_rejects / n
        trivial = min(self.all_missed, self.all_rejected)
        faults = []
        if expected >= trivial * (1 - TIE):
            verdict = "rejecting" if self.all_rejected <= self.all_missed else "accepting"
            text = f"the lowest expected cost, {expected:.3g}, is not below {trivial:.3g}, that of {verdict} all parts"
            faults.append(Fault("no-better-than-one-verdict", text))
        details = {
            "expected_cost": expected,
            "cost_of_rejecting_all": self.all_rejected,
            "cost_of_accepting_all": self.all_missed,
        }
        return (
            details,
            faults,
            f"lowest expected cost of all midpoints on {n} normals and {m} training defects",
        )
