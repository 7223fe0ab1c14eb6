"""Three verdicts: the rule at its limits, the counts by hand, and what is in force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealproof.evaluation.cases import assemble_cases, verdicts
from sealproof.evaluation.documents import evaluation_json
from sealproof.evaluation.evaluate import evaluate
from sealproof.evaluation.settings import EvaluateSettings

FINITE = st.floats(-10, 10)


@given(score=FINITE, threshold=FINITE, accept_below=FINITE)
def test_the_rule_of_three_verdicts(score, threshold, accept_below):
    if score >= threshold:
        expected = "reject"
    elif score < min(accept_below, threshold):
        expected = "accept"
    else:
        expected = "undecided"
    assert verdicts([score], [True], threshold, accept_below).tolist() == [expected]


@given(score=FINITE, threshold=FINITE)
def test_without_a_limit_of_acceptance_there_are_two_verdicts(score, threshold):
    two = verdicts([score], [True], threshold).tolist()
    assert two == verdicts([score], [True], threshold, accept_below=threshold).tolist()
    assert two == verdicts([score], [True], threshold, accept_below=np.inf).tolist()
    assert two != ["undecided"]


@pytest.mark.parametrize("accept_below", [float("nan"), -np.inf])
def test_a_limit_that_is_no_number_accepts_nothing(accept_below):
    assert verdicts([0.1, 2.0], [True, True], 1.0, accept_below).tolist() == ["undecided", "reject"]


def test_an_image_without_a_score_is_undecided_whatever_the_limits():
    assert verdicts([np.nan, 0.1], [True, False], 1.0, 0.5).tolist() == ["undecided"] * 2


def test_each_setting_is_counted_from_the_raw_rows(rows, evaluation):
    test = rows[rows["split"] == "test"]
    found = evaluation_json(evaluation)["three_way"]
    assert len(found) == 2
    row, score = found[0], test["4-ms-ssim"]
    expected = {
        "accept": test["decided"] & (score < 0.07),
        "reject": test["decided"] & (score >= 0.12),
        "undecided": ~test["decided"] | ((score >= 0.07) & (score < 0.12)),
    }
    for verdict, chosen in expected.items():
        for label, name in ((0, "normal"), (1, "defective")):
            assert row["counts"][verdict][name] == int((chosen & (test["label"] == label)).sum())
    share = row["share_to_person"]["all"]
    assert share["value"] == pytest.approx(expected["undecided"].mean())
    assert share["low"] < share["value"] < share["high"]
    counts = row["counts"]
    decided = counts["reject"]["defective"] + counts["accept"]["defective"]
    assert row["decided"]["recall"]["value"] == pytest.approx(counts["reject"]["defective"] / decided)
    assert row["conservative"]["recall"]["value"] == pytest.approx(counts["reject"]["defective"] / 30)
    assert row["decided"]["recall"]["value"] > row["conservative"]["recall"]["value"]


def test_a_setting_without_both_limits_says_why(evaluation):
    row = evaluation_json(evaluation)["three_way"][1]
    assert row["counts"] is None
    assert row["share_to_person"]["all"]["value"] is None
    assert row["decided"]["recall"]["reason"] == "there are no two limits: too few normals"


def test_a_limit_in_force_is_honoured_everywhere(rows, labels, scores, manifest, thresholds):
    thresholds["in_force"]["accept_below"] = 0.07
    cases = assemble_cases(labels, scores, manifest)
    found = evaluate(cases, thresholds, manifest, EvaluateSettings(bootstrap=50), 7)
    test = rows[(rows["split"] == "test") & rows["decided"]]
    between = test[(test["4-ms-ssim"] >= 0.07) & (test["4-ms-ssim"] < 0.1)]
    assert found.in_force.counts.undecided == len(between) + 3
    content = evaluation_json(found)
    assert content["test"]["undecided"] == len(content["undecided"]) == len(between) + 3
    assert content["test"]["undecided_normal"] == found.in_force.counts.undecided_normal
    assert (
        sum(group.counts.undecided for group in found.subgroups if group.column == "group_setup")
        == len(between) + 3
    )
    missed = content["reliability"]["recall"]["failures"]
    assert missed == 30 - found.in_force.counts.tp
    assert found.scores["mse"].counts.undecided == 3, "the other scores have no such limit"
    assert found.promise.counts.undecided == 3, "a promise speaks of what the threshold rejects"
    assert {row["verdict"] for _, row in found.undecided().iterrows()} == {"undecided"}
