"""The two stage scripts on a small project: outputs, records, order of opening, and the same bytes twice."""

import hashlib
import json
import shutil

import pandas as pd
import pytest
import yaml
from pipeline import evaluate as evaluate_script
from pipeline import threshold as threshold_script

from sealproof.evidence.errors import DefinitionError, EvidenceAlteredError, EvidenceMissingError
from sealproof.evidence.ledger import read_ledger
from sealproof.evidence.records import RecordBook
from sealproof.settings import load_settings
from sealproof.stage import Stage

QUICK = {"threshold": {"bootstrap": 40, "score": "4-ms-ssim"}, "evaluate": {"bootstrap": 60, "gallery": 3}}


def set_params(root, **changes):
    path = root / "params.yaml"
    content = yaml.safe_load(path.read_text())
    for section, values in changes.items():
        content[section] |= values
    path.write_text(yaml.safe_dump(content))


def run(root, name, script):
    stage = Stage(name, load_settings(root))
    stage.start()
    script.work(stage)
    stage.finish()
    return stage


@pytest.fixture
def root(project):
    set_params(project, **QUICK)
    return project


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Where the project lies once stage threshold has run in it."""
    return tmp_path_factory.mktemp("kept") / "project"


@pytest.fixture
def thresholded(root, kept, tmp_path_factory):
    """A copy of the project after stage threshold, which runs once for all tests of this file."""
    if not kept.exists():
        run(root, "threshold", threshold_script)
        shutil.copytree(root, kept)
    return shutil.copytree(kept, tmp_path_factory.mktemp("thresholded") / "project")


def hashes(root):
    files = [
        path for folder in ("artifacts", "reports") for path in (root / folder).rglob("*") if path.is_file()
    ]
    kept = [path for path in files if path.name not in {"ledger.jsonl", "trail.jsonl"}]
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in kept}


def test_both_stages_write_what_the_contract_says(root):
    threshold = run(root, "threshold", threshold_script)
    evaluated = run(root, "evaluate", evaluate_script)
    artifacts, reports = root / "artifacts" / "elpv-mono", root / "reports" / "elpv-mono"
    for name in ("threshold/thresholds.json", "evaluate/evaluation.json", "evaluate/predictions.parquet"):
        assert (artifacts / name).is_file()
    written = {path.relative_to(reports).as_posix() for path in reports.rglob("*") if path.is_file()}
    assert written == {
        "metrics.json",
        "thresholds/thresholds.csv",
        *(f"thresholds/{name}.svg" for name in ("thresholds", "calibration_gap", "evt", "evt_stability")),
        *(f"thresholds/{name}.svg" for name in ("guarantees", "evt_sample_size")),
        *(f"evaluation/{name}.svg" for name in ("roc", "pr", "histogram", "confusion")),
        *(f"evaluation/{name}.svg" for name in ("robustness", "detection")),
        *(f"evaluation/{name}.csv" for name in ("roc", "pr", "histogram", "detection")),
        *(f"evaluation/{name}.png" for name in ("false_negatives", "false_positives", "examples")),
    }
    book = RecordBook.load(
        [artifacts / "threshold" / "records.json", artifacts / "evaluate" / "records.json"]
    )
    assert book["threshold.in_force.threshold"].value == book["evaluate.4-ms-ssim.threshold"].value
    assert book["evaluate.4-ms-ssim.recall.low"].artefact == "artifacts/elpv-mono/evaluate/evaluation.json"
    assert threshold.metrics["4-ms-ssim.conformal"] == book["threshold.in_force.threshold"].value
    assert evaluated.metrics["4-ms-ssim.auroc"] == book["evaluate.4-ms-ssim.auroc"].value
    assert book["evaluate.plan.ac-01.carried"].value is False, (
        "30 defective images cannot prove a recall of 0.9"
    )
    assert book["evaluate.plan.ac-01.units_needed"].value == 36
    predictions = pd.read_parquet(artifacts / "evaluate" / "predictions.parquet")
    metrics = json.loads((reports / "metrics.json").read_text())
    caught = ((predictions["label"] == 1) & (predictions["verdict"] == "reject")).sum()
    assert metrics["4-ms-ssim"]["recall"]["value"] == pytest.approx(
        caught / (predictions["label"] == 1).sum()
    )


def test_two_runs_give_the_same_bytes_and_two_openings(thresholded):
    run(thresholded, "evaluate", evaluate_script)
    first = hashes(thresholded)
    run(thresholded, "threshold", threshold_script)
    run(thresholded, "evaluate", evaluate_script)
    assert hashes(thresholded) == first
    assert len(read_ledger(thresholded / "artifacts" / "elpv-mono" / "ledger.jsonl")) == 2


def test_the_threshold_stage_leaves_the_seal_unbroken(root):
    (root / "artifacts" / "elpv-mono" / "ingest" / "sealed_labels.parquet").unlink()
    run(root, "threshold", threshold_script)
    assert not (root / "artifacts" / "elpv-mono" / "ledger.jsonl").exists()


def test_poisoned_test_scores_do_not_move_a_byte_of_the_thresholds(thresholded):
    root = thresholded
    artefact = root / "artifacts" / "elpv-mono" / "threshold" / "thresholds.json"
    before = artefact.read_bytes()
    path = root / "artifacts" / "elpv-mono" / "score" / "scores.parquet"
    scores = pd.read_parquet(path)
    scores.loc[scores["split"] == "test", ["mse", "4-ms-ssim"]] = 1e6
    scores.to_parquet(path, index=False)
    run(root, "threshold", threshold_script)
    assert artefact.read_bytes() == before


def test_a_test_image_smuggled_into_calibration_stops_the_stage(root):
    path = root / "artifacts" / "elpv-mono" / "score" / "scores.parquet"
    scores = pd.read_parquet(path)
    scores.loc[scores["image_id"] == "set/test-001", "split"] = "calibration"
    scores.to_parquet(path, index=False)
    with pytest.raises(EvidenceAlteredError, match="disagree"):
        run(root, "threshold", threshold_script)


def test_without_a_valid_threshold_both_stages_succeed_and_nothing_is_accepted(root):
    set_params(root, threshold={"method": "evt_pot"})
    run(root, "threshold", threshold_script)
    run(root, "evaluate", evaluate_script)
    artifacts = root / "artifacts" / "elpv-mono"
    content = json.loads((artifacts / "threshold" / "thresholds.json").read_text())
    assert content["in_force"]["threshold"] is None
    assert content["in_force"]["reason_code"] == "too-few-exceedances"
    predictions = pd.read_parquet(artifacts / "evaluate" / "predictions.parquet")
    assert set(predictions["verdict"]) == {"undecided"}
    metrics = json.loads((root / "reports" / "elpv-mono" / "metrics.json").read_text())
    assert metrics["4-ms-ssim"]["recall"] == {"value": None, "low": None, "high": None}


def test_what_the_test_set_cannot_carry_is_printed_while_it_is_sealed(thresholded, capsys):
    root = thresholded
    (root / "artifacts" / "elpv-mono" / "ingest" / "sealed_labels.parquet").unlink()
    with pytest.raises(EvidenceMissingError):
        run(root, "evaluate", evaluate_script)
    assert ">= 0.8843" in capsys.readouterr().out


def test_criteria_that_cannot_stand_leave_the_seal_unbroken(thresholded):
    root = thresholded
    (root / "products" / "elpv-mono" / "acceptance.yaml").write_text("criteria: []\n")
    with pytest.raises(DefinitionError):
        run(root, "evaluate", evaluate_script)
    assert not (root / "artifacts" / "elpv-mono" / "ledger.jsonl").exists()
