"""What a verification finds: severity, a stable code, file and place, what was expected, what was found."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from sealproof.verification.codes import CODES, Severity

#: What reading a forged or broken file can raise. Anything else is a defect of ours and stops the program.
MALFORMED = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    OSError,
    RuntimeError,
    EOFError,
    AssertionError,
    struct.error,
    zlib.error,
)
_LONGEST = 400


class ExitCode(IntEnum):
    """What `sealproof verify` exits with."""

    SOUND = 0
    INCOMPLETE = 2
    ALTERED = 3


@dataclass(frozen=True)
class Finding:
    """One disagreement.

    Args:
        code: a stable word of `CODES`.
        file: relative to the root.
        place: line, pointer, page, image, case: where in the file; empty for the whole file.
        expected: what should be there.
        found: what is there.
    """

    code: str
    file: str
    place: str
    expected: str
    found: str

    @property
    def severity(self) -> Severity:
        """Of the code."""
        return CODES[self.code].severity

    @property
    def meaning(self) -> str:
        """Of the code, in a sentence."""
        return CODES[self.code].meaning

    def as_dict(self) -> dict[str, str]:
        """JSON types only."""
        return {
            "severity": self.severity.name.lower(),
            "code": self.code,
            "file": self.file,
            "place": self.place,
            "expected": self.expected,
            "found": self.found,
            "meaning": self.meaning,
        }


class Findings:
    """Collects findings, each once, and counts what was checked."""

    def __init__(self) -> None:
        self._found: dict[Finding, None] = {}
        self.checked: Counter[str] = Counter()

    def add(
        self, code: str, file: str, place: object = "", *, expected: object = "", found: object = ""
    ) -> None:
        """Note a finding; raises KeyError for a code that is not in `CODES`."""
        _ = CODES[code]
        self._found[Finding(code, file, str(place), _short(expected), _short(found))] = None

    def compare(self, code: str, file: str, place: object, *, expected: Any, found: Any) -> bool:
        """Note a finding unless both are equal; returns whether they are."""
        if type(expected) is type(found) and expected == found:
            return True
        self.add(code, file, place, expected=expected, found=found)
        return False

    def count(self, what: str, number: int = 1) -> None:
        """Note that `number` more of `what` were checked."""
        self.checked[what] += number

    @contextmanager
    def guard(self, file: str, place: object = "") -> Iterator[None]:
        """What a malformed file raises becomes a finding, and the verification goes on behind it."""
        try:
            yield
        except MALFORMED as error:
            text = f"{type(error).__name__}: {error}"
            self.add("malformed", file, place, expected="a file as the pipeline writes it", found=text)

    def __iter__(self) -> Iterator[Finding]:
        """The gravest first, then by file, place and code."""
        return iter(
            sorted(
                self._found, key=lambda item: (-item.severity, item.file, item.place, item.code, item.found)
            )
        )

    def __len__(self) -> int:
        return len(self._found)

    @property
    def exit_code(self) -> ExitCode:
        """3 when anything is altered, 2 when anything is missing or incomplete, else 0."""
        worst = max((item.severity for item in self._found), default=Severity.NOTE)
        if worst is Severity.ALTERED:
            return ExitCode.ALTERED
        return ExitCode.SOUND if worst is Severity.NOTE else ExitCode.INCOMPLETE


def _short(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
