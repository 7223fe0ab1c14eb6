"""Every record can be read back from its artefact at its pointer."""

import json

import pytest

from sealproof.evidence.records import Recorder
from sealproof.thresholds.compare import compare, thresholds_json
from sealproof.thresholds.evidence import record_thresholds
from sealproof.thresholds.selection import calibration_scores
from sealproof.thresholds.settings import METHOD_NAMES, ThresholdSettings

COMMON = ("threshold", "low", "high", "n", "eligible", "reason")


@pytest.fixture
def written(score_table, tmp_path):
    comparison = compare(calibration_scores(score_table), ThresholdSettings(bootstrap=40), 7)
    artefact = tmp_path / "thresholds.json"
    artefact.write_text(json.dumps(thresholds_json(comparison), allow_nan=False))
    recorder = Recorder("threshold")
    record_thresholds(recorder, comparison, artefact)
    return comparison, artefact, recorder.finish(lambda path: (path, path.name))


def resolve(content, pointer):
    for step in pointer.strip("/").split("/"):
        content = content[int(step)] if isinstance(content, list) else content[step]
    return content


def test_every_value_stands_in_the_artefact_at_its_pointer(written):
    _, artefact, records = written
    content = json.loads(artefact.read_text())
    pointed = [record for record in records if record.pointer]
    assert len(pointed) > 300
    for record in pointed:
        assert resolve(content, record.pointer) == record.value, record.id


def test_ids_of_the_contract_exist(written):
    comparison, _, records = written
    book = {record.id: record for record in records}
    for score in comparison.scores.names:
        for method in METHOD_NAMES:
            for field in (*COMMON, "promise", "promise_confidence", "estimate"):
                assert f"threshold.{score}.{method}.{field}" in book
                assert f"threshold.{score}.{method}.training.{field}" in book
    assert book["threshold.in_force.threshold"].value == comparison.in_force.threshold
    assert book["threshold.in_force.method"].value == "conformal"
    assert book["threshold.in_force.calibration"].value == "held-out"
    assert book["threshold.in_force.accept_below"].value is None
    assert book["threshold.in_force.promise"].value == comparison.in_force.promise
    assert book["threshold.three_way.4-ms-ssim.0.accept_below"].value is not None
    assert book["threshold.three_way.4-ms-ssim.11.share_undecided.tuning"].value is not None
    assert book["threshold.calibration.held_out_normals"].value == 117
    assert book["threshold.calibration.held_out_normals_undecided"].value == 3


def test_a_missing_value_says_why_and_every_definition_is_a_sentence(written):
    book = {record.id: record for record in written[2]}
    missing = book["threshold.4-ms-ssim.mean_sigma.threshold"]
    assert missing.value is None
    assert "normality is required" in missing.definition
    assert all(len(record.definition) > 15 for record in book.values())


def test_figures_of_an_ineligible_method_are_on_record(written):
    book = {record.id: record for record in written[2]}
    assert book["threshold.4-ms-ssim.mean_sigma.estimate"].value > 0
    assert book["threshold.4-ms-ssim.mean_sigma.estimate_low"].value > 0
    assert book["threshold.4-ms-ssim.evt_pot.exceedances"].value > 0
    assert 0 < book["threshold.4-ms-ssim.evt_pot.fit_p_value"].value <= 1
