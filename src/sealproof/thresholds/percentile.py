"""Empirical percentile of normal scores."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sealproof.thresholds.assumptions import held_out, ties
from sealproof.thresholds.bounds import quantile_interval
from sealproof.thresholds.judgement import NO_PROMISE, Estimate, threshold_result
from sealproof.thresholds.promises import on_average
from sealproof.thresholds.ranks import above_rank, rank_details
from sealproof.thresholds.result import Basis, Fault, Floats, ThresholdResult, common_faults, sorted_scores

METHOD = "percentile"


def percentile(normals: ArrayLike, *, percent: float = 95.0, basis: Basis | None = None) -> ThresholdResult:
    """T = the empirical percentile, interpolated linearly between order statistics (type 7 of Hyndman and Fan
    1996); the next number above it where it is itself a calibration score.

    T lies above the j-th smallest of the n scores, j = floor((n - 1) percent/100) + 1, and not above the
    next one. So a new normal part is rejected with probability (n + 1 - j)/(n + 1) at most, on average over
    calibration sets, whatever the distribution: that is promised. It is more than the nominal
    1 - percent/100, which no percentile of so few scores keeps; for continuous scores the average lies between
    (n - j)/(n + 1) and the promise. The interval is the exact, distribution-free one from order statistics; a
    side is None when n is too small for it.

    Args:
        normals: (n,) finite scores of normal images.
        percent: above 0 and below 100.
        basis: calibration and confidence.

    Raises:
        ValueError: scores that are not finite or not one-dimensional, or `percent` out of range.

    Example:
        >>> result = percentile(np.arange(1.0, 102.0))
        >>> round(result.threshold, 9), round(result.promised_false_reject_rate, 4)
        (96.0, 0.0588)
    """
    basis = basis or Basis()
    if not 0 < percent < 100:
        raise ValueError(f"percent must be above 0 and below 100, not {percent}")
    scores = sorted_scores(normals)
    n, nominal = scores.size, 1 - percent / 100
    faults = common_faults(scores, basis)
    if (n + 1) * nominal < 1:
        needed = math.ceil(round(1 / nominal, 9)) - 1
        text = f"{n} normals cannot show a rate of {nominal:.3g}; {needed} can"
        faults.append(Fault("promise-out-of-reach", text))
    rank = percentile_rank(n, percent)
    estimate, details = (None, {}) if n == 0 else _computed(scores, rank, percent, basis)
    return threshold_result(
        METHOD,
        n,
        basis,
        estimate=estimate,
        faults=faults,
        promise=on_average((n + 1 - rank) / (n + 1), basis) if n else NO_PROMISE,
        reason=f"{n} normals reach the {percent:g}th percentile",
        assumptions=(held_out(basis), ties(scores)),
        details=details,
    )


def percentile_rank(n: int, percent: float) -> int:
    """j = floor((n - 1) percent/100) + 1: the percentile lies between the j-th smallest score and the next.

    Example:
        >>> percentile_rank(115, 95.0), percentile_rank(101, 95.0)
        (109, 96)
    """
    return max(0, math.floor((n - 1) * percent / 100)) + 1


def _computed(scores: Floats, rank: int, percent: float, basis: Basis) -> tuple[Estimate, dict[str, Any]]:
    n = scores.size
    threshold = max(float(np.quantile(scores, percent / 100)), above_rank(scores, rank))
    details = rank_details(scores, rank, threshold, basis) | {
        "percent": percent,
        "nominal_false_reject_rate": 1 - percent / 100,
        "expected_false_reject_rate": [(n - rank) / (n + 1), (n + 1 - rank) / (n + 1)],
    }
    return Estimate(threshold, *quantile_interval(scores, percent / 100, basis.confidence)), details
