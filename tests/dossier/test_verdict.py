import pytest

from sealproof.dossier.frame import licence_note
from sealproof.dossier.verdict import SHOWN, protocol_headline, release_headline
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
    assert shown[-2] == "and 8 more, in the chapters below"
    assert shown[-1] == "not signed: author"
