"""What thresholds for normally distributed scores have in common: mean plus a number of standard deviations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from sealproof.thresholds.assumptions import held_out, normality, ties
from sealproof.thresholds.bounds import false_rejects
from sealproof.thresholds.judgement import Estimate, Promise, threshold_result
from sealproof.thresholds.resampling import bca_interval, generator, resampled_rows
from sealproof.thresholds.result import Assumption, Basis, Fault, Floats, ThresholdResult, common_faults

CONDITION = "if their scores are normally distributed"
#: Fewer scores than this have no standard deviation worth an interval.
_COMPUTABLE = 3


@dataclass(frozen=True)
class NormalityRule:
    """When a threshold for normal scores may be used.

    Args:
        required: a failed normality test makes it ineligible; otherwise the failure is reported.
        minimum: fewer normals make it ineligible, because the test finds no departure on so few.
    """

    required: bool = True
    minimum: int = 200


def normal_threshold(
    method: str, scores: Floats, sigmas: float, promise: Promise, rule: NormalityRule, basis: Basis
) -> ThresholdResult:
    """mean + `sigmas` s of sorted scores, with its BCa bootstrap interval, judged by the normality rule.

    Args:
        method: name of the method.
        scores: (n,) sorted.
        sigmas: number of standard deviations above the mean.
        promise: what holds for normal scores.
        rule: when it may be used.
        basis: calibration, confidence and resamples.

    Example:
        >>> rule = NormalityRule(minimum=20)
        >>> round(normal_threshold("mean_sigma", np.arange(1.0, 22.0), 2.0, Promise(), rule, Basis()).threshold, 4)
        23.4097
    """
    normal = normality(scores)
    faults = common_faults(scores, basis) or _faults(normal, scores.size, rule)
    if scores.size < _COMPUTABLE or scores[0] == scores[-1]:
        estimate, details = None, {}
    else:
        estimate = Estimate(_threshold(scores, sigmas), *_bootstrap(method, scores, sigmas, basis))
        details = _details(scores, estimate.threshold, sigmas, basis)
    if normal.holds:
        return threshold_result(
            method,
            scores.size,
            basis,
            estimate=estimate,
            faults=faults,
            promise=promise,
            reason="enough normals, and no evidence against normal scores",
            assumptions=(normal, held_out(basis), ties(scores)),
            details=details,
        )
    return threshold_result(
        method,
        scores.size,
        basis,
        estimate=estimate,
        faults=faults,
        promise=Promise(promise.rate, _doubt(promise.text), promise.confidence),
        reason="scores are not normal: what is promised for normal scores does not follow",
        reason_code="assumption-not-met",
        assumptions=(normal, held_out(basis), ties(scores)),
        details=details,
    )


def _faults(normal: Assumption, n: int, rule: NormalityRule) -> list[Fault]:
    faults = []
    if rule.required and not normal.holds:
        faults.append(Fault("assumption-not-met", f"normality is required, but {normal.meaning}"))
    if n < rule.minimum:
        text = f"a normality test on {n} normals finds too few departures, {rule.minimum} normals are needed"
        faults.append(Fault("too-few-normals", text))
    return faults


def _doubt(text: str) -> str:
    return f"{text} The test says that they are not." if text else ""


def _threshold(scores: Floats, sigmas: float) -> float:
    return float(scores.mean() + sigmas * scores.std(ddof=1))


def _bootstrap(method: str, scores: Floats, sigmas: float, basis: Basis) -> tuple[float, float]:
    """BCa interval; standardised first, so that scaling the scores scales the interval."""
    mean, deviation = scores.mean(), scores.std(ddof=1)
    standard = (scores - mean) / deviation
    rows = resampled_rows(generator(basis.seed, method, basis.calibration), scores.size, basis.resamples)
    parts = [
        draw.mean(axis=1) + sigmas * draw.std(axis=1, ddof=1) for draw in (standard[row] for row in rows)
    ]
    low, high = bca_interval(sigmas, np.concatenate(parts), jackknife(standard, sigmas), basis.confidence)
    return float(mean + deviation * low), float(mean + deviation * high)


def jackknife(scores: Floats, sigmas: float) -> Floats:
    """Threshold with each score left out, in closed form.

    Example:
        >>> jackknife(np.array([0.0, 1.0, 2.0]), 0.0).tolist()
        [1.5, 1.0, 0.5]
    """
    n = scores.size
    mean = (scores.sum() - scores) / (n - 1)
    squares = (scores**2).sum() - scores**2
    variance = np.maximum(squares - (n - 1) * mean**2, 0) / (n - 2)
    left_out: Floats = mean + sigmas * np.sqrt(variance)
    return left_out


def _details(scores: Floats, threshold: float, sigmas: float, basis: Basis) -> dict[str, Any]:
    n, mean, deviation = scores.size, float(scores.mean()), float(scores.std(ddof=1))
    low, high = normal_theory_interval(mean, deviation, n, sigmas, basis.confidence)
    return {
        "mean": mean,
        "standard_deviation": deviation,
        "sigmas": sigmas,
        "interval": "BCa bootstrap",
        "normal_theory_interval": [low, high],
        "normal_theory_expected_false_reject_rate": expected_false_reject_rate(n, sigmas),
        "calibration_false_rejects": false_rejects(scores, threshold, basis.confidence),
    }


def expected_false_reject_rate(n: int, sigmas: float) -> float:
    """Share of new normal scores at or above mean + k s on average, mean and s estimated from n normal
    scores.

    (x - mean)/(s sqrt(1 + 1/n)) has Student's t distribution with n - 1 degrees of freedom; reference: Hahn
    and Meeker, Statistical Intervals (1991), section 4.7.

    Raises:
        ValueError: fewer than 2 scores.

    Example:
        >>> round(expected_false_reject_rate(115, 2.0), 4), round(expected_false_reject_rate(10**6, 2.0), 4)
        (0.0244, 0.0228)
    """
    if n < 2:
        raise ValueError(f"a standard deviation needs 2 scores, not {n}")
    return float(stats.t.sf(sigmas / math.sqrt(1 + 1 / n), n - 1))


def normal_theory_interval(
    mean: float, deviation: float, n: int, sigmas: float, confidence: float = 0.95
) -> tuple[float, float]:
    """Exact interval of mu + k sigma when the scores are normal, from the noncentral t distribution.

    sqrt(n) (mu + k sigma - mean) / s has the noncentral t distribution with n - 1 degrees of freedom and
    noncentrality k sqrt(n). Reference: Owen, Technometrics 10 (1968) 445-478, section 4.

    Example:
        >>> low, high = normal_theory_interval(0.0, 1.0, 115, 2.0)
        >>> round(low, 3), round(high, 3)
        (1.714, 2.358)
    """
    tail = (1 - confidence) / 2
    root = math.sqrt(n)
    low, high = (float(stats.nct.ppf(q, n - 1, sigmas * root)) / root for q in (tail, 1 - tail))
    return mean + deviation * low, mean + deviation * high
