"""Probability of detection from hits and misses: logit(POD) = b0 + b1 ln(size), after MIL-HDBK-1823A.

An image may be rejected for another reason than the defect, as undisturbed images are: P(hit) = f + (1 - f) POD
with the false-call rate f (Abbott, J. Econ. Entomol. 18 (1925) 265-267; f = 0 is the handbook's model). So
false calls are not credited as detections, and do not flatten the curve. The fit is refused, with a reason,
where hits and misses do not determine a rising curve. Bounds are Wald's, one-sided at each size; the size
where the lower bound reaches 90 % is a90/95. They solve a quadratic equation (Fieller) and need no
linearisation. Where an image is inspected at several sizes its outcomes are not independent: the covariance
is then the larger, size by size, of the model's and of one that takes the image as the unit of chance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Floats = NDArray[np.float64]
PodReason = Literal[
    "fitted",
    "too-few-inspections",
    "one-size-only",
    "all-hits",
    "all-misses",
    "complete-separation",
    "undetermined",
    "slope-not-positive",
]
#: Fewer inspections are refused; MIL-HDBK-1823A asks for at least 60 for hits and misses.
MINIMUM_INSPECTIONS, RECOMMENDED_INSPECTIONS = 20, 60
#: A size this many times beyond the sizes tested, on either side, is no longer reported.
EXTRAPOLATION = 1.25
_STEPS, _CONVERGED, _SINGULAR = 200, 1e-10, 1e14

REASONS: dict[PodReason, str] = {
    "fitted": "",
    "too-few-inspections": f"fewer than {MINIMUM_INSPECTIONS} inspections",
    "one-size-only": "all defects have one size: how detection depends on size cannot be seen",
    "all-hits": "every defect was detected: the sizes tested are too large to show where detection ends",
    "all-misses": "no defect was detected: the sizes tested are too small, or the detector does not see them",
    "complete-separation": "every size is always or never detected: the steepness of the curve has no estimate",
    "undetermined": "hits and misses determine no curve: beyond false calls, detection does not rise gradually",
    "slope-not-positive": "larger defects are not detected more often",
}


@dataclass(frozen=True)
class PodCurve:
    """A fitted curve.

    Args:
        intercept, slope: b0 and b1 of logit(POD) = b0 + b1 ln(size); b1 > 0.
        covariances: covariance matrices (2, 2) of (b0, b1), each with the degrees of freedom of its Student
            quantile; the one with the wider bound counts at each size.
        smallest, largest: sizes tested.
        log_likelihood: at the maximum.
        false_call_rate: that the fit took as known.
    """

    intercept: float
    slope: float
    covariances: tuple[tuple[Floats, float], ...]
    smallest: float
    largest: float
    log_likelihood: float
    false_call_rate: float = 0.0

    def hit_rate(self, sizes: ArrayLike) -> Floats:
        """Expected share of hits at these sizes, false calls included."""
        return self.false_call_rate + (1 - self.false_call_rate) * self.pod(sizes)

    def pod(self, sizes: ArrayLike) -> Floats:
        """Probability of detection at these sizes."""
        return _logistic(self.intercept + self.slope * np.log(np.asarray(sizes, dtype=np.float64)))

    def bounds(self, sizes: ArrayLike, confidence: float = 0.95) -> tuple[Floats, Floats]:
        """Lower and upper bound at these sizes, each one-sided at `confidence`."""
        x = np.log(np.asarray(sizes, dtype=np.float64))
        variances = [
            stats.t.ppf(confidence, freedom) ** 2 * (c[0, 0] + 2 * c[0, 1] * x + c[1, 1] * x * x)
            for c, freedom in self.covariances
        ]
        spread = np.sqrt(np.max(variances, axis=0))
        middle = self.intercept + self.slope * x
        return _logistic(middle - spread), _logistic(middle + spread)

    def size_at(self, probability: float) -> float:
        """Size that is detected with this probability; infinite where it exceeds every number.

        Example:
            >>> round(PodCurve(-2.0, 1.0, ((np.eye(2), math.inf),), 1, 20, 0.0).size_at(0.5), 4)
            7.3891
        """
        return _exp((_logit(probability) - self.intercept) / self.slope)

    def upper_size_at(self, probability: float, confidence: float = 0.95) -> float:
        """Smallest size from which on the lower bound of the curve stays at or above `probability`.

        It is the upper bound, one-sided at `confidence`, of `size_at`; infinite when the slope is not shown to
        be positive at this confidence.
        """
        roots = [
            self._upper_root(matrix, probability, float(stats.t.ppf(confidence, freedom)))
            for matrix, freedom in self.covariances
        ]
        return _exp(max(roots))

    def _upper_root(self, c: Floats, probability: float, z: float) -> float:
        """Larger root x of (b0 + b1 x - logit)^2 = z^2 (c00 + 2 c01 x + c11 x^2)."""
        z2, rest = z * z, self.intercept - _logit(probability)
        a = self.slope**2 - z2 * c[1, 1]
        if a <= 0:
            return math.inf
        b = rest * self.slope - z2 * c[0, 1]
        return float((-b + math.sqrt(max(b * b - a * (rest**2 - z2 * c[0, 0]), 0.0))) / a)


def fit_pod(
    sizes: ArrayLike, hits: ArrayLike, images: ArrayLike | None = None, false_call_rate: float = 0.0
) -> tuple[PodCurve | None, PodReason]:
    """Fit a curve by maximum likelihood (Fisher's scoring), or say why there is none.

    Reference: MIL-HDBK-1823A (2009), section 4.5 and appendix G; covariance over images: Liang and Zeger,
    Biometrika 73 (1986) 13-22, with the factor G / (G - 1) of G images and Student's quantile of G - 2.

    Args:
        sizes: (n,), > 0.
        hits: (n,), true where the defect was detected.
        images: (n,), what may not be taken as independent has one name; None when all are independent.
        false_call_rate: share of undisturbed images that are rejected, taken as known, in [0, 1).

    Returns:
        the curve, or None, and the reason.

    Raises:
        ValueError: lengths differ, a size is not positive and finite, or the rate is out of range.

    Example:
        >>> sizes = np.repeat([1.0, 2.0, 4.0, 8.0], 10)
        >>> hits = np.concatenate([np.arange(10) < k for k in (1, 3, 7, 9)])
        >>> curve, reason = fit_pod(sizes, hits)
        >>> reason, round(curve.size_at(0.5), 3), round(curve.size_at(0.9), 3)
        ('fitted', 2.828, 7.735)
    """
    a, y = np.asarray(sizes, dtype=np.float64), np.asarray(hits, dtype=bool)
    if a.shape != y.shape or a.ndim != 1 or (images is not None and np.shape(images) != a.shape):
        raise ValueError("sizes, hits and images are vectors of one length")
    if not (np.isfinite(a) & (a > 0)).all():
        raise ValueError("a size is not a positive number")
    if not 0 <= false_call_rate < 1:
        raise ValueError(f"false-call rate {false_call_rate} is not in [0, 1)")
    reason = _refusal(a, y)
    if reason != "fitted":
        return None, reason
    logs = np.log(a)
    model = _Model(np.column_stack([np.ones(a.size), logs - logs.mean()]), y, false_call_rate)
    beta = model.maximise()
    if beta is None:
        return None, "undetermined"
    if beta[1] <= 0:
        return None, "slope-not-positive"
    covariances: list[tuple[Floats, float]] = [(model.covariance(beta), math.inf)]
    names = np.arange(a.size) if images is None else np.unique(np.asarray(images), return_inverse=True)[1]
    count = int(names.max()) + 1
    if count < a.size:
        covariances.append((model.covariance_over(beta, names, count), float(max(count - 2, 1))))
    back = np.array([[1.0, -logs.mean()], [0.0, 1.0]])  # from the centred parameters to b0 and b1
    b0, b1 = back @ beta
    curve = PodCurve(
        intercept=float(b0),
        slope=float(b1),
        covariances=tuple((back @ matrix @ back.T, freedom) for matrix, freedom in covariances),
        smallest=float(a.min()),
        largest=float(a.max()),
        log_likelihood=model.log_likelihood(beta),
        false_call_rate=false_call_rate,
    )
    return curve, "fitted"


def _refusal(sizes: Floats, hits: NDArray[np.bool_]) -> PodReason:
    """Whether hits and misses overlap in size, without which no maximum of the likelihood exists."""
    if sizes.size < MINIMUM_INSPECTIONS:
        return "too-few-inspections"
    if hits.all():
        return "all-hits"
    if not hits.any():
        return "all-misses"
    if sizes.min() == sizes.max():
        return "one-size-only"
    if sizes[hits].max() <= sizes[~hits].min():
        return "slope-not-positive"
    return "complete-separation" if sizes[hits].min() >= sizes[~hits].max() else "fitted"


@dataclass(frozen=True)
class _Model:
    """Likelihood of hits given P(hit) = f + (1 - f) logistic(design @ beta)."""

    design: Floats
    hits: NDArray[np.bool_]
    floor: float

    def log_likelihood(self, beta: Floats) -> float:
        logits = self.design @ beta
        # ln(f + (1 - f) q) and ln((1 - f) (1 - q)), without cancellation
        log_q = -np.logaddexp(0, -logits)
        log_f = math.log(self.floor) if self.floor > 0 else -math.inf
        log_rest = math.log1p(-self.floor)
        hit = np.logaddexp(log_f, log_rest + log_q)
        miss = log_rest - np.logaddexp(0, logits)
        return float(np.where(self.hits, hit, miss).sum())

    def scores(self, beta: Floats) -> Floats:
        """Gradient of each inspection's log likelihood, (n, 2)."""
        chance, weight = self._chance(beta)
        found: Floats = self.design * (weight * (self.hits - chance))[:, None]
        return found

    def covariance(self, beta: Floats) -> Floats:
        """Inverse of the expected information."""
        found: Floats = np.asarray(np.linalg.inv(self._information(beta)), dtype=np.float64)
        return found

    def covariance_over(self, beta: Floats, names: NDArray[np.intp], count: int) -> Floats:
        """Covariance that takes the image, not the inspection, as the unit of chance."""
        model, sums = self.covariance(beta), np.zeros((count, 2))
        np.add.at(sums, names, self.scores(beta))
        found: Floats = model @ (sums.T @ sums * (count / max(count - 1, 1))) @ model
        return found

    def maximise(self) -> Floats | None:
        """Coefficients at the maximum, steps halved until the likelihood rises; None where there is none."""
        beta = np.zeros(2)
        best = self.log_likelihood(beta)
        for _ in range(_STEPS):
            information = self._information(beta)
            if np.linalg.cond(information) > _SINGULAR:
                return None
            step = np.linalg.solve(information, self.scores(beta).sum(axis=0))
            while (now := self.log_likelihood(beta + step)) < best and np.abs(step).max() > _CONVERGED:
                step = step / 2
            beta, best = beta + step, max(now, best)
            if np.abs(step).max() <= _CONVERGED * (1 + np.abs(beta).max()):
                return beta
        return None

    def _information(self, beta: Floats) -> Floats:
        chance, weight = self._chance(beta)
        found: Floats = (self.design * (weight**2 * chance * (1 - chance))[:, None]).T @ self.design
        return found

    def _chance(self, beta: Floats) -> tuple[Floats, Floats]:
        """P(hit), and its derivative by the logit over its variance."""
        q = _logistic(self.design @ beta)
        chance = self.floor + (1 - self.floor) * q
        return chance, q / np.maximum(chance, np.finfo(np.float64).tiny)


def _logistic(logits: Floats) -> Floats:
    chance: Floats = np.exp(-np.logaddexp(0, -logits))
    return chance


def _logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf
