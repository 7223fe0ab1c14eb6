"""The full matrix of decisions: each combination of what is against a release and what is lacking."""

import itertools

import pytest
from tests.qualification.build import outcome

from sealproof.qualification.decision import REQUIRED_SIGNATURES, decide
from sealproof.qualification.disposition import Disposition, failure_sha256
from sealproof.qualification.outcome import Counts, Deviation

PASSED = Counts(total=2, passed=2, failed=0, not_run=0, not_evaluable=0)
STATES = {
    "passed": PASSED,
    "failed": Counts(total=2, passed=1, failed=1, not_run=0, not_evaluable=0),
    "not run": Counts(total=2, passed=1, failed=0, not_run=1, not_evaluable=0),
    "not evaluable": Counts(total=2, passed=1, failed=0, not_run=0, not_evaluable=1),
    "empty": Counts(total=0, passed=0, failed=0, not_run=0, not_evaluable=0),
}


def counts(state="passed", stage="oq"):
    return {"iq": PASSED, "oq": PASSED, "pq": PASSED} | {stage: STATES[state]}


def expected(met, state, missing_inputs, missing_signatures, demonstration):
    if met is False or state == "failed":
        return "rejected"
    if met is not True or state != "passed" or missing_inputs:
        return "incomplete"
    return "criteria_met" if demonstration or missing_signatures else "released"


DISPOSITION = Disposition(
    deviation="DEV-OQ-002",
    case="OQ-002",
    failure_sha256=failure_sha256("OQ-002", "0", "1"),
    cause="cause",
    impact="impact",
    decision="accepted",
    corrective_action="action",
    by="A. Person",
    role="quality assurance",
    at="2026-11-21T10:00:00+00:00",
)


def deviation(status="open"):
    fields = {"id": "DEV-OQ-002", "case": "OQ-002", "title": "title", "expected": "0", "actual": "1"}
    if status == "open":
        return Deviation(**fields)
    decided = DISPOSITION.model_copy(update={"decision": status})
    return Deviation(**fields, status=status, disposition=decided)


@pytest.mark.parametrize("met", [True, False, None, "no criteria"])
@pytest.mark.parametrize("state", STATES)
def test_decision_matrix(met, state):
    criteria = [] if met == "no criteria" else [outcome("AC-01", met=True), outcome("AC-02", met=met)]
    for stage, inputs, signatures, demonstration in itertools.product(
        ["iq", "oq", "pq"], [(), ("intended use",)], [(), ("approver",), REQUIRED_SIGNATURES], [True, False]
    ):
        decision = decide(
            criteria,
            counts(state, stage),
            demonstration=demonstration,
            missing_inputs=inputs,
            missing_signatures=signatures,
        )
        assert decision.decision == expected(met, state, inputs, signatures, demonstration)
        assert bool(decision.reasons) == (decision.decision != "released")


@pytest.mark.parametrize("stage", ["iq", "oq", "pq"])
def test_a_protocol_that_was_not_executed_leaves_it_incomplete(stage):
    rest = {name: count for name, count in counts().items() if name != stage}
    decision = decide([outcome("AC-01", met=True)], rest, demonstration=False, missing_signatures=())
    assert decision.decision == "incomplete"
    assert decision.reasons == (f"{stage.upper()}: not executed",)


def test_every_reason_is_given_the_rejecting_ones_first():
    decision = decide(
        [outcome("AC-01", met=False), outcome("AC-02", met=None, reason="no record")],
        counts("failed"),
        demonstration=True,
        missing_inputs=["provider"],
    )
    assert decision.decision == "rejected"
    assert [reason.split()[0] for reason in decision.reasons] == [
        "AC-01",
        "OQ:",
        "AC-02",
        "not",
        "a",
        "not",
        "not",
        "not",
    ]


def test_signatures_are_missing_unless_told_otherwise():
    decision = decide([outcome("AC-01", met=True)], counts(), demonstration=False)
    assert decision.reasons == tuple(f"not signed: {role}" for role in REQUIRED_SIGNATURES)


@pytest.mark.parametrize(
    ("status", "signatures", "demonstration", "name"),
    [
        ("open", (), False, "rejected"),
        ("rejected", (), False, "rejected"),
        ("accepted", (), False, "released"),
        ("accepted", ("approver",), False, "criteria_met"),
        ("accepted", (), True, "criteria_met"),
    ],
)
def test_a_deviation_stands_in_the_way_until_it_is_accepted(status, signatures, demonstration, name):
    decision = decide(
        [outcome("AC-01", met=True)],
        counts("failed"),
        [deviation(status)],
        demonstration=demonstration,
        missing_signatures=signatures,
    )
    assert decision.decision == name
    words = f"DEV-OQ-002 {status}" + ("" if status == "open" else " by A. Person (quality assurance)")
    listed = decision.notes if status == "accepted" else decision.reasons
    assert listed[0] == f"{words}: OQ-002 title"
    assert bool(decision.notes) == (status == "accepted")


def test_a_criterion_that_is_not_met_cannot_be_accepted_away():
    decision = decide(
        [outcome("AC-01", met=False)],
        counts("failed"),
        [deviation("accepted")],
        demonstration=False,
        missing_signatures=(),
    )
    assert decision.decision == "rejected"


def test_a_failed_case_without_a_deviation_rejects():
    failed = Counts(total=3, passed=1, failed=2, not_run=0, not_evaluable=0)
    decision = decide(
        [outcome("AC-01", met=True)],
        counts() | {"oq": failed},
        [deviation("accepted")],
        demonstration=False,
        missing_signatures=(),
    )
    assert decision.decision == "rejected"
    assert decision.reasons == ("OQ: 1 of 3 cases failed",)
