"""Tests of what threshold methods assume, shown beside each threshold."""

from __future__ import annotations

import numpy as np
from scipy import stats

from sealproof.thresholds.resampling import BLOCK, generator
from sealproof.thresholds.result import Assumption, Basis, Floats

#: Level of the tests that judge an assumption.
LEVEL = 0.05
#: Level of the normality test, on which the eligibility of methods for normal scores depends; a higher one is
#: stricter.
NORMALITY_LEVEL = 0.05
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
    holds = bool(found.pvalue >= NORMALITY_LEVEL)
    meaning = (
        f"no evidence against normal scores at level {NORMALITY_LEVEL:g}"
        if holds
        else f"the scores are not normal at level {NORMALITY_LEVEL:g}: a promise derived from normality does not follow"
    )
    return Assumption(name, float(found.statistic), float(found.pvalue), holds, meaning)


def held_out(basis: Basis) -> Assumption:
    """Whether the detector was fitted to other images than those whose scores calibrate the threshold.

    Example:
        >>> held_out(Basis("training")).holds
        False
    """
    meaning = {
        "held-out": "the scores come from normals that the detector was not fitted to",
        "cross-fit": "each score comes from a detector that was not fitted to that image",
        "training": "the detector was fitted to these very images: new parts may be rejected more often",
    }[basis.calibration]
    name = "calibration normals held out of training"
    return Assumption(name, None, None, basis.calibration != "training", meaning)


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


def exchangeability(scores: Floats, captured: Floats | None, basis: Basis) -> Assumption:
    """Spearman's rank correlation of score against time of capture, with a seeded permutation p-value.

    Parts whose scores drift with time are not exchangeable with those made later. The p-value is
    (1 + permutations at least as far from 0) / (1 + permutations), two-sided: exact in the sense of Phipson
    and Smyth, Statist. Appl. Genet. Mol. Biol. 9 (2010) 39.

    Args:
        scores: (n,) scores of the calibration normals.
        captured: (n,) their times of capture in any unit, NaN where unknown; None when none is known.
        basis: seed and number of permutations (`resamples`).

    Raises:
        ValueError: the two are not equally long.

    Example:
        >>> exchangeability(np.arange(30.0), np.arange(30.0), Basis(resamples=99)).p_value
        0.01
    """
    name = "exchangeability in time order (Spearman)"
    if captured is None:
        captured = np.full(scores.size, np.nan)
    if scores.shape != captured.shape:
        raise ValueError(f"{scores.size} scores, but {captured.size} times of capture")
    known = np.isfinite(captured)
    scores, captured = scores[known], captured[known]
    if not known.any():
        return Assumption(name, None, None, None, "no times of capture are known: a drift cannot be tested")
    if scores.size < 3 or np.ptp(scores) == 0 or np.ptp(captured) == 0:
        text = "fewer than three normals with a time of capture, or all scores or times equal: not tested"
        return Assumption(name, None, None, None, text)
    ranks, places = _standard_ranks(scores), _standard_ranks(captured)
    found = float(ranks @ places)
    p_value = _permutation_p_value(ranks, places, abs(found), basis)
    holds = p_value >= LEVEL
    unknown = "" if known.all() else f" ({int((~known).sum())} normals without a time left out)"
    meaning = (
        f"no evidence of a drift with time at level {LEVEL:g}{unknown}"
        if holds
        else f"scores drift with time: parts made later may be rejected more or less often than promised{unknown}"
    )
    return Assumption(name, found, p_value, holds, meaning)


def _standard_ranks(values: Floats) -> Floats:
    """Ranks of mean 0 and length 1, so that their product is the correlation."""
    ranks = stats.rankdata(values) - (values.size + 1) / 2
    scaled: Floats = ranks / np.sqrt((ranks**2).sum())
    return scaled


def _permutation_p_value(ranks: Floats, places: Floats, found: float, basis: Basis) -> float:
    random = generator(basis.seed, "exchangeability", basis.calibration)
    size = max(1, BLOCK // ranks.size)
    # A permutation as far as the data themselves counts, whatever the last bit of its sum.
    limit = found - 1e-12
    further = 0
    for start in range(0, basis.resamples, size):
        rows = min(size, basis.resamples - start)
        drawn = random.permuted(np.broadcast_to(ranks, (rows, ranks.size)), axis=1)
        further += int((np.abs(drawn @ places) >= limit).sum())
    return (1 + further) / (1 + basis.resamples)


def same_detector(own: Floats, cross_fit: Floats) -> Assumption:
    """Wilcoxon's signed-rank test on pairs: do the folds' detectors score like the detector in force?

    Args:
        own: (n,) scores of held-out normals by the detector in force.
        cross_fit: (n,) scores of the same normals by the folds' detectors.

    Example:
        >>> same_detector(np.arange(30.0), np.arange(30.0) + 1).holds
        False
    """
    name = "the folds' detectors score like the detector in force (Wilcoxon signed-rank)"
    difference = cross_fit - own
    if not difference.size:
        return Assumption(name, None, None, None, "no held-out normal has both scores: it cannot be tested")
    if not difference.any():
        text = "both score the held-out normals exactly alike"
        return Assumption(name, 0.0, 1.0, holds=True, meaning=text)
    found = stats.wilcoxon(difference, zero_method="pratt", method="approx")
    holds = bool(found.pvalue >= LEVEL)
    meaning = (
        f"no difference on {difference.size} held-out normals at level {LEVEL:g}"
        if holds
        else "they differ: what is promised for the folds' detectors does not carry over to the one in force"
    )
    return Assumption(name, float(found.statistic), float(found.pvalue), holds, meaning)
