"""What is written for machines: complete, finite, and consistent with itself."""

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from sealproof.evaluation import documents
from sealproof.evaluation.counts import ConfusionCounts, assert_derived
from sealproof.evaluation.evaluate import METRICS


def walk(value):
    if isinstance(value, dict):
        for item in value.values():
            yield from walk(item)
    elif isinstance(value, list):
        for item in value:
            yield from walk(item)
    else:
        yield value


def test_metrics_are_score_metric_value_low_high(evaluation):
    found = documents.metrics_json(evaluation)
    assert set(found) == {"mse", "4-ms-ssim"}
    for name, per_metric in found.items():
        assert set(per_metric) == set(METRICS)
        for metric, entry in per_metric.items():
            assert set(entry) == {"value", "low", "high"}
            assert entry["low"] <= entry["value"] <= entry["high"], (name, metric)


@pytest.mark.parametrize("which", ["evaluation", "undecided_evaluation"])
def test_no_nan_reaches_a_file(which, request):
    evaluation = request.getfixturevalue(which)
    for content in (documents.metrics_json(evaluation), documents.evaluation_json(evaluation)):
        json.dumps(content, allow_nan=False)
        assert not any(isinstance(value, float) and not math.isfinite(value) for value in walk(content))


def test_not_evaluable_is_null_with_its_reason(undecided_evaluation):
    entry = documents.evaluation_json(undecided_evaluation)["scores"]["4-ms-ssim"]["metrics"]["recall"]
    assert entry["value"] is None
    assert "no valid threshold" in entry["reason"]
    assert documents.metrics_json(undecided_evaluation)["4-ms-ssim"]["recall"] == {
        "value": None,
        "low": None,
        "high": None,
    }


def test_all_written_rates_derive_from_the_written_counts(evaluation):
    content = documents.evaluation_json(evaluation)
    for entry in [
        *content["scores"].values(),
        *(row for row in content["methods"] if row["threshold"] is not None),
    ]:
        counts = entry["counts"]
        matrix = ConfusionCounts(
            tp=counts["true_positive"],
            fp=counts["false_positive"] + counts["undecided_normal"],
            tn=counts["true_negative"],
            fn=counts["false_negative"] + counts["undecided_defective"],
        )
        stated = {
            name: entry["metrics"][name]["value"]
            for name in ("recall", "specificity", "accuracy", "precision", "f1")
        }
        assert_derived(matrix, stated)


def test_lists_of_images_are_the_counts(evaluation):
    content = documents.evaluation_json(evaluation)
    counts = content["scores"]["4-ms-ssim"]["counts"]
    assert len(content["false_negatives"]) == counts["false_negative"]
    assert len(content["false_positives"]) == counts["false_positive"]
    assert content["test"] == {
        "images": 60,
        "normal": 30,
        "defective": 30,
        "undecided": 3,
        "undecided_normal": 1,
        "undecided_defective": 2,
    }
    first = content["false_negatives"][0]
    assert first["margin"] == pytest.approx(first["score"] - 0.1)
    assert all(row["score"] is None for row in content["undecided"])


def test_subgroups_are_written_with_the_smallest_and_the_empty_ones(evaluation):
    content = documents.evaluation_json(evaluation)["subgroups"]
    assert content["smallest"]["images"] == min(
        group["images"] for group in content["all"] if group["images"]
    )
    assert content["not_evaluable"] == [{"column": "group_setup", "value": "23"}]


def test_a_promise_is_refuted_only_by_its_lower_bound(evaluation):
    row = evaluation.promise
    assert documents.promise_kept(row) is bool(row.false_rejects.low <= 0.05)
    assert documents.promise_kept(next(r for r in evaluation.methods if r.threshold is None)) is None


def test_predictions_carry_verdict_and_truth(evaluation, undecided_evaluation):
    table = documents.predictions(evaluation)
    assert list(table.columns) == ["image_id", "label", "score", "threshold", "verdict", "correct"]
    counts = evaluation.in_force.counts
    assert table["correct"].sum() == counts.tp + counts.tn
    assert not table.loc[table["verdict"] == "undecided", "correct"].any()
    assert (table["threshold"] == 0.1).all()
    nothing = documents.predictions(undecided_evaluation)
    assert nothing["threshold"].isna().all()
    assert not nothing["correct"].any()


def test_curves_integrate_to_the_areas(evaluation):
    found = documents.score_curves(evaluation, "4-ms-ssim")
    roc = documents.roc_table(found)
    area = metrics.auc(roc["false_positive_rate"], roc["recall"])
    assert area == pytest.approx(evaluation.in_force.metrics["auroc"].value)
    assert roc.iloc[0].tolist()[:2] == [0, 0]
    pr = documents.precision_recall_table(found)
    gained = np.diff(pr["recall"], prepend=0)
    assert (gained * pr["precision"]).sum() == pytest.approx(evaluation.in_force.metrics["auprc"].value)
    assert np.isfinite(pr["threshold"].dropna()).all()


def test_a_missing_class_leaves_the_curves_empty(evaluation):
    normals = replace(evaluation, cases=evaluation.cases[evaluation.cases["label"] == 0])
    assert documents.score_curves(normals, "mse") is None
    assert documents.roc_table(None).empty
    assert documents.precision_recall_table(None).empty


def test_histogram_counts_every_decided_image_once(evaluation):
    table = documents.histogram_table(evaluation)
    assert table["normal"].sum() == 29
    assert table["defective"].sum() == 28
    assert (table["to"] > table["from"]).all()


def test_histogram_of_nothing_is_empty(evaluation):
    evaluation.cases["decided"] = False
    table = documents.histogram_table(evaluation)
    assert table["normal"].sum() == table["defective"].sum() == 0
    assert isinstance(table, pd.DataFrame)
