"""Second implementations, for checks only: other formulas than the pipeline's, so no defect hides in both.

Nothing of this is used to compute a result.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import fmean, stdev

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_STEPS = 60  # halves an interval of 1 below the resolution of a double


def binomial_at_most(k: int, n: int, p: float) -> float:
    """P(X <= k) for X binomial (n, p), summed term by term.

    Example:
        >>> round(binomial_at_most(1, 2, 0.5), 12)
        0.75
    """
    if p <= 0 or p >= 1:
        return 1.0 if p <= 0 or k >= n else 0.0
    logs = (
        math.lgamma(n + 1)
        - math.lgamma(i + 1)
        - math.lgamma(n - i + 1)
        + i * math.log(p)
        + (n - i) * math.log1p(-p)
        for i in range(k + 1)
    )
    return min(1.0, math.fsum(math.exp(value) for value in logs))


def exact_bounds(successes: int, trials: int, confidence: float) -> tuple[float, float]:
    """Two-sided exact bounds of a proportion, by bisection of the binomial tails (no beta quantiles).

    Low is the p at which `successes` or more happen with probability (1 - confidence) / 2, high the p at
    which `successes` or fewer do.

    Example:
        >>> low, high = exact_bounds(180, 180, 0.90)
        >>> round(low, 4), high
        (0.9835, 1.0)
    """
    tail = (1 - confidence) / 2
    low, high = 0.0, 1.0
    if successes > 0:
        low = _bisect(lambda p: 1 - binomial_at_most(successes - 1, trials, p) < tail)
    if successes < trials:
        high = _bisect(lambda p: binomial_at_most(successes, trials, p) > tail)
    return low, high


def _bisect(is_below: Callable[[float], bool]) -> float:
    """The point in [0, 1] where a monotone condition turns from True to False."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return (low + high) / 2


def mean_sigma(scores: Floats, sigmas: float) -> float:
    """Mean plus `sigmas` standard deviations (n - 1), by Python's statistics module.

    Example:
        >>> round(mean_sigma(np.array([1.0, 2.0, 3.0]), 2.0), 6)
        4.0
    """
    values: list[float] = scores.tolist()
    return fmean(values) + sigmas * stdev(values)


def percentile(scores: Floats, percent: float) -> float:
    """Percentile with linear interpolation between order statistics, by hand.

    Example:
        >>> percentile(np.array([1.0, 2.0, 3.0]), 75.0)
        2.5
    """
    values: list[float] = sorted(scores.tolist())
    place = (len(values) - 1) * percent / 100
    below = min(math.floor(place), len(values) - 1)
    above = min(below + 1, len(values) - 1)
    return values[below] + (place - below) * (values[above] - values[below])


def conformal(scores: Floats, false_reject_rate: float) -> float | None:
    """The smallest score of which at least (n + 1)(1 - rate) scores are at most as large; None when none is.

    Example:
        >>> conformal(np.arange(1.0, 20.0), 0.05), conformal(np.arange(1.0, 19.0), 0.05)
        (19.0, None)
    """
    needed = (len(scores) + 1) * (1 - false_reject_rate) - 1e-9
    values: list[float] = scores.tolist()
    enough = [value for value in values if sum(scores <= value) >= needed]
    return min(enough, default=None)


def most_accurate(normals: Floats, defects: Floats) -> tuple[float, float]:
    """(lowest threshold among all midpoints, accuracy) of the highest accuracy, by trying each midpoint.

    Example:
        >>> most_accurate(np.array([0.0, 1.0]), np.array([3.0]))
        (2.0, 1.0)
    """
    values = np.unique(np.concatenate([normals, defects]))
    midpoints = (values[:-1] + values[1:]) / 2
    correct = [(int((normals < t).sum() + (defects >= t).sum()), -t) for t in midpoints.tolist()]
    best, threshold = max(correct)
    return -threshold, best / (len(normals) + len(defects))


def average_rank_auc(normals: Floats, defects: Floats) -> float:
    """Area under the ROC curve: the share of pairs in which the defect scores higher, ties as half.

    Example:
        >>> average_rank_auc(np.array([0.0, 1.0]), np.array([1.0, 2.0]))
        0.875
    """
    difference = defects[:, None] - normals[None, :]
    return float((difference > 0).mean() + 0.5 * (difference == 0).mean())
