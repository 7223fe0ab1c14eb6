"""Split conformal threshold: a false-reject rate that is kept in finite samples."""

from __future__ import annotations

import math

from numpy.typing import ArrayLike

from sealproof.thresholds.assumptions import held_out, ties
from sealproof.thresholds.bounds import quantile_interval
from sealproof.thresholds.judgement import Estimate, threshold_result
from sealproof.thresholds.promises import on_average
from sealproof.thresholds.ranks import above_rank, rank_details
from sealproof.thresholds.result import Basis, Fault, ThresholdResult, common_faults, sorted_scores

METHOD = "conformal"


def conformal(
    normals: ArrayLike, *, false_reject_rate: float = 0.05, basis: Basis | None = None
) -> ThresholdResult:
    """T = the next number above the k-th smallest score, k = ceil((n + 1)(1 - alpha)), alpha =
    `false_reject_rate`.

    A new normal part is rejected with probability at most alpha, for every n and every distribution, with
    ties as well, as long as it is exchangeable with the calibration parts.
    Reference: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World (2005), section 4.1; Lei et
    al., J. Amer. Statist. Assoc. 113 (2018) 1094-1111, section 2.1.

    Args:
        normals: (n,) finite scores of normal images that the detector was not fitted to.
        false_reject_rate: alpha, above 0 and below 1.
        basis: calibration and confidence.

    Raises:
        ValueError: scores that are not finite or not one-dimensional, or `false_reject_rate` out of range.

    Example:
        >>> import numpy as np
        >>> result = conformal(np.arange(1.0, 100.0))
        >>> round(result.threshold, 6), result.details["rank"]
        (95.0, 95)
    """
    basis = basis or Basis()
    if not 0 < false_reject_rate < 1:
        raise ValueError(f"false_reject_rate must be above 0 and below 1, not {false_reject_rate}")
    scores = sorted_scores(normals)
    rank = conformal_rank(scores.size, false_reject_rate)
    faults, estimate, details = common_faults(scores, basis), None, {}
    if rank > scores.size:
        needed = math.ceil(round(1 / false_reject_rate, 9)) - 1
        text = f"{scores.size} normals cannot promise a rate of {false_reject_rate:.3g}; {needed} can"
        faults.append(Fault("promise-out-of-reach", text))
    else:
        threshold = above_rank(scores, rank)
        interval = quantile_interval(scores, 1 - false_reject_rate, basis.confidence)
        estimate, details = Estimate(threshold, *interval), rank_details(scores, rank, threshold, basis)
    return threshold_result(
        METHOD,
        scores.size,
        basis,
        estimate=estimate,
        faults=faults,
        promise=on_average(false_reject_rate, basis),
        reason=f"{scores.size} normals suffice to promise a false-reject rate of {false_reject_rate:.3g}",
        assumptions=(held_out(basis), ties(scores)),
        details=details,
    )


def conformal_rank(n: int, false_reject_rate: float) -> int:
    """ceil((n + 1)(1 - alpha)), protected against the last bit of the product.

    Example:
        >>> conformal_rank(99, 0.05), conformal_rank(19, 0.05), conformal_rank(18, 0.05)
        (95, 19, 19)
    """
    return math.ceil(round((n + 1) * (1 - false_reject_rate), 9))
