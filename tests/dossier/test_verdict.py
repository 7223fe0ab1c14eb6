import pytest

from sealproof.dossier.frame import licence_note
from sealproof.dossier.verdict import SHOWN, condense, protocol_headline, release_headline
from sealproof.qualification.outcome import Counts


@pytest.mark.parametrize(
    ("decision", "kind", "sign"),
    [
        ("released", "pass", "✓"),
        ("criteria_met", "pass", "✓"),
        ("incomplete", "open", "○"),
        ("rejected", "fail", "✗"),
    ],
)
def test_a_decision_reads_without_colour(decision, kind, sign):
    headline = release_headline(decision, [], {})
    assert (headline.kind, headline.sign) == (kind, sign)
    assert headline.word == decision.replace("_", " ")


@pytest.mark.parametrize(
    ("passed", "failed", "not_run", "not_evaluable", "word"),
    [
        (3, 0, 0, 0, "passed"),
        (2, 1, 0, 0, "failed"),
        (2, 0, 1, 0, "incomplete"),
        (2, 0, 0, 1, "incomplete"),
        (0, 1, 1, 1, "failed"),
    ],
)
def test_a_protocol_passes_only_when_every_case_does(passed, failed, not_run, not_evaluable, word):
    counts = Counts(
        total=passed + failed + not_run + not_evaluable,
        passed=passed,
        failed=failed,
        not_run=not_run,
        not_evaluable=not_evaluable,
    )
    assert protocol_headline(counts).word == word


@pytest.mark.parametrize(
    ("licence", "no_commercial_use"),
    [("CC BY-NC-SA 4.0", True), ("CC BY 4.0", False), ("", False), ("INCLUSIVE 1.0", False)],
)
def test_only_a_non_commercial_licence_is_named_as_one(licence, no_commercial_use):
    assert ("no commercial use" in licence_note(licence)) is no_commercial_use


def test_many_reasons_leave_room_for_the_signature():
    reasons = [*(f"AC-{number:02} not met: low" for number in range(1, 20)), "not signed: author"]
    shown = release_headline("rejected", reasons, {}).reasons
    assert len(shown) == SHOWN
    assert shown[-2] == f"and {20 - SHOWN + 1} more, in the chapters below"
    assert shown[-1] == "not signed when this was written: author"


def test_like_reasons_are_drawn_together_and_none_is_lost():
    reasons = (
        "AC-02 not met: low bound of x is 0.5, limit >= 0.9",
        "DEV-OQ-001 open: OQ-001 a",
        "DEV-OQ-002 rejected by A (quality): OQ-002 b",
        "DEV-OQ-003 open: OQ-003 c",
        "AC-01 not evaluable: 3 units",
        "AC-03 not evaluable: 4 units",
        "IQ: 1 of 9 cases not run",
        "PQ: 2 of 9 cases not evaluable",
        "not provided: a",
        "not provided: b",
        "a demonstration can never be released",
        "not signed: author",
    )
    assert condense(reasons, {"AC-02": "Recall"}) == (
        "AC-02 not met: Recall",
        "deviation rejected: DEV-OQ-002",
        "deviations open: DEV-OQ-001, DEV-OQ-003",
        "not evaluable: AC-01, AC-03",
        "cases not run: IQ 1 of 9",
        "cases not evaluable: PQ 2 of 9",
        "a demonstration can never be released",
        "not provided by the manufacturer: 2 inputs, each named in its chapter",
        "not signed when this was written: author",
    )


@pytest.mark.parametrize(("accepted", "word"), [(0, "failed"), (1, "failed"), (2, "passed")])
def test_a_failed_case_stands_against_the_protocol_until_its_deviation_is_accepted(accepted, word):
    counts = Counts(total=5, passed=3, failed=2, not_run=0, not_evaluable=0)
    assert protocol_headline(counts, accepted).word == word


def test_a_protocol_that_was_not_executed_is_named():
    shown = release_headline(
        "incomplete", ["IQ: not executed", "OQ: not executed", "PQ: 1 of 9 cases failed"], {}
    ).reasons
    assert shown == ("not executed: IQ, OQ", "cases failed: PQ 1 of 9")
