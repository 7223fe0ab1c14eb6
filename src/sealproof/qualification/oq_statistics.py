"""OQ checks of the statistics: exact bounds against closed forms, a second method, and their own promise."""

from __future__ import annotations

import math
from collections.abc import Iterator

from pydantic import Field, PositiveFloat, PositiveInt

from sealproof.evidence.strict import StrictModel
from sealproof.qualification import reference
from sealproof.qualification.context import Context
from sealproof.qualification.iq_software import shown
from sealproof.qualification.registry import Finding, check
from sealproof.thresholds.bounds import clopper_pearson


class ExactBoundsParameters(StrictModel):
    """`trials`: sample sizes compared; `claims`: reliability -> units without a miss, one-sided 95 %."""

    trials: tuple[PositiveInt, ...] = Field(min_length=1)
    claims: dict[float, PositiveInt]
    tolerance: PositiveFloat


@check("exact-bounds", ExactBoundsParameters)
def exact_bounds(context: Context, parameters: ExactBoundsParameters) -> Finding:
    """Do exact bounds agree with closed forms, with bisection of binomial tails, and with printed plans?"""
    del context
    compared, problems, largest = 0, [], 0.0
    for successes, trials, confidence in _grid(parameters.trials):
        found = clopper_pearson(successes, trials, confidence)
        expected = reference.exact_bounds(successes, trials, confidence)
        closed = closed_form(successes, trials, confidence)
        for pair in (expected, closed):
            if pair is None:
                continue
            compared += 1
            difference = max(abs(a - b) for a, b in zip(found, pair, strict=True))
            largest = max(largest, difference)
            if difference > parameters.tolerance:
                problems.append(f"{successes} of {trials} at {confidence}: {found}, expected {pair}")
    for reliability, units in sorted(parameters.claims.items()):
        compared += 1
        enough, too_few = (clopper_pearson(n, n, 0.90)[0] for n in (units, units - 1))
        if not too_few < reliability <= enough:
            problems.append(f"{units} units without a miss do not bound {reliability} from below")
    actual = (
        f"{compared} comparisons, largest difference {largest:.1e}, {len(problems)} wrong{shown(problems)}"
    )
    return Finding(
        passed=not problems,
        actual=actual,
        values={"compared": compared, "largest_difference": largest, "problems": problems},
    )


def _grid(trials: tuple[int, ...]) -> Iterator[tuple[int, int, float]]:
    for n in trials:
        for k in sorted({0, 1, n // 2, n - 1, n}):
            for confidence in (0.90, 0.95, 0.99):
                yield k, n, confidence


def closed_form(successes: int, trials: int, confidence: float) -> tuple[float, float] | None:
    """Bounds where they have a closed form: all or none succeed. None elsewhere.

    Example:
        >>> low, high = closed_form(1, 1, 0.90)
        >>> round(low, 6), high
        (0.05, 1.0)
        >>> closed_form(1, 3, 0.90) is None
        True
    """
    tail = (1 - confidence) / 2
    if successes == trials:
        return tail ** (1 / trials), 1.0
    if successes == 0:
        return 0.0, 1 - tail ** (1 / trials)
    return None


class CoverageParameters(StrictModel):
    """`trials`: sample sizes; `steps`: true proportions tried, evenly spaced; `confidence`: promised."""

    trials: tuple[PositiveInt, ...] = Field(min_length=1)
    steps: PositiveInt
    confidence: float = Field(gt=0.5, lt=1)


@check("bounds-keep-promise", CoverageParameters)
def bounds_keep_promise(context: Context, parameters: CoverageParameters) -> Finding:
    """How often do the bounds hold the true proportion? All outcomes count by their probability."""
    del context
    worst, where, compared = 1.0, "", 0
    for n in parameters.trials:
        bounds = [clopper_pearson(k, n, parameters.confidence) for k in range(n + 1)]
        for step in range(1, parameters.steps):
            p = step / parameters.steps
            held = math.fsum(
                math.comb(n, k) * p**k * (1 - p) ** (n - k)
                for k, (low, high) in enumerate(bounds)
                if low <= p <= high
            )
            compared += 1
            if held < worst:
                worst, where = held, f"n = {n}, p = {p:g}"
    return Finding(
        passed=worst >= parameters.confidence,
        actual=f"{compared} pairs of n and p; the bounds hold with probability >= {worst:.4f} ({where})",
        values={"least": worst, "where": where, "compared": compared},
    )
