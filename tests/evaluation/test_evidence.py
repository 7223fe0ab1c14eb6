"""Every record of the evaluation can be read back from evaluation.json at its pointer."""

import json

import pytest

from sealproof.evaluation.documents import evaluation_json
from sealproof.evaluation.evaluate import METRICS
from sealproof.evaluation.evidence import record_evaluation, tracked_metrics
from sealproof.evidence.records import Recorder


def records_of(evaluation, folder):
    artefact = folder / "evaluation.json"
    artefact.write_text(json.dumps(evaluation_json(evaluation), allow_nan=False))
    recorder = Recorder("evaluate")
    record_evaluation(recorder, evaluation, artefact)
    return json.loads(artefact.read_text()), recorder.finish(lambda path: (path, path.name))


def resolve(content, pointer):
    for step in pointer.strip("/").split("/"):
        content = content[int(step)] if isinstance(content, list) else content[step]
    return content


@pytest.mark.parametrize("which", ["evaluation", "undecided_evaluation"])
def test_every_value_stands_in_the_artefact_at_its_pointer(which, request, tmp_path):
    content, records = records_of(request.getfixturevalue(which), tmp_path)
    derived = {"evaluate.in_force.false_negatives", "evaluate.in_force.false_positives"}
    described = {"evaluate.subgroups.smallest", "evaluate.subgroups.not_evaluable"}
    assert len(records) > 150
    for record in records:
        found = resolve(content, record.pointer)
        if record.id in derived:
            assert len(found) == record.value
        elif record.id not in described:
            assert found == record.value, record.id


def test_ids_of_the_contract_exist(evaluation, tmp_path):
    book = {record.id: record for record in records_of(evaluation, tmp_path)[1]}
    for score in evaluation.scores:
        for metric in METRICS:
            for end in ("", ".low", ".high"):
                assert f"evaluate.{score}.{metric}{end}" in book
        assert f"evaluate.{score}.counts.false_negative" in book
    assert book["evaluate.test.normal"].value == 30
    assert book["evaluate.subgroup.group_setup.20.recall.low"].value is not None
    assert book["evaluate.subgroups.smallest"].value.startswith("group_setup = 20")
    assert book["evaluate.subgroups.not_evaluable"].value == "group_setup = 23"
    assert book["evaluate.method.mse.evt_pot.training.recall"].value is not None


def test_a_value_that_cannot_be_evaluated_says_why(undecided_evaluation, tmp_path):
    book = {record.id: record for record in records_of(undecided_evaluation, tmp_path)[1]}
    for end in ("", ".low", ".high"):
        record = book[f"evaluate.4-ms-ssim.recall{end}"]
        assert record.value is None
        assert "no valid threshold" in record.definition
    assert book["evaluate.promise.kept"].value is None


def test_tracked_metrics_are_finite_and_hold_the_bounds(evaluation):
    found = tracked_metrics(evaluation)
    assert found["4-ms-ssim.recall.low"] == evaluation.in_force.metrics["recall"].low
    assert len(found) == 2 * 3 * len(METRICS)


def test_tracked_metrics_leave_out_what_is_not_evaluable(undecided_evaluation):
    assert "4-ms-ssim.recall" not in tracked_metrics(undecided_evaluation)
