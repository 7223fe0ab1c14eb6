"""The generalised Pareto distribution of excesses: maximum likelihood, quantile, goodness of fit; all
vectorised.

Survival function S(y) = (1 + shape y / scale)^(-1/shape), y >= 0, and exp(-y / scale) at shape 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sealproof.thresholds.result import Floats

#: Below this shape the likelihood has no maximum (Grimshaw 1993); the search ends there.
LOWEST_SHAPE = -1.0
_GRID = np.linspace(-12.0, 14.0, 121)
_GOLDEN = (np.sqrt(5.0) - 1) / 2
_STEPS = 44
_FEWEST_RESAMPLES, _MOST_DRAWN = 99, 2_000_000
_TINY = 1e-12


@dataclass(frozen=True)
class Tail:
    """A fitted tail: survival of excesses above a level; arrays of equal shape, or floats."""

    shape: Floats
    scale: Floats


def power_ratio(shape: ArrayLike, exponent: ArrayLike) -> Floats:
    """(exp(shape * exponent) - 1) / shape, continuous at shape 0 where it is `exponent`.

    Example:
        >>> power_ratio([0.0, 1.0], np.log(3)).round(6).tolist()
        [1.098612, 2.0]
    """
    shape, exponent = np.broadcast_arrays(np.asarray(shape, float), np.asarray(exponent, float))
    small = np.abs(shape) < _TINY
    safe = np.where(small, 1.0, shape)
    result: Floats = np.where(small, exponent, np.expm1(safe * exponent) / safe)
    return result


def log_survival(excesses: Floats, tail: Tail) -> Floats:
    """ln S(y), -inf beyond the end of a bounded tail. Shapes: excesses (..., k), tail (...).

    Example:
        >>> log_survival(np.array([2.0]), Tail(np.array(0.0), np.array(2.0))).tolist()
        [-1.0]
    """
    shape, scale = np.asarray(tail.shape)[..., None], np.asarray(tail.scale)[..., None]
    small = np.abs(shape) < _TINY
    safe = np.where(small, 1.0, shape)
    with np.errstate(divide="ignore"):
        curved = -np.log1p(np.maximum(safe * excesses / scale, -1.0)) / safe
    result: Floats = np.where(small, -excesses / scale, curved)
    return result


def log_likelihood(excesses: Floats, tail: Tail) -> Floats:
    """Sum of ln density over the last axis; -inf when an excess lies outside the support.

    Example:
        >>> float(log_likelihood(np.array([1.0, 3.0]), Tail(np.array(0.0), np.array(1.0))))
        -4.0
    """
    shape, scale = np.asarray(tail.shape), np.asarray(tail.scale)
    survival = log_survival(excesses, tail)
    inside = np.isfinite(survival).all(axis=-1)
    # The density is the survival to the power 1 + shape, over the scale.
    logarithms = np.where(np.expand_dims(inside, -1), survival, 0.0).sum(axis=-1)
    total = (1 + shape) * logarithms - excesses.shape[-1] * np.log(scale)
    result: Floats = np.where(inside, total, -np.inf)
    return result


def fit(excesses: ArrayLike) -> Tail:
    """Maximum-likelihood fit of each row, with shape >= -1.

    The likelihood is maximised over one number, theta = shape / scale, because shape = mean ln(1 + theta y)
    at its maximum (Grimshaw, Technometrics 35 (1993) 185-191): first on a grid, then by golden section.

    Args:
        excesses: (..., k) positive excesses, k at least 2.

    Raises:
        ValueError: fewer than two excesses, or one that is not positive and finite.

    Example:
        >>> y = -2.0 * np.log1p(-(np.arange(1, 2001) - 0.5) / 2000)  # exponential with mean 2
        >>> tail = fit(y)
        >>> abs(float(tail.shape)) < 0.01, abs(float(tail.scale) - 2) < 0.02
        (True, True)
    """
    y = np.asarray(excesses, dtype=np.float64)
    if y.shape[-1] < 2 or not (np.isfinite(y) & (y > 0)).all():
        raise ValueError("a tail needs two or more excesses, each positive and finite")
    largest = y.max(axis=-1, keepdims=True)
    unit = y / largest
    grid = (
        _profile(unit, _GRID)[0]
        if unit.ndim == 1
        else np.stack([_profile(unit, np.full(unit.shape[:-1], position))[0] for position in _GRID], axis=-1)
    )
    best = np.clip(grid.argmax(axis=-1), 1, _GRID.size - 2)
    shape, scale = _profile(unit, _golden_section(unit, _GRID[best - 1], _GRID[best + 1]))[1:]
    return Tail(shape, scale * largest[..., 0])


def _profile(unit: Floats, position: Floats) -> tuple[Floats, Floats, Floats]:
    """(mean log-likelihood, shape, scale) at theta = exp(position) - 1, for excesses with maximum 1."""
    theta = np.expm1(position)
    theta = np.where(np.abs(theta) < _TINY, _TINY, theta)
    shape = np.log1p(theta[..., None] * unit).mean(axis=-1)
    scale = shape / theta
    value = -np.log(scale) - shape - 1
    return np.where(shape >= LOWEST_SHAPE, value, -np.inf), shape, scale


def _golden_section(unit: Floats, low: Floats, high: Floats) -> Floats:
    """The position between `low` and `high` where the profile likelihood is largest, row by row."""
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = _profile(unit, left)[0], _profile(unit, right)[0]
    for _ in range(_STEPS):
        # Where both lie in the forbidden region (-inf), the maximum is to the right.
        leftwards = at_left > at_right
        low, high = np.where(leftwards, low, left), np.where(leftwards, right, high)
        kept, kept_value = np.where(leftwards, left, right), np.where(leftwards, at_left, at_right)
        fresh = np.where(leftwards, high - _GOLDEN * (high - low), low + _GOLDEN * (high - low))
        value = _profile(unit, fresh)[0]
        left, right = np.where(leftwards, fresh, kept), np.where(leftwards, kept, fresh)
        at_left, at_right = np.where(leftwards, value, kept_value), np.where(leftwards, kept_value, value)
    result: Floats = np.where(at_left > at_right, left, right)
    return result


def excess_quantile(tail: Tail, ratio: ArrayLike) -> Floats:
    """Excess that is exceeded with probability `ratio` given that the level is exceeded; ratio in (0, 1].

    Example:
        >>> float(excess_quantile(Tail(np.array(1.0), np.array(2.0)), 0.25))
        6.0
    """
    result: Floats = tail.scale * power_ratio(tail.shape, -np.log(np.asarray(ratio, float)))
    return result


def anderson_darling(excesses: Floats, tail: Tail) -> Floats:
    """A^2 = -k - mean((2i - 1)(ln F(y_i) + ln S(y_(k+1-i)))) over sorted excesses; large = poor fit.

    Shapes: excesses (..., k), tail (...); returns (...). Reference: Choulakian and Stephens, Technometrics 43
    (2001) 478-484, equation 5.

    Example:
        >>> y = -np.log1p(-(np.arange(1, 101) - 0.5) / 100)
        >>> float(anderson_darling(y, Tail(np.array(0.0), np.array(1.0)))) < 0.05
        True
    """
    k = excesses.shape[-1]
    survival = np.clip(log_survival(np.sort(excesses, axis=-1), tail), -700.0, -1e-300)
    distribution = np.log(-np.expm1(survival))
    weights = 2 * np.arange(1, k + 1) - 1
    result: Floats = -k - (weights * (distribution + survival[..., ::-1])).mean(axis=-1)
    return result


def simulate(random: np.random.Generator, tail: Tail, samples: int, size: int) -> Floats:
    """(samples, size) excesses drawn from one tail."""
    exponents = random.standard_exponential((samples, size))
    drawn: Floats = float(tail.scale) * power_ratio(float(tail.shape), exponents)
    return np.maximum(drawn, np.finfo(float).tiny)


@dataclass(frozen=True)
class FitTest:
    """Parametric bootstrap of a fitted tail.

    Attributes:
        statistic: Anderson-Darling A^2 of the excesses.
        p_value: (1 + simulated A^2 at least as large) / (1 + resamples), so never 0.
        refitted: (resamples,) tails fitted to samples that were drawn from the fitted one.
    """

    statistic: float
    p_value: float
    refitted: Tail


def bootstrap_fit(excesses: Floats, tail: Tail, random: np.random.Generator, resamples: int) -> FitTest:
    """Test a fitted tail by parametric bootstrap: each simulated sample is fitted anew.

    Reference: Stute, Gonzalez Manteiga and Presedo Quindimil, Metrika 40 (1993) 243-256. With very many excesses
    fewer samples are simulated, 99 at least, which keeps time and memory flat.
    """
    statistic = float(anderson_darling(excesses, tail))
    resamples = min(resamples, max(_FEWEST_RESAMPLES, _MOST_DRAWN // excesses.size))
    drawn = simulate(random, tail, resamples, excesses.size)
    refitted = fit(drawn)
    simulated = anderson_darling(drawn, refitted)
    return FitTest(statistic, float((1 + (simulated >= statistic).sum()) / (1 + resamples)), refitted)
