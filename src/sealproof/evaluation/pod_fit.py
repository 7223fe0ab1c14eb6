"""Whether a curve of probability of detection fits, and what can be said without one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.special import xlogy

from sealproof.evaluation.pod import PodCurve
from sealproof.thresholds.bounds import clopper_pearson

#: Sizes are gathered in at most so many groups of about equal numbers, where they recur less often than this.
GROUPS, RECURRENCES = 6, 5
#: A fit with a smaller p-value is called poor.
POOR_FIT = 0.05


@dataclass(frozen=True)
class SizeGroup:
    """Inspections of one size, or of neighbouring sizes.

    Args:
        smallest, largest: sizes in the group.
        n, hits: inspections, and how many were detected.
        low, high: exact bounds of the detection rate, two-sided.
    """

    smallest: float
    largest: float
    n: int
    hits: int
    low: float
    high: float

    @property
    def middle(self) -> float:
        """Geometric mean of smallest and largest size."""
        return float(np.sqrt(self.smallest * self.largest))

    def as_json(self) -> dict[str, Any]:
        """The fields and the rate, as JSON types."""
        return {**asdict(self), "rate": self.hits / self.n}


def group_by_size(sizes: ArrayLike, hits: ArrayLike, confidence: float = 0.95) -> list[SizeGroup]:
    """Detection rate by size: a group a size, or a few groups where sizes hardly recur.

    Example:
        >>> [(group.smallest, group.n, group.hits) for group in group_by_size([1, 2] * 5, [0, 1, 1, 1] * 2 + [0, 1])]
        [(1.0, 5, 2), (2.0, 5, 5)]
    """
    a, y = np.asarray(sizes, dtype=np.float64), np.asarray(hits, dtype=bool)
    return [_group(a[rows], y[rows], confidence) for rows in _rows(a)]


def _rows(sizes: NDArray[np.float64]) -> list[NDArray[np.intp]]:
    order = np.argsort(sizes, kind="stable")
    distinct = np.unique(sizes)
    if sizes.size >= RECURRENCES * distinct.size:
        return [order[sizes[order] == size] for size in distinct]
    return np.array_split(order, max(1, min(GROUPS, sizes.size // RECURRENCES)))


def _group(sizes: NDArray[np.float64], hits: NDArray[np.bool_], confidence: float) -> SizeGroup:
    low, high = clopper_pearson(int(hits.sum()), hits.size, confidence)
    return SizeGroup(float(sizes.min()), float(sizes.max()), int(hits.size), int(hits.sum()), low, high)


@dataclass(frozen=True)
class Fit:
    """Deviance of a curve from the rates by size; `p_value` is None where there are no degrees of freedom."""

    deviance: float
    degrees_of_freedom: int
    p_value: float | None

    @property
    def adequate(self) -> bool | None:
        """Whether the p-value is not below `POOR_FIT`; None when there is none."""
        return None if self.p_value is None else self.p_value >= POOR_FIT


def goodness_of_fit(curve: PodCurve, sizes: ArrayLike, hits: ArrayLike) -> Fit:
    """Deviance against the saturated model of the groups of `group_by_size`, with two degrees fewer than groups.

    2 sum(h ln(h / e) + m ln(m / (n - e))) over groups with h hits, m misses and e expected hits: the deviance
    of grouped logistic regression (McCullagh and Nelder, Generalized Linear Models, section 4.4.3); for
    gathered sizes it follows Hosmer and Lemeshow, Commun. Statist. A 9 (1980) 1043-1069. The p-value is
    approximate, the more so where groups expect few hits or misses or images recur at several sizes.

    Example:
        >>> import math
        >>> curve = PodCurve(0.0, 1.0, ((np.eye(2), math.inf),), 1, 4, 0.0)
        >>> sizes = [1] * 6 + [2] * 6 + [4] * 10
        >>> fit = goodness_of_fit(curve, sizes, [0, 1] * 3 + [0, 1, 1] * 2 + [1, 1, 1, 1, 0] * 2)
        >>> round(fit.deviance, 6), fit.degrees_of_freedom, fit.adequate
        (0.0, 1, True)
    """
    a, y = np.asarray(sizes, dtype=np.float64), np.asarray(hits, dtype=bool)
    chance, deviance, groups = curve.hit_rate(a), 0.0, 0
    for rows in _rows(a):
        n, hit, expected = rows.size, float(y[rows].sum()), float(chance[rows].sum())
        expected = float(np.clip(expected, 1e-12, n - 1e-12))
        deviance += float(2 * (xlogy(hit, hit / expected) + xlogy(n - hit, (n - hit) / (n - expected))))
        groups += 1
    freedom = groups - 2
    deviance = max(deviance, 0.0)
    return Fit(deviance, freedom, float(stats.chi2.sf(deviance, freedom)) if freedom > 0 else None)


def proven_size(groups: list[SizeGroup], probability: float = 0.9, confidence: float = 0.95) -> float | None:
    """Smallest size tested from which on every size tested is detected with `probability`, without a curve.

    Sizes are judged from the largest down by the exact one-sided lower bound of their detection rate, and the
    first that fails ends it: a fixed sequence of tests, so the confidence holds for all sizes named. None
    where the largest size fails already, or a group gathers several sizes.

    Example:
        >>> proven_size(group_by_size([1.0] * 40 + [2.0] * 40, [0] * 10 + [1] * 70))
        2.0
    """
    found = None
    for group in sorted(groups, key=lambda group: group.largest, reverse=True):
        low = clopper_pearson(group.hits, group.n, 2 * confidence - 1)[0]
        if group.smallest != group.largest or low < probability:
            break
        found = group.smallest
    return found
