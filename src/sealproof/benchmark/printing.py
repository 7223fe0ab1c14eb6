"""Figures as the report prints them: one place for digits, ranges and dashes."""

from __future__ import annotations

from sealproof.benchmark.statistics import PairedAreas, Spread
from sealproof.benchmark.tables import Value
from sealproof.evaluation.intervals import Estimate

#: Where there is no figure, and between two bounds.
NONE = DASH = "\N{EN DASH}"


def digits(value: float, number: int = 3) -> str:
    """With so many decimals; a negative zero has no sign.

    Example:
        >>> digits(0.98765), digits(-0.0001, 2)
        ('0.988', '0.00')
    """
    text = f"{value:.{number}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def mean_and_range(found: Spread, number: int = 3) -> str:
    """The mean and, of several seeds, the range.

    Example:
        >>> mean_and_range(Spread((0.9, 0.92), 0.8, 1.0)) == f"0.910 (0.900{DASH}0.920)"
        True
        >>> mean_and_range(Spread((0.9,), None, None))
        '0.900'
    """
    mean = digits(found.mean, number)
    if len(found.values) == 1:
        return mean
    return f"{mean} ({digits(found.smallest, number)}{DASH}{digits(found.largest, number)})"


def bounds(low: float | None, high: float | None, number: int = 3) -> str:
    """Two bounds, or a dash where there are none.

    Example:
        >>> bounds(0.1, 0.25, 2) == f"0.10{DASH}0.25", bounds(-0.1, 0.25, 2)
        (True, '-0.10 to 0.25')
    """
    if low is None or high is None:
        return NONE
    return f"{digits(low, number)}{DASH if low >= 0 else ' to '}{digits(high, number)}"


def estimate(found: Estimate | None, number: int = 3) -> str:
    """A value with its bounds.

    Example:
        >>> estimate(Estimate(0.9, 0.85, 0.94)) == f"0.900 (0.850{DASH}0.940)", estimate(None) == NONE
        (True, True)
    """
    if found is None or found.value is None:
        return NONE
    if found.low is None or found.high is None:
        return digits(found.value, number)
    return f"{digits(found.value, number)} ({bounds(found.low, found.high, number)})"


def cell(value: Value | float | None, number: int = 3) -> str:
    """A figure of a table: the paper's, or ours over seeds; a dash where there is none.

    Example:
        >>> cell(0.5), cell(None) == cell(Value(None, "not run")) == NONE
        ('0.500', True)
    """
    if isinstance(value, Value):
        return NONE if value.spread is None else mean_and_range(value.spread, number)
    return NONE if value is None else digits(value, number)


def p_value(found: PairedAreas) -> str:
    """The p-value of a paired test, never as 0.

    Example:
        >>> p_value(PairedAreas(0.8, 0.9, 0.1, 0.05, 0.15, 0.00001))
        '< 0.001'
    """
    if found.p_value is None:
        return NONE
    return "< 0.001" if found.p_value < 0.001 else digits(found.p_value)


def size(count: float) -> str:
    """Bytes in the unit that reads best.

    Example:
        >>> size(512), size(20480), size(5 * 1024**2)
        ('512 B', '20.0 KiB', '5.0 MiB')
    """
    if count < 1024:
        return f"{count:.0f} B"
    return f"{count / 1024:.1f} KiB" if count < 1024**2 else f"{count / 1024**2:.1f} MiB"
