"""The result type cannot contradict itself, and the decision rule is the same everywhere."""

import json
import math

import numpy as np
import pytest

from sealproof.thresholds.result import (
    Assumption,
    Basis,
    Fault,
    ThresholdResult,
    is_rejected,
    no_threshold,
    sorted_scores,
)


def result(**changes):
    fields = {
        "method": "percentile",
        "threshold": 1.0,
        "low": 0.9,
        "high": None,
        "n": 30,
        "calibration": "held-out",
        "promised_false_reject_rate": 0.05,
        "eligible": True,
        "reason_code": "valid",
        "reason": "enough normals",
        "assumptions": (Assumption("a test", 1.0, None, None, "not tested"),),
        "details": {"rank": 3},
    }
    return ThresholdResult(**(fields | changes))


@pytest.mark.parametrize(("threshold", "eligible"), [(None, True), (1.0, False)])
def test_eligible_means_that_there_is_a_threshold(threshold, eligible):
    with pytest.raises(ValueError, match="eligible"):
        result(threshold=threshold, eligible=eligible)


def test_json_holds_every_field_of_the_contract():
    content = json.loads(json.dumps(result().as_json(), allow_nan=False))
    assert {"threshold", "low", "high", "calibration", "n", "eligible", "reason", "details"} <= content.keys()
    assert "method" not in content
    assert content["assumptions"][0]["name"] == "a test"


def test_no_threshold_names_all_broken_rules():
    faults = [Fault("too-few-normals", "3 normals"), Fault("constant-scores", "all equal")]
    found = no_threshold("percentile", 3, Basis("training"), faults)
    assert found.reason == "3 normals; all equal"
    assert found.reason_code == "too-few-normals"
    assert found.details["reason_codes"] == ["too-few-normals", "constant-scores"]
    assert found.calibration == "training"


def test_a_score_equal_to_the_threshold_is_rejected_and_nan_is_not_judged():
    assert is_rejected([1.0, np.nextafter(1.0, 0), math.nan, math.inf], 1.0).tolist() == [
        True,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize("values", [[[1.0]], [math.nan], [-math.inf], 3.0])
def test_scores_are_finite_vectors(values):
    with pytest.raises(ValueError, match="scores"):
        sorted_scores(values)
