"""Bootstrap bounds of both areas, drawn by the rule of the pipeline and computed by another formula."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sealproof.verification.formulas import (
    Floats,
    area_under_roc,
    average_precision,
    exact_bounds,
    quantile,
    random_stream,
)

#: Numbers drawn at once: part of the rule, because it decides which draw goes to which image.
_BLOCK = 4_000_000
Labels = NDArray[np.int64]


def area_rows(
    labels: Labels, scores: Floats, *, confidence: float, resamples: int, seed: int
) -> dict[str, Any]:
    """`auroc` and `auprc` with value, low and high, as evaluation.json states them.

    Resamples are stratified: multinomial weights of defects, then of normal images, each among themselves, images in
    falling order of their scores and at equal scores normal images first.

    Args:
        labels: (n,) 0 or 1.
        scores: (n,) may be infinite; higher = more anomalous.
        confidence: two-sided.
        resamples: how many.
        seed: of the run.
    """
    none = {"value": None, "low": None, "high": None}
    if not ((labels == 0).any() and (labels == 1).any()):
        return {"auroc": none, "auprc": none}
    order = np.lexsort((labels, -scores))
    drawn = _drawn_areas(labels[order], scores[order], resamples, seed)
    values = {"auroc": area_under_roc(labels, scores), "auprc": average_precision(labels, scores)}
    tail, rows = (1 - confidence) / 2, {}
    for name, column in zip(("auroc", "auprc"), drawn, strict=True):
        ordered = np.sort(column)
        low: float | None = quantile(ordered, tail)
        high: float | None = quantile(ordered, 1 - tail)
        if ordered[-1] - ordered[0] < 1e-12:  # all resamples agree, which bounds nothing
            low = high = None
            if name == "auroc" and values[name] == 1:
                pairs = min(int((labels == 0).sum()), int((labels == 1).sum()))
                low, high = exact_bounds(pairs, pairs, confidence)
        rows[name] = {"value": values[name], "low": low, "high": high}
    return rows


def _drawn_areas(labels: Labels, scores: Floats, resamples: int, seed: int) -> tuple[Floats, Floats]:
    """(AUROC, AUPRC) of each resample; images in falling order of scores."""
    stream = random_stream(seed, "areas")
    n = labels.size
    group = np.cumsum(np.append(0, scores[1:] != scores[:-1]))
    members = [np.flatnonzero(labels == label) for label in (1, 0)]
    auroc, auprc = [], []
    block = max(1, _BLOCK // n)
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        weights = []
        for places in members:
            count = places.size
            weights.append((places, stream.multinomial(count, np.full(count, 1 / count), size=rows)))
        defects, normals = (_by_group(places, drawn, group) for places, drawn in weights)
        auroc.append(_auroc(defects, normals))
        auprc.append(_auprc(defects, normals))
    return np.concatenate(auroc), np.concatenate(auprc)


def _by_group(places: NDArray[np.intp], drawn: NDArray[np.int64], group: NDArray[np.int64]) -> Floats:
    """Weights (rows, groups of equal scores), the highest score first."""
    table = np.zeros((drawn.shape[0], int(group[-1]) + 1))
    for column, place in enumerate(places):
        table[:, group[place]] += drawn[:, column]
    return table


def _auroc(defects: Floats, normals: Floats) -> Floats:
    """Pairs of which the defect scores higher, ties half, over all pairs."""
    above = np.cumsum(normals, axis=1)
    below = above[:, -1:] - above
    pairs = (defects * (below + normals / 2)).sum(axis=1)
    result: Floats = pairs / (defects.sum(axis=1) * normals.sum(axis=1))
    return result


def _auprc(defects: Floats, normals: Floats) -> Floats:
    caught, rejected = np.cumsum(defects, axis=1), np.cumsum(defects + normals, axis=1)
    precision = np.divide(caught, rejected, out=np.zeros_like(caught), where=rejected > 0)
    result: Floats = (defects * precision).sum(axis=1) / caught[:, -1]
    return result
