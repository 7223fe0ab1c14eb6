"""The objective: how well the score in force tells defects from normals that were held out of training."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Area:
    """AUROC and its standard error; None where there is one image of a kind, or the area is 0 or 1."""

    value: float
    standard_error: float | None


def area_with_error(normals: ArrayLike, defects: ArrayLike, *, paired: bool = False) -> Area:
    """AUROC, a tie counting half, and its standard error from the structural components of DeLong et al.

    AUROC = mean of V over the defects; V(i) is the share of normals below defect i, W(j) the share of defects above
    normal j. Variance: var(V)/m + var(W)/n; where defect i lies in a copy of normal i, both move together and it is
    var(V + W)/n.

    References: DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988) 837-845; Obuchowski, Biometrics 53 (1997)
    567-578, for scores that come in clusters.

    Args:
        normals: (n,) scores, higher = more anomalous.
        defects: (m,) scores; m = n and the same order where `paired`.
        paired: each defect lies in a copy of the normal at its place.

    Raises:
        ValueError: no score of a kind, a score that is not finite, or pairs of unequal length.

    Example:
        >>> found = area_with_error([1.0, 2.0, 4.0], [3.0, 5.0, 6.0])
        >>> round(found.value, 4), round(found.standard_error, 4)
        (0.8889, 0.1571)
    """
    good, bad = np.asarray(normals, dtype=np.float64), np.asarray(defects, dtype=np.float64)
    if not good.size or not bad.size or (paired and good.shape != bad.shape):
        raise ValueError(f"{good.size} normals and {bad.size} defects cannot be compared")
    if not (np.isfinite(good).all() and np.isfinite(bad).all()):
        raise ValueError("a score is not finite")
    ranks = stats.rankdata(np.concatenate([bad, good]))
    above = (ranks[: bad.size] - stats.rankdata(bad)) / good.size
    below = 1 - (ranks[bad.size :] - stats.rankdata(good)) / bad.size
    value = float(above.mean())
    if min(good.size, bad.size) < 2 or not 0 < value < 1:
        return Area(value, None)
    if paired:
        return Area(value, math.sqrt((above + below).var(ddof=1) / good.size))
    return Area(value, math.sqrt(above.var(ddof=1) / bad.size + below.var(ddof=1) / good.size))


def table_area(table: pd.DataFrame, score: str, *, paired: bool) -> Area:
    """The objective of one detector.

    Args:
        table: image_id, split and the score, an image a row; defects are split `tuning`, held-out normals
            `calibration`. Pairs are in the same order by image_id.
        score: name of its column.
        paired: as in `area_with_error`.

    Raises:
        ValueError: as `area_with_error`.
    """
    ordered = table.sort_values("image_id")
    normals, defects = (
        ordered.loc[ordered["split"] == split, score].to_numpy(dtype=np.float64)
        for split in ("calibration", "tuning")
    )
    return area_with_error(normals, defects, paired=paired)


def mean_area(areas: list[Area]) -> Area:
    """Mean over training seeds; its error is the mean of the errors, because all seeds are judged on the same images.

    Example:
        >>> mean_area([Area(0.8, 0.04), Area(0.9, 0.02)])
        Area(value=0.85, standard_error=0.03)
    """
    errors = [area.standard_error for area in areas if area.standard_error is not None]
    value = math.fsum(area.value for area in areas) / len(areas)
    return Area(
        round(value, 12), round(math.fsum(errors) / len(errors), 12) if len(errors) == len(areas) else None
    )


def trials_that_go_on(values: list[float], factor: int) -> int:
    """How many of the trials that came to a rung go on: one in `factor`, one at least.

    Example:
        >>> trials_that_go_on([0.5], 3), trials_that_go_on([0.5] * 7, 3)
        (1, 2)
    """
    return max(1, len(values) // factor)


def goes_on(value: float, others: list[float], factor: int) -> bool:
    """Whether a trial is among the best that came to its rung so far; an equal value counts as among them.

    Asynchronous successive halving: Li et al., A System for Massively Parallel Hyperparameter Tuning, MLSys 2020,
    algorithm 2; Jamieson and Talwalkar, AISTATS 2016.

    Args:
        value: of this trial at the rung.
        others: of the finished trials that came to it.
        factor: one in so many goes on.

    Example:
        >>> goes_on(0.7, [], 3), goes_on(0.7, [0.8, 0.6], 3), goes_on(0.7, [0.8, 0.6, 0.5, 0.4, 0.3], 3)
        (True, False, True)
    """
    reached = [*others, value]
    return sum(other > value for other in others) < trials_that_go_on(reached, factor)
