"""Probability of detection from hits and misses, fitted by another way than the pipeline's (MIL-HDBK-1823A).

P(hit) = f + (1 - f) POD, logit(POD) = b0 + b1 ln(size), f the false-call rate. The likelihood is maximised by SciPy;
bounds come from its curvature and, where an image is inspected at several sizes, from sums over images as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from sealproof.verification.formulas import Floats, exact_bounds

_FEWEST, _SINGULAR = 20, 1e14


@dataclass(frozen=True)
class Curve:
    """A fitted curve: coefficients, (covariance, degrees of freedom) pairs of which the wider counts, false calls."""

    intercept: float
    slope: float
    covariances: tuple[tuple[Floats, float], ...]
    floor: float

    def pod(self, sizes: Floats) -> Floats:
        """Probability of detection at these sizes."""
        found: Floats = special.expit(self.intercept + self.slope * np.log(sizes))
        return found

    def hit_rate(self, sizes: Floats) -> Floats:
        """Expected share of hits, false calls included."""
        return self.floor + (1 - self.floor) * self.pod(sizes)

    def bounds(self, sizes: Floats, confidence: float) -> tuple[Floats, Floats]:
        """One-sided bounds at each size."""
        x = np.log(sizes)
        spread = np.max([self._spread(x, matrix, t) for matrix, t in self._quantiles(confidence)], axis=0)
        middle = self.intercept + self.slope * x
        return special.expit(middle - spread), special.expit(middle + spread)

    def size_at(self, probability: float) -> float:
        """Size that is detected with this probability."""
        return _exp((float(special.logit(probability)) - self.intercept) / self.slope)

    def proven_at(self, probability: float, confidence: float) -> float:
        """Smallest size from which on the lower bound stays at or above a probability, by a search; or infinity."""
        target, found = float(special.logit(probability)), []
        for matrix, t in self._quantiles(confidence):
            if self.slope**2 <= t * t * matrix[1, 1]:
                return math.inf

            def lower(x: float, matrix: Floats = matrix, t: float = t) -> float:
                spread = float(self._spread(np.array([x]), matrix, t)[0])
                return self.intercept + self.slope * x - spread - target

            start = (target - self.intercept) / self.slope
            step = 1.0
            while lower(start + step) < 0:
                step *= 2
            found.append(float(optimize.brentq(lower, start, start + step, xtol=1e-13, rtol=1e-13)))
        return _exp(max(found))

    def _quantiles(self, confidence: float) -> list[tuple[Floats, float]]:
        return [
            (
                matrix,
                float(special.ndtri(confidence) if math.isinf(df) else special.stdtrit(df, confidence)),
            )
            for matrix, df in self.covariances
        ]

    @staticmethod
    def _spread(x: Floats, matrix: Floats, t: float) -> Floats:
        found: Floats = t * np.sqrt(
            np.maximum(matrix[0, 0] + 2 * x * matrix[0, 1] + x * x * matrix[1, 1], 0.0)
        )
        return found


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf


def refusal(sizes: Floats, hits: np.ndarray) -> str:
    """Why no curve can be fitted; empty when one can.

    Example:
        >>> refusal(np.array([1.0] * 20), np.array([True] * 20))
        'all-hits'
    """
    if sizes.size < _FEWEST:
        return "too-few-inspections"
    if hits.all() or not hits.any():
        return "all-hits" if hits.all() else "all-misses"
    if sizes.min() == sizes.max():
        return "one-size-only"
    if sizes[hits].max() <= sizes[~hits].min():
        return "slope-not-positive"
    return "complete-separation" if sizes[hits].min() >= sizes[~hits].max() else ""


def fit_curve(sizes: Floats, hits: np.ndarray, images: np.ndarray, floor: float) -> Curve | None:
    """The curve of largest likelihood; None where SciPy finds no maximum with a rising curve.

    Args:
        sizes: (n,) above 0.
        hits: (n,) whether detected.
        images: (n,) names of the images inspected.
        floor: false-call rate, taken as known.
    """
    x = np.log(sizes)
    design = np.column_stack([np.ones(x.size), x - x.mean()])
    loss = _loss(design, hits, floor)
    starts = ((0.0, 0.0), (0.0, 1.0), (-1.0, 3.0), (1.0, 3.0))
    tried = [
        optimize.minimize(
            loss, start, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-10, "maxiter": 2000}
        )
        for start in starts
    ]
    b0, b1 = min(tried, key=lambda item: float(item.fun)).x
    if b1 <= 0:
        return None
    return curve_at(float(b0 - b1 * x.mean()), float(b1), sizes, hits, images, floor)


def curve_at(
    intercept: float, slope: float, sizes: Floats, hits: np.ndarray, images: np.ndarray, floor: float
) -> Curve | None:
    """The curve of these coefficients with its covariances; None where they are not determined."""
    x = np.log(sizes)
    design = np.column_stack([np.ones(x.size), x - x.mean()])
    beta = np.array([intercept + slope * x.mean(), slope])
    information, gradients = _curvature(beta, design, hits, floor)
    if not np.isfinite(information).all() or np.linalg.cond(information) > _SINGULAR:
        return None
    model: Floats = np.asarray(np.linalg.inv(information), dtype=np.float64)
    pairs: list[tuple[Floats, float]] = [(model, math.inf)]
    names, place = np.unique(images, return_inverse=True)
    if names.size < sizes.size:
        sums = np.zeros((names.size, 2))
        np.add.at(sums, place, gradients)
        outer = sums.T @ sums * (names.size / max(names.size - 1, 1))
        pairs.append((model @ outer @ model, float(max(names.size - 2, 1))))
    back = np.array([[1.0, -x.mean()], [0.0, 1.0]])
    moved = tuple((back @ matrix @ back.T, freedom) for matrix, freedom in pairs)
    return Curve(intercept, slope, moved, floor)


def log_likelihood(curve: Curve, sizes: Floats, hits: np.ndarray) -> float:
    """Of hits and misses."""
    design = np.column_stack([np.ones(sizes.size), np.log(sizes)])
    return -_loss(design, hits, curve.floor)(np.array([curve.intercept, curve.slope]))


def _loss(design: Floats, hits: np.ndarray, floor: float) -> Callable[[Floats], float]:
    def value(beta: Floats) -> float:
        q = special.expit(design @ beta)
        chance = np.clip(floor + (1 - floor) * q, 1e-300, None)
        miss = np.clip((1 - floor) * special.expit(-(design @ beta)), 1e-300, None)
        return -float(np.where(hits, np.log(chance), np.log(miss)).sum())

    return value


def _curvature(beta: Floats, design: Floats, hits: np.ndarray, floor: float) -> tuple[Floats, Floats]:
    """(expected information, gradient of each inspection's log likelihood)."""
    q = special.expit(design @ beta)
    chance = floor + (1 - floor) * q
    slope = (1 - floor) * q * (1 - q)  # of the chance by the logit
    weight = slope / np.maximum(chance * (1 - chance), 1e-300)
    gradients: Floats = design * (weight * (hits - chance))[:, None]
    information: Floats = (design * (slope * weight)[:, None]).T @ design
    return information, gradients


def size_groups(sizes: Floats) -> list[np.ndarray]:
    """Rows of each size; of at most six groups of neighbours where a size recurs less than five times on average.

    Example:
        >>> [rows.tolist() for rows in size_groups(np.array([2.0, 1.0] * 5))]
        [[1, 3, 5, 7, 9], [0, 2, 4, 6, 8]]
    """
    order, distinct = np.argsort(sizes, kind="stable"), np.unique(sizes)
    if sizes.size >= 5 * distinct.size:
        return [order[sizes[order] == size] for size in distinct]
    return np.array_split(order, max(1, min(6, sizes.size // 5)))


def deviance(curve: Curve, sizes: Floats, hits: np.ndarray) -> tuple[float, int, float | None]:
    """(deviance of the groups, degrees of freedom, p-value)."""
    total, groups, expected = 0.0, size_groups(sizes), curve.hit_rate(sizes)
    for rows in groups:
        n, hit = rows.size, float(hits[rows].sum())
        e = min(max(float(expected[rows].sum()), 1e-12), n - 1e-12)
        total += 2 * (_part(hit, e) + _part(n - hit, n - e))
    total, freedom = max(total, 0.0), len(groups) - 2
    return total, freedom, float(special.chdtrc(freedom, total)) if freedom > 0 else None


def _part(observed: float, expected: float) -> float:
    return observed * math.log(observed / expected) if observed else 0.0


def proven_without_curve(sizes: Floats, hits: np.ndarray, confidence: float) -> float | None:
    """Smallest size from which on each size is proven to be detected nine times in ten, from the largest down.

    Example:
        >>> proven_without_curve(np.repeat([1.0, 2.0], 40), np.arange(80) >= 10, 0.95)
        2.0
    """
    found = None
    for rows in reversed(size_groups(sizes)):
        low = exact_bounds(int(hits[rows].sum()), rows.size, 2 * confidence - 1)[0]
        if sizes[rows].min() != sizes[rows].max() or low < 0.9:
            break
        found = float(sizes[rows].min())
    return found
