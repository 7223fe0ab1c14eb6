"""One-sided tolerance limit of normally distributed scores."""

from __future__ import annotations

import math
from dataclasses import replace

from numpy.typing import ArrayLike
from scipy import stats

from sealproof.thresholds.judgement import NO_PROMISE, Promise
from sealproof.thresholds.normal_theory import CONDITION, NormalityRule, normal_threshold
from sealproof.thresholds.promises import with_confidence
from sealproof.thresholds.result import Basis, ThresholdResult, sorted_scores

METHOD = "tolerance_normal"


def tolerance_normal(
    normals: ArrayLike,
    *,
    content: float = 0.95,
    confidence: float = 0.95,
    require_normality: bool = True,
    normality_minimum: int = 200,
    basis: Basis | None = None,
) -> ThresholdResult:
    """T = mean + k s, k the one-sided tolerance factor for `content` and `confidence` (`tolerance_factor`).

    With this confidence at least the share `content` of new normal parts scores below T, if scores are
    normally distributed. Reference: ISO 16269-6, one-sided statistical tolerance interval, mean and deviation
    unknown. The interval is a BCa bootstrap interval of mean + k s.

    Args:
        normals: (n,) finite scores of normal images that the detector was not fitted to.
        content: share of new normal parts below T, 0 to 1.
        confidence: of that, 0 to 1.
        require_normality: a failed normality test makes the method ineligible.
        normality_minimum: fewer normals make it ineligible: a test on so few finds no departure.
        basis: calibration, and confidence and resamples of the interval.

    Raises:
        ValueError: scores that are not finite or not one-dimensional, or a share that is not between 0 and 1.

    Example:
        >>> result = tolerance_normal(range(30), normality_minimum=30)
        >>> round((result.threshold - result.details["mean"]) / result.details["standard_deviation"], 3)
        2.22
    """
    basis = basis or Basis()
    scores = sorted_scores(normals)
    factor = tolerance_factor(max(2, scores.size), content, confidence)
    promise: Promise = (
        with_confidence(1 - content, confidence, basis, CONDITION) if scores.size else NO_PROMISE
    )
    rule = NormalityRule(require_normality, normality_minimum)
    result = normal_threshold(METHOD, scores, factor, promise, rule, basis)
    own = {"factor": factor, "content": content, "content_confidence": confidence}
    return replace(result, details=result.details | own)


def tolerance_factor(n: int, content: float, confidence: float) -> float:
    """k = t(confidence; n - 1, z sqrt(n)) / sqrt(n), a quantile of the noncentral t distribution, z the
    normal quantile of `content`.

    Reference: Owen, Technometrics 10 (1968) 445-478, section 4; ISO 16269-6 tabulates it.

    Args:
        n: number of scores, at least 2.
        content, confidence: above 0 and below 1.

    Raises:
        ValueError: a number out of range.

    Example:
        >>> [round(tolerance_factor(n, 0.95, 0.95), 3) for n in (10, 30, 50, 100)]
        [2.911, 2.22, 2.065, 1.927]
    """
    if n < 2:
        raise ValueError(f"a tolerance factor needs 2 scores, not {n}")
    for name, value in (("content", content), ("confidence", confidence)):
        if not 0 < value < 1:
            raise ValueError(f"{name} must be above 0 and below 1, not {value}")
    noncentrality = float(stats.norm.ppf(content)) * math.sqrt(n)
    return float(stats.nct.ppf(confidence, n - 1, noncentrality)) / math.sqrt(n)
