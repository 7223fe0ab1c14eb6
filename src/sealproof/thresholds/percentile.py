"""Empirical percentile of normal scores."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sealproof.thresholds.assumptions import held_out, ties
from sealproof.thresholds.bounds import false_rejects, quantile_interval, rank_false_reject_bound
from sealproof.thresholds.result import (
    Basis,
    Fault,
    Floats,
    ThresholdResult,
    common_faults,
    no_threshold,
    sorted_scores,
)

METHOD = "percentile"


def percentile(normals: ArrayLike, *, percent: float = 95.0, basis: Basis | None = None) -> ThresholdResult:
    """T = the empirical percentile, interpolated linearly between order statistics (type 7 of Hyndman and Fan
    1996).

    It promises 1 - percent/100 false rejects; for n scores the rate of a new part lies on average between
    (n - j)/(n + 1) and (n + 1 - j)/(n + 1), j = floor((n - 1) percent/100) + 1, so a little above the
    promise. The interval is the exact, distribution-free one from order statistics; a side is None when n is
    too small for it.

    Args:
        normals: (n,) finite scores of normal images.
        percent: above 0 and below 100.
        basis: calibration and confidence.

    Raises:
        ValueError: scores that are not finite or not one-dimensional, or `percent` out of range.

    Example:
        >>> percentile(np.arange(1.0, 102.0)).threshold
        96.0
    """
    basis = basis or Basis()
    if not 0 < percent < 100:
        raise ValueError(f"percent must be above 0 and below 100, not {percent}")
    scores = sorted_scores(normals)
    promise = 1 - percent / 100
    faults = common_faults(scores, basis)
    if (scores.size + 1) * promise < 1:
        needed = math.ceil(round(1 / promise, 9)) - 1
        faults.append(
            Fault(
                "promise-out-of-reach",
                f"{scores.size} normals cannot show a rate of {promise:.3g}; {needed} can",
            )
        )
    if faults:
        return no_threshold(METHOD, scores.size, basis, faults, promised_false_reject_rate=promise)
    threshold = float(np.quantile(scores, percent / 100))
    low, high = quantile_interval(scores, percent / 100, basis.confidence)
    return ThresholdResult(
        method=METHOD,
        threshold=threshold,
        low=low,
        high=high,
        n=scores.size,
        calibration=basis.calibration,
        promised_false_reject_rate=promise,
        eligible=True,
        reason_code="valid",
        reason=f"{scores.size} normals reach the {percent:g}th percentile",
        assumptions=(held_out(basis), ties(scores)),
        details=_details(scores, threshold, percent, basis),
    )


def _details(scores: Floats, threshold: float, percent: float, basis: Basis) -> dict[str, Any]:
    n = scores.size
    rank = math.floor((n - 1) * percent / 100) + 1
    return {
        "percent": percent,
        "interval": "exact, order statistics",
        "expected_false_reject_rate": [(n - rank) / (n + 1), (n + 1 - rank) / (n + 1)],
        "false_reject_rate_bound": rank_false_reject_bound(n, rank, basis.confidence),
        "calibration_false_rejects": false_rejects(scores, threshold, basis.confidence),
    }
