"""How many units a claim needs, and what a number of units can prove: exact binomial, before anything is opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from scipy import stats

Bound = Literal["low", "high"]
#: A tail that misses the allowed one by the last digits of its arithmetic does not miss it.
_LAST_DIGITS = 1e-12
#: More units than this nobody tests; the binomial tail loses its digits there.
MOST_UNITS = 10**9


def units_needed(reliability: float, confidence: float, failures: int = 0) -> int:
    """The fewest units that still prove a reliability when so many of them fail.

    The smallest n with P(X <= failures) <= 1 - confidence for X binomial (n, 1 - reliability): success-run testing
    with failures, one-sided (Meeker, Hahn and Escobar, Statistical Intervals, 2nd ed. 2017, section 9.2).

    Args:
        reliability: claimed share of good outcomes, in (0, 1).
        confidence: one-sided, in (0, 1).
        failures: allowed number of failures, 0 or more.

    Raises:
        ValueError: an argument out of range, or more than a thousand million units.

    Example:
        >>> units_needed(0.95, 0.95), units_needed(0.99, 0.95), units_needed(0.95, 0.95, failures=1)
        (59, 299, 93)
    """
    _check(reliability, confidence, failures)

    def enough(units: int) -> bool:
        return _proves(units, failures, reliability, confidence)

    high = failures + 1
    while not enough(high):
        if high > MOST_UNITS:
            raise ValueError(f"more than {MOST_UNITS} units would be needed")
        high *= 2
    return _first(enough, failures + 1, high)


def provable_reliability(units: int, failures: int = 0, confidence: float = 0.95) -> float:
    """The highest reliability that `units` with `failures` prove: the one-sided exact lower bound.

    Clopper and Pearson, Biometrika 26 (1934) 404-413, one side: the reliability at which `failures` or fewer happen
    with probability 1 - confidence.

    Args:
        units: at least 1.
        failures: 0 to `units`; when all fail, nothing is proved and the bound is 0.
        confidence: one-sided, in (0, 1).

    Raises:
        ValueError: an argument out of range.

    Example:
        >>> round(provable_reliability(180), 4), round(provable_reliability(180, 3), 4)
        (0.9835, 0.9575)
    """
    _check(0.5, confidence, failures)
    if units < 1 or failures > units:
        raise ValueError(f"{failures} failures of {units} units is no result")
    if failures == units:
        return 0.0
    return float(stats.beta.ppf(1 - confidence, units - failures, failures + 1))


def failures_allowed(units: int, reliability: float, confidence: float) -> int | None:
    """The most failures with which `units` still prove the reliability; None when not even no failure does.

    Args:
        units: at least 1.
        reliability: in (0, 1).
        confidence: one-sided, in (0, 1).

    Raises:
        ValueError: an argument out of range.

    Example:
        >>> failures_allowed(93, 0.95, 0.95), failures_allowed(92, 0.95, 0.95), failures_allowed(58, 0.95, 0.95)
        (1, 0, None)
    """
    _check(reliability, confidence, 0)
    if units < 1:
        raise ValueError(f"{units} units are no test")

    def too_many(failures: int) -> bool:
        return failures >= units or not _proves(units, failures, reliability, confidence)

    first = _first(too_many, 0, units)
    return first - 1 if first else None


def strongest_bound(n: int, bound: Bound, confidence: float) -> float:
    """The best Clopper-Pearson bound that `n` units can give: no miss (low) or no event (high).

    Args:
        n: units, at least 1.
        bound: `low` or `high`.
        confidence: of the two-sided interval, in (0, 1); each side carries (1 - confidence) / 2.

    Returns:
        a proportion in [0, 1]: ((1 - confidence) / 2)^(1/n) for `low`, its complement for `high`.

    Example:
        >>> round(strongest_bound(180, "low", 0.95), 4), round(strongest_bound(180, "low", 0.90), 4)
        (0.9797, 0.9835)
    """
    low = float(((1 - confidence) / 2) ** (1 / n))
    return low if bound == "low" else 1 - low


def _proves(units: int, failures: int, reliability: float, confidence: float) -> bool:
    tail = float(stats.binom.cdf(failures, units, 1 - reliability))
    return tail <= (1 - confidence) * (1 + _LAST_DIGITS)


def _first(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The smallest number in [low, high] from which on a monotone condition holds; it holds at `high`."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def _check(reliability: float, confidence: float, failures: int) -> None:
    for name, value in (("reliability", reliability), ("confidence", confidence)):
        if not 0 < value < 1:
            raise ValueError(f"{name} {value} is not between 0 and 1")
    if failures < 0:
        raise ValueError(f"{failures} failures are no number of failures")
