"""What thresholds from the ranks of normal scores have in common: they hold for every distribution."""

from __future__ import annotations

from typing import Any

import numpy as np

from sealproof.thresholds.bounds import false_rejects, rank_false_reject_bound
from sealproof.thresholds.result import Basis, Floats


def above_rank(scores: Floats, rank: int) -> float:
    """The next number above the `rank`-th smallest of sorted scores.

    The step makes "score >= T" the same as "score > rank-th smallest", which is what the proofs need when
    scores can be equal: a new score that is exchangeable with n others lies above the rank-th smallest of
    them with probability (n + 1 - rank)/(n + 1) at most, with ties as well.

    Raises:
        ValueError: a rank that is not among the scores.

    Example:
        >>> bool(above_rank(np.array([1.0, 2.0, 3.0]), 2) == np.nextafter(2.0, 3.0))
        True
    """
    if not 1 <= rank <= scores.size:
        raise ValueError(f"rank {rank} is not between 1 and {scores.size}")
    return float(np.nextafter(scores[rank - 1], np.inf))


def rank_details(scores: Floats, rank: int, threshold: float, basis: Basis) -> dict[str, Any]:
    """Figures of a threshold above the `rank`-th smallest of sorted scores.

    Example:
        >>> found = rank_details(np.arange(99.0), 95, 94.5, Basis())
        >>> found["rank"], found["expected_false_reject_rate"], round(found["false_reject_rate_bound"], 4)
        (95, 0.05, 0.0901)
    """
    n = scores.size
    return {
        "rank": rank,
        "interval": "exact, order statistics",
        "expected_false_reject_rate": (n + 1 - rank) / (n + 1),
        "false_reject_rate_bound": rank_false_reject_bound(n, rank, basis.confidence),
        "calibration_false_rejects": false_rejects(scores, threshold, basis.confidence),
    }
