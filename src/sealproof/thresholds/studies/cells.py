"""A cell of the table of guarantees: one method on one distribution with one number of normals, many times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import stats

from sealproof.thresholds.resampling import generator
from sealproof.thresholds.result import Basis, ThresholdResult
from sealproof.thresholds.settings import ThresholdSettings
from sealproof.thresholds.studies.distributions import Distribution
from sealproof.thresholds.studies.simulated import CALLS

Verdict = Literal["kept", "refused", "broken"]
#: Eligible in a smaller share of the data sets than this: the method counts as refused on this distribution.
REFUSED_BELOW = 0.1
#: A promise counts as broken when what was observed is this improbable if it were kept.
LEVEL = 0.001
#: Bootstrap resamples of a method while it is simulated. Thresholds of ranks and moments do not depend on them; of
#: evt_pot they decide the fit and the promise.
RESAMPLES = {"evt_pot": 99}
_FEW = 20


@dataclass(frozen=True)
class Outcome:
    """What one data set gave.

    Attributes:
        eligible: whether the method may be used.
        promised: rate that it promises, or would.
        rate: probability that a new normal part is rejected, by the known distribution; NaN without a threshold.
        result: all the rest.
    """

    eligible: bool
    promised: float
    rate: float
    result: ThresholdResult


def outcomes(
    method: str, distribution: Distribution, n: int, sets: int, settings: ThresholdSettings, seed: int
) -> list[Outcome]:
    """Apply the method to `sets` data sets of n normals. Every method sees the same data sets.

    Args:
        method: one that promises a false-reject rate.
        distribution: of the scores.
        n: normals in a data set.
        sets: data sets.
        settings: of the methods.
        seed: of the data sets.
    """
    random = generator(seed, "guarantees", distribution.name, str(n))
    resamples = RESAMPLES.get(method, _FEW)
    found = []
    for index in range(sets):
        basis = Basis("held-out", settings.confidence, resamples, seed + index, settings.minimum_normals)
        result = CALLS[method](distribution.draw(random, n), basis, settings)
        found.append(_outcome(result, distribution))
    return found


def _outcome(result: ThresholdResult, distribution: Distribution) -> Outcome:
    threshold = result.threshold if result.eligible else result.details.get("estimate")
    rate = math.nan if threshold is None else distribution.rejected(threshold)
    promised = result.promised_false_reject_rate
    return Outcome(result.eligible, math.nan if promised is None else promised, rate, result)


def cell(
    method: str, distribution: Distribution, n: int, found: Sequence[Outcome], confidence: float | None
) -> dict[str, Any]:
    """A row of the table.

    Keys: method, distribution, n, datasets, eligible (number), share_eligible, confidence (of the promise; null: it
    holds on average); promised and observed (means over eligible data sets), standard_error (of their difference),
    exceeding (number of eligible data sets whose true rate is above the promise), share_exceeding, verdict; and under
    `without_rule` promised, observed, standard_error, share_exceeding and verdict over all data sets with an estimate.
    """
    eligible = [outcome for outcome in found if outcome.eligible]
    computed = [outcome for outcome in found if not math.isnan(outcome.rate + outcome.promised)]
    share = len(eligible) / len(found)
    kept = _compared(eligible, confidence)
    verdict: Verdict = "refused" if share < REFUSED_BELOW else kept.pop("verdict")
    kept.pop("verdict", None)
    return {
        "method": method,
        "distribution": distribution.name,
        "n": n,
        "datasets": len(found),
        "eligible": len(eligible),
        "share_eligible": share,
        "confidence": confidence,
        **kept,
        "verdict": verdict,
        "without_rule": _compared(computed, confidence),
    }


def _compared(found: Sequence[Outcome], confidence: float | None) -> dict[str, Any]:
    """Promise against truth over data sets; all None where there is none."""
    names = ("promised", "observed", "standard_error", "exceeding", "share_exceeding", "verdict")
    if not found:
        return dict.fromkeys(names)
    promised = np.array([outcome.promised for outcome in found])
    rates = np.array([outcome.rate for outcome in found])
    difference = rates - promised
    error = float(difference.std(ddof=1) / math.sqrt(len(found))) if len(found) > 1 else None
    exceeding = int((difference > 1e-12).sum())
    values = (
        float(promised.mean()),
        float(rates.mean()),
        error,
        exceeding,
        exceeding / len(found),
        judged(float(difference.mean()), error, exceeding, len(found), confidence),
    )
    return dict(zip(names, values, strict=True))


def judged(
    excess: float, error: float | None, exceeding: int, sets: int, confidence: float | None
) -> Literal["kept", "broken"]:
    """Whether a promise is broken beyond simulation error, one-sided at `LEVEL`.

    Args:
        excess: mean of true rate less promised rate.
        error: its standard error; None with one data set.
        exceeding: data sets whose true rate is above the promise.
        sets: data sets.
        confidence: of the promise; None when it holds on average.

    Example:
        >>> judged(0.001, 0.0002, 60, 100, None), judged(0.0, 0.1, 9, 100, 0.95), judged(0.0, 0.1, 20, 100, 0.95)
        ('broken', 'kept', 'broken')
    """
    if confidence is not None:
        broken = stats.binom.sf(exceeding - 1, sets, 1 - confidence) < LEVEL
    elif error is None:
        broken = excess > 0
    else:
        broken = excess > stats.norm.isf(LEVEL) * error + 1e-12
    return "broken" if broken else "kept"
