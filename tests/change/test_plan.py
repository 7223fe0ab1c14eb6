import pytest
from tests.change.build import PRODUCT, put

from sealproof.change.claims import Change
from sealproof.change.plan import Facts, broken_limits, load_plan, names
from sealproof.change.tree import open_tree
from sealproof.dossier.product import PredeterminedChange
from sealproof.evidence.errors import DefinitionError

OLD = {"recall": {"value": 0.95, "low": 0.9, "high": 0.99}}
NEW = {"recall": {"value": 0.93, "low": 0.88, "high": 0.98}}
FACTS = Facts(OLD, NEW, same_test_images=True, criteria={"AC-01": True})


def entry(what="*", **limits):
    return PredeterminedChange(id="PCC-01", what=what, limits=limits, reason="r", approved_by="QA")


def broken(changes=(), facts=FACTS, what="*", **limits):
    return broken_limits(entry(what, **limits), changes, facts)


def test_one_pattern_or_several_name_claims():
    assert entry("data.train").what == ("data.train",)
    both = entry(["data.train", "parameters.train.*"])
    assert names(both, Change("data.train", "changed", 1, 2))
    assert names(both, Change("parameters.train.epochs", "changed", 1, 2))
    assert not names(both, Change("data.test", "changed", 1, 2))
    assert not names(entry("threshold.*"), Change("parameters.threshold.sigmas", "changed", 1, 2))


def test_without_limits_nothing_can_break():
    assert broken() == []


@pytest.mark.parametrize(
    ("limits", "holds"),
    [
        ({"minimum_bound": {"recall": 0.88}}, True),
        ({"minimum_bound": {"recall": 0.8801}}, False),
        ({"minimum_bound": {"auroc": 0.1}}, False),
        ({"maximum_drop": {"recall": 0.0201}}, True),
        ({"maximum_drop": {"recall": 0.0199}}, False),
        ({"maximum_drop": {"auroc": 1.0}}, False),
        ({"same_test_images": True}, True),
        ({"criteria_met": True}, True),
        ({"minimum_bound": {"recall": 0.5}, "maximum_drop": {"recall": 0.0}}, False),
    ],
)
def test_limits_on_performance_hold_or_break(limits, holds):
    assert (broken(**limits) == []) == holds


@pytest.mark.parametrize(
    ("facts", "limits"),
    [
        (Facts({}, {"recall": {"value": 1.0, "low": None}}, True, {}), {"minimum_bound": {"recall": 0.0}}),
        (Facts(OLD, {"recall": {"value": None}}, True, {}), {"maximum_drop": {"recall": 1.0}}),
        (Facts(OLD, {"recall": {"value": True}}, True, {}), {"maximum_drop": {"recall": 1.0}}),
        (Facts(OLD, NEW, None, {}), {"same_test_images": True}),
        (Facts(OLD, NEW, False, {}), {"same_test_images": True}),
        (Facts(OLD, NEW, True, {}), {"criteria_met": True}),
        (Facts(OLD, NEW, True, {"AC-01": None}), {"criteria_met": True}),
        (Facts(OLD, NEW, True, {"AC-01": True, "AC-02": False}), {"criteria_met": True}),
    ],
)
def test_a_limit_that_cannot_be_evaluated_is_not_kept(facts, limits):
    assert broken(facts=facts, **limits)


def test_a_share_of_images_is_held_against_each_named_split():
    small, large = (
        Change(f"data.{name}", "changed", 0, 0, share=share)
        for name, share in (("train", 0.1), ("unused", 0.2))
    )
    assert broken([small], maximum_share_of_images=0.1) == []
    assert broken([small, large], maximum_share_of_images=0.1) == [
        "20.0% of the images of data.unused differ, at most 10.0% are planned"
    ]
    assert broken([small, large], what="data.train", maximum_share_of_images=0.1) == []
    unknown = Change("data.tuning", "added", 0, 3)
    assert "not known" in broken([unknown], maximum_share_of_images=1.0)[0]


@pytest.mark.parametrize(
    ("limits", "holds"),
    [
        ({"lowest": 0.5}, True),
        ({"lowest": 0.51}, False),
        ({"highest": 0.5}, True),
        ({"highest": 0.49}, False),
        ({"maximum_relative_change": 0.25}, True),
        ({"maximum_relative_change": 0.24}, False),
    ],
)
def test_a_numeric_claim_has_a_range(limits, holds):
    plain = Change("threshold.x", "changed", 0.4, 0.5)
    bounded = Change("threshold.value", "changed", {"value": 0.4, "low": 0.3}, {"value": 0.5, "low": 0.3})
    assert (broken([plain], **limits) == []) == holds
    assert (broken([bounded], **limits) == []) == holds


@pytest.mark.parametrize("values", [("a", "b"), (None, 1.0), (0.0, 1.0), (1.0, None), (False, True)])
def test_a_claim_without_numbers_breaks_a_numeric_limit(values):
    assert broken([Change("threshold.x", "changed", *values)], maximum_relative_change=1e9)


def test_the_plan_is_read_from_a_release_of_another_version(pair):
    pair.plan("data.train", criteria_met=True)
    put(pair.old, f"products/{PRODUCT}/product.yaml", "x", "key_of_a_later_version")
    (found,) = load_plan(open_tree(pair.old, "OLD"))
    assert (found.id, found.what, found.limits.criteria_met) == ("PCC-01", ("data.train",), True)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("limits", {"criteria_met": False}, "criteria_met"),
        ("limits", {"minimum_recall": 0.9}, "unknown key"),
        ("what", [], "what"),
        ("approved_by", "", "approved_by"),
        ("id", "1", "id"),
    ],
)
def test_a_malformed_plan_is_refused_and_named(pair, key, value, told):
    pair.plan("data.train")
    put(pair.old, f"products/{PRODUCT}/product.yaml", value, "predetermined_changes", 0, key)
    with pytest.raises(DefinitionError, match="wrong") as caught:
        load_plan(open_tree(pair.old, "OLD"))
    assert told in caught.value.why
