"""JSON pointers (RFC 6901): the value that a record names inside its artefact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def resolve(document: Any, pointer: str) -> Any:
    """The value at `pointer`; an empty pointer is the whole document.

    Raises:
        KeyError: the document has no such place.
        ValueError: it is no JSON pointer.

    Example:
        >>> resolve({"scores": [{"a/b": 1}]}, "/scores/0/a~1b")
        1
    """
    if not pointer:
        return document
    if not pointer.startswith("/"):
        raise ValueError(f"{pointer!r} is no JSON pointer: it does not begin with /")
    found = document
    for part in pointer[1:].split("/"):
        found = _step(found, part.replace("~1", "/").replace("~0", "~"), pointer)
    return found


def same_value(first: Any, second: Any) -> bool:
    """Whether two recorded values are the same: kinds count, but 1 and 1.0 are one number, and "" is recorded as None.

    Example:
        >>> same_value(1, 1.0), same_value(None, ""), same_value(1, True), same_value(None, 0)
        (True, True, False, False)
    """
    if {repr(first), repr(second)} == {"None", "''"}:
        return True
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (first, second))
    if numbers:
        return bool(first == second)
    return type(first) is type(second) and bool(first == second)


def _step(found: Any, name: str, pointer: str) -> Any:
    if isinstance(found, Mapping) and name in found:
        return found[name]
    if isinstance(found, Sequence) and not isinstance(found, str) and _is_index(name, len(found)):
        return found[int(name)]
    raise KeyError(f"{pointer}: there is no {name!r}")


def _is_index(name: str, length: int) -> bool:
    return name.isascii() and name.isdigit() and (name == "0" or name[0] != "0") and int(name) < length
