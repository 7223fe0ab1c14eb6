"""Every method on the test split: ineligible ones are judged at their estimate, and flagged."""

from dataclasses import replace

import pytest
from rich.console import Console

from sealproof.evaluation.cases import assemble_cases
from sealproof.evaluation.documents import evaluation_json
from sealproof.evaluation.evaluate import evaluate
from sealproof.evaluation.intervals import Estimate
from sealproof.evaluation.methods import promise_kept
from sealproof.evaluation.settings import EvaluateSettings
from sealproof.evaluation.tables import methods_table


def row_of(evaluation, *key):
    return next(row for row in evaluation.methods if (row.score, row.method, row.calibration) == key)


def test_an_ineligible_method_is_judged_at_its_estimate_and_flagged(rows, evaluation):
    found = row_of(evaluation, "4-ms-ssim", "evt_pot", "held-out")
    test = rows[(rows["split"] == "test") & rows["decided"]]
    assert (found.threshold, found.eligible, found.judged_at) == (None, False, 0.15)
    assert found.counts.tp == int(((test["4-ms-ssim"] >= 0.15) & (test["label"] == 1)).sum())
    assert found.metrics["recall"].value == pytest.approx(found.counts.tp / 30)
    assert promise_kept(found) is None, "a method that may not be used promises nothing"


def test_an_ineligible_method_without_an_estimate_is_not_evaluable(labels, scores, manifest, thresholds):
    thresholds["scores"]["4-ms-ssim"]["evt_pot"]["details"] = {}
    cases = assemble_cases(labels, scores, manifest)
    found = evaluate(cases, thresholds, manifest, EvaluateSettings(bootstrap=20), 7)
    row = row_of(found, "4-ms-ssim", "evt_pot", "held-out")
    assert (row.judged_at, row.metrics["recall"].value, row.false_rejects.value) == (None, None, None)


def test_the_promise_of_a_method_in_force_that_is_not_eligible_is_none(undecided_evaluation):
    promise = undecided_evaluation.promise
    assert (promise.eligible, promise.judged_at, promise.false_rejects.value) == (False, None, None)
    assert evaluation_json(undecided_evaluation)["promise"]["kept"] is None


@pytest.mark.parametrize("confidence", [None, 0.95])
@pytest.mark.parametrize(("low", "kept"), [(0.04, True), (0.05, True), (0.0501, False)])
def test_a_promise_is_refuted_by_the_lower_bound(evaluation, confidence, low, kept):
    observed = Estimate(0.06, low, 0.2, "made up")
    row = replace(evaluation.promise, promised=0.05, promise_confidence=confidence, false_rejects=observed)
    assert promise_kept(row) is kept


def test_cross_fitted_thresholds_are_judged_and_may_be_in_force(labels, scores, manifest, thresholds):
    crossed = {
        name: {method: {**result, "calibration": "cross-fit"} for method, result in methods.items()}
        for name, methods in thresholds["scores"].items()
    }
    for name in crossed:
        crossed[name]["percentile"]["threshold"] *= 1.2
    limit = crossed["4-ms-ssim"]["percentile"]["threshold"]
    thresholds["cross_fit_scores"] = crossed
    thresholds["in_force"] |= {"calibration": "cross-fit", "threshold": limit}
    cases = assemble_cases(labels, scores, manifest)
    found = evaluate(cases, thresholds, manifest, EvaluateSettings(bootstrap=20), 7)
    assert len(found.methods) == 12
    assert (found.promise.calibration, found.promise.threshold) == ("cross-fit", limit)
    assert found.scores["mse"].threshold == crossed["mse"]["percentile"]["threshold"]
    assert found.in_force.counts == row_of(found, "4-ms-ssim", "percentile", "cross-fit").counts


def test_the_table_shows_every_method_of_the_score_in_force(evaluation):
    console = Console(record=True, width=140)
    console.print(methods_table(evaluation))
    text = console.export_text()
    assert text.count("percentile") == text.count("evt_pot") == 2
    assert "> percentile" in text
    assert "(0.15)" in text
    rates = row_of(evaluation, "4-ms-ssim", "percentile", "held-out").metrics["recall"]
    assert f"{rates.value:.3f} ({rates.low:.3f} to {rates.high:.3f})" in text
