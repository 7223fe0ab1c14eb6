"""Thresholds derived by the verifier against the pipeline's, which shares no code with it."""

import numpy as np
import pytest

from sealproof.thresholds.compare import compare, thresholds_json
from sealproof.thresholds.selection import CalibrationScores
from sealproof.thresholds.settings import ThresholdSettings
from sealproof.verification.tail import split_tail, tail_problems, tail_quantile
from sealproof.verification.thresholds import METHODS, _Calibration, _problems


@pytest.fixture(scope="module")
def stated():
    """(thresholds.json, scores by split, settings) of 260 held-out normals, so that every method is eligible."""
    random = np.random.default_rng(5)
    normals, training, defects = (
        np.sort(random.gamma(*x)) for x in ((9.0, 1.0, 260), (9.0, 0.95, 300), (20.0, 1.0, 40))
    )
    settings = ThresholdSettings(score="mse", bootstrap=60, confidence=0.95)
    scores = CalibrationScores(
        {"mse": normals}, {"mse": training}, {"mse": defects}, {"calibration": 0, "train": 0, "tuning": 0}
    )
    return (
        thresholds_json(compare(scores, settings, seed=3)),
        (normals, training, defects),
        settings.model_dump(),
    )


def calibration(stated, name="held-out"):
    _, (normals, training, defects), settings = stated
    found = object.__new__(_Calibration)
    found.normals, found.defects = (normals if name == "held-out" else training), defects
    found.held_out, found.name, found.settings = normals, name, settings
    return found


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("key", "name"), [("scores", "held-out"), ("training_scores", "training")])
def test_what_the_pipeline_writes_is_derived(stated, method, key, name):
    row = stated[0][key]["mse"][method]
    assert list(_problems(method, row, calibration(stated, name))) == []


def test_the_tail_was_fitted_and_eligible(stated):
    assert stated[0]["scores"]["mse"]["evt_pot"]["eligible"]


@pytest.mark.parametrize("method", METHODS)
def test_a_moved_threshold_is_found(stated, method):
    row = dict(stated[0]["scores"]["mse"][method])
    row["threshold"] *= 1.001
    assert "threshold" in [field for field, _, _ in _problems(method, row, calibration(stated))]


@pytest.mark.parametrize(
    ("method", "field"),
    [
        ("mean_sigma", "mean"),
        ("supervised_accuracy", "accuracy"),
        ("conformal", "rank"),
        ("percentile", "false_reject_rate_bound"),
    ],
)
def test_a_moved_detail_is_found(stated, method, field):
    row = stated[0]["scores"]["mse"][method]
    moved = row | {"details": row["details"] | {field: row["details"][field] + 1}}
    assert [f"details/{field}"] == [place for place, _, _ in _problems(method, moved, calibration(stated))]


def test_a_moved_rate_is_found(stated):
    row = stated[0]["scores"]["mse"]["mean_sigma"]
    rates = row["details"]["calibration_false_rejects"] | {"high": 0.0}
    moved = row | {"details": row["details"] | {"calibration_false_rejects": rates}}
    assert [place for place, _, _ in _problems("mean_sigma", moved, calibration(stated))] == [
        "details/calibration_false_rejects/high"
    ]


def test_another_tail_is_no_maximum_of_the_likelihood(stated):
    row, settings = stated[0]["scores"]["mse"]["evt_pot"], stated[2]
    normals = stated[1][0]
    details = dict(row["details"]) | {"shape": row["details"]["shape"] + 0.5}
    level, excesses = split_tail(normals, 0.15)
    details["estimate"] = tail_quantile(
        level, details["shape"], details["scale"], 0.01 * normals.size / excesses.size
    )
    forged = row | {"details": details, "threshold": details["estimate"]}
    assert "details/shape" in [field for field, _, _ in tail_problems(normals, forged, settings)]


def test_too_few_exceedances_are_never_eligible(stated):
    row, settings = stated[0]["scores"]["mse"]["evt_pot"], stated[2]
    few = settings | {"evt": settings["evt"] | {"minimum_exceedances": 1000}}
    assert ("eligible", False, True) in tail_problems(stated[1][0], row, few)


def test_too_few_normals_give_no_threshold(stated):
    row = stated[0]["scores"]["mse"]["percentile"]
    found = calibration(stated)
    found.settings = stated[2] | {"minimum_normals": 1000}
    assert ("threshold", None, row["threshold"]) in list(_problems("percentile", row, found))
