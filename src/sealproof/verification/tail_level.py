"""Where the tail of `evt_pot` begins: candidates fitted and tested anew, and the stop rule on their p-values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize

from sealproof.verification.formulas import Floats

#: Fewer different excesses are not fitted at all.
FITTABLE = 8
#: Grid of the search for the best tail, in log(1 + shape / scale x largest excess).
_GRID = np.linspace(-12.0, 14.0, 105)


@dataclass(frozen=True)
class Tried:
    """A level that was tried: share of the scores above it, level, excesses, Anderson-Darling statistic of the fit."""

    share: float
    level: float
    exceedances: int
    statistic: float


def split_tail(normals: Floats, share: float) -> tuple[float, Floats]:
    """(level, excesses): the upper `share` of sorted scores lies above the level.

    Example:
        >>> import numpy as np
        >>> level, excesses = split_tail(np.arange(10.0), 0.3)
        >>> level, excesses.tolist()
        (6.0, [1.0, 2.0, 3.0])
    """
    number = math.floor(round(normals.size * share, 9))
    level = float(normals[max(0, normals.size - number - 1)])
    return level, normals[normals > level] - level


def candidates(normals: Floats, rules: Mapping[str, Any]) -> list[Tried]:
    """Levels that have enough exceedances to be tried, lowest first.

    Args:
        normals: sorted calibration scores.
        rules: `threshold.evt` of params.yaml.
    """
    found = []
    for share in rules["candidates"] if rules["level"] == "sequential" else ():
        level, excesses = split_tail(normals, share)
        enough = excesses.size >= rules["minimum_exceedances"] and np.unique(excesses).size >= FITTABLE
        if enough and excesses.size / normals.size > rules["false_reject_rate"]:
            statistic = anderson_darling(excesses, *fit(excesses))
            found.append(Tried(float(share), level, int(excesses.size), statistic))
    return found


def rejected_by_forward_stop(p_values: Sequence[float], rate: float) -> int:
    """How many ordered hypotheses are rejected: the largest k whose mean of -ln(1 - p) over the first k is <= rate.

    G'Sell, Wager, Chouldechova and Tibshirani, J. R. Statist. Soc. B 78 (2016) 423-444.

    Example:
        >>> rejected_by_forward_stop([0.001, 0.02, 0.6, 0.4], 0.1), rejected_by_forward_stop([0.5, 0.001], 0.1)
        (2, 0)
    """
    stops = [0]
    for k in range(1, len(p_values) + 1):
        total = sum(-math.log1p(-min(p, 1 - 1e-12)) for p in p_values[:k])
        stops += [k] if total / k <= rate else []
    return stops[-1]


def fit(excesses: Floats) -> tuple[float, float]:
    """(shape, scale) of the generalised Pareto tail of largest likelihood, shape at least -1.

    At the maximum the shape is the mean of log(1 + theta y), theta = shape / scale (Grimshaw 1993); theta is found on
    a grid and then by Brent's method.

    Example:
        >>> shape, scale = fit(-2.0 * np.log1p(-(np.arange(1, 2001) - 0.5) / 2000))  # exponential with mean 2
        >>> abs(shape) < 0.01, abs(scale - 2) < 0.02
        (True, True)
    """
    largest = float(excesses.max())
    unit = excesses / largest

    def shape_at(place: float) -> tuple[float, float]:
        theta = math.expm1(place)
        theta = theta if abs(theta) > 1e-12 else 1e-12
        return float(np.log1p(theta * unit).mean()), theta

    def loss(place: float) -> float:
        shape, theta = shape_at(place)
        return math.log(shape / theta) + shape + 1 if shape >= -1 else math.inf

    values = [loss(place) for place in _GRID]
    best = min(max(int(np.argmin(values)), 1), len(_GRID) - 2)
    found = optimize.minimize_scalar(
        loss, bounds=(_GRID[best - 1], _GRID[best + 1]), method="bounded", options={"xatol": 1e-10}
    )
    shape, theta = shape_at(float(found.x))
    return shape, shape / theta * largest


def anderson_darling(excesses: Floats, shape: float, scale: float) -> float:
    """A^2 of a tail: Choulakian and Stephens, Technometrics 43 (2001) 478-484, equation 5.

    Example:
        >>> anderson_darling(-np.log1p(-(np.arange(1, 101) - 0.5) / 100), 0.0, 1.0) < 0.05
        True
    """
    ordered, k = np.sort(excesses), excesses.size
    if abs(shape) < 1e-12:
        survival = -ordered / scale
    else:
        with np.errstate(divide="ignore"):
            survival = -np.log1p(np.maximum(shape * ordered / scale, -1.0)) / shape
    survival = np.clip(survival, -700.0, -1e-300)
    weights = 2 * np.arange(1, k + 1) - 1
    return float(-k - (weights * (np.log(-np.expm1(survival)) + survival[::-1])).sum() / k)
