"""Where a derived structure and a stated one differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sealproof.verification.formulas import close


def differences(derived: Any, stated: Any, pointer: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(JSON pointer, expected, found) of every derived value that is stated otherwise or not at all.

    What is stated beside the derived keys is not looked at. Numbers agree up to the last digits of their arithmetic.

    Example:
        >>> list(differences({"a": [1, {"b": 2.0}]}, {"a": [1, {"b": 3.0, "c": 4}]}))
        [('/a/1/b', 2.0, 3.0)]
        >>> list(differences({"a": [1]}, {"a": [1, 2]}))
        [('/a', '1 entries', '2 entries')]
    """
    if isinstance(derived, Mapping):
        if not isinstance(stated, Mapping):
            yield pointer, "an object", stated
            return
        for key, value in derived.items():
            place = f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
            if key not in stated:
                yield place, value, "nothing"
            else:
                yield from differences(value, stated[key], place)
    elif isinstance(derived, list):
        if not isinstance(stated, list) or len(stated) != len(derived):
            yield (
                pointer,
                f"{len(derived)} entries",
                f"{len(stated)} entries" if isinstance(stated, list) else stated,
            )
            return
        for number, (value, other) in enumerate(zip(derived, stated, strict=True)):
            yield from differences(value, other, f"{pointer}/{number}")
    elif not close(derived, stated):
        yield pointer, derived, stated
