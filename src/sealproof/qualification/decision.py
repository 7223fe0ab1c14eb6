"""The decision on a release, from facts alone; fails closed and never says more than the facts allow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from sealproof.evidence.strict import StrictModel
from sealproof.qualification.acceptance import CriterionOutcome
from sealproof.qualification.definitions import STAGE_NAMES, StageName
from sealproof.qualification.outcome import Counts, Deviation

DecisionName = Literal["released", "criteria_met", "incomplete", "rejected"]
REQUIRED_SIGNATURES: tuple[str, ...] = ("author", "reviewer", "approver")
DEMONSTRATION = "a demonstration can never be released"


class Decision(StrictModel):
    """A decision and every reason for it, the ones that reject first, and what was accepted on the way.

    Args:
        reasons: what keeps it from being released; empty when it is.
        notes: deviations that QA accepted.
    """

    decision: DecisionName
    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()


def decide(
    criteria: Sequence[CriterionOutcome],
    counts: Mapping[StageName, Counts],
    deviations: Sequence[Deviation] = (),
    *,
    demonstration: bool,
    missing_inputs: Sequence[str] = (),
    missing_signatures: Sequence[str] = REQUIRED_SIGNATURES,
) -> Decision:
    """Decide on a release.

    `rejected` when a criterion is not met, or a deviation is rejected or open; else `incomplete` when anything is
    missing, not run or not evaluable; else `criteria_met` for a demonstration, which can never be released, and
    where signatures are all that is lacking; else `released`. An accepted deviation does not stand in the way.

    Args:
        criteria: the acceptance criteria as judged.
        counts: verdicts of IQ, OQ and PQ, with what people recorded.
        deviations: of all failed cases, with their status.
        demonstration: True when the limits, the product or the images are no manufacturer's.
        missing_inputs: mandatory manufacturer input that is not provided, one text each.
        missing_signatures: roles that have not signed; by default all of them.

    Example:
        >>> decide([], {}, demonstration=True).decision
        'incomplete'
    """
    against = [
        *_criteria_not_met(criteria),
        *_deviations_against(deviations),
        *_unexplained(counts, deviations),
    ]
    lacking = [
        *_criteria_lacking(criteria),
        *_cases_lacking(counts),
        *(f"not provided: {name}" for name in missing_inputs),
    ]
    last = [
        *([DEMONSTRATION] if demonstration else []),
        *(f"not signed: {name}" for name in missing_signatures),
    ]
    return Decision(
        decision=_gravest(against, lacking, last),
        reasons=(*against, *lacking, *last),
        notes=tuple(_accepted(deviations)),
    )


def _gravest(against: Sequence[str], lacking: Sequence[str], last: Sequence[str]) -> DecisionName:
    if against:
        return "rejected"
    if lacking:
        return "incomplete"
    return "criteria_met" if last else "released"


def _criteria_not_met(criteria: Sequence[CriterionOutcome]) -> list[str]:
    return [
        f"{item.id} not met: {item.bound} bound of {item.metric} is {item.bound_value:.4f}, "
        f"limit {item.comparison} {item.limit}"
        for item in criteria
        if item.met is False
    ]


def _criteria_lacking(criteria: Sequence[CriterionOutcome]) -> list[str]:
    if not criteria:
        return ["there is no acceptance criterion"]
    return [f"{item.id} not evaluable: {item.reason}" for item in criteria if item.met is None]


def _deviations_against(deviations: Sequence[Deviation]) -> Iterator[str]:
    for item in deviations:
        if item.status == "rejected":
            yield f"{item.id} rejected {_by_whom(item)}: {item.case} {item.title}"
        elif item.status == "open":
            yield f"{item.id} open: {item.case} {item.title}"


def _accepted(deviations: Sequence[Deviation]) -> Iterator[str]:
    for item in deviations:
        if item.status == "accepted":
            yield f"{item.id} accepted {_by_whom(item)}: {item.case} {item.title}"


def _by_whom(deviation: Deviation) -> str:
    found = deviation.disposition
    return f"by {found.by} ({found.role})" if found else "by nobody"


def _unexplained(counts: Mapping[StageName, Counts], deviations: Sequence[Deviation]) -> Iterator[str]:
    """Failed cases without a deviation: there are none in sound protocols, and they never pass."""
    for stage in STAGE_NAMES:
        opened = sum(item.case.lower().startswith(stage) for item in deviations)
        if stage in counts and counts[stage].failed > opened:
            yield f"{stage.upper()}: {counts[stage].failed - opened} of {counts[stage].total} cases failed"


def _cases_lacking(counts: Mapping[StageName, Counts]) -> list[str]:
    found = []
    for stage in STAGE_NAMES:
        count = counts.get(stage)
        if count is None or count.total == 0:
            found.append(f"{stage.upper()}: not executed")
            continue
        for number, words in ((count.not_run, "not run"), (count.not_evaluable, "not evaluable")):
            if number:
                found.append(f"{stage.upper()}: {number} of {count.total} cases {words}")
    return found
