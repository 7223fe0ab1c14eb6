"""Thresholds derived by the verifier against the pipeline's, which shares no code with it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sealproof.models.defects import scores_fitted_to_defects
from sealproof.models.registry import detector_names
from sealproof.thresholds.compare import compare, thresholds_json
from sealproof.thresholds.cross_fit import cross_fit_scores
from sealproof.thresholds.selection import calibration_scores
from sealproof.thresholds.settings import METHOD_NAMES, ThresholdSettings
from sealproof.verification.normal_limits import limit_factor
from sealproof.verification.tail import evt_pot, tail_quantile
from sealproof.verification.tail_level import fit, split_tail
from sealproof.verification.three_way import in_force, three_way_grid
from sealproof.verification.threshold_result import METHODS, problems
from sealproof.verification.threshold_scores import CALIBRATIONS, calibration_of, fitted_to_defects

SETTINGS = ThresholdSettings(score="mse", bootstrap=60, confidence=0.95, require_normality=False)


def table(sizes, shift=0.0):
    """Scores of normals with a gamma tail, of which every method makes a threshold, and of defects."""
    random = np.random.default_rng(5)
    parts = {"calibration": 9.0, "train": 9.0, "tuning": 20.0}
    rows = [
        {"image_id": f"{split}-{i:04d}", "split": split, "decided": True, "mse": random.gamma(shape) + shift}
        for split, shape in parts.items()
        for i in range(sizes[split])
    ]
    return pd.DataFrame(rows)


def made(sizes, settings=SETTINGS, shift=0.0):
    """(thresholds.json, scores.parquet, cross-fitted scores, settings)."""
    scores = table(sizes)
    crossed = scores[scores["split"] != "tuning"].assign(fold=1)
    random = np.random.default_rng(6)
    crossed["mse"] += random.normal(shift, 0.01, len(crossed))
    found = compare(calibration_scores(scores), settings, seed=3, cross_fit=cross_fit_scores(crossed, scores))
    return thresholds_json(found), scores, crossed, settings.model_dump()


@pytest.fixture(scope="module")
def stated():
    return made({"calibration": 260, "train": 300, "tuning": 40})


def calibration(stated, key="scores"):
    return calibration_of(key, "mse", stated[1], stated[2], stated[3])


def wrong(stated, method, row, key="scores"):
    return [field for field, _, _ in problems(method, row, calibration(stated, key))]


def test_the_verifier_knows_every_method():
    assert {*METHODS} == {*METHOD_NAMES}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("key", CALIBRATIONS)
def test_what_the_pipeline_writes_is_derived(stated, method, key):
    assert list(problems(method, stated[0][key]["mse"][method], calibration(stated, key))) == []


@pytest.mark.parametrize("method", METHODS)
def test_a_score_fitted_to_the_defects_has_none_for_its_thresholds(method):
    scores = table({"calibration": 260, "train": 300, "tuning": 40})
    found = thresholds_json(compare(calibration_scores(scores, fitted=frozenset({"mse"})), SETTINGS, seed=3))
    own = calibration_of("scores", "mse", scores, None, SETTINGS.model_dump(), fitted=True)
    assert list(problems(method, found["scores"]["mse"][method], own)) == []
    grid = three_way_grid(own.normals, own.defects, SETTINGS.model_dump()["three_way"])
    stated = [{key: item[key] for key in grid[0]} for item in found["three_way"]["mse"]]
    assert stated == grid
    as_if_not = calibration_of("scores", "mse", scores, None, SETTINGS.model_dump())
    if method in ("recall_bound", "supervised_accuracy", "supervised_balanced"):
        assert list(problems(method, found["scores"]["mse"][method], as_if_not))


@pytest.mark.parametrize("detector", detector_names())
def test_the_verifier_knows_which_scores_learnt_from_defects(detector):
    names = ["mse", "decision", detector]
    assert fitted_to_defects(names, detector) == sorted(scores_fitted_to_defects(names, detector))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("sizes", "shift"),
    [
        ({"calibration": 12, "train": 40, "tuning": 5}, 5.0),  # too few of everything; other detectors
        ({"calibration": 30, "train": 80, "tuning": 0}, 0.0),
    ],
)
def test_what_is_not_eligible_is_derived_with_its_reasons(method, sizes, shift):
    strict = SETTINGS.model_copy(update={"require_normality": True})
    few = made(sizes, strict, shift)
    for key in CALIBRATIONS:
        row = few[0][key]["mse"][method]
        assert list(problems(method, row, calibration(few, key))) == []
        assert shift == 0 or key != "cross_fit_scores" or not row["eligible"]


def test_every_method_was_eligible(stated):
    assert all(row["eligible"] for row in stated[0]["scores"]["mse"].values())


@pytest.mark.parametrize("method", METHODS)
def test_a_moved_threshold_is_found(stated, method):
    row = dict(stated[0]["scores"]["mse"][method])
    row["threshold"] *= 1.001
    assert "threshold" in wrong(stated, method, row)


@pytest.mark.parametrize(
    ("method", "field"),
    [
        ("mean_sigma", "mean"),
        ("mean_sigma", "nominal_false_reject_rate"),
        ("tolerance_normal", "factor"),
        ("tolerance_order", "rank"),
        ("supervised_accuracy", "accuracy"),
        ("supervised_balanced", "balanced_accuracy"),
        ("cost", "expected_cost"),
        ("cost", "prevalence"),
        ("recall_bound", "recall_bound"),
        ("conformal", "rank"),
        ("percentile", "false_reject_rate_bound"),
        ("evt_pot", "anderson_darling"),
        ("evt_pot", "candidates_rejected"),
    ],
)
def test_a_moved_detail_is_found(stated, method, field):
    row = stated[0]["scores"]["mse"][method]
    moved = row | {"details": row["details"] | {field: row["details"][field] + 1}}
    assert wrong(stated, method, moved) == [f"details/{field}"]


def test_a_moved_rate_is_found(stated):
    row = stated[0]["scores"]["mse"]["mean_sigma"]
    rates = row["details"]["calibration_false_rejects"] | {"high": 0.0}
    moved = row | {"details": row["details"] | {"calibration_false_rejects": rates}}
    assert wrong(stated, "mean_sigma", moved) == ["details/calibration_false_rejects/high"]


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("conformal", {"promised_false_reject_rate": 0.01}),
        ("tolerance_order", {"promise_confidence": 0.99}),
        ("conformal", {"promise": "At most 1 % of new normal parts are rejected."}),
        ("cost", {"promise": "With 95 % confidence at most 5 % of new normal parts are rejected."}),
        ("conformal", {"promise": ""}),
    ],
)
def test_another_promise_is_found(stated, method, fields):
    assert wrong(stated, method, stated[0]["scores"]["mse"][method] | fields) == list(fields)


def test_an_invented_reason_is_found(stated):
    row = stated[0]["scores"]["mse"]["cost"]
    forged = row | {"eligible": False, "threshold": None, "reason_code": "no-prevalence"}
    assert {"eligible", "threshold"} <= {*wrong(stated, "cost", forged)}


def test_a_normality_test_that_was_not_failed_is_found(stated):
    strict = (*stated[:3], stated[3] | {"require_normality": True})
    row = stated[0]["scores"]["mse"]["mean_sigma"]
    assert {"eligible", "threshold"} <= {*wrong(strict, "mean_sigma", row)}
    tests = [dict(test) for test in row["assumptions"]]
    tests[0] |= {"p_value": 0.5, "holds": True}
    assert "assumptions/0/p_value" in wrong(stated, "mean_sigma", row | {"assumptions": tests})


def test_another_tail_is_no_maximum_of_the_likelihood(stated):
    row, settings = stated[0]["scores"]["mse"]["evt_pot"], stated[3]
    normals = calibration(stated).normals
    details = dict(row["details"]) | {"shape": row["details"]["shape"] + 0.5}
    level, excesses = split_tail(normals, details["tail_fraction"])
    details["estimate"] = tail_quantile(
        level, details["shape"], details["scale"], 0.01 * normals.size / excesses.size
    )
    forged = row | {"details": details, "threshold": details["estimate"]}
    assert "details/shape" in [field for field, _, _ in evt_pot(normals, forged, settings)[1]]


def test_another_level_than_the_stop_rule_chooses_is_found(stated):
    row = stated[0]["scores"]["mse"]["evt_pot"]
    tried = [dict(item) for item in row["details"]["candidates"]]
    tried[0]["p_value"] = tried[1]["p_value"] = 0.001
    forged = row | {"details": row["details"] | {"candidates": tried}}
    assert {"details/candidates_rejected", "details/tail_fraction"} <= {*wrong(stated, "evt_pot", forged)}


def test_an_own_fit_of_a_tail_is_that_of_scipy():
    excesses = stats.genpareto.rvs(0.2, scale=1.5, size=400, random_state=1)
    shape, scale = fit(excesses)
    expected = stats.genpareto.fit(excesses, 0.1, floc=0, scale=1.0)
    assert (shape, scale) == pytest.approx((expected[0], expected[2]), abs=2e-3)


@pytest.mark.parametrize("field", ["maximum_relative_width", "minimum_exceedances", "minimum_fit_p_value"])
def test_a_tail_against_the_rules_is_never_eligible(stated, field):
    row, found = stated[0]["scores"]["mse"]["evt_pot"], calibration(stated)
    value = {"maximum_relative_width": 1e-3, "minimum_exceedances": 1000, "minimum_fit_p_value": 0.999}[field]
    strict = stated[3] | {"evt": stated[3]["evt"] | {field: value}}
    fields = [field for field, _, _ in problems("evt_pot", row, replace(found, settings=strict))]
    assert {"eligible", "threshold"} <= {*fields}


def test_too_few_normals_give_no_threshold(stated):
    row, found = stated[0]["scores"]["mse"]["percentile"], calibration(stated)
    few = replace(found, settings=stated[3] | {"minimum_normals": 1000})
    assert ("threshold", None, row["threshold"]) in list(problems("percentile", row, few))


@pytest.mark.parametrize("n", [8, 20, 115, 5000])
@pytest.mark.parametrize(("k", "probability"), [(1.6448536269514722, 0.95), (2.0, 0.025), (2.0, 0.975)])
def test_limits_of_normal_scores_are_those_of_the_noncentral_t_distribution(n, k, probability):
    expected = stats.nct.ppf(probability, n - 1, k * np.sqrt(n)) / np.sqrt(n)
    assert limit_factor(n, k, probability) == pytest.approx(expected, rel=1e-11)


# one-sided normal tolerance factors, content and confidence 0.95 (ISO 16269-6)
@pytest.mark.parametrize(("n", "factor"), [(10, 2.911), (30, 2.220), (50, 2.065), (100, 1.927)])
def test_tolerance_factors_are_the_printed_ones(n, factor):
    assert limit_factor(n, float(stats.norm.ppf(0.95)), 0.95) == pytest.approx(factor, abs=5e-4)


@pytest.mark.parametrize("key", ["scores", "cross_fit_scores"])
def test_three_way_limits_are_those_of_the_pipeline(stated, key):
    found = calibration(stated, "scores")
    grid = three_way_grid(found.normals, found.defects, stated[3]["three_way"])
    pipelines = [
        {name: item[name] for name in item if name != "reason"} for item in stated[0]["three_way"]["mse"]
    ]
    assert grid == pipelines
    row = stated[0][key]["mse"]["conformal"]
    asked = stated[3]["three_way"] | {"in_force": True}
    withdrawn, limit = in_force(row, grid, asked)
    assert not withdrawn
    assert limit <= row["threshold"]


def test_a_three_way_verdict_that_can_accept_nothing_withdraws_the_threshold(stated):
    asked = stated[3]["three_way"] | {"in_force": True}
    found = calibration(stated)
    grid = three_way_grid(found.normals, found.defects[:3], asked)
    assert in_force(stated[0]["scores"]["mse"]["conformal"], grid, asked) == (True, None)
    assert in_force({"threshold": None}, grid, asked | {"in_force": False}) == (False, None)


def test_an_estimate_where_nothing_can_be_computed_is_found():
    few = made({"calibration": 30, "train": 80, "tuning": 5})
    row = few[0]["scores"]["mse"]["tolerance_order"]
    assert row["details"].get("estimate") is None
    forged = row | {"details": row["details"] | {"estimate": 1.0}}
    assert wrong(few, "tolerance_order", forged) == ["details/estimate"]
