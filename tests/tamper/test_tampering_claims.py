"""The tamper corpus, thresholds and claims: promises, three-way limits, robustness, detection, repetitions, studies."""

import json

import pandas as pd
import pytest
from tests.tamper.moves import EVALUATION, SCORES, THRESHOLDS, A, change_record

pytestmark = pytest.mark.corpus
ROBUSTNESS, DETECTION = f"{A}/evaluate/robustness.json", f"{A}/evaluate/detection.json"
AGAIN, DISTURBED = f"{A}/challenge/repeatability.json", f"{A}/challenge/disturbed.parquet"
GUARANTEES, CROSS_FIT = f"{A}/threshold/guarantees.json", f"{A}/cross_fit/scores.parquet"
SCORE = "4-ms-ssim"


def row(content, method):
    return content["scores"][SCORE][method]


def test_tolerance_limit_raised(forgery):
    def change(content):
        item = row(content, "tolerance_order")
        place = item if item["eligible"] else item["details"]
        place["threshold" if item["eligible"] else "estimate"] = 0.99

    forgery.json(THRESHOLDS, change)
    forgery.rehash_all()
    forgery.finds("threshold-changed", THRESHOLDS, f"/scores/{SCORE}/tolerance_order")


def test_method_made_eligible(forgery):
    """The estimate of a method that may not be used is told as its threshold."""

    def change(content):
        item = row(content, "mean_sigma")
        item.update(threshold=item["details"]["estimate"], eligible=True, reason_code="valid")

    forgery.json(THRESHOLDS, change)
    forgery.rehash_all()
    forgery.finds("threshold-eligibility-wrong", THRESHOLDS, f"/scores/{SCORE}/mean_sigma/eligible")


def test_promise_in_force_made_stronger(forgery):
    def change(content):
        for item in (content["in_force"], row(content, "conformal")):
            item["promised_false_reject_rate"] = 0.01
            item["promise"] = item["promise"].replace("5 %", "1 %")

    forgery.json(THRESHOLDS, change)
    forgery.rehash_all()
    forgery.finds(
        "threshold-promise-wrong", THRESHOLDS, f"/scores/{SCORE}/conformal/promised_false_reject_rate"
    )


def test_words_of_a_promise_made_stronger(forgery):
    def change(content):
        for item in (content["in_force"], row(content, "conformal")):
            item["promise"] = item["promise"].replace("5 %", "1 %")

    forgery.json(THRESHOLDS, change)
    forgery.rehash_all()
    forgery.finds("threshold-promise-wrong", THRESHOLDS, f"/scores/{SCORE}/conformal/promise")


def test_limit_of_acceptance_put_in_force(forgery):
    """Uncertain images vanish from the errors when they are called undecided."""
    forgery.json(THRESHOLDS, lambda content: content["in_force"].update(accept_below=0.2))
    forgery.json(EVALUATION, lambda content: content["in_force"].update(accept_below=0.2))
    forgery.rehash_all()
    forgery.finds("threshold-in-force-wrong", THRESHOLDS, "/in_force/accept_below")


def test_share_left_undecided_lowered(forgery):
    def change(content):
        content["three_way"][SCORE][-1]["share_undecided"]["tuning"] = 0.0

    forgery.json(THRESHOLDS, change)
    forgery.rehash_all()
    forgery.finds("three-way-changed", THRESHOLDS, f"/three_way/{SCORE}")


def test_score_said_to_have_learnt_from_the_defects(forgery):
    """Its thresholds would seem to miss defects that are there."""
    forgery.json(THRESHOLDS, lambda content: content.update(fitted_to_defects=[SCORE]))
    forgery.rehash_all()
    forgery.finds("threshold-figure-changed", THRESHOLDS, "/fitted_to_defects")


def test_cross_fitted_scores_slipped_in(forgery):
    """Scores of folds that were never trained."""
    scores = pd.read_parquet(forgery.root / SCORES)
    normals = scores[scores["split"].isin(["train", "calibration"])]
    forgery.table(CROSS_FIT, lambda _: normals.assign(fold=1))
    forgery.rehash_all()
    forgery.finds("threshold-figure-changed", THRESHOLDS, "/cross_fit_scores")


def test_reliability_raised(forgery):
    forgery.json(EVALUATION, lambda content: content["reliability"]["specificity"].update(reliability=0.999))
    forgery.rehash_all()
    forgery.finds("consequence-changed", EVALUATION, "/reliability/specificity/reliability")


def test_plan_that_carries_more_than_the_test_set_can(forgery):
    def change(content):
        content["plan"]["criteria"]["AC-01"].update(carried=True, units=1000)

    forgery.json(EVALUATION, change)
    forgery.rehash_all()
    forgery.finds("plan-changed", EVALUATION, "/plan/criteria/AC-01/")


def test_recall_under_a_disturbance_raised(forgery):
    def change(content):
        content["disturbances"]["blur"]["cells"]["1_0"]["metrics"]["recall"]["value"] = 1.0

    forgery.json(ROBUSTNESS, change)
    change_record(forgery, "evaluate", "evaluate.robustness.blur.1_0.recall", 1.0)
    forgery.rehash_all()
    forgery.finds("robustness-changed", ROBUSTNESS, "/disturbances/blur/cells/1_0/metrics/recall/value")


def test_disturbance_that_does_less_than_declared(forgery):
    forgery.table(
        DISTURBED,
        lambda table: table.assign(amount=table["amount"].where(table["disturbance"] != "blur", 0.01)),
    )
    forgery.rehash_all()
    forgery.finds("challenge-changed", DISTURBED, "blur")


def test_size_that_is_detected_lowered(forgery):
    def change(content):
        for curve in content["curves"]["seeded"].values():
            curve["a90_95"] = 0.5

    forgery.json(DETECTION, change)
    forgery.rehash_all()
    forgery.finds("detection-changed", DETECTION, "/a90_95")


def test_hits_of_seeded_defects_raised(forgery):
    def change(content):
        for curve in content["curves"]["seeded"].values():
            curve["hits"] = curve["n"]

    forgery.json(DETECTION, change)
    forgery.rehash_all()
    forgery.finds("detection-changed", DETECTION, "/hits")


def test_changed_verdicts_of_repetitions_hidden(forgery):
    flips = json.loads(forgery.read(AGAIN))["verdict_flips"]
    forgery.json(AGAIN, lambda content: content.update(verdict_flips=flips + 1))
    change_record(forgery, "challenge", "challenge.repeats.verdict_flips", flips + 1)
    forgery.rehash_all()
    forgery.finds("repeatability-changed", AGAIN, "/verdict_flips")


def test_broken_guarantee_told_as_kept(forgery):
    def change(content):
        content["rows"][0].update(observed=0.0, verdict="kept", eligible=content["rows"][0]["datasets"])

    forgery.json(GUARANTEES, change)
    forgery.rehash_all()
    forgery.finds("study-changed", GUARANTEES, "/rows/0/")


def test_record_of_a_guarantee_changed(forgery):
    records = json.loads(forgery.read(f"{A}/threshold/records.json"))
    name = next(
        item["id"]
        for item in records
        if item["id"].startswith("threshold.guarantees.") and isinstance(item["value"], int)
    )
    change_record(forgery, "threshold", name, 123456)
    forgery.rehash_all()
    forgery.finds("record-altered", f"{A}/threshold/records.json", name)
