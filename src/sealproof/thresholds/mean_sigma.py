"""Mean plus k standard deviations of normal scores (Equations 3 to 5)."""

from __future__ import annotations

from dataclasses import replace

from numpy.typing import ArrayLike
from scipy import stats

from sealproof.thresholds.judgement import NO_PROMISE, Promise
from sealproof.thresholds.normal_theory import (
    CONDITION,
    NormalityRule,
    expected_false_reject_rate,
    normal_threshold,
)
from sealproof.thresholds.promises import on_average
from sealproof.thresholds.result import Basis, ThresholdResult, sorted_scores

METHOD = "mean_sigma"


def mean_sigma(
    normals: ArrayLike,
    *,
    sigmas: float = 2.0,
    require_normality: bool = True,
    normality_minimum: int = 200,
    basis: Basis | None = None,
) -> ThresholdResult:
    """T = mean + k s with s^2 = sum (x - mean)^2 / (n - 1): Equations 3, 4 and 5, k = `sigmas`.

    The paper's 1 - Phi(k) (2.3 % at k = 2) holds for normal scores with known mean and deviation; it is in
    the details as `nominal_false_reject_rate`. Promised is what normal scores keep when both are estimated
    from n scores: P(t > k / sqrt(1 + 1/n)), Student's t with n - 1 degrees of freedom, on average over
    calibration sets. The interval is a BCa bootstrap interval.

    Args:
        normals: (n,) finite scores of normal images.
        sigmas: k, above 0.
        require_normality: a failed normality test makes the method ineligible.
        normality_minimum: fewer normals make it ineligible: a test on so few finds no departure.
        basis: calibration, confidence and resamples.

    Raises:
        ValueError: scores that are not finite or not one-dimensional, or `sigmas` not above 0.

    Example:
        >>> import numpy as np
        >>> result = mean_sigma(np.arange(1.0, 22.0), normality_minimum=20)
        >>> round(result.threshold, 4), round(result.promised_false_reject_rate, 4)
        (23.4097, 0.0324)
    """
    basis = basis or Basis()
    if sigmas <= 0:
        raise ValueError(f"sigmas must be above 0, not {sigmas}")
    scores = sorted_scores(normals)
    rule = NormalityRule(require_normality, normality_minimum)
    result = normal_threshold(METHOD, scores, sigmas, _promise(scores.size, sigmas, basis), rule, basis)
    nominal = {"nominal_false_reject_rate": float(stats.norm.sf(sigmas))}
    return replace(result, details=result.details | nominal)


def _promise(n: int, sigmas: float, basis: Basis) -> Promise:
    return on_average(expected_false_reject_rate(n, sigmas), basis, CONDITION) if n > 1 else NO_PROMISE
