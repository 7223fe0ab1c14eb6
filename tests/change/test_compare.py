"""Every kind of change in a hand-made release: which claim, which kind, which class."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from tests.change.build import ARTIFACTS, PRODUCT, case, criterion, edit, estimate, put, write

from sealproof.change.claims import Classification
from sealproof.evidence.hashing import sha256_json
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.recording import DEFINED
from sealproof.qualification.results import results_id

NONE, PREDETERMINED, REQUALIFICATION = Classification
MANIFEST = f"{ARTIFACTS}/ingest/manifest.parquet"
PREDICTIONS = f"{ARTIFACTS}/evaluate/predictions.parquet"


def product(name):
    return f"products/{PRODUCT}/{name}"


def qualify(name):
    return f"{ARTIFACTS}/qualify/{name}.json"


SUMMARY, THRESHOLDS = f"{ARTIFACTS}/ingest/split_summary.json", f"{ARTIFACTS}/threshold/thresholds.json"
EVALUATION, CRITERIA = f"{ARTIFACTS}/evaluate/evaluation.json", product("acceptance.yaml")
STATED, INSPECTION = product("product.yaml"), product("inspection.yaml")
HAZARD = [{"id": "H-01", "hazard": "h"}]

#: (file, keys to the value, new value, claim, kind); all of them ask for requalification
ONE_KEY = {
    "intended use": (STATED, ["intended_use"], "x", "statements.intended_use", "changed"),
    "site": (STATED, ["site"], "hall 2", "statements.site", "changed"),
    "hazard": (STATED, ["hazards"], HAZARD, "statements.hazards.H-01.hazard", "added"),
    "demonstration": (STATED, ["demonstration"], True, "statements.demonstration", "changed"),
    "parameter": ("params.yaml", ["train", "epochs"], 4, "parameters.train.epochs", "changed"),
    "parameter type": ("params.yaml", ["train", "epochs"], 3.0, "parameters.train.epochs", "changed"),
    "new parameter": ("params.yaml", ["train", "new"], 4, "parameters.train.new", "added"),
    "inspection": (INSPECTION, ["roi", "method"], "x", "parameters.inspection.roi.method", "changed"),
    "loosened": (CRITERIA, ["criteria", 0, "limit"], 0.8, "criteria.AC-01.limit", "loosened"),
    "tightened": (CRITERIA, ["criteria", 0, "limit"], 0.95, "criteria.AC-01.limit", "tightened"),
    "loosened above": (CRITERIA, ["criteria", 1, "limit"], 0.1, "criteria.AC-02.limit", "loosened"),
    "tightened above": (CRITERIA, ["criteria", 1, "limit"], 0.01, "criteria.AC-02.limit", "tightened"),
    "criterion text": (CRITERIA, ["criteria", 0, "title"], "x", "criteria.AC-01.title", "changed"),
    "criterion worse": (qualify("criteria"), ["criteria", 0, "met"], False, "criteria.AC-01.verdict", "worse"),
    "criterion open": (qualify("criteria"), ["criteria", 0, "met"], None, "criteria.AC-01.verdict", "worse"),
    "case worse": (qualify("iq"), ["cases", 0, "verdict"], "not run", "cases.IQ-001.verdict", "worse"),
    "case changed": ("protocols/iq.yaml", ["cases", 0, "expected"], "1", "cases.IQ-001.definition", "changed"),
    "protocol text": ("protocols/pq.yaml", ["title"], "x", "protocols.pq.title", "changed"),
    "requirement": (
        "protocols/requirements.yaml", ["requirements", 0, "text"], "x", "requirements.URS-001.text", "changed",
    ),
    "risk": ("protocols/risks.yaml", ["risks", 0, "hazard"], "x", "risks.RC-01.hazard", "changed"),
    "clauses": ("protocols/clauses/law.yaml", ["status"], "x", "protocols.files.clauses/law.yaml", "changed"),
    "licence": (SUMMARY, ["licence"], "x", "data.summary.licence", "changed"),
    "aggregate": (SUMMARY, ["images"], 18, "data.summary.images", "changed"),
    "model": (f"{ARTIFACTS}/train/model.json", ["architecture"], "b", "model.architecture", "changed"),
    "threshold method": (THRESHOLDS, ["in_force", "method"], "x", "threshold.method", "changed"),
    "threshold invalid": (THRESHOLDS, ["in_force", "eligible"], False, "threshold.eligible", "worse"),
    "no threshold": (THRESHOLDS, ["in_force", "threshold"], None, "threshold.value", "worse"),
    "promise": (EVALUATION, ["promise", "kept"], False, "metrics.promise.kept", "worse"),
    "unknown output": (f"{ARTIFACTS}/check/findings.json", ["findings"], [1], "results.check", "changed"),
}  # fmt: skip


@pytest.mark.parametrize(("file", "keys", "value", "path", "kind"), ONE_KEY.values(), ids=ONE_KEY)
def test_one_changed_key_is_one_claim(pair, file, keys, value, path, kind):
    put(pair.new, file, value, *keys)
    found = pair.changes()
    assert (found[path].kind, found[path].classification) == (kind, REQUALIFICATION)
    others = {name for name in found if not name.startswith("results.")}
    assert others - {path} == set(), "an unrelated claim is reported"


def test_a_new_revision_number_asks_for_nothing(pair):
    put(pair.new, STATED, "2", "revision")
    put(pair.new, STATED, [{"revision": "2", "change": "c"}], "revision_history")
    comparison = pair.compare()
    assert {change.classification for change in comparison.changes} == {NONE}
    assert (comparison.exit_code, comparison.verdict) == (0, "no change that asks for anything")


def test_verdicts_for_the_better_ask_for_nothing(pair):
    put(pair.old, qualify("criteria"), False, "criteria", 0, "met")
    put(pair.old, qualify("oq"), "not run", "cases", 0, "verdict")
    found = pair.changes()
    assert {path: change.classification for path, change in found.items()} == {
        "criteria.AC-01.verdict": NONE,
        "cases.OQ-001.verdict": NONE,
    }


def test_a_failed_case_that_is_not_run_any_more_is_not_better(pair):
    put(pair.old, qualify("oq"), "fail", "cases", 0, "verdict")
    put(pair.new, qualify("oq"), "not run", "cases", 0, "verdict")
    assert pair.changes()["cases.OQ-001.verdict"].kind == "worse"


def test_criteria_and_cases_added_and_removed(pair):
    put(pair.new, product("acceptance.yaml"), [criterion("AC-01", 0.9), criterion("AC-03", 0.5)], "criteria")
    put(pair.new, "protocols/iq.yaml", [case("IQ-002")], "cases")
    found = pair.changes()
    kinds = {path: change.kind for path, change in found.items()}
    assert kinds == {
        "criteria.AC-02": "removed", "criteria.AC-03": "added", "cases.IQ-001": "removed", "cases.IQ-002": "added",
    }  # fmt: skip
    assert {change.classification for change in found.values()} == {REQUALIFICATION}


def test_a_limit_whose_comparison_turned_is_neither_loosened_nor_tightened(pair):
    put(pair.new, product("acceptance.yaml"), criterion("AC-01", 0.8, "high", "<="), "criteria", 0)
    assert pair.changes()["criteria.AC-01.limit"].kind == "changed"


# Images


def images(root, change):
    edit(root, MANIFEST, change)


def test_images_added_removed_altered_renamed_and_moved(pair):
    def change(table):
        table = table.set_index("image_id", drop=False)
        table.loc["train-0", "sha256"] = "0" * 64
        table.loc["train-1", "split"] = "calibration"
        table.loc["train-2", ["image_id", "path"]] = ["renamed", "renamed.png"]
        table = table.drop(index="calibration-0")
        new = table.loc[["train-3"]].assign(image_id="added", path="added.png", sha256="1" * 64)
        return pd.concat([table, new], ignore_index=True)

    images(pair.new, change)
    found = pair.changes()
    assert found["data.train"].details == (
        "1 added: added",
        "1 altered (another hash): train-0",
        "1 renamed: renamed",
        "1 moved to calibration: train-1",
    )
    assert (found["data.train"].old, found["data.train"].new, found["data.train"].share) == (
        "4 images",
        "4 images",
        1.0,
    )
    assert found["data.calibration"].details == (
        "1 removed: calibration-0",
        "1 moved here from train: train-1",
    )
    assert found["data.calibration"].share == 0.5
    assert {path for path in found if path.startswith("data.")} == {"data.train", "data.calibration"}


def test_an_image_moved_out_of_the_test_split_concerns_the_test_split(pair):
    images(
        pair.new,
        lambda table: table.assign(split=table["split"].where(table["image_id"] != "test-0", "train")),
    )
    pair.plan("data.*")
    found = pair.changes()
    assert found["data.test"].classification is REQUALIFICATION
    assert found["data.train"].classification is PREDETERMINED


def test_a_changed_label_is_a_change_of_its_split(pair):
    images(pair.new, lambda table: table.assign(label=table["label"].mask(table["image_id"] == "train-0", 1)))
    assert pair.changes()["data.train"].details == ("1 with another label: train-0",)


def test_sealed_labels_are_compared_by_hash_alone(pair):
    edit(pair.new, f"{ARTIFACTS}/ingest/sealed_labels.parquet", lambda table: table.assign(label=1))
    found = pair.changes()["data.test.sealed_labels"]
    assert found.classification is REQUALIFICATION
    assert (len(found.old), len(found.new)) == (64, 64)


def test_image_properties_and_columns(pair):
    images(pair.new, lambda table: table.assign(group_setup="20", group_shift="late").drop(columns="subset"))
    found = pair.changes()
    assert found["data.properties.group_setup"].details == (
        "17 images: calibration-0, calibration-1, calibration-2, calibration-3, test-0 and 12 more",
    )
    assert (found["data.properties.group_setup"].old, found["data.properties.group_setup"].new) == (
        "12",
        "20",
    )
    assert found["data.properties.group_shift"].kind == "added"


def test_copies_of_one_image_are_paired_one_by_one(pair):
    for root in (pair.old, pair.new):
        images(root, lambda table: table.assign(sha256="0" * 64))
    images(pair.new, lambda table: table.assign(image_id="x" + table["image_id"]).iloc[1:])
    found = pair.changes()
    details = [line for path in found if path.startswith("data.") for line in found[path].details]
    assert sum("removed" in line for line in details) == 1
    assert not any("added" in line for line in details)


def test_counts_follow_the_images(pair):
    put(pair.new, f"{ARTIFACTS}/ingest/split_summary.json", 5, "splits", "train", "normal")
    images(pair.new, lambda table: pd.concat([table, table.iloc[[0]].assign(image_id="n", sha256="2" * 64)]))
    pair.plan("data.train", maximum_share_of_images=0.25)
    found = pair.changes()
    assert found["data.train.counts.normal"].classification is PREDETERMINED
    assert found["results.ingest"].classification is PREDETERMINED


# Results


def test_weights_go_by_hash(pair):
    write(pair.new / ARTIFACTS / "train/model.safetensors", "other weights")
    put(pair.new, f"{ARTIFACTS}/train/model.json", "x", "weights", "sha256")
    found = pair.changes()
    assert set(found) == {"model.weights", "results.train"}
    assert "nothing that it is made from" in found["model.weights"].reason


def test_metrics_say_by_how_much_and_whether_intervals_overlap(pair):
    path = f"reports/{PRODUCT}/metrics.json"
    put(pair.new, path, estimate(0.5, 0.1, 0.19), "ssim", "recall")
    put(pair.new, path, estimate(0.8, 0.3, 0.99), "ssim", "specificity")
    put(pair.new, path, estimate(None, None, None), "mse", "recall")
    found = pair.changes()
    recall, specificity = found["metrics.ssim.recall"], found["metrics.ssim.specificity"]
    assert (recall.kind, recall.details) == ("worse", ("difference -0.25", "the intervals do not overlap"))
    assert (specificity.kind, specificity.details) == (
        "better",
        ("difference +0.05", "the intervals overlap"),
    )
    assert found["metrics.mse"].details == ("recall: 0.75 -> -",)


def test_a_worse_subgroup_is_seen_behind_an_unchanged_total(pair):
    put(pair.new, f"{ARTIFACTS}/evaluate/evaluation.json", 0.5, "subgroups", "all", 0, "recall", "value")
    assert pair.changes()["metrics.subgroups.setup=12"].kind == "worse"


def test_threshold_details_are_one_line(pair):
    put(pair.new, f"{ARTIFACTS}/threshold/thresholds.json", 0.6, "in_force", "threshold")
    put(pair.new, f"{ARTIFACTS}/threshold/thresholds.json", 0.31, "in_force", "details", "mean")
    found = pair.changes()
    assert found["threshold.value"].details == ("difference +0.1", "the intervals overlap")
    assert found["threshold.details"].details == ("mean: 0.3 -> 0.31",)


def test_a_released_plan_covers_a_retraining_within_its_limits(pair):
    def retrain():
        put(pair.new, "params.yaml", 4, "train", "epochs")
        write(pair.new / ARTIFACTS / "train/model.safetensors", "other weights")
        put(pair.new, f"reports/{PRODUCT}/metrics.json", estimate(0.74, 0.19, 0.98), "ssim", "recall")

    retrain()
    pair.plan(
        ["parameters.train.*", "metrics.*"],
        maximum_drop={"recall": 0.02},
        same_test_images=True,
        criteria_met=True,
    )
    assert {change.classification for change in pair.changes().values()} == {PREDETERMINED}
    assert pair.compare().exit_code == 0
    put(pair.new, f"reports/{PRODUCT}/metrics.json", estimate(0.72, 0.19, 0.98), "ssim", "recall")
    assert {change.classification for change in pair.changes().values()} == {REQUALIFICATION}
    assert pair.compare().exit_code == 1


def test_the_plan_of_the_new_release_does_not_judge_itself(pair):
    put(pair.new, "params.yaml", 4, "train", "epochs")
    entry = {"id": "PCC-01", "what": "*", "reason": "r", "approved_by": "QA"}
    put(pair.new, product("product.yaml"), [entry], "predetermined_changes")
    found = pair.changes()
    assert found["parameters.train.epochs"].classification is REQUALIFICATION
    assert found["statements.predetermined_changes.PCC-01.what"].classification is REQUALIFICATION


# People


def fail(root, actual="3 differ"):
    put(root, qualify("pq"), [case("PQ-001", "fail", actual=actual)], "cases")


def dispose(root, actual="3 differ", decision="accepted"):
    failure = sha256_json({"case": "PQ-001", "expected": "0 differ", "actual": actual})
    write(root / product("deviations/DEV-PQ-001.yaml"), {"failure_sha256": failure, "decision": decision})


def test_a_deviation_that_opens_asks_for_requalification_and_one_that_closes_for_nothing(pair):
    fail(pair.new)
    found = pair.changes()["deviations.DEV-PQ-001"]
    assert (found.kind, found.classification, found.new) == (
        "opened",
        REQUALIFICATION,
        "open: title of PQ-001",
    )
    pair.old, pair.new = pair.new, pair.old
    found = pair.changes()["deviations.DEV-PQ-001"]
    assert (found.kind, found.classification) == ("closed", NONE)


def test_an_accepted_deviation_asks_for_nothing_a_rejected_or_reopened_one_does(pair):
    fail(pair.old)
    fail(pair.new)
    dispose(pair.new)
    assert pair.changes()["deviations.DEV-PQ-001"].classification is NONE
    dispose(pair.new, decision="rejected")
    assert pair.changes()["deviations.DEV-PQ-001"].classification is REQUALIFICATION
    dispose(pair.old)
    dispose(pair.new, actual="another failure")
    found = pair.changes()["deviations.DEV-PQ-001"]
    assert (found.old, found.new) == ("accepted: title of PQ-001", "open: title of PQ-001")
    assert found.classification is REQUALIFICATION


def test_another_failure_of_an_accepted_deviation_is_not_accepted_with_it(pair):
    fail(pair.old)
    fail(pair.new, "4 differ")
    dispose(pair.new, "4 differ")
    assert pair.changes()["deviations.DEV-PQ-001"].classification is REQUALIFICATION


def test_a_recorded_case_counts_for_its_results_and_definition_only(pair):
    row = case("IQ-001", "not run", automated=False)
    for root in (pair.old, pair.new):
        put(root, qualify("iq"), [row], "cases")
    recorded = {
        "definition_sha256": sha256_json({key: row[key] for key in DEFINED}),
        "results_id": results_id(Workspace(pair.new, PRODUCT)),
        "verdict": "fail",
        "observed": "seen",
    }
    path = write(pair.new / product("executions/IQ-001.json"), recorded)
    found = pair.changes()
    assert (found["cases.IQ-001.verdict"].old, found["cases.IQ-001.verdict"].new) == ("not run", "fail")
    assert found["deviations.DEV-IQ-001"].details == ("seen",)
    for key in ("results_id", "definition_sha256"):
        write(path, recorded | {key: "0" * 64})
        assert pair.changes() == {}


def test_approvals_and_signatures(pair):
    write(pair.new / product("approvals/criteria.json"), {"by": "QA", "role": "head", "at": "t"})
    found = pair.changes()["approvals.criteria"]
    assert (found.kind, found.classification, found.new) == ("added", NONE, "QA, head, t")
    pair.old, pair.new = pair.new, pair.old
    assert pair.changes()["approvals.criteria"].classification is REQUALIFICATION


def test_the_ledger_may_go_on_but_not_be_another_one(pair):
    ledger = pair.new / ARTIFACTS / "ledger.jsonl"
    ledger.write_text(ledger.read_text() + '{"number":2}\n')
    found = pair.changes()["openings.ledger"]
    assert (found.kind, found.classification) == ("continued", NONE)
    assert (found.old, found.new) == ("1 opening", "2 openings")
    ledger.write_text('{"number":9}\n')
    assert pair.changes()["openings.ledger"].classification is REQUALIFICATION
    ledger.write_text("")
    assert pair.changes()["openings.ledger"].classification is REQUALIFICATION


def test_declared_openings_and_files_that_no_section_knows(pair):
    write(pair.new / product("openings.yaml"), {"openings": [{"model_sha256": "0", "reason": "r"}]})
    write(pair.new / product("notes.txt"), "x")
    found = pair.changes()
    assert {"openings.declared.openings.1.reason", "files.notes.txt"} <= set(found)
    assert {change.classification for change in found.values()} == {REQUALIFICATION}


# The same test images


def test_paired_tests_of_the_same_images(pair):
    edit(pair.new, PREDICTIONS, lambda table: table.assign(verdict="reject", score=np.arange(8.0)))
    found = {test.metric: test for test in pair.compare().paired}
    assert (found["recall"].lost, found["recall"].gained, found["recall"].p_value) == (0, 1, 1.0)
    assert (found["specificity"].lost, found["specificity"].gained, found["specificity"].p_value) == (
        3,
        0,
        0.25,
    )
    assert (found["auroc"].old, found["auroc"].new) == (0.9375, 1.0)


def test_no_paired_test_on_other_images_or_labels(pair):
    edit(pair.new, PREDICTIONS, lambda table: table.assign(label=1 - table["label"]))
    assert pair.compare().paired == ()
    pair.new = pair.old.with_name("other")
    shutil.copytree(pair.old, pair.new)
    images(
        pair.new,
        lambda table: table.assign(sha256=table["sha256"].where(table["image_id"] != "test-0", "0" * 64)),
    )
    assert pair.compare().paired == ()


def test_everything_printed_as_json_is_json(pair):
    put(pair.new, "params.yaml", 4, "train", "epochs")
    images(pair.new, lambda table: table.iloc[1:])
    json.dumps(pair.compare().as_dict(), allow_nan=False)
