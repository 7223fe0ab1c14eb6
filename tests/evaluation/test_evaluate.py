"""The evaluation as a whole, recomputed from the raw rows with scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics

from sealproof.evaluation.cases import assemble_cases
from sealproof.evaluation.evaluate import METRICS, NO_THRESHOLD, evaluate
from sealproof.evaluation.settings import EvaluateSettings
from sealproof.evidence.errors import EvidenceAlteredError


def test_metrics_in_force_are_those_of_the_raw_rows(rows, evaluation):
    test = rows[rows["split"] == "test"]
    rejected = (test["4-ms-ssim"] >= 0.1).to_numpy()
    # Conservative: an undecided defect is missed, an undecided normal image falsely rejected.
    predicted = np.where(test["decided"], rejected, test["label"] == 0).astype(int)
    labels = test["label"].to_numpy()
    found = {name: estimate.value for name, estimate in evaluation.in_force.metrics.items()}
    assert found["recall"] == pytest.approx(metrics.recall_score(labels, predicted))
    assert found["specificity"] == pytest.approx(metrics.recall_score(labels, predicted, pos_label=0))
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(labels, predicted))
    assert found["precision"] == pytest.approx(metrics.precision_score(labels, predicted))
    assert found["f1"] == pytest.approx(metrics.f1_score(labels, predicted))
    assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(labels, predicted))
    worst = np.where(test["decided"], test["4-ms-ssim"], np.where(labels == 1, -9.0, 9.0))
    assert found["auroc"] == pytest.approx(metrics.roc_auc_score(labels, worst))
    assert found["auprc"] == pytest.approx(metrics.average_precision_score(labels, worst))


def test_decided_only_leaves_the_undecided_out(rows, evaluation):
    test = rows[(rows["split"] == "test") & rows["decided"]]
    found = evaluation.in_force.decided_only
    assert found["auroc"].value == pytest.approx(metrics.roc_auc_score(test["label"], test["4-ms-ssim"]))
    assert found["recall"].value == pytest.approx((test.loc[test["label"] == 1, "4-ms-ssim"] >= 0.1).mean())
    assert found["recall"].value > evaluation.in_force.metrics["recall"].value


def test_each_score_has_its_own_threshold(rows, evaluation):
    test = rows[(rows["split"] == "test") & rows["decided"]]
    counts = evaluation.scores["mse"].counts
    assert counts.fp == int(((test["mse"] >= 0.0135) & (test["label"] == 0)).sum())
    assert counts.total == 60
    assert counts.undecided == 3
    assert set(evaluation.scores["mse"].metrics) == set(METRICS)


def test_every_method_and_calibration_is_counted(evaluation):
    keys = [(row.score, row.method, row.calibration) for row in evaluation.methods]
    assert len(keys) == len(set(keys)) == 8
    row = evaluation.promise
    assert (row.score, row.method, row.calibration) == ("4-ms-ssim", "percentile", "held-out")
    assert row.counts == evaluation.in_force.counts
    assert row.false_rejects.value == pytest.approx(row.counts.fp / (row.counts.fp + row.counts.tn))


def test_errors_are_sorted_by_margin_and_complete(evaluation):
    counts = evaluation.in_force.counts
    for label, expected in ((1, counts.fn), (0, counts.fp)):
        found = evaluation.errors(label)
        assert len(found) == expected > 0
        assert found["margin"].abs().is_monotonic_decreasing
        assert (found["label"] == label).all()
    assert len(evaluation.correct(1)) == counts.tp
    assert len(evaluation.correct(0)) == counts.tn
    assert len(evaluation.undecided()) == 3


def test_without_a_threshold_nothing_is_accepted_and_nothing_passes(undecided_evaluation):
    found = undecided_evaluation
    assert set(found.cases["verdict"]) == {"undecided"}
    assert found.in_force.counts.undecided == 60
    for name in ("recall", "specificity", "accuracy", "balanced_accuracy", "precision", "f1"):
        assert found.in_force.metrics[name].value is None
        assert found.in_force.metrics[name].low is None
        assert found.in_force.metrics[name].reason == NO_THRESHOLD
    assert found.in_force.metrics["auroc"].value > 0.5
    assert found.errors(1).empty
    assert found.errors(0).empty
    assert found.scores["mse"].metrics["recall"].value is not None
    assert all(group.recall.value in (0, None) for group in found.subgroups)


def test_a_three_way_verdict_that_is_out_of_reach_takes_the_threshold_back(
    labels, scores, manifest, thresholds
):
    thresholds["in_force"] |= {"threshold": None, "reason_code": "acceptance-out-of-reach"}
    cases = assemble_cases(labels, scores, manifest)
    found = evaluate(cases, thresholds, manifest, EvaluateSettings(bootstrap=200), 7)
    assert set(found.cases["verdict"]) == {"undecided"}
    assert found.in_force.counts.undecided == 60
    assert found.in_force.metrics["recall"].value is None
    thresholds["in_force"]["reason_code"] = "valid"
    with pytest.raises(EvidenceAlteredError, match="do not fit"):
        evaluate(cases, thresholds, manifest, EvaluateSettings(bootstrap=200), 7)


def test_the_same_inputs_give_the_same_evaluation(evaluation, labels, scores, manifest, thresholds):
    shuffled = assemble_cases(
        labels.sample(frac=1, random_state=5), scores.sample(frac=1, random_state=6), manifest
    )
    again = evaluate(shuffled, thresholds, manifest, EvaluateSettings(bootstrap=200), 7)
    assert again.scores == evaluation.scores
    assert again.subgroups == evaluation.subgroups


def test_thresholds_must_fit_the_scores(labels, scores, manifest, thresholds):
    cases = assemble_cases(labels, scores, manifest)
    del thresholds["scores"]["mse"]["percentile"]
    thresholds["in_force"]["threshold"] = 0.09
    with pytest.raises(EvidenceAlteredError) as error:
        evaluate(cases, thresholds, manifest, EvaluateSettings(), 7)
    assert "mse: no percentile" in str(error.value)
    assert "not the one of 4-ms-ssim" in str(error.value)


def test_a_score_in_force_that_was_not_computed_is_named(labels, scores, manifest, thresholds):
    cases = assemble_cases(labels, scores.drop(columns="4-ms-ssim"), manifest)
    with pytest.raises(EvidenceAlteredError, match="do not fit") as error:
        evaluate(cases, thresholds, manifest, EvaluateSettings(), 7)
    assert "4-ms-ssim, is not among" in str(error.value)
