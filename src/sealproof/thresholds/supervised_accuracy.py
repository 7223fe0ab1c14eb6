"""The threshold of highest accuracy on normals and training defects (Equation 6)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sealproof.thresholds.assumptions import held_out, ties
from sealproof.thresholds.bounds import clopper_pearson, false_rejects
from sealproof.thresholds.resampling import BLOCK, generator
from sealproof.thresholds.result import (
    Basis,
    Fault,
    Floats,
    ThresholdResult,
    common_faults,
    is_rejected,
    no_threshold,
    sorted_scores,
)

METHOD = "supervised_accuracy"


def supervised_accuracy(
    normals: ArrayLike, defects: ArrayLike, *, basis: Basis | None = None
) -> ThresholdResult:
    """T = arg max of mean(1[(score >= T) = label]) over the midpoints between neighbouring different scores.

    Equation 6, searched where the scores are (they need not lie in [0, 1]). Of several equally accurate
    midpoints the lowest is taken: it misses the fewest defects. It promises no false-reject rate, and the
    accuracy it maximises is that of the calibration's own share of defects. The interval is a stratified
    percentile bootstrap interval.

    Args:
        normals: (n,) finite scores of normal images.
        defects: (m,) finite scores of training defects; with none the method is not eligible.
        basis: calibration, confidence and resamples.

    Raises:
        ValueError: scores that are not finite or not one-dimensional.

    Example:
        >>> result = supervised_accuracy(np.arange(20.0), [18.5, 30.0, 31.0])
        >>> result.threshold, round(result.details["accuracy"], 3)
        (18.25, 0.957)
    """
    basis = basis or Basis()
    good, bad = sorted_scores(normals), sorted_scores(defects)
    tests = (
        held_out(basis),
        ties(np.sort(np.concatenate([good, bad]))),
    )
    n = good.size + bad.size
    faults = common_faults(good, basis)
    if not bad.size:
        faults.append(Fault("no-defects", "there are no scored training defects to tune the threshold with"))
    if faults:
        return no_threshold(METHOD, n, basis, faults, assumptions=tests)
    threshold, accuracy = best_midpoint(good, bad)
    low, high = _bootstrap(good, bad, basis)
    details = _details(good, bad, threshold, accuracy, basis)
    majority = max(good.size, bad.size) / n
    if accuracy <= majority:
        text = f"the best accuracy, {accuracy:.3f}, is not above {majority:.3f}, that of one verdict for all"
        details |= {"estimate": threshold, "estimate_low": low, "estimate_high": high}
        return no_threshold(
            METHOD, n, basis, [Fault("no-better-than-majority", text)], assumptions=tests, details=details
        )
    return ThresholdResult(
        method=METHOD,
        threshold=threshold,
        low=low,
        high=high,
        n=n,
        calibration=basis.calibration,
        promised_false_reject_rate=None,
        eligible=True,
        reason_code="valid",
        reason=f"most accurate of all midpoints on {good.size} normals and {bad.size} training defects",
        assumptions=tests,
        details=details,
    )


def best_midpoint(normals: Floats, defects: Floats) -> tuple[float, float]:
    """(threshold, accuracy): the lowest of the most accurate midpoints.

    Raises:
        ValueError: all scores are equal, so that there is no midpoint.

    Example:
        >>> best_midpoint(np.array([0.0, 1.0]), np.array([3.0]))
        (2.0, 1.0)
    """
    values, weights = _by_value(normals, defects)
    if values.size < 2:
        raise ValueError("all scores are equal: there is no midpoint between them")
    threshold, accuracy = _best_of_weighted(values, weights[0][None, :], weights[1][None, :])
    return float(threshold[0]), float(accuracy[0])


def _by_value(normals: Floats, defects: Floats) -> tuple[Floats, tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Sorted different values and, at each, the numbers of normals and of defects."""
    values = np.unique(np.concatenate([normals, defects]))
    good, bad = (np.bincount(np.searchsorted(values, x), minlength=values.size) for x in (normals, defects))
    return values, (good, bad)


def _best_of_weighted(
    values: Floats, good: NDArray[np.int64], bad: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Best midpoint and its accuracy of each row of counts (rows, values); NaN where a row has one value."""
    present = (good + bad) > 0
    correct = np.cumsum(good, axis=1) + bad.sum(axis=1, keepdims=True) - np.cumsum(bad, axis=1)
    total = (good + bad).sum(axis=1)
    # A cut lies behind a present value that is not the last one present.
    behind = present & (np.cumsum(present, axis=1) < present.sum(axis=1, keepdims=True))
    position = np.where(behind, correct, -1).argmax(axis=1)
    rows = np.arange(len(position))
    index = np.arange(values.size)
    later = np.where(present & (index > position[:, None]), index, values.size)
    following = np.minimum(later.min(axis=1), values.size - 1)
    valid = behind.any(axis=1)
    # The midpoint of two neighbouring floats may round down to the lower one, which would then be rejected.
    threshold = np.maximum(
        values[position] / 2 + values[following] / 2, np.nextafter(values[position], np.inf)
    )
    accuracy = correct[rows, position] / total
    return np.where(valid, threshold, np.nan), np.where(valid, accuracy, np.nan)


def _bootstrap(normals: Floats, defects: Floats, basis: Basis) -> tuple[float, float]:
    """Percentile interval over resamples of normals and of defects, each among themselves."""
    random = generator(basis.seed, METHOD, basis.calibration)
    values, (good, bad) = _by_value(normals, defects)
    block = max(1, BLOCK // values.size)
    parts = []
    for start in range(0, basis.resamples, block):
        rows = min(block, basis.resamples - start)
        drawn = [random.multinomial(x.sum(), x / x.sum(), size=rows) for x in (good, bad)]
        parts.append(_best_of_weighted(values, drawn[0], drawn[1])[0])
    tail = (1 - basis.confidence) / 2
    low, high = np.nanquantile(np.concatenate(parts), [tail, 1 - tail])
    return float(low), float(high)


def _details(
    normals: Floats, defects: Floats, threshold: float, accuracy: float, basis: Basis
) -> dict[str, Any]:
    caught = int(is_rejected(defects, threshold).sum())
    low, high = clopper_pearson(caught, defects.size, basis.confidence)
    return {
        "normals": int(normals.size),
        "defects": int(defects.size),
        "accuracy": accuracy,
        "defects_rejected": caught,
        "recall_on_defects": {"value": caught / defects.size, "low": low, "high": high},
        "interval": "percentile bootstrap, stratified",
        "calibration_false_rejects": false_rejects(normals, threshold, basis.confidence),
    }
