"""Functions compiled to machine code at first use, for loops that no array library does in one pass.

Arithmetic is strict: no reordered sums, no fused multiply-add, so the same input gives the same bits in every batch.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final, ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")

_SETTINGS: Final[dict[str, Any]] = {"nogil": True, "fastmath": False, "error_model": "numpy"}


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, compiled by Numba when it is first called; part of a `kept` one where it is called by that.

    Example:
        >>> @compiled
        ... def twice(x: float) -> float:
        ...     return 2 * x
        >>> twice(1.5)
        3.0
    """
    return cast("Callable[P, R]", numba.njit(**_SETTINGS)(function))


def kept(function: Callable[P, R]) -> Callable[P, R]:
    """As `compiled`, and the machine code stays on disk for later processes.

    It lies in `__pycache__` beside the source or, where that may not be written, in the user's cache folder; where
    neither may be, each process compiles for itself. Numba compiles anew for another processor, another version of
    itself, another text of the file that `function` is in, and another value of a variable that `function` closes
    over. It does not see a change in another file: close over `source_number` of those that it calls.
    """
    try:
        return cast("Callable[P, R]", numba.njit(cache=True, **_SETTINGS)(function))
    except RuntimeError:  # no folder may be written
        return compiled(function)


def source_number(*modules: ModuleType) -> int:
    """A number of 62 bits that changes with the text of these modules: the start of its SHA-256."""
    text = "\0".join(inspect.getsource(module) for module in modules)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 2
