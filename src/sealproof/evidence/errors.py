"""The errors a user meets: one message that says what, where, why and how to mend.

Four kinds of trouble are kept apart, each with an exit code of its own, so that a CI job can tell a wrong
definition from wrong data, and missing evidence from altered evidence.
"""

from __future__ import annotations

from typing import ClassVar


class SealproofError(Exception):
    """Base of all errors that are shown to a user without a traceback.

    Args:
        what: what is wrong, one sentence.
        where: file, key or image it was found in.
        why: the rule that it breaks, or the underlying cause.
        mend: what the user can do about it.

    Example:
        >>> print(DataError("image cannot be decoded", where="a.png", why="it has 0 bytes", mend="copy it again"))
        image cannot be decoded
          where: a.png
          why:   it has 0 bytes
          mend:  copy it again
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, where: str, why: str, mend: str) -> None:
        super().__init__(what)
        self.what, self.where, self.why, self.mend = what, where, why, mend

    def __str__(self) -> str:
        indent = "\n         "
        rows = (("where", self.where), ("why", self.why), ("mend", self.mend))
        return self.what + "".join(
            f"\n  {name + ':':<6} {text.replace(chr(10), indent)}" for name, text in rows
        )

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.where, self.why, self.mend)


def _rebuild(kind: type[SealproofError], what: str, where: str, why: str, mend: str) -> SealproofError:
    return kind(what, where=where, why=why, mend=mend)


class EvidenceMissingError(SealproofError):
    """A record or artefact that a verdict rests on does not exist (exit code 2)."""

    exit_code = 2


class EvidenceAlteredError(SealproofError):
    """A record or artefact is no longer what was recorded (exit code 3)."""

    exit_code = 3


class DefinitionError(SealproofError):
    """A parameter, protocol or product file is wrong (exit code 4)."""

    exit_code = 4


class DataError(SealproofError):
    """The images or what describes them are wrong (exit code 5)."""

    exit_code = 5


class OutputError(SealproofError):
    """Results cannot be written (exit code 6)."""

    exit_code = 6
