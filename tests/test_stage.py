"""The frame around every stage, with the real MLflow."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import mlflow
import pandas as pd
import pytest

from sealproof import stage as stages
from sealproof.evidence.errors import DataError
from sealproof.evidence.files import read_json
from sealproof.evidence.hashing import sha256_file, sha256_json
from sealproof.evidence.ledger import record_opening
from sealproof.evidence.tracking import side_record
from sealproof.evidence.trail import read_trail
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


def test_what_follows_the_outputs_sees_them_in_place_and_comes_before_the_note_of_the_run(project):
    seen = []

    def work(stage):
        write_one(stage)
        stage.afterwards(
            lambda: seen.append(((project.reports / "value.svg").exists(), read_trail(project.trail)))
        )

    assert run(project, "ingest", work) == 0
    assert seen == [(True, [])]
    assert [entry.event for entry in read_trail(project.trail)] == ["stage.run"]


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


def fingerprint(project, name):
    return sha256_file(project.artifacts(name) / "records.json")


def git(project, *arguments):
    command = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost", *arguments]
    return subprocess.run(
        command, cwd=project.root, check=True, capture_output=True, text=True
    ).stdout.strip()


DVC = """
stages:
  ingest:
    cmd: python pipeline/ingest.py
    deps: [pipeline/ingest.py, src, "data/${product}"]
    params: [seed]
    outs: ["artifacts/${product}/ingest"]
  check:
    cmd: python pipeline/check.py
    deps: ["artifacts/${product}/ingest", "products/${product}/absent", "data/${product}"]
    params: [{"products/${product}/inspection.yaml": [checks]}]
"""


def write_manifest(stage):
    write_one(stage)
    table = pd.DataFrame({"image_id": ["a", "b"], "sha256": ["1" * 64, "2" * 64], "label": [0, 1]})
    table.to_parquet(stage.output("manifest.parquet"))


def test_commit_inputs_and_trail_of_a_run_are_on_record_and_not_in_what_dvc_sees(project):
    root = project.root
    (root / "dvc.yaml").write_text(DVC)
    (root / ".gitignore").write_text("/artifacts/\n/reports/\n/mlflow.db*\n/mlruns/\n__pycache__\n")
    for name in ("pipeline/ingest.py", "src/a.py", "src/__pycache__/a.pyc", "data/elpv-mono/a.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("1")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "clone"]):
        git(project, *command)
    (root / "dvc.lock").write_text("written by the run")
    commit = git(project, "rev-parse", "HEAD")
    assert run(project, "ingest", write_manifest) == 0
    side = side_record(project, "ingest", fingerprint(project, "ingest"))
    images = sha256_json([["a", "1" * 64], ["b", "2" * 64]])
    assert (side["commit"], side["dirty"]) == (commit, False)
    assert side["inputs"] == {
        "data/elpv-mono/": images,
        "params.yaml#/seed": sha256_json(20261121),
        "pipeline/ingest.py": sha256_file(root / "pipeline/ingest.py"),
        "src/": sha256_json({"a.py": sha256_file(root / "src/a.py")}),
    }
    entry = read_trail(project.trail)[-1]
    assert entry.details == {
        "stage": "ingest",
        "fingerprint": fingerprint(project, "ingest"),
        "commit": commit,
        "mlflow_run": side["mlflow_run"],
    }
    assert mlflow.get_run(side["mlflow_run"]).data.tags["mlflow.source.git.commit"] == commit
    written = b"".join(path.read_bytes() for path in project.artifacts("ingest").rglob("*.json"))
    assert commit.encode() not in written

    (root / "untracked").touch()
    assert run(project, "check", write_one) == 0
    side = side_record(project, "check", fingerprint(project, "check"))
    assert side["dirty"] is True
    below = "artifacts/elpv-mono/ingest"
    assert set(side["inputs"]) == {
        f"{below}/manifest.parquet",
        f"{below}/records.json",
        f"{below}/deep/value.txt",
        "data/elpv-mono/",
        "products/elpv-mono/absent",
        "products/elpv-mono/inspection.yaml#/checks",
    }
    assert side["inputs"]["products/elpv-mono/absent"] == "", "there is none"
    assert side["inputs"][f"{below}/records.json"] == fingerprint(project, "ingest")
    assert side["inputs"]["data/elpv-mono/"] == images


def test_without_git_and_dvc_the_side_record_claims_nothing(project):
    assert run(project, "ingest", write_one) == 0
    side = side_record(project, "ingest", fingerprint(project, "ingest"))
    assert (side["commit"], side["dirty"], side["inputs"]) == ("", True, None)


def test_a_broken_trail_stops_a_stage_before_it_works(project, capsys):
    assert run(project, "ingest", write_one) == 0
    project.trail.write_bytes(project.trail.read_bytes().replace(b"ingest", b"ingesT"))
    project.trail.write_bytes(project.trail.read_bytes() * 2)
    assert run(project, "check", lambda stage: pytest.fail("it worked")) == 3
    assert "audit trail was altered" in capsys.readouterr().err


def test_a_stage_adds_the_opening_that_a_killed_process_kept_from_the_trail(project):
    record_opening(project.ledger, purpose="p", labels="l", model="m", threshold="t", criteria="c")
    assert run(project, "ingest", write_one) == 0
    assert [entry.event for entry in read_trail(project.trail)] == ["test-set.opened", "stage.run"]


#: What is running when the kill comes: module, function, before or after it.
KILLS = {
    "while it works": ("sealproof.evidence.records", "Recorder.finish", "before"),
    "between artefacts and reports": ("sealproof.stage", "_replace", "after"),
    "before MLflow": ("sealproof.evidence.tracking", "_log", "before"),
    "between MLflow and side record": ("sealproof.evidence.tracking", "_log", "after"),
    "between side record and trail": ("sealproof.evidence.tracking", "append_event", "before"),
    "after the trail": ("sealproof.evidence.tracking", "append_event", "after"),
}
KILLED = """
import importlib, os, sys
from pathlib import Path
module, name, when = sys.argv[1:4]
holder = importlib.import_module(module)
for part in name.split(".")[:-1]:
    holder = getattr(holder, part)
real = getattr(holder, name.split(".")[-1])
def dying(*positional, **named):
    if when == "after":
        real(*positional, **named)
    os.kill(os.getpid(), 9)
setattr(holder, name.split(".")[-1], dying)
from sealproof import stage as stages
def work(stage):
    stage.output("value.txt").write_text("1")
    stage.report("value.svg").write_text("<svg/>")
    stage.recorder.add("value", 1, unit="1", definition="one", artefact=stage.output("value.txt"))
stages.run_stage("ingest", work, Path(sys.argv[4]))
"""


def write_value(stage):
    stage.output("value.txt").write_text("1")
    stage.report("value.svg").write_text("<svg/>")
    stage.recorder.add("value", 1, unit="1", definition="one", artefact=stage.output("value.txt"))


def state(project):
    """All that a run leaves but times, run ids and the lines of the trail."""
    kept = everything_below(project.artifacts("ingest")) + everything_below(project.reports)
    hashes = [sha256_file(path) for path in sorted(project.artifacts("ingest").rglob("*")) if path.is_file()]
    left = sorted(path.name for path in project.artifacts("ingest").parent.iterdir())
    return kept, hashes, left, everything_below(project.runs)


def test_the_run_after_a_kill_ends_as_if_nothing_had_happened(project):
    assert run(project, "ingest", write_value) == 0
    expected = state(project)
    for number, arguments in enumerate(KILLS.values(), start=1):
        shutil.rmtree(project.artifacts("ingest"))
        shutil.rmtree(project.reports)
        shutil.rmtree(project.runs)
        done = subprocess.run(
            [sys.executable, "-c", KILLED, *arguments, str(project.root)],
            cwd=project.root, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False, capture_output=True,
        )  # fmt: skip
        assert done.returncode == -9, done.stderr.decode()[-2000:]
        assert run(project, "ingest", write_value) == 0
        assert state(project) == expected, arguments
        runs = [entry for entry in read_trail(project.trail) if entry.event == "stage.run"]
        assert len(runs) == number + 1 + (number == len(KILLS)), (
            "one a run; the last kill came after its line"
        )
        assert runs[-1].details["fingerprint"] == fingerprint(project, "ingest")
