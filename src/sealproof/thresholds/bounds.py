"""Exact bounds: of a proportion, of a quantile by order statistics, of a distribution function."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import stats

from sealproof.thresholds.result import Floats, is_rejected


def clopper_pearson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact two-sided bounds of a proportion; they cover the truth with at least `confidence`.

    Reference: Clopper and Pearson, Biometrika 26 (1934) 404-413, in the form of beta quantiles.

    Args:
        successes: 0 to `trials`.
        trials: at least 1.
        confidence: in (0, 1); each side has half of the rest.

    Raises:
        ValueError: counts or confidence out of range.

    Example:
        >>> low, high = clopper_pearson(0, 59, 0.90)
        >>> low, round(high, 4)
        (0.0, 0.0495)
    """
    if trials < 1 or not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes of {trials} trials is not a proportion")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence} is not between 0 and 1")
    tail = (1 - confidence) / 2
    low = 0.0 if successes == 0 else float(stats.beta.ppf(tail, successes, trials - successes + 1))
    high = 1.0 if successes == trials else float(stats.beta.ppf(1 - tail, successes + 1, trials - successes))
    return low, high


def quantile_ranks(n: int, probability: float, confidence: float = 0.95) -> tuple[int | None, int | None]:
    """Ranks (1 = smallest) of the order statistics between which the quantile lies, whatever the
    distribution.

    The lower rank is the largest l with P(B < l) <= a/2 and the upper the smallest u with P(B >= u) <= a/2,
    for B binomial (n, probability), a = 1 - confidence. Reference: Conover, Practical Nonparametric
    Statistics, section 3.2.

    Returns:
        (lower, upper); None on the side where `n` is too small for any such rank.

    Example:
        >>> quantile_ranks(100, 0.5)
        (40, 61)
        >>> quantile_ranks(20, 0.95)
        (17, None)
    """
    tail = (1 - confidence) / 2
    ranks = np.arange(1, n + 1)
    lower = ranks[stats.binom.cdf(ranks - 1, n, probability) <= tail]
    upper = ranks[stats.binom.sf(ranks - 1, n, probability) <= tail]
    return (int(lower[-1]) if lower.size else None), (int(upper[0]) if upper.size else None)


def quantile_interval(
    scores: Floats, probability: float, confidence: float = 0.95
) -> tuple[float | None, float | None]:
    """The order statistics of sorted `scores` between which the quantile lies; None where n is too small.

    Example:
        >>> quantile_interval(np.arange(1.0, 101.0), 0.5)
        (40.0, 61.0)
    """
    lower, upper = quantile_ranks(scores.size, probability, confidence)
    return (
        None if lower is None else float(scores[lower - 1]),
        None if upper is None else float(scores[upper - 1]),
    )


def rank_false_reject_bound(n: int, rank: int, confidence: float = 0.95) -> float:
    """Upper bound of the share of new normal scores above the `rank`-th smallest of n, whatever the
    distribution.

    That share is Beta(n + 1 - rank, rank) for continuous scores and smaller with ties (Wilks, Ann. Math.
    Statist. 12 (1941) 91-96).

    Example:
        >>> round(rank_false_reject_bound(59, 59), 4)  # the maximum of 59: 95 % content with 95 % confidence
        0.0495
    """
    if not 1 <= rank <= n:
        raise ValueError(f"rank {rank} is not between 1 and {n}")
    return float(stats.beta.ppf(confidence, n + 1 - rank, rank))


def distribution_bound(n: int, confidence: float = 0.95) -> float:
    """How far a distribution function lies below the empirical one at most, at every point at once.

    sqrt(ln(1 / (1 - confidence)) / (2 n)): Dvoretzky, Kiefer and Wolfowitz, with the constant of Massart,
    Ann. Probab. 18 (1990) 1269-1283. It holds for a threshold that was computed from the same scores.

    Example:
        >>> round(distribution_bound(115), 4)
        0.1141
    """
    return math.sqrt(math.log(1 / (1 - confidence)) / (2 * n))


def false_rejects(scores: Floats, threshold: float, confidence: float = 0.95) -> dict[str, Any]:
    """Share of normal `scores` that the threshold rejects, with bounds.

    `low` and `high` are Clopper-Pearson bounds: exact when the threshold does not depend on these scores, too
    narrow otherwise. `bound` is one-sided and holds in both cases (`distribution_bound`).

    Example:
        >>> found = false_rejects(np.arange(100.0), 98.0)
        >>> found["rejected"], found["rate"], round(found["bound"], 3)
        (2, 0.02, 0.142)
    """
    rejected = int(is_rejected(scores, threshold).sum())
    low, high = clopper_pearson(rejected, scores.size, confidence)
    rate = rejected / scores.size
    bound = min(1.0, rate + distribution_bound(scores.size, confidence))
    return {
        "normals": int(scores.size),
        "rejected": rejected,
        "rate": rate,
        "low": low,
        "high": high,
        "bound": bound,
    }
