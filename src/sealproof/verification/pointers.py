"""Reads the value that a record points at, in a JSON file."""

from __future__ import annotations

from typing import Any


class NotThereError(LookupError):
    """The pointer leads nowhere."""


def resolve(content: Any, pointer: str) -> Any:
    """The value at an RFC 6901 JSON pointer.

    Raises:
        NotThereError: there is none.

    Example:
        >>> resolve({"a": [{"b/c": 7}]}, "/a/0/b~1c")
        7
    """
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        try:
            content = content[int(key)] if isinstance(content, list) else content[key]
        except (LookupError, TypeError, ValueError) as error:
            raise NotThereError(f"nothing at {pointer}") from error
    return content


def agrees(value: Any, found: Any) -> bool:
    """Whether a recorded value is what stands at its pointer.

    A container stands for what is counted in it: the number of entries of a list or object, or the sum of an object
    of numbers. An empty text is recorded as None.

    Example:
        >>> agrees(3, {"normal": 1, "defective": 2}), agrees(2, [7, 8]), agrees(None, ""), agrees(True, 1)
        (True, True, True, False)
    """
    if isinstance(found, list):
        return _is_whole(value) and value == len(found)
    if isinstance(found, dict):
        numbers = all(_is_number(item) for item in found.values())
        return _is_whole(value) and value in {
            len(found),
            sum(found.values()) if numbers and found else len(found),
        }
    if found == "":
        return value in {None, ""}
    if isinstance(value, bool) or isinstance(found, bool) or value is None or found is None:
        return value is found
    if _is_number(value) and _is_number(found):
        return bool(value == found)
    return type(value) is type(found) and bool(value == found)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
