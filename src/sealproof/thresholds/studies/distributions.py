"""Distributions of known truth from which scores are simulated."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special, stats

from sealproof.thresholds.result import Floats

Quantile = Callable[[Floats], Floats]
#: Grid of the distribution with ties, in standard deviations; a power of two, so that its multiples are exact.
STEP = 0.125


@dataclass(frozen=True)
class Distribution:
    """A distribution of scores.

    Attributes:
        name: short, as in ids of records.
        words: for people.
        upper_quantile: (probability) -> the score that is exceeded with it; continuous.
        rejected: threshold -> P(score >= threshold).
        step: scores are rounded to multiples of it; 0: they are not.
        mean, deviation: of the scores, NaN where no study needs them.
    """

    name: str
    words: str
    upper_quantile: Quantile
    rejected: Callable[[float], float]
    step: float = 0.0
    mean: float = math.nan
    deviation: float = math.nan

    def draw(self, random: np.random.Generator, size: int) -> Floats:
        """(size,) independent scores."""
        uniform = np.maximum(random.random(size), np.finfo(float).tiny)
        scores = self.upper_quantile(uniform)
        return np.round(scores / self.step) * self.step if self.step else scores


def _rounded_normal_rejected(threshold: float) -> float:
    """P(X >= T) for a standard normal score that is rounded to multiples of STEP."""
    multiple = np.ceil(threshold / STEP)
    return float(stats.norm.sf((multiple - 0.5) * STEP))


def _known(name: str, words: str, reference: Any, upper_quantile: Quantile) -> Distribution:
    return Distribution(
        name,
        words,
        upper_quantile,
        lambda threshold: float(reference.sf(threshold)),
        mean=float(reference.mean()),
        deviation=float(reference.std()),
    )


#: Of the table of guarantees. The quantiles are those of SciPy's special functions, which are faster.
SHAPES: tuple[Distribution, ...] = (
    _known("normal", "normal", stats.norm(), lambda q: -special.ndtri(q)),
    _known(
        "lognormal",
        "lognormal, sigma 0.5",
        stats.lognorm(0.5),
        lambda q: np.exp(-0.5 * special.ndtri(q)),
    ),
    _known("gamma", "gamma, shape 2", stats.gamma(2), lambda q: special.gammainccinv(2, q)),
    _known("heavy-tail", "t, 4 degrees of freedom", stats.t(4), lambda q: -special.stdtrit(4, q)),
    Distribution(
        "ties",
        f"normal, rounded to {STEP:g} standard deviations",
        lambda q: -special.ndtri(q),
        _rounded_normal_rejected,
        step=STEP,
        mean=0.0,
        deviation=float(np.sqrt(1 + STEP**2 / 12)),
    ),
)


def normal_body(shape: float, share: float = 0.15) -> Distribution:
    """Standard normal up to the level that `share` exceed, then a generalised Pareto tail of this shape; the density
    is continuous.

    Example:
        >>> found = normal_body(0.2)
        >>> round(found.rejected(float(found.upper_quantile(np.array(0.01)))), 6)
        0.01
    """
    level = -float(special.ndtri(share))
    scale = share / float(stats.norm.pdf(level))

    def upper_quantile(probability: Floats) -> Floats:
        inside = np.minimum(probability, share) / share
        tail = level + (scale * (inside**-shape - 1) / shape if shape else -scale * np.log(inside))
        found: Floats = np.where(probability < share, tail, -special.ndtri(np.maximum(probability, share)))
        return found

    def rejected(threshold: float) -> float:
        if threshold <= level:
            return float(stats.norm.sf(threshold))
        return share * float(stats.genpareto.sf(threshold - level, shape, scale=scale))

    name = f"pareto-{'minus-' if shape < 0 else ''}{abs(shape):g}".replace(".", "")
    return Distribution(
        name, f"normal body, generalised Pareto tail of shape {shape:g}", upper_quantile, rejected
    )


#: Shapes of the sample-size study's Pareto tails. The held-out normals of elpv-mono (115 images, eight scores) have
#: maximum-likelihood shapes from -1.0 to 0.1 above their upper 30 % to 15 %, -0.5 for 4-ms-ssim; larger ones are the
#: harder case.
TAIL_SHAPES = (-0.3, 0.0, 0.2, 0.4)


def score_like() -> tuple[Distribution, ...]:
    """Of the sample-size study: four Pareto tails, lognormal and gamma.

    Example:
        >>> [distribution.name for distribution in score_like()]
        ['pareto-minus-03', 'pareto-0', 'pareto-02', 'pareto-04', 'lognormal', 'gamma']
    """
    return (*(normal_body(shape) for shape in TAIL_SHAPES), SHAPES[1], SHAPES[2])
