"""`sealproof trace` as it is typed."""

import json

import pytest
import typer
from tests.evidence.traced import make_traced, write
from typer.testing import CliRunner

from sealproof.commands.trace import trace
from sealproof.evidence.errors import DefinitionError, EvidenceMissingError


@pytest.fixture
def workspace(tmp_path):
    return make_traced(tmp_path)


def call(workspace, *arguments, width="200"):
    app = typer.Typer()
    app.command()(trace)
    root = ["--root", str(workspace.root), "--product", "seals"]
    return CliRunner().invoke(app, [*arguments, *root], env={"COLUMNS": width})


def test_the_tree_ends_in_images_and_parameters(workspace):
    done = call(workspace, "pq.pdf#1")
    assert done.exit_code == 0, done.output
    for words in (
        "evaluate.recall = 0.5",
        "what recall means",
        "artifacts/seals/evaluate/evaluation.json",
        "at /recall: the value there is the recorded one",
        "MLflow run run-evaluate, commit " + "c" * 40,
        "audit trail: line 3",
        "8 of 8 inputs have the SHA-256",
        "products/seals/inspection.yaml: checks.side = 8, roi.height = 32",
        "stage acquire@seals",
        "params.yaml: seed = 7, train.epochs = 3",
        "3 images",
        "artifacts/seals/ingest/manifest.parquet",
        "stage ingest (above)",
        "sound",
    ):
        assert words in done.output, words


def test_json_for_machines(workspace):
    done = call(workspace, "evaluate.recall", "--json")
    assert done.exit_code == 0
    found = json.loads(done.output)
    assert found["record"]["value"] == 0.5
    assert found["images"]["count"] == 3
    assert found["stages"]["train"]["params"]["params.yaml"]["train"] == {"epochs": 3}
    assert found["exit_code"] == 0


def test_altered_evidence_exits_3_and_is_named(workspace):
    write(workspace.artifacts("train") / "model.safetensors", "other")
    done = call(workspace, "evaluate.recall")
    assert done.exit_code == 3
    assert "altered: artifacts/seals/train/model.safetensors" in done.output
    assert json.loads(call(workspace, "evaluate.recall", "--json").output)["exit_code"] == 3


def test_missing_evidence_exits_2_and_is_named(workspace):
    for side in workspace.runs.glob("train-*"):
        side.unlink()
    done = call(workspace, "train.weights")
    assert done.exit_code == 2
    assert "missing: side record" in done.output
    assert "MLflow run not known, commit not known" in done.output
    assert "SHA-256 of the inputs: not known" in done.output


def test_changed_source_is_told_and_exits_0(workspace):
    write(workspace.root / "src/models/net.py", "better")
    done = call(workspace, "evaluate.recall")
    assert done.exit_code == 0
    assert "source and definitions changed since: src/models" in done.output


def test_a_value_that_is_not_evaluable_and_a_place_without_manifest(workspace):
    assert "evaluate.none = not evaluable" in call(workspace, "evaluate.none").output
    (workspace.artifacts("ingest") / "manifest.parquet").unlink()
    assert "images: there is no manifest" in call(workspace, "evaluate.none").output


def test_markup_in_what_is_printed_is_printed_as_it_is(workspace):
    records = workspace.artifacts("train") / "records.json"
    write(records, records.read_text().replace("what weights means", "[bold]not markup[/nor this]"))
    assert "[bold]not markup[/nor this]" in call(workspace, "train.weights").output


def test_an_unknown_id_names_the_nearest(workspace):
    done = call(workspace, "evaluate.recal")
    assert isinstance(done.exception, EvidenceMissingError)
    assert "evaluate.recall" in str(done.exception)


def test_outside_of_a_project(tmp_path):
    app = typer.Typer()
    app.command()(trace)
    done = CliRunner().invoke(app, ["evaluate.recall", "--root", str(tmp_path)])
    assert isinstance(done.exception, DefinitionError)
