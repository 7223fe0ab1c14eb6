"""The stage script on a small product, with the real manifest, GX and Data Docs."""

import json
import runpy
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from tests.quality.conftest import SPLIT, picture

from sealproof.datasets.manifest import read_manifest, write_manifest
from sealproof.evidence.files import write_json
from sealproof.evidence.hashing import sha256_tree
from sealproof.evidence.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path, sound, monkeypatch):
    data, root = sound
    params = yaml.safe_load((ROOT / "params.yaml").read_text()) | {"product": "toy"}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    inspection = yaml.safe_load((ROOT / "products" / "elpv-mono" / "inspection.yaml").read_text())
    inspection |= {"split": SPLIT.model_dump(), "checks": {"neighbour_seconds": 0}}
    (tmp_path / "products" / "toy").mkdir(parents=True)
    (tmp_path / "products" / "toy" / "inspection.yaml").write_text(yaml.safe_dump(inspection))
    workspace = Workspace(tmp_path, "toy")
    shutil.copytree(root, workspace.images)
    write_manifest(workspace.artifacts("ingest") / "manifest.parquet", data.manifest)
    write_json(workspace.artifacts("ingest") / "split_summary.json", data.summary)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sealproof.evidence.tracking.log_stage", lambda *_, **__: None)
    return workspace


def run():
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(ROOT / "pipeline" / "check.py"), run_name="__main__")
    return caught.value.code


def test_a_sound_data_set_passes_and_two_runs_give_the_same_bytes(project, capsys):
    assert run() == 0
    assert "all 23 checks passed" in capsys.readouterr().out
    folders = (project.artifacts("check"), project.reports / "data_docs")
    assert sorted(path.name for path in folders[0].iterdir()) == ["findings.json", "records.json"]
    assert (folders[1] / "index.html").is_file()
    for page in folders[1].iterdir():
        assert page.read_text().count("Simulated images - not evidence about a real product.") == 1, page
    assert json.loads((folders[0] / "findings.json").read_text())["images"] == 72
    first = [sha256_tree(folder) for folder in folders]
    assert run() == 0
    assert [sha256_tree(folder) for folder in folders] == first


def test_real_images_carry_no_banner(project):
    manifest = read_manifest(project.artifacts("ingest") / "manifest.parquet")
    write_manifest(project.artifacts("ingest") / "manifest.parquet", manifest.assign(simulated=False))
    assert run() == 0
    for page in (project.reports / "data_docs").iterdir():
        assert "Simulated" not in page.read_text(), page


def test_all_errors_are_told_at_once_and_nothing_is_left(project, capsys):
    files = sorted(project.images.glob("*.png"))
    files[0].write_bytes(files[0].read_bytes()[:700])
    files[1].write_text("no image")
    files[2].write_bytes(b"")
    cv2.imwrite(str(files[3]), np.zeros((64, 64), np.uint8))
    cv2.imwrite(str(files[4]), picture(4711, 80))
    files[5].unlink()
    assert run() == 5
    text = capsys.readouterr().err
    for path in files[:6]:
        assert path.stem in text
    for code in ("unreadable_image", "altered_file", "blank_image"):
        assert f"{code}: " in text
    assert "mend:" in text
    assert "Traceback" not in text
    assert not project.artifacts("check").exists()
    assert not (project.reports / "data_docs").exists()
    assert list(project.artifacts("ingest").parent.iterdir()) == [project.artifacts("ingest")]


def test_an_error_takes_nothing_away_from_an_earlier_success(project):
    assert run() == 0
    before = sha256_tree(project.artifacts("check"))
    (project.images / "000.png").write_bytes(b"")
    assert run() == 5
    assert sha256_tree(project.artifacts("check")) == before


def test_an_impossible_limit_is_a_definition_error(project, capsys):
    path = project.definition / "inspection.yaml"
    content = yaml.safe_load(path.read_text())
    content["checks"] = {"brightness": {"low": 0.9, "high": 0.1}}
    path.write_text(yaml.safe_dump(content))
    assert run() == 4
    assert "checks.brightness" in capsys.readouterr().err
