"""Reliability statements: SciPy's one-sided exact bound, and a sentence that claims no more than is proved."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sealproof.evaluation.counts import ConfusionCounts
from sealproof.evaluation.reliability import of_counts, reliability, reliability_json


@given(units=st.integers(1, 500), data=st.data())
def test_the_bound_is_scipys_and_the_sentence_rounds_it_down(units, data):
    failures = data.draw(st.integers(0, units))
    found = reliability("recall", failures, units, 0.95)
    expected = (
        stats.binomtest(units - failures, units, alternative="greater").proportion_ci(0.95, "exact").low
    )
    assert found.reliability == pytest.approx(expected, rel=1e-9, abs=1e-12)
    stated = float(re.search(r"at least (\S+)", found.statement)[1])
    assert found.reliability - 1e-4 - 1e-12 <= stated <= found.reliability + 1e-12


def test_undecided_images_are_failures():
    found = of_counts(ConfusionCounts(8, 1, 9, 2, undecided_normal=5, undecided_defective=3), 0.9)
    assert (found["recall"].failures, found["recall"].units) == (5, 13)
    assert (found["specificity"].failures, found["specificity"].units) == (6, 15)


def test_the_smallest_subgroup_of_each_class_is_named(evaluation):
    found = reliability_json(evaluation.in_force.counts, evaluation.subgroups, 0.95)
    for metric, size in (("recall", "defective"), ("specificity", "normal")):
        sizes = {(g.column, g.value): getattr(g.counts, size) for g in evaluation.subgroups}
        least = found["smallest"][metric]
        assert least["units"] == sizes[least["column"], least["value"]] == min(n for n in sizes.values() if n)
        assert least["statement"].startswith("95 % confidence that")
    assert [row["value"] for row in found["subgroups"]] == [group.value for group in evaluation.subgroups]


def test_without_subgroups_or_threshold_nothing_is_made_up():
    found = reliability_json(ConfusionCounts(1, 0, 1, 0), [], 0.95, "there is no valid threshold")
    assert found["smallest"] == {"recall": None, "specificity": None}
    assert found["recall"]["reliability"] is None
    assert found["recall"]["statement"] == "recall: not evaluable: there is no valid threshold"
