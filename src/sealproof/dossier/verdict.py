"""The decision in words for the first page: a word, a sign that also reads in black and white, and the reasons."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sealproof.qualification.decision import DecisionName
from sealproof.qualification.outcome import Counts

PASS, FAIL, OPEN = ("pass", "✓"), ("fail", "✗"), ("open", "○")
SHOWN = 8
"""Reasons that fit on the first page above criteria and signature block."""
_NOT_PROVIDED, _NOT_SIGNED = "not provided: ", "not signed: "
_DEVIATION = re.compile(r"(DEV-\S+) (open|rejected)\b")
_NOT_MET = re.compile(r"(\S+) not met: .*")
_NOT_EVALUABLE = re.compile(r"(AC-\S+) not evaluable: ")
_CASES = re.compile(r"(IQ|OQ|PQ): (\d+) of (\d+) cases (.+)|(?:IQ|OQ|PQ): not executed")
_DRAWN = re.compile(
    "|".join(
        (
            _DEVIATION.pattern,
            _NOT_MET.pattern,
            _NOT_EVALUABLE.pattern,
            _CASES.pattern,
            _NOT_PROVIDED,
            _NOT_SIGNED,
        )
    )
)
_NAMED = 3


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
        ('not signed when this was written: author, approver',)
    """
    kind, word, because = {
        "released": (PASS, "released", "All criteria are met, no deviation is open, nothing is missing."),
        "criteria_met": (PASS, "criteria met", "All criteria are met. It is not released:"),
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
    """The reasons, with like ones drawn together: each names a deviation, criterion, case count, input or signature.

    Example:
        >>> condense(["AC-1 not met: low bound 0.7", "not signed: author", "not signed: reviewer"], {"AC-1": "Recall"})
        ('AC-1 not met: Recall', 'not signed when this was written: author, reviewer')
    """
    ordered = (_not_met(reasons, titles), _deviations(reasons), _not_evaluable(reasons), _cases(reasons))
    drawn = [text for group in ordered for text in group]
    others = [reason for reason in reasons if not _DRAWN.match(reason)]
    return (*drawn, *others, *_missing(reasons))


def _not_met(reasons: Iterable[str], titles: Mapping[str, str]) -> Iterator[str]:
    for match in filter(None, map(_NOT_MET.match, reasons)):
        yield f"{match[1]} not met: {titles[match[1]]}" if match[1] in titles else match[0]


def _deviations(reasons: Iterable[str]) -> Iterator[str]:
    found = [match.groups() for match in map(_DEVIATION.match, reasons) if match]
    for status in ("rejected", "open"):
        ids = [name for name, own in found if own == status]
        if ids:
            plural = "deviation" if len(ids) == 1 else "deviations"
            yield f"{plural} {status}: {_some(ids)}"


def _not_evaluable(reasons: Iterable[str]) -> Iterator[str]:
    ids = [match[1] for match in map(_NOT_EVALUABLE.match, reasons) if match]
    if ids:
        yield f"not evaluable: {_some(ids)}"


def _cases(reasons: Iterable[str]) -> Iterator[str]:
    found = [match for match in map(_CASES.match, reasons) if match]
    for words in dict.fromkeys(match[4] or "not executed" for match in found):
        same = [match for match in found if (match[4] or "not executed") == words]
        counts = ", ".join(f"{m[1]} {m[2]} of {m[3]}" if m[1] else m[0].partition(":")[0] for m in same)
        yield f"cases {words}: {counts}" if same[0][1] else f"{words}: {counts}"


def _some(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return f"{', '.join(ids[:_NAMED])}{more}"


def _missing(reasons: Sequence[str]) -> Iterator[str]:
    inputs = [reason for reason in reasons if reason.startswith(_NOT_PROVIDED)]
    roles = [reason.removeprefix(_NOT_SIGNED) for reason in reasons if reason.startswith(_NOT_SIGNED)]
    if inputs:
        plural = "s" if len(inputs) > 1 else ""
        yield f"not provided by the manufacturer: {len(inputs)} input{plural}, each named in its chapter"
    if roles:
        yield f"not signed when this was written: {', '.join(roles)}"


def protocol_headline(counts: Counts, accepted: int = 0) -> Headline:
    """The headline of a protocol: passed only when every case passed, or QA accepted each deviation.

    Args:
        counts: verdicts, with what people recorded.
        accepted: deviations that QA accepted; a failed case without one stands against the protocol.

    Example:
        >>> protocol_headline(Counts(total=3, passed=2, failed=0, not_run=1, not_evaluable=0)).word
        'incomplete'
    """
    against = counts.failed > accepted
    reasons = tuple(
        f"{number} of {counts.total} cases {words}"
        for number, words in (
            (counts.failed, "failed" if against else "failed, each with a deviation that QA accepted"),
            (counts.not_run, "not run"),
            (counts.not_evaluable, "not evaluable"),
        )
        if number
    )
    kind, word, because, conclusion = _protocol_words(counts, against)
    return Headline(*kind, "Result of the execution", word, because, reasons, conclusion)


def _protocol_words(counts: Counts, against: bool) -> tuple[tuple[str, str], str, str, str]:  # noqa: FBT001 - one caller
    if against:
        conclusion = "The protocol did not pass. It stays so until QA has accepted every deviation."
        return FAIL, "failed", "Cases failed; each opened a deviation:", conclusion
    if counts.not_run or counts.not_evaluable:
        conclusion = (
            "The protocol is not complete. Cases that are not run or not evaluable do not count as passed."
        )
        return OPEN, "incomplete", "Nothing stands against it, but cases are open:", conclusion
    if counts.failed:
        conclusion = "Every case was executed; QA accepted each deviation, with cause and impact on record."
        return PASS, "passed", "Every case passed, or QA accepted its deviation:", conclusion
    conclusion = "Every case of this protocol was executed and gave the expected result."
    return PASS, "passed", "Every case was executed and passed.", conclusion
