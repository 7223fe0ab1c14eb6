"""Statistics, each by another way than the pipeline takes: exact bounds, areas, quantiles, tails."""

from __future__ import annotations

import math
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Floats = NDArray[np.float64]


def exact_bounds(part: int, whole: int, confidence: float) -> tuple[float, float]:
    """Two-sided bounds of a proportion by Clopper and Pearson, from the inverse of the incomplete beta function.

    Args:
        part: successes, 0 to `whole`.
        whole: trials, at least 1.
        confidence: in (0, 1).

    Example:
        >>> low, high = exact_bounds(0, 59, 0.90)
        >>> low, round(high, 4)
        (0.0, 0.0495)
    """
    tail = (1 - confidence) / 2
    low = 0.0 if part == 0 else float(special.betaincinv(part, whole - part + 1, tail))
    high = 1.0 if part == whole else float(special.betainccinv(part + 1, whole - part, tail))
    return low, high


def quantile(ordered: Floats, share: float) -> float:
    """Quantile by linear interpolation between order statistics (type 7 of Hyndman and Fan).

    Example:
        >>> quantile(np.array([1.0, 2.0, 4.0]), 0.75)
        3.0
    """
    place = (ordered.size - 1) * share
    below = math.floor(place)
    above = min(below + 1, ordered.size - 1)
    return float(ordered[below] + (place - below) * (ordered[above] - ordered[below]))


def order_bounds(ordered: Floats, share: float, confidence: float) -> tuple[float | None, float | None]:
    """Order statistics between which the quantile lies, whatever the distribution; None where n is too small.

    Example:
        >>> order_bounds(np.arange(1.0, 101.0), 0.5, 0.95)
        (40.0, 61.0)
    """
    tail, n = (1 - confidence) / 2, ordered.size
    low = [rank for rank in range(1, n + 1) if special.bdtr(rank - 1, n, share) <= tail]
    high = [rank for rank in range(1, n + 1) if special.bdtrc(rank - 1, n, share) <= tail]
    return (
        float(ordered[low[-1] - 1]) if low else None,
        float(ordered[high[0] - 1]) if high else None,
    )


def rank_bound(n: int, rank: int, confidence: float) -> float:
    """Upper bound of the share of new scores above the `rank`-th smallest of n.

    Example:
        >>> round(rank_bound(59, 59, 0.95), 4)
        0.0495
    """
    return float(special.betaincinv(n + 1 - rank, rank, confidence))


def area_under_roc(labels: NDArray[np.int64], scores: Floats) -> float:
    """Chance that a defect scores above a normal image, ties half: the Mann-Whitney statistic from ranks.

    Example:
        >>> area_under_roc(np.array([0, 0, 1, 1]), np.array([1.0, 2.0, 2.0, 3.0]))
        0.875
    """
    bad, good = int((labels == 1).sum()), int((labels == 0).sum())
    ranks = stats.rankdata(scores)
    return float((ranks[labels == 1].sum() - bad * (bad + 1) / 2) / (bad * good))


def average_precision(labels: NDArray[np.int64], scores: Floats) -> float:
    """Sum over falling thresholds of (recall gained) x (precision there).

    Example:
        >>> average_precision(np.array([0, 1, 1]), np.array([0.1, 0.9, 0.1]))
        0.8333333333333333
    """
    total, before, area = int((labels == 1).sum()), 0.0, 0.0
    for threshold in np.unique(scores)[::-1]:
        chosen = scores >= threshold
        caught = int((labels[chosen] == 1).sum())
        area += (caught / total - before) * caught / int(chosen.sum())
        before = caught / total
    return area


def delong_bounds(labels: NDArray[np.int64], scores: Floats, confidence: float) -> tuple[float, float] | None:
    """Bounds of AUROC by DeLong's variance on the logit scale, from all pairs; None where it has no variance.

    Example:
        >>> low, high = delong_bounds(np.array([0, 0, 0, 1, 1, 1]), np.array([1.0, 2, 4, 3, 5, 6]), 0.95)
        >>> round(low, 4), round(high, 4)
        (0.2614, 0.9945)
    """
    bad, good = scores[labels == 1], scores[labels == 0]
    pairs = (bad[:, None] > good[None, :]) + 0.5 * (bad[:, None] == good[None, :])
    value = float(pairs.mean())
    if min(bad.size, good.size) < 2 or not 0 < value < 1:
        return None
    variance = pairs.mean(axis=1).var(ddof=1) / bad.size + pairs.mean(axis=0).var(ddof=1) / good.size
    step = float(special.ndtri((1 + confidence) / 2)) * math.sqrt(variance) / (value * (1 - value))
    centre = math.log(value / (1 - value))
    return float(special.expit(centre - step)), float(special.expit(centre + step))


def random_stream(seed: int, *names: str) -> np.random.Generator:
    """The generator that the rule of the pipeline gives each purpose: seeded with the seed and CRC-32 of names.

    Example:
        >>> bool(random_stream(1, "a").random() == random_stream(1, "a").random())
        True
    """
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


def joint_bounds(
    caught: int, defective: int, accepted: int, normal: int, confidence: float
) -> dict[str, tuple[float, float]]:
    """Bounds of balanced accuracy and F1 over the rectangle of exact bounds of recall and specificity.

    Each side carries confidence sqrt(`confidence`), so both hold together at `confidence`.

    Example:
        >>> round(joint_bounds(10, 10, 10, 10, 0.95)["f1"][0], 3)
        0.646
    """
    each = math.sqrt(confidence)
    recall = exact_bounds(caught, defective, each)
    specificity = exact_bounds(accepted, normal, each)
    balanced = ((recall[0] + specificity[0]) / 2, (recall[1] + specificity[1]) / 2)
    f1 = tuple(
        2 * r * defective / (r * defective + defective + (1 - s) * normal)
        for r, s in zip(recall, specificity, strict=True)
    )
    return {"balanced_accuracy": balanced, "f1": (f1[0], f1[1])}


def close(first: Any, second: Any, relative: float = 1e-9) -> bool:
    """Whether two values agree: numbers up to the last digits of their arithmetic, all else exactly.

    Example:
        >>> close(0.1 + 0.2, 0.3), close(None, 0.0), close([1, 2.0], [1, 2.0])
        (True, False, True)
    """
    if isinstance(first, list | tuple) and isinstance(second, list | tuple):
        return len(first) == len(second) and all(
            close(a, b, relative) for a, b in zip(first, second, strict=True)
        )
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second
    if isinstance(first, int | float) and isinstance(second, int | float):
        return math.isclose(first, second, rel_tol=relative, abs_tol=1e-12)
    return bool(first == second)
