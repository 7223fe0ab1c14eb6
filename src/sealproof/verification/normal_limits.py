"""Limits of normal scores by integrating over the unknown deviation: no noncentral t distribution is called."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from scipy import optimize, special

#: Points of the integral, and how many standard errors of the deviation it reaches to each side.
_POINTS, _REACH = 4001, 14.0


@cache
def limit_factor(n: int, k: float, probability: float) -> float:
    """q with P(mean + q s >= mu + k sigma) = probability, mean and s of n normal scores.

    Given s, the event is one of a normal variable; that is averaged over the chi distribution of s. So
    `limit_factor(n, z(p), gamma)` is the one-sided tolerance factor of content p and confidence gamma (ISO 16269-6).

    Args:
        n: scores, at least 3.
        k: standard deviations above the true mean.
        probability: in (0, 1).

    Example:
        >>> round(limit_factor(10, float(special.ndtri(0.95)), 0.95), 3)
        2.911
        >>> round(limit_factor(100, float(special.ndtri(0.95)), 0.95), 3)
        1.927
    """
    spread, weights = _deviations(n)
    root = math.sqrt(n)

    def miss(q: float) -> float:
        return float(special.ndtr(root * (q * spread - k)) @ weights) - probability

    low, high = -1.0, 1.0
    while miss(low) > 0:
        low *= 2
    while miss(high) < 0:
        high *= 2
    return float(optimize.brentq(miss, low, high, xtol=1e-14, rtol=1e-14))


def _deviations(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Values of s / sigma and their weights: the density of chi over sqrt(n - 1), by the trapezoid rule."""
    freedom = n - 1
    reach = _REACH / math.sqrt(2 * freedom)
    values = np.linspace(max(0.0, 1 - reach), 1 + reach, _POINTS)[1:]
    logs = (freedom - 1) * np.log(values) - freedom * values**2 / 2
    density = np.exp(logs - logs.max())
    return values, density / density.sum()
