"""Tests of what threshold methods assume, shown beside each threshold."""

from __future__ import annotations

import numpy as np
from scipy import stats

from sealproof.thresholds.result import Assumption, Basis, Floats

#: Level of the tests that judge an assumption.
LEVEL = 0.05
#: Shapiro-Wilk p-values are not reliable above this number (Royston 1995); a quantile-spaced sample is tested
#: then.
_SHAPIRO_LIMIT = 5000


def normality(scores: Floats) -> Assumption:
    """Shapiro-Wilk test of sorted `scores` (Royston, Applied Statistics 44 (1995) 547-551).

    Example:
        >>> normality(np.exp(np.linspace(0, 5, 50))).holds
        False
    """
    name = "normality (Shapiro-Wilk)"
    if scores.size < 3 or scores[0] == scores[-1]:
        return Assumption(
            name, None, None, None, "fewer than three scores or all equal: normality cannot be tested"
        )
    if scores.size > _SHAPIRO_LIMIT:
        scores = scores[np.linspace(0, scores.size - 1, _SHAPIRO_LIMIT).round().astype(int)]
    found = stats.shapiro((scores - scores.mean()) / scores.std())
    holds = bool(found.pvalue >= LEVEL)
    meaning = (
        f"no evidence against normal scores at level {LEVEL:g}"
        if holds
        else f"the scores are not normal at level {LEVEL:g}: a promise derived from normality does not follow"
    )
    return Assumption(name, float(found.statistic), float(found.pvalue), holds, meaning)


def held_out(basis: Basis) -> Assumption:
    """Whether the detector was fitted to other images than those whose scores calibrate the threshold.

    Example:
        >>> held_out(Basis("training")).holds
        False
    """
    holds = basis.calibration == "held-out"
    meaning = (
        "the scores come from normals that the detector was not fitted to"
        if holds
        else "the detector was fitted to these very images: new parts may be rejected more often"
    )
    return Assumption("calibration normals held out of training", None, None, holds, meaning)


def ties(scores: Floats) -> Assumption:
    """Share of sorted `scores` that equal another one; continuous scores have none.

    Example:
        >>> ties(np.array([1.0, 2.0, 2.0, 3.0])).statistic
        0.5
    """
    _, counts = np.unique(scores, return_counts=True)
    share = float(counts[counts > 1].sum() / scores.size) if scores.size else 0.0
    meaning = (
        "all scores differ, as those of a continuous distribution do"
        if share == 0
        else f"{share:.1%} of the scores equal another one: ranks and quantiles are coarse there"
    )
    return Assumption("continuity (share of tied scores)", share, None, share == 0, meaning)


def same_distribution(training: Floats, held_out: Floats) -> Assumption:
    """Two-sample Kolmogorov-Smirnov test: do training normals score like normals that were held out of
    training?

    Example:
        >>> same_distribution(np.arange(50.0), np.arange(50.0) + 100).holds
        False
    """
    name = "training normals score like held-out normals (Kolmogorov-Smirnov)"
    if not training.size or not held_out.size:
        return Assumption(name, None, None, None, "one of the two groups is empty")
    found = stats.ks_2samp(training, held_out)
    holds = bool(found.pvalue >= LEVEL)
    meaning = (
        f"no difference at level {LEVEL:g}"
        if holds
        else "they differ: a threshold from training scores does not keep its promise on new parts"
    )
    return Assumption(name, float(found.statistic), float(found.pvalue), holds, meaning)
