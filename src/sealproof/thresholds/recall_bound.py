"""The highest threshold that holds a recall with confidence: a tolerance limit on training defects."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from sealproof.thresholds.assumptions import held_out, ties
from sealproof.thresholds.bounds import clopper_pearson, quantile_interval
from sealproof.thresholds.judgement import Estimate, Promise, threshold_result
from sealproof.thresholds.promises import percent
from sealproof.thresholds.result import (
    Assumption,
    Basis,
    Fault,
    Floats,
    ThresholdResult,
    common_faults,
    sorted_scores,
)
from sealproof.thresholds.supervised import no_defects, tuned_details
from sealproof.thresholds.tolerance_order import sample_size

METHOD = "recall_bound"


def recall_bound(
    normals: ArrayLike, defects: ArrayLike, *, recall: float = 0.9, basis: Basis | None = None
) -> ThresholdResult:
    """T = the r-th smallest score of the m training defects, r the largest rank with P(B >= r) >= confidence, B
    binomial (m, 1 - recall).

    With this confidence (one-sided, `basis.confidence`) at least the share `recall` of new defective parts
    scores at or above T, whatever their distribution, with ties as well, as long as they are like the training
    defects. The rank depends on m alone, not on the scores, so the bound is exact although T comes from the
    same defects: it is a one-sided tolerance limit (Wilks, Ann. Math. Statist. 12 (1941) 91-96; ISO 16269-6).
    It equals the highest T whose one-sided lower Clopper-Pearson bound, r - 1 of m defects missed, reaches
    `recall`. It promises no false-reject rate. The interval is the exact one of the quantile that T bounds.

    Args:
        normals: (n,) finite scores of normal images; they only show what T costs in false rejects.
        defects: (m,) finite scores of training defects.
        recall: share of new defective parts to be rejected, 0 to 1.
        basis: calibration and confidence.

    Raises:
        ValueError: scores that are not finite or not one-dimensional, or `recall` not between 0 and 1.

    Example:
        >>> recall_bound(range(20), np.arange(10.0, 39.0)).threshold
        10.0
        >>> recall_bound(range(20), np.arange(10.0, 38.0)).reason
        '28 training defects cannot hold a recall of 0.9 with confidence 0.95; 29 can, without a miss'
    """
    basis = basis or Basis()
    good, bad = sorted_scores(normals), sorted_scores(defects)
    rank = recall_rank(bad.size, recall, basis.confidence)
    faults = common_faults(good, basis) + no_defects(bad)
    estimate, details = None, {}
    if rank is None:
        needed = sample_size(recall, basis.confidence)
        text = (
            f"{bad.size} training defects cannot hold a recall of {recall:g} with confidence "
            f"{basis.confidence:g}; {needed} can, without a miss"
        )
        faults.append(Fault("promise-out-of-reach", text))
    else:
        threshold = float(bad[rank - 1])
        estimate = Estimate(threshold, *quantile_interval(bad, 1 - recall, basis.confidence))
        details = _details(good, bad, rank, threshold, basis) if good.size else {}
    return threshold_result(
        METHOD,
        bad.size,
        basis,
        estimate=estimate,
        faults=faults,
        promise=_promise(recall, basis),
        reason=f"{bad.size} training defects hold a recall of {recall:g} with confidence {basis.confidence:g}",
        assumptions=(held_out(basis), ties(bad), _representative()),
        details=details | {"promised_recall": recall},
    )


def recall_rank(m: int, recall: float, confidence: float) -> int | None:
    """Largest rank r (1 = smallest) with P(B >= r) >= confidence, B binomial (m, 1 - recall); None when there
    is none.

    Raises:
        ValueError: recall or confidence not between 0 and 1.

    Example:
        >>> recall_rank(29, 0.9, 0.95), recall_rank(46, 0.9, 0.95), recall_rank(28, 0.9, 0.95)
        (1, 2, None)
    """
    for name, value in (("recall", recall), ("confidence", confidence)):
        if not 0 < value < 1:
            raise ValueError(f"{name} must be above 0 and below 1, not {value}")
    ranks = np.arange(1, m + 1)
    enough = ranks[stats.binom.sf(ranks - 1, m, 1 - recall) >= confidence]
    return int(enough[-1]) if enough.size else None


def _details(normals: Floats, defects: Floats, rank: int, threshold: float, basis: Basis) -> dict[str, Any]:
    m = defects.size
    # One-sided at the confidence: the lower end of a two-sided interval with twice the rest.
    low, _ = clopper_pearson(m + 1 - rank, m, 2 * basis.confidence - 1)
    return tuned_details(normals, defects, threshold, basis) | {
        "interval": "exact, order statistics",
        "rank": rank,
        "recall_bound": low,
    }


def _promise(recall: float, basis: Basis) -> Promise:
    text = (
        f"With {percent(basis.confidence)} confidence at least {percent(recall)} of new defective parts are "
        "rejected, if they are like the training defects. No share of rejected normal parts is promised."
    )
    return Promise(None, text, basis.confidence)


def _representative() -> Assumption:
    meaning = (
        "training defects are taken to be like those of the field: their scores cannot show whether they are"
    )
    return Assumption("training defects are like new defects", None, None, None, meaning)
