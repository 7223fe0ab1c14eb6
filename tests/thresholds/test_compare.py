"""The comparison: complete, reproducible, blind for the test split, and honest when nothing is valid."""

import json

import numpy as np
import pytest

from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.hashing import canonical_json
from sealproof.thresholds.compare import compare, thresholds_json
from sealproof.thresholds.selection import calibration_scores
from sealproof.thresholds.settings import METHOD_NAMES, ThresholdSettings
from sealproof.thresholds.tables import terminal_table, threshold_table, tracked_metrics

QUICK = ThresholdSettings(bootstrap=60)


@pytest.fixture
def comparison(score_table):
    return compare(calibration_scores(score_table), QUICK, 7)


def test_every_method_stands_for_every_score_and_both_calibrations(comparison):
    for results, calibration, n in (
        (comparison.held_out, "held-out", 117),
        (comparison.training, "training", 150),
    ):
        assert list(results) == ["4-ms-ssim", "mse"]
        for methods in results.values():
            assert list(methods) == list(METHOD_NAMES)
            for method, result in methods.items():
                assert result.calibration == calibration
                assert result.n == n + (30 if method == "supervised_accuracy" else 0)


def test_what_is_written_is_a_function_of_the_inputs(score_table, comparison):
    again = compare(calibration_scores(score_table.sample(frac=1, random_state=3)), QUICK, 7)
    assert canonical_json(thresholds_json(again)) == canonical_json(thresholds_json(comparison))


def test_poisoned_test_scores_change_nothing(score_table, comparison):
    poisoned = score_table.copy()
    rows = poisoned["split"] == "test"
    poisoned.loc[rows, ["4-ms-ssim", "mse"]] = -1e9
    poisoned.loc[rows, "decided"] = True
    again = compare(calibration_scores(poisoned), QUICK, 7)
    assert canonical_json(thresholds_json(again)) == canonical_json(thresholds_json(comparison))


def test_a_poisoned_calibration_score_does_change_something(score_table, comparison):
    score_table.loc[score_table["image_id"] == "calibration-0000", "4-ms-ssim"] = 50.0
    again = compare(calibration_scores(score_table), QUICK, 7)
    assert again.in_force.threshold != comparison.in_force.threshold


def test_in_force_is_the_named_method_on_held_out_normals(comparison):
    content = thresholds_json(comparison)
    assert content["in_force"]["score"] == "4-ms-ssim"
    assert content["in_force"]["method"] == "mean_sigma"
    assert content["in_force"]["threshold"] == content["scores"]["4-ms-ssim"]["mean_sigma"]["threshold"]
    assert content["in_force"]["calibration"] == "held-out"
    json.dumps(content, allow_nan=False)


def test_without_a_valid_threshold_there_is_no_other_one(score_table):
    settings = QUICK.model_copy(update={"method": "evt_pot"})
    found = compare(calibration_scores(score_table), settings, 7)
    content = thresholds_json(found)
    assert content["in_force"]["threshold"] is None
    assert content["in_force"]["eligible"] is False
    assert content["in_force"]["reason_code"] == "too-few-exceedances"
    assert content["scores"]["4-ms-ssim"]["mean_sigma"]["threshold"] is not None


def test_training_scores_are_shown_to_be_optimistic(comparison):
    training = comparison.training["4-ms-ssim"]["mean_sigma"]
    held_out = comparison.held_out["4-ms-ssim"]["mean_sigma"]
    assert training.threshold < held_out.threshold
    found = training.details["held_out_false_rejects"]
    scores = comparison.scores.held_out["4-ms-ssim"]
    assert found["rejected"] == int((scores >= training.threshold).sum())
    assert found["rate"] >= held_out.details["calibration_false_rejects"]["rate"]


def test_tuning_defects_reach_the_supervised_method_alone(score_table, comparison):
    moved = score_table.copy()
    moved.loc[moved["split"] == "tuning", ["4-ms-ssim", "mse"]] += 0.02
    again = compare(calibration_scores(moved), QUICK, 7)
    for method in METHOD_NAMES:
        same = (
            again.held_out["4-ms-ssim"][method].as_json()
            == comparison.held_out["4-ms-ssim"][method].as_json()
        )
        assert same is (method != "supervised_accuracy")


def test_without_defects_and_training_normals_the_stage_still_has_an_answer(score_table):
    rest = score_table[score_table["split"].isin(["calibration", "test"])]
    found = compare(calibration_scores(rest), QUICK, 7)
    assert found.in_force.eligible
    assert found.held_out["mse"]["supervised_accuracy"].reason_code == "no-defects"
    assert all(not result.eligible for result in found.training["mse"].values())
    assert found.optimism["mse"].holds is None
    json.dumps(thresholds_json(found), allow_nan=False)


def test_a_score_that_does_not_exist_cannot_be_in_force(score_table):
    with pytest.raises(DefinitionError, match="4-ms-ssim") as error:
        compare(calibration_scores(score_table.drop(columns="4-ms-ssim")), QUICK, 7)
    assert "holds mse" in str(error.value)


def test_table_has_a_row_for_each_result(comparison):
    table = threshold_table(comparison)
    assert len(table) == 2 * 2 * len(METHOD_NAMES)
    assert table["in_force"].sum() == 1
    chosen = table[table["in_force"]].iloc[0]
    assert chosen["threshold"] == comparison.in_force.threshold
    assert chosen["held_out_false_reject_rate"] == chosen["calibration_false_reject_rate"]
    assert table.loc[~table["eligible"], "threshold"].isna().all()


def test_terminal_table_names_every_method(comparison):
    column = terminal_table(comparison).columns[0]
    assert [cell.strip("> ") for cell in column.cells] == list(METHOD_NAMES)


def test_tracked_metrics_are_the_valid_thresholds(comparison):
    found = tracked_metrics(comparison)
    assert found["4-ms-ssim.mean_sigma"] == comparison.in_force.threshold
    assert "4-ms-ssim.evt_pot" not in found
    assert all(np.isfinite(value) for value in found.values())
