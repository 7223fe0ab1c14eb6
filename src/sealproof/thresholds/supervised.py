"""What thresholds tuned on normals and training defects have in common: the search over midpoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sealproof.thresholds.assumptions import held_out, ties
from sealproof.thresholds.bounds import clopper_pearson, false_rejects
from sealproof.thresholds.judgement import Estimate, threshold_result
from sealproof.thresholds.resampling import BLOCK, generator
from sealproof.thresholds.result import (
    Basis,
    Fault,
    Floats,
    ThresholdResult,
    common_faults,
    is_rejected,
    sorted_scores,
)

#: Two gains that differ by less, relative to the best one, are equal: they differ by rounding alone.
TIE = 1e-12


@dataclass(frozen=True)
class Weights:
    """What a right verdict is worth: a normal accepted, a defect rejected."""

    normal: float = 1.0
    defect: float = 1.0


@dataclass(frozen=True)
class Judged:
    """What the search found, for a method to judge.

    Attributes:
        normals, defects: sorted scores.
        threshold: the lowest midpoint of highest gain.
        missed: defects below it.
        false_rejects: normals at or above it.
    """

    normals: Floats
    defects: Floats
    threshold: float
    missed: int
    false_rejects: int


Judgement = tuple[dict[str, Any], list[Fault], str]


def tuned_threshold(
    method: str,
    normals: ArrayLike,
    defects: ArrayLike,
    basis: Basis,
    *,
    weigh: Callable[[int, int], Weights],
    judge: Callable[[Judged], Judgement],
) -> ThresholdResult:
    """The lowest midpoint of highest gain, with a stratified percentile bootstrap interval; it promises
    nothing.

    Args:
        method: name of the method.
        normals: (n,) finite scores of normal images.
        defects: (m,) finite scores of training defects; with none there is no valid threshold.
        basis: calibration, confidence and resamples.
        weigh: (n, m) -> what right verdicts are worth.
        judge: what was found -> details, broken rules, reason when there is none.

    Raises:
        ValueError: scores that are not finite or not one-dimensional.
    """
    good, bad = sorted_scores(normals), sorted_scores(defects)
    found = common_faults(good, basis) + no_defects(bad)
    estimate, reason = None, ""
    details: dict[str, Any] = {}
    if good.size and bad.size and max(good[-1], bad[-1]) > min(good[0], bad[0]):
        weights = weigh(good.size, bad.size)
        threshold, _ = best_midpoint(good, bad, weights)
        low, high = _bootstrap(method, good, bad, weights, basis)
        estimate = Estimate(threshold, low, high)
        details, more, reason = judge(_judged(good, bad, threshold))
        details = tuned_details(good, bad, threshold, basis) | details
        found += more
    return threshold_result(
        method,
        good.size + bad.size,
        basis,
        estimate=estimate,
        faults=found,
        reason=reason,
        assumptions=(held_out(basis), ties(np.sort(np.concatenate([good, bad])))),
        details=details,
    )


def no_defects(defects: Floats) -> list[Fault]:
    """The rule that there are training defects at all."""
    text = "there are no scored training defects to tune the threshold with"
    return [] if defects.size else [Fault("no-defects", text)]


def _judged(normals: Floats, defects: Floats, threshold: float) -> Judged:
    missed = int((~is_rejected(defects, threshold)).sum())
    return Judged(normals, defects, threshold, missed, int(is_rejected(normals, threshold).sum()))


def best_midpoint(normals: Floats, defects: Floats, weights: Weights | None = None) -> tuple[float, float]:
    """(threshold, gain): the lowest of the midpoints between neighbouring different scores with the highest
    gain.

    The gain is `weights.normal` times the normals below plus `weights.defect` times the defects at or above.

    Raises:
        ValueError: all scores are equal, so that there is no midpoint.

    Example:
        >>> best_midpoint(np.array([0.0, 1.0]), np.array([3.0]))
        (2.0, 3.0)
    """
    values, good, bad = _by_value(normals, defects)
    if values.size < 2:
        raise ValueError("all scores are equal: there is no midpoint between them")
    threshold, gain = _best_of_weighted(values, good[None, :], bad[None, :], weights or Weights())
    return float(threshold[0]), float(gain[0])


def _by_value(normals: Floats, defects: Floats) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """Sorted different values and, at each, the numbers of normals and of defects."""
    values = np.unique(np.concatenate([normals, defects]))
    good, bad = (np.bincount(np.searchsorted(values, x), minlength=values.size) for x in (normals, defects))
    return values, good, bad


def _best_of_weighted(
    values: Floats, good: NDArray[np.int64], bad: NDArray[np.int64], weights: Weights
) -> tuple[Floats, Floats]:
    """Best midpoint and its gain of each row of counts (rows, values); NaN where a row has one value."""
    present = (good + bad) > 0
    right = bad.sum(axis=1, keepdims=True) - np.cumsum(bad, axis=1)
    gain = weights.normal * np.cumsum(good, axis=1) + weights.defect * right
    # A cut lies behind a present value that is not the last one present.
    behind = present & (np.cumsum(present, axis=1) < present.sum(axis=1, keepdims=True))
    gain = np.where(behind, gain, -1.0)
    best = gain.max(axis=1)
    position = (gain >= (best - TIE * np.abs(best))[:, None]).argmax(axis=1)
    index = np.arange(values.size)
    later = np.where(present & (index > position[:, None]), index, values.size)
    following = np.minimum(later.min(axis=1), values.size - 1)
    valid = behind.any(axis=1)
    # The midpoint of two neighbouring floats may round down to the lower one, which would then be rejected.
    threshold = np.maximum(
        values[position] / 2 + values[following] / 2, np.nextafter(values[position], np.inf)
    )
    return np.where(valid, threshold, np.nan), np.where(valid, best, np.nan)


def _bootstrap(
    method: str, normals: Floats, defects: Floats, weights: Weights, basis: Basis
) -> tuple[float, float]:
    """Percentile interval over resamples of normals and of defects, each among themselves."""
    random = generator(basis.seed, method, basis.calibration)
    values, good, bad = _by_value(normals, defects)
    block = max(1, BLOCK // values.size)
    parts = []
    for start in range(0, basis.resamples, block):
        rows = min(block, basis.resamples - start)
        drawn = [random.multinomial(x.sum(), x / x.sum(), size=rows) for x in (good, bad)]
        parts.append(_best_of_weighted(values, drawn[0], drawn[1], weights)[0])
    tail = (1 - basis.confidence) / 2
    low, high = np.nanquantile(np.concatenate(parts), [tail, 1 - tail])
    return float(low), float(high)


def tuned_details(normals: Floats, defects: Floats, threshold: float, basis: Basis) -> dict[str, Any]:
    """Figures of a threshold on the normals and defects that it was tuned on.

    Example:
        >>> found = tuned_details(np.arange(20.0), np.array([15.5, 30.0]), 18.5, Basis())
        >>> found["defects_rejected"], found["recall_on_defects"]["value"]
        (1, 0.5)
    """
    caught = int(is_rejected(defects, threshold).sum())
    low, high = clopper_pearson(caught, defects.size, basis.confidence)
    return {
        "normals": int(normals.size),
        "defects": int(defects.size),
        "defects_rejected": caught,
        "recall_on_defects": {"value": caught / defects.size, "low": low, "high": high},
        "interval": "percentile bootstrap, stratified",
        "calibration_false_rejects": false_rejects(normals, threshold, basis.confidence),
    }
