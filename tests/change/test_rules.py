import pytest

from sealproof.change.claims import Change, Classification
from sealproof.change.rules import RULES, rule_for

NONE = Classification.NONE


def rule(path, kind="changed"):
    return rule_for(Change(path, kind, None, None))


def test_every_change_has_a_rule_and_the_unknown_one_fails_closed():
    found = rule("something.nobody.knows")
    assert found is RULES[-1]
    assert (found.classification, found.covered, found.effect) == (
        Classification.REQUALIFICATION,
        False,
        False,
    )


def test_every_rule_gives_a_reason_and_none_is_hidden_by_an_earlier_one():
    for number, item in enumerate(RULES):
        assert item.reason
        path, kind = item.path.replace("*", "x"), item.kind.replace("*", "x")
        assert rule(path, kind) is RULES[number], f"{item.path} is never reached"


def test_only_few_changes_ask_for_nothing():
    assert sorted((item.path, item.kind) for item in RULES if item.classification is NONE) == [
        ("approvals.criteria*", "added"),
        ("approvals.criteria*", "changed"),
        ("cases.*.verdict", "better"),
        ("code.commit", "listed"),
        ("code.files.CHANGELOG.md", "*"),
        ("code.files.README.md", "*"),
        ("code.files.docs", "*"),
        ("criteria.*.verdict", "better"),
        ("deviations.*", "accepted"),
        ("deviations.*", "closed"),
        ("openings.ledger", "continued"),
        ("signatures.*", "*"),
        ("statements.revision", "*"),
        ("statements.revision_history*", "*"),
    ]


@pytest.mark.parametrize(
    "path",
    [
        "statements.intended_use",
        "statements.predetermined_changes.PCC-01.limits",
        "statements.predetermined_changes",
        "statements.hazards.H-01.control",
        "data.test",
        "data.test.counts.normal",
        "data.test.sealed_labels",
        "data.summary.simulated",
        "criteria.AC-01.limit",
        "cases.IQ-001.definition",
        "risks.RC-01.hazard",
        "requirements.URS-001.text",
        "protocols.iq.title",
        "openings.declared.openings",
        "deviations.DEV-IQ-001",
        "files.notes.txt",
    ],
)
def test_no_plan_covers_what_the_assessment_rests_on(path):
    assert not rule(path).covered
    assert rule(path).classification is Classification.REQUALIFICATION


@pytest.mark.parametrize(
    "name", ["intended_use", "oversight", "hazards", "classification.q1", "provider.name"]
)
def test_what_may_be_a_substantial_modification_says_so_and_leaves_the_decision(name):
    remark = rule(f"statements.{name}").remark
    assert "Article 3(23)" in remark
    assert "Article 43(4)" in remark
    assert "may be" in remark
    assert "provider decides" in remark
