"""From estimate and faults to a result: nothing is promised that may not be used."""

import pytest

from sealproof.thresholds.judgement import Estimate, Promise, threshold_result, withdrawn
from sealproof.thresholds.promises import on_average, percent, with_confidence
from sealproof.thresholds.result import Basis, Fault

FOUND = Estimate(1.0, 0.9, None)
PROMISE = Promise(0.05, "At most 5 %.", 0.9)


def judged(*faults, estimate=FOUND):
    return threshold_result(
        "percentile",
        30,
        Basis(),
        estimate=estimate,
        faults=list(faults),
        promise=PROMISE,
        reason="enough",
        details={"rank": 3},
    )


def test_without_a_fault_the_estimate_is_the_threshold():
    result = judged()
    assert (result.threshold, result.low, result.high) == (1.0, 0.9, None)
    assert (result.promise, result.promise_confidence, result.promised_false_reject_rate) == (
        "At most 5 %.",
        0.9,
        0.05,
    )
    assert "estimate" not in result.details


def test_with_a_fault_nothing_is_promised_and_the_estimate_is_shown():
    result = judged(Fault("too-few-normals", "3 normals"))
    assert result.threshold is None
    assert result.promise == ""
    assert result.promised_false_reject_rate == 0.05
    assert result.details == {
        "rank": 3,
        "estimate": 1.0,
        "estimate_low": 0.9,
        "estimate_high": None,
        "reason_codes": ["too-few-normals"],
    }


def test_a_result_needs_a_threshold_or_a_reason():
    with pytest.raises(ValueError, match="neither"):
        judged(estimate=None)


def test_withdrawing_adds_a_reason():
    fault = Fault("assumption-not-met", "they differ")
    once = withdrawn(judged(), fault)
    assert (once.threshold, once.promise, once.reason) == (None, "", "they differ")
    assert once.details["estimate"] == 1.0
    twice = withdrawn(judged(Fault("too-few-normals", "3 normals")), fault)
    assert twice.reason == "3 normals; they differ"
    assert twice.reason_code == "too-few-normals"
    assert twice.details["reason_codes"] == ["too-few-normals", "assumption-not-met"]


def test_promises_name_the_calibration_they_depend_on():
    assert on_average(0.05, Basis("training")).text.endswith("the detector was fitted to.")
    assert "detectors of the folds" in with_confidence(0.05, 0.95, Basis("cross-fit")).text
    assert with_confidence(0.01, 0.9, Basis()).text.startswith("With 90 % confidence at most 1 % of")
    assert percent(0.0) == "0 %"
