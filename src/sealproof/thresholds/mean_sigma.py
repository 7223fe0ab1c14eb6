"""Mean plus k standard deviations of normal scores (Equations 3 to 5)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from sealproof.thresholds.assumptions import held_out, normality, ties
from sealproof.thresholds.bounds import false_rejects
from sealproof.thresholds.resampling import bca_interval, generator, resampled_rows
from sealproof.thresholds.result import (
    Assumption,
    Basis,
    Fault,
    Floats,
    ThresholdResult,
    common_faults,
    no_threshold,
    sorted_scores,
)

METHOD = "mean_sigma"


def mean_sigma(
    normals: ArrayLike, *, sigmas: float = 2.0, require_normality: bool = False, basis: Basis | None = None
) -> ThresholdResult:
    """T = mean + k s with s^2 = sum (x - mean)^2 / (n - 1): Equations 3, 4 and 5, k = `sigmas`.

    The promise 1 - Phi(k) (2.3 % at k = 2) holds for normal scores with known mean and deviation. Beside it
    stand the normality test, the rate on the calibration scores with bounds that need no normality, and what
    a normal distribution whose mean and deviation are estimated would give. The interval is a BCa bootstrap
    interval.

    Args:
        normals: (n,) finite scores of normal images.
        sigmas: k, above 0.
        require_normality: a failed normality test makes the method ineligible.
        basis: calibration, confidence and resamples.

    Raises:
        ValueError: scores that are not finite or not one-dimensional, or `sigmas` not above 0.

    Example:
        >>> result = mean_sigma(np.arange(1.0, 22.0))
        >>> round(result.threshold, 4), round(result.promised_false_reject_rate, 4)
        (23.4097, 0.0228)
    """
    basis = basis or Basis()
    if sigmas <= 0:
        raise ValueError(f"sigmas must be above 0, not {sigmas}")
    scores = sorted_scores(normals)
    promise = float(stats.norm.sf(sigmas))
    faults = common_faults(scores, basis)
    if faults:
        return no_threshold(METHOD, scores.size, basis, faults, promised_false_reject_rate=promise)
    tests = (normality(scores), held_out(basis), ties(scores))
    threshold = _threshold(scores, sigmas)
    low, high = _bootstrap(scores, sigmas, basis)
    details = _details(scores, threshold, sigmas, basis)
    if require_normality and not tests[0].holds:
        fault = Fault("assumption-not-met", f"normality is required, but {tests[0].meaning}")
        details |= {"estimate": threshold, "estimate_low": low, "estimate_high": high}
        return no_threshold(
            METHOD,
            scores.size,
            basis,
            [fault],
            promised_false_reject_rate=promise,
            assumptions=tests,
            details=details,
        )
    return ThresholdResult(
        method=METHOD,
        threshold=threshold,
        low=low,
        high=high,
        n=scores.size,
        calibration=basis.calibration,
        promised_false_reject_rate=promise,
        eligible=True,
        reason_code="valid" if tests[0].holds else "assumption-not-met",
        reason=_reason(tests[0], promise, details),
        assumptions=tests,
        details=details,
    )


def _threshold(scores: Floats, sigmas: float) -> float:
    return float(scores.mean() + sigmas * scores.std(ddof=1))


def _reason(normal: Assumption, promise: float, details: dict[str, Any]) -> str:
    if normal.holds:
        return "enough normals, and no evidence against normal scores"
    observed = details["calibration_false_rejects"]
    return (
        f"scores are not normal: the promised {promise:.1%} of false rejects does not follow; "
        f"{observed['rate']:.1%} of the calibration scores are rejected"
    )


def _bootstrap(scores: Floats, sigmas: float, basis: Basis) -> tuple[float, float]:
    """BCa interval; standardised first, so that scaling the scores scales the interval."""
    mean, deviation = scores.mean(), scores.std(ddof=1)
    standard = (scores - mean) / deviation
    rows = resampled_rows(generator(basis.seed, METHOD, basis.calibration), scores.size, basis.resamples)
    parts = [
        draw.mean(axis=1) + sigmas * draw.std(axis=1, ddof=1) for draw in (standard[row] for row in rows)
    ]
    low, high = bca_interval(sigmas, np.concatenate(parts), _jackknife(standard, sigmas), basis.confidence)
    return float(mean + deviation * low), float(mean + deviation * high)


def _jackknife(scores: Floats, sigmas: float) -> Floats:
    """Threshold with each score left out, in closed form."""
    n = scores.size
    mean = (scores.sum() - scores) / (n - 1)
    squares = (scores**2).sum() - scores**2
    variance = np.maximum(squares - (n - 1) * mean**2, 0) / (n - 2)
    left_out: Floats = mean + sigmas * np.sqrt(variance)
    return left_out


def _details(scores: Floats, threshold: float, sigmas: float, basis: Basis) -> dict[str, Any]:
    n, mean, deviation = scores.size, float(scores.mean()), float(scores.std(ddof=1))
    low, high = normal_theory_interval(mean, deviation, n, sigmas, basis.confidence)
    return {
        "mean": mean,
        "standard_deviation": deviation,
        "sigmas": sigmas,
        "interval": "BCa bootstrap",
        "normal_theory_interval": [low, high],
        "normal_theory_expected_false_reject_rate": float(stats.t.sf(sigmas / math.sqrt(1 + 1 / n), n - 1)),
        "calibration_false_rejects": false_rejects(scores, threshold, basis.confidence),
    }


def normal_theory_interval(
    mean: float, deviation: float, n: int, sigmas: float, confidence: float = 0.95
) -> tuple[float, float]:
    """Exact interval of mu + k sigma when the scores are normal, from the noncentral t distribution.

    sqrt(n) (mu + k sigma - mean) / s has the noncentral t distribution with n - 1 degrees of freedom and
    noncentrality k sqrt(n). Reference: Owen, Technometrics 10 (1968) 445-478, section 4.

    Example:
        >>> low, high = normal_theory_interval(0.0, 1.0, 115, 2.0)
        >>> round(low, 3), round(high, 3)
        (1.714, 2.358)
    """
    tail = (1 - confidence) / 2
    root = math.sqrt(n)
    low, high = (float(stats.nct.ppf(q, n - 1, sigmas * root)) / root for q in (tail, 1 - tail))
    return mean + deviation * low, mean + deviation * high
