"""The decision on a release, from facts alone; fails closed and never says more than the facts allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from sealproof.evidence.strict import StrictModel
from sealproof.qualification.acceptance import CriterionOutcome
from sealproof.qualification.definitions import STAGE_NAMES, StageName
from sealproof.qualification.outcome import Counts

DecisionName = Literal["released", "criteria_met", "incomplete", "rejected"]
REQUIRED_SIGNATURES: tuple[str, ...] = ("author", "reviewer", "approver")


class Decision(StrictModel):
    """A decision and every reason for it, the ones that reject first."""

    decision: DecisionName
    reasons: tuple[str, ...]


def decide(
    criteria: Sequence[CriterionOutcome],
    counts: Mapping[StageName, Counts],
    *,
    demonstration: bool,
    missing_inputs: Sequence[str] = (),
    missing_signatures: Sequence[str] = REQUIRED_SIGNATURES,
) -> Decision:
    """Decide on a release.

    `rejected` when a criterion is not met or a case failed; else `incomplete` when anything is missing, not
    run or not evaluable; else `criteria_met` for a demonstration product, which can never be released; else
    `released`.

    Args:
        criteria: the acceptance criteria as judged.
        counts: verdicts of IQ, OQ and PQ.
        demonstration: True when the limits or the product are no manufacturer's decision.
        missing_inputs: mandatory manufacturer input that is not provided, one text each.
        missing_signatures: roles that have not signed; by default all of them.

    Example:
        >>> decide([], {}, demonstration=True).decision
        'incomplete'
    """
    against = [*_criteria_not_met(criteria), *_failed(counts)]
    lacking = [
        *_criteria_lacking(criteria),
        *_cases_lacking(counts),
        *(f"not provided: {name}" for name in missing_inputs),
        *(f"not signed: {role}" for role in missing_signatures),
    ]
    reasons = (*against, *lacking)
    if against:
        return Decision(decision="rejected", reasons=reasons)
    if lacking:
        return Decision(decision="incomplete", reasons=reasons)
    if demonstration:
        return Decision(decision="criteria_met", reasons=("a demonstration product can never be released",))
    return Decision(decision="released", reasons=())


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


def _failed(counts: Mapping[StageName, Counts]) -> list[str]:
    return [
        f"{stage.upper()}: {counts[stage].failed} of {counts[stage].total} cases failed"
        for stage in STAGE_NAMES
        if stage in counts and counts[stage].failed
    ]


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
