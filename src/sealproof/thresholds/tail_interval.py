"""Profile-likelihood interval of a quantile in a generalised Pareto tail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize, stats

from sealproof.thresholds.generalised_pareto import (
    LOWEST_SHAPE,
    Tail,
    excess_quantile,
    fit,
    log_survival,
    power_ratio,
)
from sealproof.thresholds.result import Floats

_HIGHEST_SHAPE = 5.0
#: Points of the grid on each axis, at first and when narrowed; how often; to how many steps beside the
#: best; and after how many steps of narrowing and moving the search ends.
_COARSE, _FINE, _LEVELS, _REACH, _MOST_STEPS = 25, 11, 5, 1.5, 60
#: The largest excesses stand alone, all others in so many groups where there are more: time stays flat.
_ALONE, _GROUPS = 96, 64
#: Logarithm of the ratio at which the search for an end gives up.
_FARTHEST = np.log(1e6)


@dataclass(frozen=True)
class TailSample:
    """Excesses (k,) above a level, of `n` scores in all, and the tail probability of the wanted quantile."""

    excesses: Floats
    n: int
    probability: float

    @property
    def share(self) -> float:
        """k / n: the share of scores above the level."""
        return self.excesses.size / self.n


@dataclass(frozen=True)
class _Grouped:
    """A sample of very many excesses with neighbours put together: values, and how often each counts."""

    sample: TailSample
    values: Floats
    weights: Floats

    @property
    def alone(self) -> bool:
        """Whether every excess stands alone."""
        return self.values.size == self.sample.excesses.size


def _grouped(sample: TailSample) -> _Grouped:
    """Each group of neighbours becomes two points with its mean and variance, so that sums of smooth functions agree
    to third order; the largest excesses, which bound the support, stay as they are."""
    ordered = np.sort(sample.excesses)
    if ordered.size <= _ALONE + 2 * _GROUPS:
        return _Grouped(sample, ordered, np.ones(ordered.size))
    groups = np.array_split(ordered[:-_ALONE], _GROUPS)
    means, spreads = (np.array([getattr(group, name)() for group in groups]) for name in ("mean", "std"))
    halves = np.array([group.size / 2 for group in groups])
    values = np.concatenate([means - spreads, means + spreads, ordered[-_ALONE:]])
    return _Grouped(sample, values, np.concatenate([halves, halves, np.ones(_ALONE)]))


def quantile_excess_interval(
    sample: TailSample, confidence: float = 0.95
) -> tuple[float | None, float | None]:
    """Interval of the excess that is exceeded with `sample.probability`, by profile likelihood.

    The likelihood has three unknowns: scale and shape of the excesses, and the share of scores above the
    level (binomial). For each excess x the other two are maximised over; the interval holds all x whose
    deviance is at most the quantile of F(1, k - 2), which becomes that of chi-square as k grows. Reference:
    Coles, An Introduction to Statistical Modeling of Extreme Values (2001), sections 2.6.6 and 4.3.3.
    The coverage is asymptotic: simulations of score-like tails with k from 34 to 60 give 90 to 95 % where 95
    % is nominal.

    Returns:
        (low, high) in the unit of the excesses; None on a side where the deviance never reaches the limit.

    Raises:
        ValueError: the wanted probability is not below the share of scores above the level.
    """
    if not 0 < sample.probability < sample.share:
        raise ValueError(
            f"probability {sample.probability} is not between 0 and the tail share {sample.share}"
        )
    unit = float(sample.excesses.max())
    scaled = TailSample(sample.excesses / unit, sample.n, sample.probability)
    tail = fit(scaled.excesses)
    centre = float(excess_quantile(tail, scaled.probability / scaled.share))
    grouped = _grouped(scaled)
    best = float(_log_likelihood(grouped, tail)) + _binomial(scaled, scaled.share)
    limit = float(stats.f.ppf(confidence, 1, scaled.excesses.size - 2))
    shares = _plausible_shares(scaled)

    def excess_deviance(position: float) -> float:
        return float(2 * (best - _profile(grouped, float(np.exp(position)), shares)) - limit)

    ends = (_end(excess_deviance, float(np.log(centre)), direction) for direction in (-1.0, 1.0))
    low, high = (None if end is None else float(np.exp(end)) * unit for end in ends)
    return low, high


def _log_likelihood(grouped: _Grouped, tail: Tail) -> Any:
    """As `log_likelihood`, each group counting as often as it has excesses."""
    survival = log_survival(grouped.values, tail)
    inside = np.asarray(np.isfinite(survival).all(axis=-1))
    weighted = np.where(inside[..., None], survival, 0.0) @ grouped.weights
    total = (1 + tail.shape) * weighted - grouped.weights.sum() * np.log(tail.scale)
    return np.where(inside, total, -np.inf)


def _binomial(sample: TailSample, share: Any) -> Any:
    k = sample.excesses.size
    return k * np.log(share) + (sample.n - k) * np.log1p(-share)


def _plausible_shares(sample: TailSample) -> tuple[float, float]:
    """Shares above the level between which the profile is searched: far beyond what the data leave open."""
    k = sample.excesses.size
    low, high = (float(stats.beta.ppf(q, k, sample.n - k + 1)) for q in (1e-7, 1 - 1e-7))
    return max(low, sample.probability * (1 + 1e-6)), min(high, 1 - 1e-9)


def _profile(grouped: _Grouped, excess: float, shares: tuple[float, float]) -> float:
    """Largest log-likelihood over shape and share when the quantile lies at `excess`.

    Searched on a grid that is narrowed around its best point; where that lies on the grid's edge, the grid is moved
    instead, so that the search follows the narrow ridge that many excesses make. It knows no starting point, so it
    cannot get stuck where the support excludes an observation, and equal questions get equal answers.
    """
    bounds = np.array([[LOWEST_SHAPE, _HIGHEST_SHAPE], shares])
    window, points, best, level = bounds, _COARSE, float(-np.inf), 0
    for _ in range(_MOST_STEPS):
        axes = [np.linspace(window[row, 0], window[row, 1], points) for row in (0, 1)]
        shape, share = np.meshgrid(*axes, indexing="ij")
        scale = excess / power_ratio(shape, np.log(share / grouped.sample.probability))
        values = _log_likelihood(grouped, Tail(shape, scale)) + _binomial(grouped.sample, share)
        top = np.unravel_index(int(values.argmax()), values.shape)
        moved = values[top] > best and _on_edge(top, points, window, bounds)
        best = max(best, float(values[top]))
        level += not moved
        centre = np.array([axis[index] for axis, index in zip(axes, top, strict=True)])
        if level == _LEVELS:
            break
        width = (window[:, 1] - window[:, 0]) / (points - 1)
        reach = width * ((points - 1) / 2 if moved else _REACH)
        window = np.clip(np.stack([centre - reach, centre + reach], axis=1), bounds[:, :1], bounds[:, 1:])
        points = _FINE
    return best if grouped.alone else max(best, _polished(grouped, excess, centre, bounds))


def _polished(grouped: _Grouped, excess: float, start: Floats, bounds: Floats) -> float:
    """The likelihood's top near `start`, by Nelder and Mead's simplex: a ridge may be narrower than any grid."""

    def loss(point: Floats) -> float:
        if (point <= bounds[:, 0]).any() or (point >= bounds[:, 1]).any():
            return float(np.inf)
        shape, share = point
        scale = excess / power_ratio(shape, np.log(share / grouped.sample.probability))
        return -float(_log_likelihood(grouped, Tail(shape, scale)) + _binomial(grouped.sample, share))

    spread = np.array([2.0, grouped.sample.share]) / np.sqrt(grouped.sample.excesses.size)
    simplex = np.stack([start, start + spread * [1, 0], start + spread * [0, 1]])
    found = optimize.minimize(
        loss,
        start,
        method="Nelder-Mead",
        options={"initial_simplex": simplex, "xatol": 1e-6, "fatol": 1e-6, "maxiter": 400},
    )
    return -float(found.fun)


def _on_edge(top: tuple[np.intp, ...], points: int, window: Floats, bounds: Floats) -> bool:
    """Whether the best point lies on an edge of the grid beyond which there is more to search."""
    return any(
        (index == 0 and window[row, 0] > bounds[row, 0])
        or (index == points - 1 and window[row, 1] < bounds[row, 1])
        for row, index in enumerate(top)
    )


def _end(excess_deviance: Callable[[float], float], centre: float, direction: float) -> float | None:
    """Where the deviance crosses its limit on one side of `centre`, or None when it never does."""
    inner, step = centre, 0.05
    while step < _FARTHEST:
        outer = centre + direction * step
        if excess_deviance(outer) > 0:
            return float(optimize.brentq(excess_deviance, inner, outer, xtol=1e-5))
        inner, step = outer, step * 1.6
    return None
