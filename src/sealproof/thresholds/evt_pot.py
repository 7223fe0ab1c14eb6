"""Extreme value theory: peaks over threshold with a generalised Pareto tail."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sealproof.thresholds.assumptions import held_out, ties
from sealproof.thresholds.bounds import false_rejects
from sealproof.thresholds.generalised_pareto import Tail, excess_quantile, fit, fit_p_value
from sealproof.thresholds.resampling import generator
from sealproof.thresholds.result import (
    Assumption,
    Basis,
    Fault,
    Floats,
    ThresholdResult,
    common_faults,
    no_threshold,
    sorted_scores,
)
from sealproof.thresholds.settings import EvtSettings
from sealproof.thresholds.tail_interval import TailSample, quantile_excess_interval

METHOD = "evt_pot"
#: Fewer excesses than this are not fitted at all: two parameters cannot be told from so few.
_FITTABLE = 8
#: Below this shape the usual error theory of maximum likelihood fails (Smith, Biometrika 72 (1985) 67-90).
_REGULAR_SHAPE = -0.5


@dataclass(frozen=True)
class TailFit:
    """A tail fitted to the scores above a level, with its diagnostics."""

    level: float
    excesses: Floats
    tail: Tail
    estimate: float
    low: float | None
    high: float | None
    statistic: float
    p_value: float


def evt_pot(
    normals: ArrayLike, *, settings: EvtSettings | None = None, basis: Basis | None = None
) -> ThresholdResult:
    """T = u + scale/shape ((q n / k)^(-shape) - 1): the score exceeded with probability q, from the k scores
    above u.

    u is the order statistic that leaves the upper `tail_fraction`; scale and shape are the maximum-likelihood
    estimates of the generalised Pareto distribution of the excesses; the interval is by profile likelihood.
    The method is eligible with enough exceedances, a fit that an Anderson-Darling test (parametric bootstrap)
    does not reject, and a finite interval. Reference: Coles (2001), chapter 4.

    Args:
        normals: (n,) finite scores of normal images.
        settings: tail share, wanted false-reject rate q and the rules of eligibility.
        basis: calibration, confidence and resamples.

    Raises:
        ValueError: scores that are not finite or not one-dimensional.

    Example:
        >>> result = evt_pot(np.arange(100.0))
        >>> result.reason_code, result.threshold is None, result.details["exceedances"]
        ('too-few-exceedances', True, 15)
    """
    basis, settings = basis or Basis(), settings or EvtSettings()
    scores = sorted_scores(normals)
    faults = common_faults(scores, basis)
    found = fit_tail(scores, settings, basis)
    faults += _faults(scores, found, settings)
    details = _details(scores, found, settings, basis)
    assumptions = (held_out(basis), ties(scores), *_assumptions(found, settings))
    if faults or found is None:
        return no_threshold(
            METHOD,
            scores.size,
            basis,
            faults,
            promised_false_reject_rate=settings.false_reject_rate,
            assumptions=assumptions,
            details=details,
        )
    return ThresholdResult(
        method=METHOD,
        threshold=found.estimate,
        low=found.low,
        high=found.high,
        n=scores.size,
        calibration=basis.calibration,
        promised_false_reject_rate=settings.false_reject_rate,
        eligible=True,
        reason_code="valid",
        reason=f"{found.excesses.size} exceedances, fit not rejected (p = {found.p_value:.2g})",
        assumptions=assumptions,
        details=details,
    )


def split_tail(scores: Floats, tail_fraction: float) -> tuple[float, Floats]:
    """(level, excesses): the upper `tail_fraction` of sorted scores lies above the level, less where scores
    tie.

    Example:
        >>> split_tail(np.arange(10.0), 0.3)
        (6.0, array([1., 2., 3.]))
    """
    count = math.floor(round(scores.size * tail_fraction, 9))
    level = float(scores[max(0, scores.size - count - 1)])
    return level, scores[scores > level] - level


def fit_tail(scores: Floats, settings: EvtSettings, basis: Basis) -> TailFit | None:
    """Fit and diagnose the tail of sorted scores; None when there are too few excesses to fit anything."""
    if scores.size == 0:
        return None
    level, excesses = split_tail(scores, settings.tail_fraction)
    sample = TailSample(excesses, scores.size, settings.false_reject_rate)
    if np.unique(excesses).size < _FITTABLE or sample.share <= sample.probability:
        return None
    tail = fit(excesses)
    random = generator(basis.seed, METHOD, basis.calibration)
    statistic, p_value = fit_p_value(excesses, tail, random, basis.resamples)
    low, high = quantile_excess_interval(sample, basis.confidence)
    return TailFit(
        level=level,
        excesses=excesses,
        tail=tail,
        estimate=level + float(excess_quantile(tail, sample.probability / sample.share)),
        low=None if low is None else level + low,
        high=None if high is None else level + high,
        statistic=statistic,
        p_value=p_value,
    )


def _faults(scores: Floats, found: TailFit | None, settings: EvtSettings) -> list[Fault]:
    count = _exceedances(scores, settings)
    faults = []
    if count < settings.minimum_exceedances or found is None:
        needed = math.ceil(settings.minimum_exceedances / settings.tail_fraction)
        faults.append(
            Fault(
                "too-few-exceedances",
                f"{count} of {scores.size} normals exceed the level (tail share {settings.tail_fraction:g}), "
                f"{settings.minimum_exceedances} are needed, which takes about {needed} normals",
            )
        )
    if found is None:
        return faults
    if found.p_value < settings.minimum_fit_p_value:
        limit = settings.minimum_fit_p_value
        text = f"the generalised Pareto fit is rejected (p = {found.p_value:.3g} < {limit:g})"
        faults.append(Fault("poor-tail-fit", text))
    if found.low is None or found.high is None:
        faults.append(
            Fault("interval-not-finite", "the profile likelihood bounds the threshold on one side only")
        )
    return faults


def _exceedances(scores: Floats, settings: EvtSettings) -> int:
    return int(split_tail(scores, settings.tail_fraction)[1].size) if scores.size else 0


def _assumptions(found: TailFit | None, settings: EvtSettings) -> tuple[Assumption, ...]:
    name, regular = "generalised Pareto tail (Anderson-Darling)", "regular likelihood (shape above -0.5)"
    if found is None:
        text = "too few exceedances to fit a tail"
        return Assumption(name, None, None, None, text), Assumption(regular, None, None, None, text)
    fits = found.p_value >= settings.minimum_fit_p_value
    shape = float(found.tail.shape)
    return (
        Assumption(
            name,
            found.statistic,
            found.p_value,
            fits,
            f"the tail is {'not rejected' if fits else 'rejected'} at level {settings.minimum_fit_p_value:g}",
        ),
        Assumption(
            regular,
            shape,
            None,
            shape > _REGULAR_SHAPE,
            "the interval's error theory applies"
            if shape > _REGULAR_SHAPE
            else "the interval is not reliable",
        ),
    )


def _details(scores: Floats, found: TailFit | None, settings: EvtSettings, basis: Basis) -> dict[str, Any]:
    details: dict[str, Any] = {
        "exceedances": _exceedances(scores, settings),
        "minimum_exceedances": settings.minimum_exceedances,
        "tail_fraction": settings.tail_fraction,
        "false_reject_rate": settings.false_reject_rate,
        "interval": "profile likelihood",
    }
    if found is None:
        return details
    return details | {
        "level": found.level,
        "shape": float(found.tail.shape),
        "scale": float(found.tail.scale),
        "anderson_darling": found.statistic,
        "fit_p_value": found.p_value,
        "estimate": found.estimate,
        "estimate_low": found.low,
        "estimate_high": found.high,
        "calibration_false_rejects": false_rejects(scores, found.estimate, basis.confidence),
    }
