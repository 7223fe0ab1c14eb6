"""Extreme value theory: peaks over threshold with a generalised Pareto tail."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sealproof.thresholds.assumptions import held_out, ties
from sealproof.thresholds.bounds import false_rejects
from sealproof.thresholds.generalised_pareto import (
    FitTest,
    Tail,
    bootstrap_fit,
    excess_quantile,
    fit,
    log_survival,
)
from sealproof.thresholds.judgement import Estimate, Promise, threshold_result
from sealproof.thresholds.promises import on_average
from sealproof.thresholds.resampling import generator
from sealproof.thresholds.result import (
    Assumption,
    Basis,
    Fault,
    Floats,
    ThresholdResult,
    common_faults,
    sorted_scores,
)
from sealproof.thresholds.settings import EvtSettings
from sealproof.thresholds.tail_interval import TailSample, quantile_excess_interval
from sealproof.thresholds.tail_level import FITTABLE, LevelChoice, choose_level, split_tail

__all__ = ["METHOD", "TailFit", "evt_pot", "expected_rate", "fit_tail", "split_tail", "tail_quantile"]
METHOD = "evt_pot"
#: Below this shape the usual error theory of maximum likelihood fails (Smith, Biometrika 72 (1985) 67-90).
_REGULAR_SHAPE = -0.5


@dataclass(frozen=True)
class TailFit:
    """A tail fitted to the scores above a level, with its diagnostics.

    `expected_rate` is the share of new normals that a threshold made this way rejects on average;
    `relative_width` the interval's width in units of the estimate's distance from the median score.
    """

    level: float
    excesses: Floats
    tail: Tail
    estimate: float
    low: float | None
    high: float | None
    statistic: float
    p_value: float
    expected_rate: float
    relative_width: float | None


def evt_pot(
    normals: ArrayLike, *, settings: EvtSettings | None = None, basis: Basis | None = None
) -> ThresholdResult:
    """T = u + scale/shape ((q n / k)^(-shape) - 1): the score exceeded with probability q, from the k scores
    above u.

    u is chosen by sequential tests of fit (`tail_level.choose_level`) or leaves a fixed share above it; scale
    and shape are the maximum-likelihood estimates of the generalised Pareto distribution of the excesses; the
    interval is by profile likelihood. A threshold from estimated parameters rejects more than q on average:
    what is promised is the expected rate (`expected_rate`), and q is stated as `nominal_false_reject_rate`. The
    method is eligible with enough exceedances, a fit that an Anderson-Darling test (parametric bootstrap) does not
    reject, and an interval that is finite and not too wide. Reference: Coles (2001), chapter 4.

    Args:
        normals: (n,) finite scores of normal images.
        settings: how the level is chosen, wanted false-reject rate q and the rules of eligibility.
        basis: calibration, confidence and resamples.

    Raises:
        ValueError: scores that are not finite or not one-dimensional.

    Example:
        >>> result = evt_pot(np.arange(60.0))
        >>> result.reason_code, result.threshold is None, result.details["exceedances"]
        ('too-few-exceedances', True, 18)
    """
    basis, settings = basis or Basis(), settings or EvtSettings()
    scores = sorted_scores(normals)
    choice = choose_level(scores, settings) if scores.size else LevelChoice(settings.tail_fraction)
    found = fit_tail(scores, choice.share, settings, basis)
    faults = common_faults(scores, basis) + _faults(scores, choice, found, settings)
    return threshold_result(
        METHOD,
        scores.size,
        basis,
        estimate=None if found is None else Estimate(found.estimate, found.low, found.high),
        faults=faults,
        promise=_promise(found, settings, basis),
        reason="" if found is None else _reason(found),
        assumptions=(held_out(basis), ties(scores), *_assumptions(choice, found, settings)),
        details=_details(scores, choice, found, settings, basis),
    )


def fit_tail(scores: Floats, share: float, settings: EvtSettings, basis: Basis) -> TailFit | None:
    """Fit and diagnose the upper `share` of sorted scores; None when there are too few excesses to fit."""
    if scores.size == 0:
        return None
    level, excesses = split_tail(scores, share)
    sample = TailSample(excesses, scores.size, settings.false_reject_rate)
    if np.unique(excesses).size < FITTABLE or sample.share <= sample.probability:
        return None
    tail = fit(excesses)
    test = bootstrap_fit(excesses, tail, generator(basis.seed, METHOD, basis.calibration), basis.resamples)
    low, high = (
        None if end is None else level + end for end in quantile_excess_interval(sample, basis.confidence)
    )
    estimate = level + tail_quantile(sample, tail)
    distance = estimate - float(np.median(scores))
    return TailFit(
        level=level,
        excesses=excesses,
        tail=tail,
        estimate=estimate,
        low=low,
        high=high,
        statistic=test.statistic,
        p_value=test.p_value,
        expected_rate=expected_rate(sample, tail, test),
        relative_width=None if low is None or high is None else (high - low) / distance,
    )


def tail_quantile(sample: TailSample, tail: Tail) -> float:
    """Excess over the level that is exceeded with the sample's probability."""
    return float(excess_quantile(tail, sample.probability / sample.share))


def expected_rate(sample: TailSample, tail: Tail, test: FitTest) -> float:
    """Share of new normals that the estimated quantile rejects on average, if the fitted tail is the true one.

    Each refitted tail of the bootstrap gives a threshold; the fitted tail gives the share of excesses beyond it.
    The level is the (n - k)-th smallest score, which new ones exceed with probability (k + 1)/(n + 1) on average,
    whatever the distribution.
    """
    excesses = excess_quantile(test.refitted, sample.probability / sample.share)
    beyond = float(np.exp(log_survival(excesses, tail)).mean())
    return (sample.excesses.size + 1) / (sample.n + 1) * beyond


def _promise(found: TailFit | None, settings: EvtSettings, basis: Basis) -> Promise:
    rate = settings.false_reject_rate if found is None else found.expected_rate
    return on_average(rate, basis, "if the scores above the level follow a generalised Pareto distribution")


def _reason(found: TailFit) -> str:
    width = "none" if found.relative_width is None else f"{found.relative_width:.2g}"
    return (
        f"{found.excesses.size} exceedances, fit not rejected (p = {found.p_value:.2g}), "
        f"relative width of the interval {width}"
    )


def _faults(scores: Floats, choice: LevelChoice, found: TailFit | None, settings: EvtSettings) -> list[Fault]:
    count = _exceedances(scores, choice)
    faults = []
    if count < settings.minimum_exceedances or found is None:
        needed = math.ceil(settings.minimum_exceedances / choice.share)
        faults.append(
            Fault(
                "too-few-exceedances",
                f"{count} of {scores.size} normals exceed the level (tail share {choice.share:g}), "
                f"{settings.minimum_exceedances} are needed, which takes about {needed} normals",
            )
        )
    if found is None:
        return faults
    return faults + _fit_faults(choice, found, settings) + _width_faults(found, settings)


def _fit_faults(choice: LevelChoice, found: TailFit, settings: EvtSettings) -> list[Fault]:
    faults = []
    if choice.none_fits:
        text = (
            f"all {len(choice.candidates)} candidate levels are rejected: no generalised Pareto tail is found"
        )
        faults.append(Fault("poor-tail-fit", text))
    if found.p_value < settings.minimum_fit_p_value:
        limit = settings.minimum_fit_p_value
        text = f"the generalised Pareto fit is rejected (p = {found.p_value:.3g} < {limit:g})"
        faults.append(Fault("poor-tail-fit", text))
    return faults


def _width_faults(found: TailFit, settings: EvtSettings) -> list[Fault]:
    width, limit = found.relative_width, settings.maximum_relative_width
    if width is None:
        text = "the profile likelihood bounds the threshold on one side only"
        return [Fault("interval-not-finite", text)]
    if width > limit:
        text = f"the interval is {width:.2g} times as wide as the threshold lies above the median, {limit:g} is allowed"
        return [Fault("interval-too-wide", text)]
    return []


def _exceedances(scores: Floats, choice: LevelChoice) -> int:
    return int(split_tail(scores, choice.share)[1].size) if scores.size else 0


def _assumptions(choice: LevelChoice, found: TailFit | None, settings: EvtSettings) -> tuple[Assumption, ...]:
    name, regular = "generalised Pareto tail (Anderson-Darling)", "regular likelihood (shape above -0.5)"
    if found is None:
        text = "too few exceedances to fit a tail"
        return Assumption(name, None, None, None, text), Assumption(regular, None, None, None, text)
    fits = found.p_value >= settings.minimum_fit_p_value and not choice.none_fits
    shape = float(found.tail.shape)
    at_level = f"at level {settings.minimum_fit_p_value:g}"
    meaning = f"the tail is {'not rejected' if fits else 'rejected'} {at_level}"
    holds = shape > _REGULAR_SHAPE
    theory = "the interval's error theory applies" if holds else "the interval is not reliable"
    return (
        Assumption(name, found.statistic, found.p_value, fits, meaning),
        Assumption(regular, shape, None, holds, theory),
    )


def _details(
    scores: Floats, choice: LevelChoice, found: TailFit | None, settings: EvtSettings, basis: Basis
) -> dict[str, Any]:
    details: dict[str, Any] = {
        "exceedances": _exceedances(scores, choice),
        "minimum_exceedances": settings.minimum_exceedances,
        "level_rule": settings.level,
        "tail_fraction": choice.share,
        "candidates": [candidate.as_json() for candidate in choice.candidates],
        "candidates_rejected": choice.rejected,
        "false_discovery_rate": settings.false_discovery_rate,
        "false_reject_rate": settings.false_reject_rate,
        "nominal_false_reject_rate": settings.false_reject_rate,
        "maximum_relative_width": settings.maximum_relative_width,
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
        "expected_false_reject_rate": found.expected_rate,
        "relative_width": found.relative_width,
        "estimate": found.estimate,
        "estimate_low": found.low,
        "estimate_high": found.high,
        "calibration_false_rejects": false_rejects(scores, found.estimate, basis.confidence),
    }
