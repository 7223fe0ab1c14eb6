"""The comparison: complete, reproducible, blind for the test split, and honest when nothing is valid."""

import json

import numpy as np
import pandas as pd
import pytest

from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.hashing import canonical_json
from sealproof.thresholds.compare import compare, thresholds_json
from sealproof.thresholds.cross_fit import cross_fit_scores
from sealproof.thresholds.selection import calibration_scores
from sealproof.thresholds.settings import METHOD_NAMES, ThreeWaySettings, ThresholdSettings
from sealproof.thresholds.tables import terminal_table, threshold_table, tracked_metrics

QUICK = ThresholdSettings(bootstrap=60)
TUNED = ("supervised_accuracy", "supervised_balanced", "cost")


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
                assert result.n == {"recall_bound": 30}.get(method, n + 30 * (method in TUNED))
                assert result.assumptions[-1].name.startswith("exchangeability")


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
    assert content["in_force"]["method"] == "conformal"
    assert content["in_force"]["threshold"] == content["scores"]["4-ms-ssim"]["conformal"]["threshold"]
    assert content["in_force"]["accept_below"] is None
    assert content["in_force"]["calibration"] == "held-out"
    json.dumps(content, allow_nan=False)


def test_without_a_valid_threshold_there_is_no_other_one(score_table):
    settings = QUICK.model_copy(update={"method": "mean_sigma"})
    found = compare(calibration_scores(score_table), settings, 7)
    content = thresholds_json(found)
    assert content["in_force"]["threshold"] is None
    assert content["in_force"]["eligible"] is False
    assert content["in_force"]["reason_code"] == "assumption-not-met"
    assert content["in_force"]["details"]["estimate"] > 0
    assert content["scores"]["4-ms-ssim"]["conformal"]["threshold"] is not None


def test_training_scores_are_shown_to_be_optimistic(comparison):
    training = comparison.training["4-ms-ssim"]["conformal"]
    held_out = comparison.held_out["4-ms-ssim"]["conformal"]
    assert training.threshold < held_out.threshold
    found = training.details["held_out_false_rejects"]
    scores = comparison.scores.held_out["4-ms-ssim"]
    assert found["rejected"] == int((scores >= training.threshold).sum())
    assert found["rate"] >= held_out.details["calibration_false_rejects"]["rate"]


def test_tuning_defects_reach_the_supervised_methods_alone(score_table, comparison):
    moved = score_table.copy()
    moved.loc[moved["split"] == "tuning", ["4-ms-ssim", "mse"]] += 0.02
    again = compare(calibration_scores(moved), QUICK, 7)
    for method in METHOD_NAMES:
        same = (
            again.held_out["4-ms-ssim"][method].as_json()
            == comparison.held_out["4-ms-ssim"][method].as_json()
        )
        assert same is (method not in (*TUNED, "recall_bound"))


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
    assert table.loc[table["eligible"], "estimate"].equals(table.loc[table["eligible"], "threshold"])
    assert (table.loc[~table["eligible"], "promise"] == "").all()


def test_terminal_table_names_every_method(comparison):
    column = terminal_table(comparison).columns[0]
    assert [cell.strip("> ") for cell in column.cells] == list(METHOD_NAMES)


def test_tracked_metrics_are_the_valid_thresholds(comparison):
    found = tracked_metrics(comparison)
    assert found["4-ms-ssim.conformal"] == comparison.in_force.threshold
    assert "4-ms-ssim.mean_sigma" not in found
    assert all(np.isfinite(value) for value in found.values())


def test_terminal_table_shows_an_estimate_that_may_not_be_used_in_brackets(comparison):
    table = terminal_table(comparison)
    cells = dict(zip(METHOD_NAMES, table.columns[1].cells, strict=True))
    assert cells["mean_sigma"].startswith("(0.")
    assert cells["conformal"] == f"{comparison.in_force.threshold:.3g}"
    promises = dict(zip(METHOD_NAMES, table.columns[4].cells, strict=True))
    assert promises["tolerance_order"] == "5.0% at 95%"
    assert promises["mean_sigma"] == promises["recall_bound"] == "-"


def test_scores_that_drift_with_time_are_shown(score_table, manifest):
    rank = score_table.groupby("split")["4-ms-ssim"].rank().fillna(0)
    manifest["captured_at"] = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(rank, unit="h")
    found = compare(calibration_scores(score_table, manifest), QUICK, 7)
    drift = found.in_force.assumptions[-1]
    assert (drift.holds, drift.statistic, drift.p_value) == (False, pytest.approx(1), pytest.approx(1 / 61))


def three_way(**changes):
    fields = {"in_force": True, "missed_defect_rate": 0.1} | changes
    return QUICK.model_copy(update={"three_way": ThreeWaySettings(**fields)})


def test_a_three_way_verdict_in_force_accepts_below_its_limit_and_never_above_the_threshold(score_table):
    scores = calibration_scores(score_table)
    found = compare(scores, three_way(), 7)
    content = thresholds_json(found)
    row = next(
        row
        for row in content["three_way"]["4-ms-ssim"]
        if (row["false_reject_rate"], row["missed_defect_rate"]) == (0.05, 0.1)
    )
    assert content["in_force"]["accept_below"] == row["accept_below"]
    wide = compare(scores, three_way(missed_defect_rate=0.45), 7)
    assert wide.accept_below == wide.in_force.threshold


def test_a_three_way_verdict_that_is_out_of_reach_leaves_no_valid_threshold(score_table):
    few = score_table[~score_table["image_id"].isin([f"tuning-{i:04d}" for i in range(8, 30)])]
    found = compare(calibration_scores(few), three_way(), 7)
    assert found.in_force.threshold is None
    assert found.in_force.reason_code == "acceptance-out-of-reach"
    assert "8 training defects cannot hold a rate of 10 %, 9 can" in found.in_force.reason
    assert found.accept_below is None
    assert found.in_force.promise == ""
    assert found.held_out["4-ms-ssim"]["conformal"].eligible


def test_a_score_that_learnt_from_the_training_defects_gets_no_threshold_from_them(score_table, comparison):
    scores = calibration_scores(score_table, fitted=frozenset({"4-ms-ssim", "not-computed"}))
    found = compare(scores, three_way(), 7)
    for results in (found.held_out, found.training):
        for method in (*TUNED, "recall_bound"):
            result = results["4-ms-ssim"][method]
            assert result.threshold is None
            assert "estimate" not in result.details
            assert "no-defects" in result.details["reason_codes"]
            assert "the score was fitted to the training defects" in result.reason
            assert result.promise == ""
    others = [name for name in METHOD_NAMES if name not in (*TUNED, "recall_bound")]
    assert [found.held_out["4-ms-ssim"][name] for name in others] == [
        comparison.held_out["4-ms-ssim"][name] for name in others
    ]
    assert found.held_out["mse"] == comparison.held_out["mse"]
    assert all(item.accept_below is None for item in found.three_way["4-ms-ssim"])
    assert all("fitted to the training defects" in item.reason for item in found.three_way["4-ms-ssim"])
    assert found.in_force.reason_code == "acceptance-out-of-reach"
    assert thresholds_json(found)["fitted_to_defects"] == ["4-ms-ssim"]
    assert thresholds_json(comparison)["fitted_to_defects"] == []


def crossed(table, shift=0.0):
    """Scores as the stage cross_fit writes them."""
    rows = table[table["split"].isin(["train", "calibration"])].copy()
    random = np.random.default_rng(4)
    rows["fold"] = np.arange(len(rows)) % 5 + 1
    for name in ("4-ms-ssim", "mse"):
        rows[name] += (random.normal(size=len(rows)) + shift) * 0.1 * rows[name].std()
    return rows


def test_cross_fitting_calibrates_on_all_normals_and_is_shown_beside_the_others(score_table):
    settings = QUICK.model_copy(update={"calibration": "cross-fit"})
    cross_fit = cross_fit_scores(crossed(score_table), score_table)
    found = compare(calibration_scores(score_table), settings, 7, cross_fit)
    content = thresholds_json(found)
    assert found.in_force.n == 150 + 117
    assert content["in_force"]["calibration"] == "cross-fit"
    assert (
        content["in_force"]["threshold"] == content["cross_fit_scores"]["4-ms-ssim"]["conformal"]["threshold"]
    )
    row = content["cross_fit_scores"]["4-ms-ssim"]["conformal"]
    assert {key: content["in_force"][key] for key in row} == row
    assert "held_out_false_rejects" in row["details"]
    assert "detectors of the folds" in content["in_force"]["promise"]
    assert content["in_force"]["assumptions"][-1]["holds"] is True
    assert len(threshold_table(found)) == 3 * 2 * len(METHOD_NAMES)
    assert threshold_table(found)["in_force"].sum() == 1
    beside = compare(calibration_scores(score_table), QUICK, 7, cross_fit)
    assert beside.in_force.calibration == "held-out"
    assert "cross_fit_scores" in thresholds_json(beside)


def test_folds_that_score_otherwise_than_the_detector_in_force_give_no_valid_threshold(score_table):
    settings = QUICK.model_copy(update={"calibration": "cross-fit"})
    cross_fit = cross_fit_scores(crossed(score_table, shift=3.0), score_table)
    found = compare(calibration_scores(score_table), settings, 7, cross_fit)
    assert found.in_force.threshold is None
    assert found.in_force.reason_code == "assumption-not-met"
    assert "does not carry over" in found.in_force.reason
    assert found.in_force.details["estimate"] > 0
    assert not any(result.eligible for result in found.cross_fit["mse"].values())


def test_cross_fitting_that_did_not_run_cannot_be_in_force(score_table, comparison):
    settings = QUICK.model_copy(update={"calibration": "cross-fit"})
    with pytest.raises(DefinitionError, match=r"set cross_fit\.folds"):
        compare(calibration_scores(score_table), settings, 7)
    assert "cross_fit_scores" not in thresholds_json(comparison)
