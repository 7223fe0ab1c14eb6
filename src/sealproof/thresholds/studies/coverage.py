"""How often the intervals and bounds that stand beside thresholds hold the truth."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import stats

from sealproof.thresholds.bounds import clopper_pearson
from sealproof.thresholds.resampling import generator
from sealproof.thresholds.result import Basis, ThresholdResult
from sealproof.thresholds.settings import ThresholdSettings
from sealproof.thresholds.studies.cells import LEVEL, Outcome
from sealproof.thresholds.studies.distributions import Distribution
from sealproof.thresholds.studies.simulated import CALLS

#: Whether the truth lies in the interval; None where the data set gave no such interval.
Covers = Callable[[Outcome], bool | None]
#: Clopper-Pearson: trials and true proportions whose coverage is summed over all outcomes.
_TRIALS, _PROPORTIONS = (20, 115, 382), (0.01, 0.05, 0.5)
_BCA_RESAMPLES = 400


def coverage_rows(
    method: str, distribution: Distribution, n: int, found: Sequence[Outcome], settings: ThresholdSettings
) -> list[dict[str, Any]]:
    """Coverage of every interval that a method's outcomes carry; keys as in `coverage_row`.

    Order statistics hold the quantile, and the bound of Wilks the rate, for every distribution; so does the bound of
    Dvoretzky, Kiefer and Wolfowitz for a threshold of any kind. The profile likelihood is asymptotic.
    """
    rows: list[tuple[str, bool, Covers]] = []
    nominal = settings.confidence
    if method == "percentile":
        truth = _quantile(distribution, 1 - settings.percentile / 100)
        rows.append(("order statistics", True, lambda x: _between(x.result, truth)))
    if method == "evt_pot":
        tail = _quantile(distribution, settings.evt.false_reject_rate)
        rows.append(("profile likelihood", False, lambda x: _between(x.result, tail)))
    if method == "conformal":
        rows.append(("bound of Wilks", True, lambda x: _below(x, "false_reject_rate_bound")))
    if method == "mean_sigma":
        bound = "calibration_false_rejects"
        rows.append(("bound of Dvoretzky, Kiefer and Wolfowitz", True, lambda x: _below(x, bound)))
    return [
        coverage_row(name, method, distribution.name, n, nominal, [covers(x) for x in found], exact=exact)
        for name, exact, covers in rows
    ]


def _quantile(distribution: Distribution, probability: float) -> float:
    value = float(distribution.upper_quantile(np.array(probability)))
    return round(value / distribution.step) * distribution.step if distribution.step else value


def _between(result: ThresholdResult, truth: float) -> bool | None:
    low = result.low if result.eligible else result.details.get("estimate_low")
    high = result.high if result.eligible else result.details.get("estimate_high")
    return None if low is None or high is None else bool(low <= truth <= high)


def _below(outcome: Outcome, key: str) -> bool | None:
    found = outcome.result.details.get(key)
    bound = found["bound"] if isinstance(found, dict) else found
    return None if bound is None or math.isnan(outcome.rate) else bool(outcome.rate <= bound)


def coverage_row(
    interval: str,
    method: str,
    distribution: str,
    n: int,
    nominal: float,
    covered: Sequence[bool | None],
    *,
    exact: bool,
) -> dict[str, Any]:
    """A row of the table of coverage.

    Keys: interval, method, distribution, n, nominal, datasets (with such an interval), covered (share), standard_error,
    exact (whether the nominal coverage is promised), verdict: `kept`, `broken`, `approximate` where it is not
    promised, `none` where no data set gave the interval.
    """
    known = [value for value in covered if value is not None]
    share = sum(known) / len(known) if known else None
    error = None if share is None else math.sqrt(share * (1 - share) / len(known))
    verdict = "none"
    if known:
        broken = stats.binom.cdf(sum(known), len(known), nominal) < LEVEL
        verdict = ("broken" if broken else "kept") if exact else "approximate"
    return {
        "interval": interval,
        "method": method,
        "distribution": distribution,
        "n": n,
        "nominal": nominal,
        "datasets": len(known),
        "covered": share,
        "standard_error": error,
        "exact": exact,
        "verdict": verdict,
    }


def bca_row(
    distribution: Distribution, n: int, sets: int, settings: ThresholdSettings, seed: int
) -> dict[str, Any]:
    """Coverage of the BCa bootstrap interval of mean + k standard deviations; approximate."""
    random = generator(seed, "coverage", distribution.name, str(n))
    truth = distribution.mean + settings.sigmas * distribution.deviation
    covered = []
    for index in range(sets):
        basis = Basis("held-out", settings.confidence, _BCA_RESAMPLES, seed + index, settings.minimum_normals)
        result = CALLS["mean_sigma"](distribution.draw(random, n), basis, settings)
        covered.append(_between(result, truth))
    name = "BCa bootstrap"
    return coverage_row(name, "mean_sigma", distribution.name, n, settings.confidence, covered, exact=False)


def clopper_pearson_rows(confidence: float) -> list[dict[str, Any]]:
    """Coverage of Clopper-Pearson bounds, summed over all outcomes of a binomial: no simulation error.

    Example:
        >>> all(row["covered"] >= 0.95 for row in clopper_pearson_rows(0.95))
        True
    """
    rows = []
    for n in _TRIALS:
        bounds = [clopper_pearson(k, n, confidence) for k in range(n + 1)]
        for proportion in _PROPORTIONS:
            inside = [k for k, (low, high) in enumerate(bounds) if low <= proportion <= high]
            share = float(np.sum(stats.binom.pmf(inside, n, proportion)))
            row = coverage_row(
                "Clopper-Pearson", "", f"binomial {proportion:g}", n, confidence, [], exact=True
            )
            verdict = "kept" if share >= confidence - 1e-12 else "broken"
            rows.append(row | {"covered": share, "standard_error": 0.0, "verdict": verdict})
    return rows
