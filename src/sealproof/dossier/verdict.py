"""The decision in words for the first page: a word, a sign that also reads in black and white, and the reasons."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sealproof.qualification.decision import DecisionName
from sealproof.qualification.outcome import Counts

PASS, FAIL, OPEN = ("pass", "✓"), ("fail", "✗"), ("open", "○")
SHOWN = 13
"""Reasons that fit on the first page above criteria and signature block."""
_NOT_PROVIDED, _NOT_SIGNED = "not provided: ", "not signed: "


@dataclass(frozen=True)
class Headline:
    """What stands in the box on the first page.

    Args:
        kind: `pass`, `fail` or `open`: frame and colour.
        sign: printed before the word.
        label: what is decided.
        word: the decision.
        because: one line.
        reasons: all of them, shortened to what fits.
        conclusion: the sentence of the section "Conclusion".
    """

    kind: str
    sign: str
    label: str
    word: str
    because: str
    reasons: tuple[str, ...]
    conclusion: str = ""


def release_headline(decision: DecisionName, reasons: Sequence[str], titles: Mapping[str, str]) -> Headline:
    """The headline of the dossier.

    Args:
        decision: on the release.
        reasons: every reason for it.
        titles: criterion id -> title; the figures of a criterion stand in its table, not in the reason.

    Example:
        >>> release_headline("incomplete", ["not signed: author", "not signed: approver"], {}).reasons
        ('not signed: author, approver',)
    """
    kind, word, because = {
        "released": (PASS, "released", "All criteria are met, no case failed, nothing is missing."),
        "criteria_met": (PASS, "criteria met", "All criteria are met; this can never be released:"),
        "incomplete": (OPEN, "incomplete", "No decision is possible yet:"),
        "rejected": (FAIL, "rejected", "Rejected, for these reasons and open points:"),
    }[decision]
    return Headline(*kind, "Decision on this release", word, because, shorten(condense(reasons, titles)))


def shorten(reasons: tuple[str, ...], most: int = SHOWN) -> tuple[str, ...]:
    """The first reasons, and how many more there are; the last one, on signatures, stays in sight.

    Example:
        >>> shorten(("a", "b", "c", "d", "e"), most=3)
        ('a', 'and 3 more, in the chapters below', 'e')
    """
    if len(reasons) <= most:
        return reasons
    kept = reasons[: most - 2]
    return (*kept, f"and {len(reasons) - most + 1} more, in the chapters below", reasons[-1])


def condense(reasons: Sequence[str], titles: Mapping[str, str]) -> tuple[str, ...]:
    """The reasons, with those that name one missing input or signature each drawn together.

    Example:
        >>> condense(["AC-1 not met: low bound 0.7", "not signed: author", "not signed: reviewer"], {"AC-1": "Recall"})
        ('AC-1 not met: Recall', 'not signed: author, reviewer')
    """
    kept = [
        _criterion(reason, titles)
        for reason in reasons
        if not reason.startswith((_NOT_PROVIDED, _NOT_SIGNED))
    ]
    inputs = [reason for reason in reasons if reason.startswith(_NOT_PROVIDED)]
    roles = [reason.removeprefix(_NOT_SIGNED) for reason in reasons if reason.startswith(_NOT_SIGNED)]
    if inputs:
        plural = "s" if len(inputs) > 1 else ""
        kept.append(
            f"not provided by the manufacturer: {len(inputs)} input{plural}, listed in the chapters that ask for them"
        )
    if roles:
        kept.append(f"{_NOT_SIGNED}{', '.join(roles)}")
    return tuple(kept)


def _criterion(reason: str, titles: Mapping[str, str]) -> str:
    found = re.match(r"(\S+) not met:", reason)
    return f"{found[0]} {titles[found[1]]}" if found and found[1] in titles else reason


def protocol_headline(counts: Counts) -> Headline:
    """The headline of a protocol: passed only when every case passed.

    Example:
        >>> protocol_headline(Counts(total=3, passed=2, failed=0, not_run=1, not_evaluable=0)).word
        'incomplete'
    """
    reasons = tuple(
        f"{number} of {counts.total} cases {words}"
        for number, words in (
            (counts.failed, "failed"),
            (counts.not_run, "not run"),
            (counts.not_evaluable, "not evaluable"),
        )
        if number
    )
    if counts.failed:
        kind, word, because = FAIL, "failed", "Cases failed; each opened a deviation:"
        conclusion = "The protocol did not pass. It stays so until QA has decided on every deviation."
    elif reasons:
        kind, word, because = OPEN, "incomplete", "No executed case failed, but cases are open:"
        conclusion = (
            "The protocol is not complete. Cases that are not run or not evaluable do not count as passed."
        )
    else:
        kind, word, because = PASS, "passed", "Every case was executed and passed."
        conclusion = "Every case of this protocol was executed and gave the expected result."
    return Headline(*kind, "Result of the execution", word, because, reasons, conclusion)
