"""The frame around every stage, with the real MLflow."""

import shutil
from pathlib import Path

import mlflow
import pytest

from sealproof import stage as stages
from sealproof.evidence.errors import DataError
from sealproof.evidence.files import read_json
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.tracking import side_record
from sealproof.evidence.workspace import Workspace

ROOT = Path(__file__).parents[1]


@pytest.fixture
def project(tmp_path, monkeypatch):
    shutil.copy(ROOT / "params.yaml", tmp_path)
    shutil.copytree(ROOT / "products", tmp_path / "products")
    monkeypatch.chdir(tmp_path)  # MLflow puts its artefacts below the present folder
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Workspace(tmp_path, "elpv-mono")


def run(project, name, work):
    with pytest.raises(SystemExit) as caught:
        stages.run_stage(name, work, project.root)
    return caught.value.code


def write_one(stage):
    stage.output("deep/value.txt").write_text("1")
    stage.report("value.svg").write_text("<svg/>")
    stage.recorder.add("value", 1, unit="1", definition="one", artefact=stage.output("deep/value.txt"))
    stage.params["a"] = 1
    stage.metrics["m"] = 0.5
    stage.curves["loss"] = [3.0, 2.0]


def everything_below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_stage_that_succeeds_has_outputs_records_and_a_run_under_one_release(project):
    assert run(project, "ingest", write_one) == 0
    assert run(project, "check", write_one) == 0
    assert everything_below(project.artifacts("ingest")) == ["deep/value.txt", "records.json"]
    assert (project.reports / "value.svg").exists()
    record = read_json(project.artifacts("ingest") / "records.json")[0]
    assert record["id"] == "ingest.value"
    assert record["artefact"] == "artifacts/elpv-mono/ingest/deep/value.txt"
    assert record["sha256"] == sha256_file(project.root / record["artefact"])

    sides = [
        side_record(project, name, sha256_file(project.artifacts(name) / "records.json"))
        for name in ("ingest", "check")
    ]
    assert sides[0]["mlflow_release_run"] == sides[1]["mlflow_release_run"]
    logged = mlflow.get_run(sides[0]["mlflow_run"])
    assert logged.data.params == {"a": "1"}
    assert logged.data.metrics == {"m": 0.5, "loss": 2.0}
    assert logged.data.tags["mlflow.parentRunId"] == sides[0]["mlflow_release_run"]
    names = {
        item.path
        for item in mlflow.artifacts.list_artifacts(run_id=logged.info.run_id, artifact_path="reports")
    }
    assert names == {"reports/value.svg"}

    # The same output again keeps its side record's key; another output has none of its own yet.
    assert side_record(project, "ingest", "0" * 64) is None

    # The last stage closes the release: what runs after it belongs to a new one.
    assert run(project, "dossier", write_one) == 0
    assert run(project, "ingest", write_one) == 0
    again = side_record(project, "ingest", sha256_file(project.artifacts("ingest") / "records.json"))
    assert again["mlflow_release_run"] != sides[0]["mlflow_release_run"]


def fail_with(error):
    def work(stage):
        write_one(stage)
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (DataError("bad image", where="a.png", why="0 bytes", mend="copy it again"), 5, "a.png"),
        (PermissionError(13, "Permission denied", "/somewhere/x"), 6, "/somewhere/x"),
        (ZeroDivisionError("ours"), 1, "Traceback"),
        (KeyboardInterrupt(), 1, "KeyboardInterrupt"),
    ],
)
def test_a_stage_that_fails_leaves_the_old_output_and_nothing_half_written(
    project, capsys, error, code, said
):
    before = everything_below(project.root)
    assert run(project, "ingest", fail_with(error)) == code
    assert said in capsys.readouterr().err
    assert everything_below(project.root) == before


def test_what_a_killed_run_left_is_removed(project):
    left = project.root / "artifacts" / "elpv-mono" / "ingest.partial" / "artifacts" / "old.txt"
    left.parent.mkdir(parents=True)
    left.write_text("half")
    assert run(project, "ingest", write_one) == 0
    assert everything_below(project.artifacts("ingest")) == ["deep/value.txt", "records.json"]
    assert not left.exists()


def test_unwritable_place_is_one_message(project, capsys):
    (project.root / "artifacts").write_text("a file where the folder should be")
    assert run(project, "ingest", write_one) == 6
    assert "artifacts" in capsys.readouterr().err


def test_wrong_params_stop_before_anything_is_touched(project, capsys):
    (project.root / "params.yaml").write_text("product: elpv-mono\nsurprise: 1\n")
    assert run(project, "ingest", write_one) == 4
    assert "surprise: unknown key" in capsys.readouterr().err
    assert not (project.root / "artifacts").exists()
