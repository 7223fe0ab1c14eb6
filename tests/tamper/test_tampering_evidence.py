"""The tamper corpus, files and chains: one named test for each way to forge a signed release."""

import json

import pytest
from tests.e2e.project import PRODUCT
from tests.tamper import pdf
from tests.tamper.moves import (
    DOSSIER,
    EVALUATION,
    LEDGER,
    MANIFEST,
    METRICS,
    PATCHES,
    PREDICTIONS,
    RELEASE,
    SCORES,
    SEALED,
    THRESHOLDS,
    TRAIL,
    WEIGHTS,
    A,
    P,
    R,
    append_line,
    change_record,
    edit_lines,
    recording,
)

pytestmark = pytest.mark.corpus


# --- the untouched release


def test_untouched_release_passes(forgery):
    done = forgery.verify()
    assert [(item.code, item.file, item.place) for item in done.findings if item.severity > 0] == []
    assert int(done.findings.exit_code) == 0
    assert done.findings.checked["signatures"] == 12
    assert done.findings.checked["printed values"] > 900


def test_untouched_release_without_a_trusted_root_is_incomplete(forgery):
    forgery.finds("signers-not-checked", f"{R}/signed", exit_code=2, trusted=False)


# --- images, labels, splits


def test_image_changed(forgery):
    name = f"data/{PRODUCT}/images/seal_00003.png"
    forgery.flip_bit(name)
    forgery.finds("image-altered", name)


def test_image_removed(forgery):
    name = f"data/{PRODUCT}/images/seal_00003.png"
    forgery.remove(name)
    forgery.finds("image-missing", name)


def test_image_swapped_and_manifest_adapted(forgery):
    name = "images/seal_00003.png"
    forgery.flip_bit(f"data/{PRODUCT}/{name}")
    digest = forgery.sha256(f"data/{PRODUCT}/{name}")
    forgery.table(
        MANIFEST, lambda table: table.assign(sha256=table["sha256"].where(table["path"] != name, digest))
    )
    forgery.rehash_all()
    done = forgery.finds("record-altered", f"{A}/ingest/records.json", "ingest.images.sha256")
    assert {"release-not-in-trail", "signed-other-release"} <= {item.code for item in done.findings}


def test_training_label_changed(forgery):
    def change(table):
        table.loc[table["split"] == "tuning", "label"] = 0
        return table

    forgery.table(MANIFEST, change)
    forgery.finds("label-wrong-in-split", MANIFEST)


def test_sealed_label_changed(forgery):
    def change(table):
        table.loc[0, "label"] = 1 - int(table.loc[0, "label"])
        return table

    forgery.table(SEALED, change)
    done = forgery.finds("label-changed", SEALED, "images/seal_00003")
    assert "sealed-labels-altered" in {item.code for item in done.findings}


def test_sealed_label_changed_and_rehashed(forgery):
    test_label = forgery.read(SEALED)
    forgery.table(SEALED, lambda table: table.assign(label=table["label"].where(table.index > 0, 1)))
    assert forgery.read(SEALED) != test_label
    forgery.rehash_all()
    forgery.finds("opening-missing", LEDGER)


def test_label_of_a_test_image_shown_in_the_manifest(forgery):
    forgery.table(MANIFEST, lambda table: table.assign(label=table["label"].fillna(0)))
    forgery.finds("label-not-sealed", MANIFEST)


def test_image_moved_from_training_to_another_split(forgery):
    def change(table):
        table.loc[table["split"].eq("train").idxmax(), "split"] = "calibration"
        return table

    forgery.table(MANIFEST, change)
    forgery.finds("split-changed", SCORES)


def test_test_image_slipped_into_training(forgery):
    def change(table):
        digest = table.loc[table["split"].eq("test").idxmax(), "sha256"]
        table.loc[table["split"].eq("train").idxmax(), "sha256"] = digest
        return table

    forgery.table(MANIFEST, change)
    forgery.finds("image-in-two-splits", MANIFEST)


# --- weights, scores, thresholds


def test_weight_changed_by_one_bit(forgery):
    forgery.flip_bit(WEIGHTS, place=-100)
    forgery.finds("weights-altered", WEIGHTS)


def test_weight_changed_and_all_hashes_adapted(forgery):
    forgery.flip_bit(WEIGHTS, place=-100)
    forgery.json(
        f"{A}/train/model.json", lambda content: content["weights"].update(sha256=forgery.sha256(WEIGHTS))
    )
    forgery.rehash_all()
    forgery.finds("opening-missing", LEDGER)


def test_score_changed_by_one_bit(forgery):
    def change(table):
        values = table["4-ms-ssim"].to_numpy(copy=True)
        values.view("uint64")[7] ^= 1
        return table.assign(**{"4-ms-ssim": values})

    forgery.table(SCORES, change)
    image = "images/seal_00008, 4-ms-ssim"
    forgery.finds("score-changed", SCORES, image)


def test_score_changed_in_both_tables(forgery):
    for name in (SCORES, PATCHES):
        forgery.table(
            name,
            lambda table: table.assign(
                **{"4-ms-ssim": table["4-ms-ssim"].where(table["image_id"] != "images/seal_00003", 0.99)}
            ),
        )
    forgery.rehash_all()
    forgery.finds("score-changed", PREDICTIONS, "images/seal_00003")


def test_score_row_removed(forgery):
    forgery.table(SCORES, lambda table: table.iloc[1:])
    forgery.finds("score-row-missing", SCORES, "images/seal_00001")


def test_calibration_set_thinned(forgery):
    def change(table):
        rows = table.index[table["split"] == "calibration"][:3]
        table.loc[rows, "split"] = "unused"
        return table

    forgery.table(SCORES, change)
    forgery.table(PATCHES, change)
    forgery.rehash_all()
    forgery.finds("threshold-changed", THRESHOLDS, "/scores/4-ms-ssim/conformal/threshold")


def test_threshold_lowered(forgery):
    def change(content):
        for row in (content["in_force"], content["scores"]["4-ms-ssim"]["conformal"]):
            row["threshold"] *= 0.98

    forgery.json(THRESHOLDS, change)
    forgery.rehash_all()
    forgery.finds("threshold-changed", THRESHOLDS, "/scores/4-ms-ssim/conformal/threshold")


def test_another_threshold_put_in_force(forgery):
    def change(content):
        content["in_force"] = {"score": "4-ms-ssim", "method": "percentile"} | content["scores"]["4-ms-ssim"][
            "percentile"
        ]

    forgery.json(THRESHOLDS, change)
    forgery.rehash_all()
    forgery.finds("threshold-in-force-wrong", THRESHOLDS, "/in_force/method")


# --- parameters, dvc.lock


def test_parameter_changed(forgery):
    forgery.text("params.yaml", "sigmas: 2.0", "sigmas: 3.0")
    forgery.finds("parameter-changed", "params.yaml", "threshold (threshold)")


def test_parameter_changed_in_lock_and_params(forgery):
    forgery.text("params.yaml", "sigmas: 2.0", "sigmas: 3.0")

    def change(lock):
        for stage in lock["stages"].values():
            values = stage.get("params", {}).get("params.yaml", {})
            if "threshold" in values:
                values["threshold"]["sigmas"] = 3.0

    forgery.yaml("dvc.lock", change)
    forgery.finds("threshold-changed", THRESHOLDS, "/scores/4-ms-ssim/mean_sigma/details/estimate")


def test_output_hash_in_lock_changed(forgery):
    def change(lock):
        row = lock["stages"]["train"]["outs"][0]
        row["md5"] = "0" * 32 + ".dir"

    forgery.yaml("dvc.lock", change)
    forgery.finds("lock-output-differs", "dvc.lock", f"train, {A}/train")


def test_input_hash_in_lock_changed(forgery):
    def change(lock):
        row = next(
            row for row in lock["stages"]["evaluate"]["deps"] if row["path"].endswith("model.safetensors")
        )
        row["md5"] = "0" * 32

    forgery.yaml("dvc.lock", change)
    forgery.finds("lock-input-differs", "dvc.lock", f"evaluate, {WEIGHTS}")


def test_stage_taken_out_of_the_lock(forgery):
    forgery.yaml("dvc.lock", lambda lock: lock["stages"].pop("check"))
    forgery.finds("lock-stage-missing", "dvc.lock", "check", exit_code=2)


def test_source_changed_after_the_run(forgery):
    name = "src/sealproof/thresholds/mean_sigma.py"
    forgery.write(name, forgery.read(name) + b"\n")
    forgery.finds("code-differs-from-lock", "dvc.lock", "threshold, src/sealproof/thresholds", exit_code=2)


# --- evaluation


def test_metric_changed_in_metrics_json(forgery):
    forgery.json(METRICS, lambda content: content["4-ms-ssim"]["recall"].update(value=0.99))
    forgery.finds("metric-changed", METRICS, "/4-ms-ssim/recall/value")


def test_metric_changed_everywhere(forgery):
    forgery.json(METRICS, lambda content: content["4-ms-ssim"]["auroc"].update(low=0.95))
    forgery.json(
        EVALUATION, lambda content: content["scores"]["4-ms-ssim"]["metrics"]["auroc"].update(low=0.95)
    )
    change_record(forgery, "evaluate", "evaluate.4-ms-ssim.auroc.low", 0.95)
    forgery.rehash_all()
    forgery.finds("metric-changed", EVALUATION, "/scores/4-ms-ssim/metrics/auroc/low")


def test_confusion_count_changed(forgery):
    forgery.json(
        EVALUATION, lambda content: content["scores"]["4-ms-ssim"]["counts"].update(false_negative=0)
    )
    forgery.rehash_all()
    forgery.finds("confusion-count-changed", EVALUATION, "/scores/4-ms-ssim/counts/false_negative")


def test_subgroup_figure_changed(forgery):
    forgery.json(EVALUATION, lambda content: content["subgroups"]["all"][0]["recall"].update(value=1.0))
    forgery.rehash_all()
    forgery.finds("subgroup-changed", EVALUATION, "/subgroups/all/0/recall/value")


def test_missed_defect_taken_off_the_list(forgery):
    forgery.json(EVALUATION, lambda content: content["false_negatives"].pop(0))
    forgery.rehash_all()
    forgery.finds("error-list-changed", EVALUATION, "/false_negatives")


def test_prediction_flipped(forgery):
    def change(table):
        row = (table["label"].eq(1) & table["verdict"].eq("accept")).idxmax()
        table.loc[row, ["verdict", "correct"]] = ["reject", True]
        return table

    forgery.table(PREDICTIONS, change)
    forgery.rehash_all()
    forgery.finds("prediction-changed", PREDICTIONS, "verdict")


# --- criteria, protocols, cases, deviations


def test_criterion_lowered(forgery):
    forgery.text(f"{P}/acceptance.yaml", "limit: 0.90", "limit: 0.40")
    done = forgery.finds("acceptance-altered", f"{P}/acceptance.yaml")
    codes = {item.code for item in done.findings}
    assert {
        "approved-other-version",
        "criteria-changed-after-opening",
        "executed-other-version",
        "criterion-changed",
    } <= codes


def test_criterion_said_to_be_met(forgery):
    forgery.json(f"{A}/qualify/criteria.json", lambda content: content["criteria"][2].update(met=True))
    forgery.rehash_all()
    forgery.finds("criterion-changed", f"{A}/qualify/criteria.json", "AC-03/met")


def test_criterion_removed_from_the_release(forgery):
    forgery.json(RELEASE, lambda content: content["criteria"].pop(2))
    forgery.finds("criterion-changed", RELEASE, "/criteria")


def test_protocol_changed(forgery):
    forgery.text("protocols/pq.yaml", "expected:", "expected: anything;")
    done = forgery.finds("protocol-altered", "protocols/pq.yaml")
    assert "executed-other-version" in {item.code for item in done.findings}


def test_protocol_changed_and_approved_anew(forgery):
    forgery.text("protocols/oq.yaml", "purpose: ", "purpose: Whatever comes. ")
    approval = f"{P}/approvals/criteria.json"
    forgery.json(
        approval,
        lambda content: content["files"].update({"protocols/oq.yaml": forgery.sha256("protocols/oq.yaml")}),
    )
    forgery.rehash_all()
    forgery.finds("approval-changed-after-opening", LEDGER, "line 1")


def test_requirement_removed(forgery):
    forgery.yaml("protocols/requirements.yaml", lambda content: content["requirements"].pop(0))
    done = forgery.finds("requirements-altered", "protocols/requirements.yaml")
    assert "trace-changed" in {item.code for item in done.findings}


def test_risk_played_down(forgery):
    forgery.text("protocols/risks.yaml", "severity: critical", "severity: minor")
    forgery.finds("risks-altered", "protocols/risks.yaml")


def test_case_verdict_flipped(forgery):
    def change(protocol):
        case = next(case for case in protocol["cases"] if case["id"] == "PQ-001-AC-03")
        assert case["verdict"] == "fail"
        case.update(verdict="pass", deviation=None)
        protocol["deviations"] = [item for item in protocol["deviations"] if item["case"] != case["id"]]
        protocol["counts"].update(
            passed=protocol["counts"]["passed"] + 1, failed=protocol["counts"]["failed"] - 1
        )

    forgery.json(f"{A}/qualify/pq.json", change)
    forgery.rehash_all()
    forgery.finds("case-verdict-changed", f"{A}/qualify/pq.json", "PQ-001-AC-03, verdict")


def test_case_left_out(forgery):
    def change(protocol):
        protocol["cases"] = protocol["cases"][1:]
        protocol["counts"].update(total=len(protocol["cases"]), passed=protocol["counts"]["passed"] - 1)

    forgery.json(f"{A}/qualify/oq.json", change)
    forgery.rehash_all()
    forgery.finds("case-missing", f"{A}/qualify/oq.json", "OQ-001")


def test_observation_changed(forgery):
    name = f"{A}/qualify/observations/OQ-001.json"
    forgery.json(name, lambda content: content.update(actual="all is well"))
    forgery.finds("case-observation-changed", f"{A}/qualify/oq.json", "OQ-001, actual")


def test_deviation_deleted(forgery):
    forgery.json(f"{A}/qualify/pq.json", lambda protocol: protocol.update(deviations=[]))
    forgery.json(RELEASE, lambda release: release.update(deviations=[]))
    forgery.rehash_release()
    forgery.finds("deviation-missing", RELEASE, "DEV-PQ-001-AC-03")


def test_deviation_accepted_by_nobody(forgery):
    def change(release):
        for item in release["deviations"]:
            item["status"] = "accepted"

    forgery.json(RELEASE, change)
    forgery.remove(f"{P}/deviations/DEV-PQ-001-AC-03.yaml")
    forgery.finds("disposition-altered", RELEASE, "DEV-PQ-001-AC-03, status")


def test_disposition_edited(forgery):
    name = f"{P}/deviations/DEV-PQ-001-AC-03.yaml"
    forgery.text(name, "three epochs", "a mistake of the lighting")
    done = forgery.finds("disposition-altered", name)
    assert "entry-altered-after-event" in {item.code for item in done.findings}


def test_recorded_execution_edited(forgery):
    name = recording(forgery)
    forgery.json(name, lambda content: content.update(observed="nobody was there"))
    done = forgery.finds("recorded-execution-altered", name)
    assert "entry-altered-after-event" in {item.code for item in done.findings}


def test_recorded_execution_edited_and_rehashed(forgery):
    name = recording(forgery)
    forgery.json(name, lambda content: content.update(observed="nobody was there"))
    forgery.rehash_all()
    forgery.finds("entry-altered-after-event", name)


def test_evidence_of_a_recorded_execution_exchanged(forgery):
    name = f"{P}/executions/notes/walk.txt"
    forgery.write(name, b"walked through, all found\n")
    forgery.finds("case-evidence-altered", name)


# --- approvals, ledger, trail


def test_approval_removed(forgery):
    forgery.remove(f"{P}/approvals/criteria.json")
    done = forgery.finds("entry-gone", f"{P}/approvals/criteria.json")
    assert "approval-changed-after-opening" in {item.code for item in done.findings}


def test_approval_dated_back(forgery):
    name = f"{P}/approvals/criteria.json"
    forgery.json(name, lambda content: content.update(at="2020-01-01T00:00:00+00:00"))
    forgery.rehash_all()
    done = forgery.finds("approval-changed-after-opening", LEDGER, "line 1")
    assert "entry-altered-after-event" in {item.code for item in done.findings}


def test_approved_after_the_opening(forgery):
    """The opening knew of no approval; ledger and trail are chained anew."""
    edit_lines(forgery, LEDGER, lambda rows: rows[0].update(approval_sha256=""))
    forgery.finds("approved-after-opening", LEDGER, "line 1")


def test_opening_removed_from_the_ledger(forgery):
    forgery.write(LEDGER, b"")
    forgery.finds("opening-not-in-ledger", LEDGER, "opening 1")


def test_opening_removed_and_trail_chained_anew(forgery):
    forgery.write(LEDGER, b"")
    forgery.lines(TRAIL, lambda lines: [line for line in lines if b"test-set.opened" not in line])
    forgery.rechain(TRAIL)
    done = forgery.finds("opening-missing", LEDGER)
    assert {"trail-not-continued", "ledger-not-continued", "trail-head-gone"} <= {
        item.code for item in done.findings
    }


def test_opening_by_another_system_hidden(forgery):
    """A second system was judged; its opening is in the chains, undeclared."""
    other = {"model_sha256": "1" * 64}
    append_line(forgery, LEDGER, json.loads(forgery.read(LEDGER).splitlines()[0]) | other)
    forgery.finds("opening-undeclared", LEDGER, "line 2")


def test_trail_line_dropped(forgery):
    forgery.lines(TRAIL, lambda lines: lines[:4] + lines[5:])
    forgery.finds("trail-line-missing", TRAIL, "line 5")


def test_trail_line_dropped_and_chained_anew(forgery):
    forgery.lines(TRAIL, lambda lines: lines[:4] + lines[5:])
    forgery.rechain(TRAIL)
    forgery.finds("trail-not-continued", TRAIL)


def test_trail_lines_reordered(forgery):
    forgery.lines(TRAIL, lambda lines: [lines[1], lines[0], *lines[2:]])
    forgery.finds("trail-reordered", TRAIL)


def test_trail_line_edited(forgery):
    forgery.text(TRAIL, '"by":"Test Quality"', '"by":"Test Nobody"')
    forgery.finds("trail-line-altered", TRAIL, "line 1")


def test_last_line_of_the_trail_cut(forgery):
    """The line of the approver's signature goes, and everything behind it."""

    def change(lines):
        last = max(place for place, line in enumerate(lines) if b"document.signed" in line)
        return lines[:last]

    forgery.lines(TRAIL, change)
    forgery.finds("signature-not-in-trail", TRAIL, "approver")


def test_trail_removed(forgery):
    forgery.remove(TRAIL)
    forgery.finds("trail-missing", TRAIL)


def test_trail_torn_by_a_kill_is_no_forgery(forgery):
    forgery.write(TRAIL, forgery.read(TRAIL) + b'{"at":"2026')
    forgery.finds("trail-torn", TRAIL, exit_code=2)


def test_stage_run_again_without_the_trail(forgery):
    name = f"{A}/score/records.json"
    forgery.json(name, lambda rows: rows[0].update(definition="something else"))
    forgery.rehash_all()
    forgery.finds("stage-run-not-in-trail", TRAIL, "score")


# --- records, hashes, side records, SBOM


def test_record_value_changed(forgery):
    change_record(forgery, "evaluate", "evaluate.4-ms-ssim.recall", 0.99)
    done = forgery.finds("record-altered", f"{A}/evaluate/records.json", "evaluate.4-ms-ssim.recall")
    assert "records-altered" in {item.code for item in done.findings}


def test_record_value_changed_and_rehashed(forgery):
    change_record(forgery, "evaluate", "evaluate.4-ms-ssim.recall", 0.99)
    forgery.rehash_all()
    done = forgery.finds("record-altered", f"{A}/evaluate/records.json", "evaluate.4-ms-ssim.recall")
    assert "printed-other-value" in {item.code for item in done.findings}


def test_record_removed(forgery):
    name = f"{A}/evaluate/records.json"
    forgery.json(
        name, lambda rows: rows.remove(next(row for row in rows if row["id"] == "evaluate.4-ms-ssim.recall"))
    )
    forgery.rehash_all()
    forgery.finds("printed-without-record", f"{R}/", "evaluate.4-ms-ssim.recall")


def test_record_hash_changed(forgery):
    def change(rows):
        rows[0]["sha256"] = "0" * 64

    forgery.json(f"{A}/train/records.json", change)
    forgery.finds("record-artefact-altered", f"{A}/train/records.json")


def test_hash_in_the_release_changed(forgery):
    forgery.json(RELEASE, lambda release: release["evidence"].update({WEIGHTS: "0" * 64}))
    forgery.finds("weights-altered", WEIGHTS)


def test_file_taken_out_of_the_release(forgery):
    forgery.json(RELEASE, lambda release: release["evidence"].pop(f"{A}/evaluate/evaluation.json"))
    forgery.rehash_release()
    done = forgery.finds("evidence-not-named", RELEASE, "evaluation.json")
    assert "file-not-named" in {item.code for item in done.findings}


def test_file_slipped_among_the_evidence(forgery):
    name = f"{A}/qualify/observations/PQ-099.json"
    forgery.write(name, b"{}\n")
    forgery.finds("file-not-named", name)


def test_decision_flipped(forgery):
    forgery.json(RELEASE, lambda release: release.update(decision="released", reasons=[]))
    done = forgery.finds("decision-wrong", RELEASE, "/decision")
    assert "release-not-in-trail" in {item.code for item in done.findings}


def test_decision_of_the_signed_release_flipped(forgery):
    name = f"{R}/signed/release.json"
    forgery.json(name, lambda release: release.update(decision="released", reasons=[]))
    forgery.finds("decision-wrong", name, "/decision")


def test_demonstration_hidden(forgery):
    forgery.json(RELEASE, lambda release: release.update(demonstration=False))
    forgery.finds("decision-wrong", RELEASE, "/demonstration")


def test_release_written_anew_with_consistent_hashes(forgery):
    """The best a forger can do without a key: every file, record, hash and id agrees, and the trail is chained anew."""
    forgery.text(f"{P}/product.yaml", "demonstration: true", "demonstration: false")
    forgery.rehash_all()
    release_id = json.loads(forgery.read(RELEASE))["release_id"]

    def change(rows):
        for row in rows:
            if row["event"] == "release.made":
                row["details"].update(release_id=release_id, release_sha256=forgery.sha256(RELEASE))

    edit_lines(forgery, TRAIL, change)
    done = forgery.finds("signed-other-release", f"{R}/signed/dossier.pdf", "author")
    assert {"release-id-not-printed", "attachment-differs"} <= {item.code for item in done.findings}


def test_side_record_swapped(forgery):
    folder = forgery.root / A / "runs"
    train, score = (
        next(folder.glob(f"{stage}-*.json")).relative_to(forgery.root).as_posix()
        for stage in ("train", "score")
    )
    forgery.write(train, forgery.read(score))
    forgery.finds("side-record-wrong", train, "/stage")


def test_run_in_a_side_record_changed(forgery):
    name = next((forgery.root / A / "runs").glob("train-*.json")).relative_to(forgery.root).as_posix()
    forgery.json(name, lambda side: side.update(mlflow_run="0" * 32))
    forgery.finds("side-record-wrong", name, "/mlflow_run")


def test_sbom_edited(forgery):
    content = forgery.read(DOSSIER)
    bill = pdf.attached(content, "sbom.json").replace(b'"version"', b'"Version"', 1)
    forgery.write(DOSSIER, pdf.rewrite(content, pdf.attach("sbom.json", bill)))
    forgery.finds("attachment-altered", DOSSIER, "sbom.json")


def test_every_run_of_a_stage_dropped(forgery):
    forgery.lines(TRAIL, lambda lines: [line for line in lines if b'"stage":"score"' not in line])
    done = forgery.finds("stage-run-missing", TRAIL, "score")
    assert "trail-line-missing" in {item.code for item in done.findings}
