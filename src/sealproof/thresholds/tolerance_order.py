"""One-sided tolerance limit from order statistics: for every distribution."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from sealproof.thresholds.assumptions import held_out, ties
from sealproof.thresholds.bounds import quantile_interval, rank_false_reject_bound
from sealproof.thresholds.judgement import Estimate, threshold_result
from sealproof.thresholds.promises import with_confidence
from sealproof.thresholds.ranks import above_rank, rank_details
from sealproof.thresholds.result import Basis, Fault, ThresholdResult, common_faults, sorted_scores

METHOD = "tolerance_order"


def tolerance_order(
    normals: ArrayLike, *, content: float = 0.95, confidence: float = 0.95, basis: Basis | None = None
) -> ThresholdResult:
    """T = the next number above the r-th smallest score, r the smallest rank with P(B <= r - 1) >=
    `confidence`, B binomial (n, content).

    With this confidence at least the share `content` of new normal parts scores below T, whatever the
    distribution, with ties as well. Reference: Wilks, Ann. Math. Statist. 12 (1941) 91-96; ISO 16269-6,
    distribution-free one-sided tolerance limits. The interval is the exact one of the quantile that T bounds.

    Args:
        normals: (n,) finite scores of normal images that the detector was not fitted to.
        content: share of new normal parts below T, 0 to 1.
        confidence: of that, 0 to 1.
        basis: calibration, and confidence of the interval.

    Raises:
        ValueError: scores that are not finite or not one-dimensional, or a share that is not between 0 and 1.

    Example:
        >>> result = tolerance_order(np.arange(1.0, 94.0))  # 95/95: the second largest of 93
        >>> round(result.threshold, 6), result.details["rank"]
        (92.0, 92)
        >>> tolerance_order(np.arange(58.0)).reason
        '58 normals cannot hold a content of 0.95 with confidence 0.95; 59 can'
    """
    basis = basis or Basis()
    scores = sorted_scores(normals)
    rank = tolerance_rank(scores.size, content, confidence)
    faults, estimate, details = common_faults(scores, basis), None, {}
    if rank is None:
        needed = sample_size(content, confidence)
        text = (
            f"{scores.size} normals cannot hold a content of {content:g} with confidence {confidence:g}; "
            f"{needed} can"
        )
        faults.append(Fault("promise-out-of-reach", text))
    else:
        threshold = above_rank(scores, rank)
        low, high = quantile_interval(scores, content, basis.confidence)
        estimate = Estimate(threshold, low, None if high is None else max(high, threshold))
        details = rank_details(scores, rank, threshold, basis)
        details["false_reject_rate_bound"] = rank_false_reject_bound(scores.size, rank, confidence)
    return threshold_result(
        METHOD,
        scores.size,
        basis,
        estimate=estimate,
        faults=faults,
        promise=with_confidence(1 - content, confidence, basis),
        reason=f"{scores.size} normals hold a content of {content:g} with confidence {confidence:g}",
        assumptions=(held_out(basis), ties(scores)),
        details=details | {"content": content, "content_confidence": confidence},
    )


def tolerance_rank(n: int, content: float, confidence: float) -> int | None:
    """Smallest rank r (1 = smallest) with P(B <= r - 1) >= confidence, B binomial (n, content); None when
    there is none.

    Raises:
        ValueError: content or confidence not between 0 and 1.

    Example:
        >>> tolerance_rank(59, 0.95, 0.95), tolerance_rank(93, 0.95, 0.95), tolerance_rank(58, 0.95, 0.95)
        (59, 92, None)
    """
    _check(content, confidence)
    ranks = np.arange(1, n + 1)
    enough = ranks[stats.binom.cdf(ranks - 1, n, content) >= confidence]
    return int(enough[0]) if enough.size else None


def sample_size(content: float, confidence: float) -> int:
    """Fewest scores whose largest is a tolerance limit: smallest n with 1 - content^n >= confidence.

    Raises:
        ValueError: content or confidence not between 0 and 1.

    Example:
        >>> sample_size(0.95, 0.95), sample_size(0.99, 0.95), sample_size(0.9, 0.95)
        (59, 299, 29)
    """
    _check(content, confidence)
    return math.ceil(round(math.log(1 - confidence) / math.log(content), 9))


def _check(content: float, confidence: float) -> None:
    for name, value in (("content", content), ("confidence", confidence)):
        if not 0 < value < 1:
            raise ValueError(f"{name} must be above 0 and below 1, not {value}")
