"""Subgroups: every value of the data set, with bounds, the smallest named, the empty ones as well."""

import pandas as pd
import pytest
from scipy import stats

from sealproof.evaluation.subgroups import known_values, smallest, subgroups, without_images

CASES = pd.DataFrame(
    {
        "label": [0, 0, 0, 1, 1, 1, 1],
        "verdict": ["accept", "reject", "undecided", "reject", "reject", "accept", "undecided"],
        "group_setup": ["12", "12", "20", "12", "20", "20", "20"],
        "defect_type": ["", "", "", "crack", "crack", "", "tear"],
    }
)


def found(known=None):
    return {(group.column, group.value): group for group in subgroups(CASES, known or {})}


def test_rates_of_a_subgroup_are_its_own():
    setup = found()["group_setup", "20"]
    assert (setup.counts.normal, setup.counts.defective) == (1, 3)
    assert setup.recall.value == pytest.approx(1 / 3)  # one of three: the undecided defect is not detected
    reference = stats.binomtest(1, 3).proportion_ci(0.95, method="exact")
    assert (setup.recall.low, setup.recall.high) == pytest.approx((reference.low, reference.high))
    assert setup.specificity.value == 0  # its only normal image is undecided
    assert setup.counts.undecided_normal == 1


def test_a_defect_type_has_a_recall_and_no_specificity():
    crack = found()["defect_type", "crack"]
    assert crack.counts.defective == 2
    assert crack.recall.value == 1
    assert crack.specificity.value is None
    assert crack.specificity.reason == "there is no normal image"


def test_defects_of_unknown_type_are_a_subgroup_and_normals_are_in_none():
    assert found()["defect_type", ""].counts.total == 1
    assert sum(group.counts.total for (column, _), group in found().items() if column == "defect_type") == 4


def test_subgroups_partition_the_test_images():
    assert sum(
        group.counts.total for (column, _), group in found().items() if column == "group_setup"
    ) == len(CASES)


def test_a_subgroup_without_test_images_is_named_and_not_evaluable():
    groups = list(found({"group_setup": ["12", "23"], "defect_type": ["hole"]}).values())
    assert [(g.column, g.value) for g in without_images(groups)] == [
        ("group_setup", "23"),
        ("defect_type", "hole"),
    ]
    assert all(g.recall.value is None and g.specificity.value is None for g in without_images(groups))


def test_the_smallest_subgroup_has_an_image_and_ties_are_settled():
    groups = list(found({"group_setup": ["23"]}).values())
    assert (smallest(groups).column, smallest(groups).value) == ("defect_type", "")
    assert smallest([]) is None


def test_known_values_come_from_all_images_that_are_not_excluded(manifest, labels):
    known = known_values(manifest, labels)
    assert known["group_setup"] == ["12", "20", "23"]
    assert known["defect_type"] == ["crack", "finger"]
    excluded = manifest.assign(excluded=manifest["group_setup"] == "23")
    assert known_values(excluded, labels)["group_setup"] == ["12", "20"]
