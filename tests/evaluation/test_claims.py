"""What a test set can carry, held against the very bounds that the criteria act on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealproof.evaluation.claims import NO_PROPORTION, Claim, plan_claims, units_before_opening
from sealproof.evaluation.evidence import subgroup_ids
from sealproof.evaluation.subgroups import known_values
from sealproof.thresholds.bounds import clopper_pearson


def claim(bound="low", limit=0.9, units="evaluate.test.defective"):
    return Claim("AC-01", "Recall", "evaluate.mse.recall", bound, limit, units)


def planned(n, bound="low", limit=0.9, confidence=0.95):
    return plan_claims([claim(bound, limit)], {"evaluate.test.defective": n}, confidence).claims[0]


@given(
    n=st.integers(1, 400),
    bound=st.sampled_from(["low", "high"]),
    limit=st.floats(0.01, 0.99),
    confidence=st.sampled_from([0.8, 0.9, 0.95, 0.99]),
)
def test_the_failures_allowed_are_those_of_the_two_sided_bounds(n, bound, limit, confidence):
    """Counting every outcome: met with so many failures, not met with one more."""

    def met(failures):
        low, high = clopper_pearson(n - failures if bound == "low" else failures, n, confidence)
        return low >= limit if bound == "low" else high <= limit

    found = planned(n, bound, limit, confidence)
    assert found.carried is met(0)
    if found.carried:
        assert met(found.failures_allowed)
        assert found.failures_allowed == n or not met(found.failures_allowed + 1)
    else:
        assert found.failures_allowed is None
    assert found.carried is (n >= found.units_needed)


def test_a_claim_that_is_too_large_is_named_with_what_it_needs():
    found = planned(30)
    assert (found.carried, found.units_needed) == (False, 36)
    assert found.reason == (
        "30 units can prove at most 0.8843, with no error at all; the limit is 0.9; 36 units could carry it"
    )


@pytest.mark.parametrize(
    ("bound", "limit", "carried", "needed"),
    [("low", 1.0, False, None), ("low", 0.0, True, 1), ("high", 0.0, False, None), ("high", 1.0, True, 1)],
)
def test_limits_at_the_ends(bound, limit, carried, needed):
    found = planned(500, bound, limit)
    assert (found.carried, found.units_needed) == (carried, needed)
    assert carried or "no number of units could carry it" in found.reason


def test_what_is_not_known_is_neither_carried_nor_refused():
    plan = plan_claims([claim(), claim(units=None)], {}, 0.95)
    unknown, no_proportion = plan.claims
    assert (unknown.carried, unknown.reason) == (
        None,
        "evaluate.test.defective is not known before the test set is opened",
    )
    assert (no_proportion.carried, no_proportion.reason) == (None, NO_PROPORTION)
    assert plan.unknown == (unknown,)
    assert plan.not_carried == ()


def test_an_empty_test_set_carries_nothing():
    assert planned(0).carried is False


def counts(normal, defective):
    return {"test": {"normal": normal, "defective": defective, "unlabelled": 0}}


def test_units_of_subgroups_have_the_ids_of_their_records(rows, manifest, labels, evaluation):
    """Counted from the raw rows as split_summary.json counts them; compared with the opened test set."""
    test = rows[rows["split"] == "test"]
    summary = {
        "splits": counts(int((test["label"] == 0).sum()), int((test["label"] == 1).sum())),
        "subgroups": {
            "group_setup": {
                value: counts(int((part["label"] == 0).sum()), int((part["label"] == 1).sum()))
                for value, part in rows[rows["split"] == "test"].groupby("group_setup")
            }
        },
        "defect_types": {"test": test.loc[test["label"] == 1, "defect_type"].value_counts().to_dict()},
    }
    found = units_before_opening(summary)
    names = subgroup_ids(list(evaluation.subgroups))
    for name, group in zip(names, evaluation.subgroups, strict=True):
        if group.counts.total:
            assert found[f"evaluate.{name}.images"] == group.counts.total
            assert found[f"evaluate.{name}.defective"] == group.counts.defective
    assert known_values(manifest, evaluation.cases)["group_setup"] == ["12", "20", "23"]
    assert found["evaluate.test.images"] == len(labels)


def test_values_that_read_the_same_are_not_told_apart():
    summary = {
        "splits": counts(9, 9),
        "subgroups": {"group_lot": {"A b": counts(1, 2), "a-b": counts(3, 4), "c": counts(5, 6)}},
    }
    found = units_before_opening(summary)
    assert "evaluate.subgroup.group_lot.a-b.normal" not in found
    assert found["evaluate.subgroup.group_lot.c.images"] == 11
