"""Simulated figures with six significant digits: more would be noise, and differ from machine to machine."""

from __future__ import annotations

from typing import Any


def rounded(value: Any, digits: int = 6) -> Any:
    """The same JSON content with every float rounded to `digits` significant digits.

    Example:
        >>> rounded({"a": [0.123456789, 2], "b": None})
        {'a': [0.123457, 2], 'b': None}
    """
    if isinstance(value, float):
        return float(f"{value:.{digits}g}")
    if isinstance(value, dict):
        return {key: rounded(item, digits) for key, item in value.items()}
    return [rounded(item, digits) for item in value] if isinstance(value, list | tuple) else value
