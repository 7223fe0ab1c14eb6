"""Curves and areas that need no threshold: ROC and precision-recall, with ties and bounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from sealproof.evaluation.intervals import Estimate, not_evaluable
from sealproof.thresholds.bounds import clopper_pearson
from sealproof.thresholds.resampling import BLOCK, generator
from sealproof.thresholds.result import Floats

AREAS = ("auroc", "auprc")


@dataclass(frozen=True)
class Curves:
    """Operating points from the highest different score to the lowest; at each, that score is the threshold.

    Attributes:
        thresholds: (k,) scores, falling; a score at or above one is rejected.
        recall, false_positive_rate, precision: (k,) rates at that threshold.
    """

    thresholds: Floats
    recall: Floats
    false_positive_rate: Floats
    precision: Floats


def curves(labels: ArrayLike, scores: ArrayLike) -> Curves:
    """ROC and precision-recall points.

    Args:
        labels: (n,) 0 normal or 1 defective, both present.
        scores: (n,) scores, higher = more anomalous; infinite ones are allowed, NaN is not.

    Raises:
        ValueError: lengths differ, a class is missing, or a score is NaN.

    Example:
        >>> curves([0, 1, 1], [0.1, 0.9, 0.1]).recall.tolist()
        [0.5, 1.0]
    """
    ordered = _Ordered.of(labels, scores)
    tp = np.cumsum(ordered.labels)[ordered.ends]
    fp = np.cumsum(1 - ordered.labels)[ordered.ends]
    return Curves(ordered.scores[ordered.ends], tp / tp[-1], fp / fp[-1], tp / (tp + fp))


def areas(labels: ArrayLike, scores: ArrayLike) -> tuple[float, float]:
    """(AUROC, AUPRC): the chance that a defect scores above a normal part (a tie counts half), and average
    precision.

    AUPRC = sum over operating points of (recall gained) x (precision there), without interpolation.

    Example:
        >>> areas([0, 0, 1, 1], [1.0, 2.0, 2.0, 3.0])[0]
        0.875
    """
    ordered = _Ordered.of(labels, scores)
    one = np.ones((1, ordered.labels.size))
    auroc, auprc = _weighted_areas(ordered, one * ordered.labels, one * (1 - ordered.labels))
    return float(auroc[0]), float(auprc[0])


def area_estimates(
    labels: ArrayLike, scores: ArrayLike, *, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> dict[str, Estimate]:
    """AUROC and AUPRC with stratified percentile-bootstrap bounds.

    When all resamples agree (perfect separation) a bootstrap says nothing. Then AUROC has the exact bound of
    min(P, N) independent pairs of which all are ordered rightly, and AUPRC has no bound.

    Args:
        labels, scores: as `curves`.
        confidence: of the two-sided bounds.
        resamples: of normals and of defects, each among themselves.
        seed: of the resamples.

    Example:
        >>> area_estimates([0] * 5, [1.0] * 5)["auroc"].reason
        'one of the two classes is missing'
    """
    truth = np.asarray(labels)
    if not (truth == 0).any() or not (truth == 1).any():
        return dict.fromkeys(AREAS, not_evaluable("one of the two classes is missing"))
    ordered = _Ordered.of(labels, scores)
    drawn = _bootstrap(ordered, resamples, seed)
    tail = (1 - confidence) / 2
    found = {}
    for name, value, column in zip(AREAS, areas(labels, scores), drawn, strict=True):
        low, high = (float(end) for end in np.quantile(column, [tail, 1 - tail]))
        found[name] = Estimate(value, low, high, "percentile bootstrap, stratified")
        if np.ptp(column) < 1e-12:
            found[name] = _degenerate(
                name, value, min(int((truth == 0).sum()), int((truth == 1).sum())), confidence
            )
    return found


def _degenerate(name: str, value: float, pairs: int, confidence: float) -> Estimate:
    if name == "auroc" and value == 1:
        return Estimate(
            value, *clopper_pearson(pairs, pairs, confidence), "Clopper-Pearson of independent pairs"
        )
    return Estimate(value, None, None, reason="all resamples give the same value, which bounds nothing")


@dataclass(frozen=True)
class _Ordered:
    """Images from the highest score down; `ends` marks the last of each run of equal scores."""

    labels: NDArray[np.int64]
    scores: Floats
    ends: NDArray[np.intp]

    @classmethod
    def of(cls, labels: ArrayLike, scores: ArrayLike) -> _Ordered:
        truth = np.asarray(labels, dtype=np.int64)
        values = np.asarray(scores, dtype=np.float64)
        if truth.shape != values.shape or truth.ndim != 1:
            raise ValueError(f"labels have the shape {truth.shape}, scores {values.shape}")
        if np.isnan(values).any():
            raise ValueError(f"{int(np.isnan(values).sum())} scores are NaN")
        if not np.isin(truth, (0, 1)).all() or not 0 < truth.sum() < truth.size:
            raise ValueError("labels must be 0 and 1, both present")
        order = np.lexsort(
            (truth, -values)
        )  # equal scores by label, so that the order of rows changes nothing
        values = values[order]
        ends = np.append(np.flatnonzero(values[1:] != values[:-1]), values.size - 1)
        return cls(truth[order], values, ends)


def _weighted_areas(ordered: _Ordered, defects: Floats, normals: Floats) -> tuple[Floats, Floats]:
    """Both areas for each row of weights (rows, n) of the ordered images."""
    tp = np.cumsum(defects, axis=1)[:, ordered.ends]
    fp = np.cumsum(normals, axis=1)[:, ordered.ends]
    recall, false_rate = tp / tp[:, -1:], fp / fp[:, -1:]
    rejected = tp + fp
    precision = np.divide(tp, rejected, out=np.zeros_like(tp), where=rejected > 0)
    before = np.pad(recall, ((0, 0), (1, 0)))[:, :-1]
    auroc = (np.diff(false_rate, axis=1, prepend=0.0) * (recall + before) / 2).sum(axis=1)
    auprc = ((recall - before) * precision).sum(axis=1)
    return auroc, auprc


def _bootstrap(ordered: _Ordered, resamples: int, seed: int) -> tuple[Floats, Floats]:
    """Areas of stratified resamples, in blocks so that memory stays flat."""
    random = generator(seed, "areas")
    n = ordered.labels.size
    groups = [np.flatnonzero(ordered.labels == label) for label in (1, 0)]
    parts = []
    for start in range(0, resamples, max(1, BLOCK // n)):
        rows = min(max(1, BLOCK // n), resamples - start)
        weights = []
        for members in groups:
            drawn = np.zeros((rows, n))
            drawn[:, members] = random.multinomial(
                members.size, np.full(members.size, 1 / members.size), size=rows
            )
            weights.append(drawn)
        parts.append(_weighted_areas(ordered, *weights))
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def delong(labels: ArrayLike, scores: ArrayLike, confidence: float = 0.95) -> Estimate:
    """AUROC with DeLong's variance and bounds on the logit scale: a check of the bootstrap by other means.

    Reference: DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988) 837-845; logit bounds: Pepe, The
    Statistical Evaluation of Medical Tests (2003), section 5.2.2.

    Example:
        >>> found = delong([0, 0, 0, 1, 1, 1], [1.0, 2.0, 4.0, 3.0, 5.0, 6.0])
        >>> round(found.value, 4), round(found.low, 4), round(found.high, 4)
        (0.8889, 0.2614, 0.9945)
    """
    truth, values = np.asarray(labels), np.asarray(scores, dtype=np.float64)
    bad, good = values[truth == 1], values[truth == 0]
    if not bad.size or not good.size:
        return not_evaluable("one of the two classes is missing")
    ranks = stats.rankdata(np.concatenate([bad, good]))
    for_bad = (ranks[: bad.size] - stats.rankdata(bad)) / good.size
    for_good = 1 - (ranks[bad.size :] - stats.rankdata(good)) / bad.size
    value = float(for_bad.mean())
    if min(bad.size, good.size) < 2 or not 0 < value < 1:
        return Estimate(value, None, None, reason="the variance cannot be estimated")
    error = np.sqrt(for_bad.var(ddof=1) / bad.size + for_good.var(ddof=1) / good.size)
    step = stats.norm.ppf((1 + confidence) / 2) * error / (value * (1 - value))
    low, high = special.expit(special.logit(value) + np.array([-step, step]))
    return Estimate(value, float(low), float(high), "DeLong, logit scale")
