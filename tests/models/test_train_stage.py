"""The stage script on a small project: what it writes, and that it can be run again."""

from __future__ import annotations

import hashlib
import json
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from sealproof.models.storage import load_detector

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path, patches: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> Path:
    """24 training, 8 calibration and 8 test images of one patch each; test rows hold a constant."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["product"] = "toy"
    params["train"].update(filters=[4, 4, 8, 8], latent=6, epochs=3, batch_size=8)
    params["compute"] = {"threads": 1, "device": "cpu"}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    (tmp_path / "products/toy").mkdir(parents=True)
    inspection = (ROOT / "products/elpv-mono/inspection.yaml").read_text()
    (tmp_path / "products/toy/inspection.yaml").write_text(inspection)
    artifacts = tmp_path / "artifacts/toy"
    for stage in ("ingest", "roi"):
        (artifacts / stage).mkdir(parents=True)
    ids = [f"image{i:02d}" for i in range(40)]
    splits = ["train"] * 24 + ["calibration"] * 8 + ["test"] * 8
    labels = pd.array([0] * 32 + [None] * 8, dtype="Int64")
    pd.DataFrame({"image_id": ids, "split": splits, "label": labels}).to_parquet(
        artifacts / "ingest/manifest.parquet"
    )
    regions = pd.DataFrame({"image_id": ids, "patch": 0, "decided": True, "row": range(40)})
    regions.to_parquet(artifacts / "roi/regions.parquet")
    stored = patches[:40].copy()
    stored[32:] = 1
    np.save(artifacts / "roi/patches.npy", stored)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sealproof.evidence.tracking.log_stage", lambda *_, **__: None)
    return tmp_path


def run() -> int:
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(ROOT / "pipeline/train.py"), run_name="__main__")
    return int(caught.value.code or 0)


def digests(project: Path) -> dict[str, str]:
    folders = (project / "artifacts/toy/train", project / "reports/toy/training")
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    return {
        path.relative_to(project).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def test_the_stage_writes_what_the_architecture_promises(project: Path) -> None:
    assert run() == 0
    first = digests(project)
    assert sorted(first) == [
        "artifacts/toy/train/history.csv",
        "artifacts/toy/train/model.json",
        "artifacts/toy/train/model.safetensors",
        "artifacts/toy/train/records.json",
        "reports/toy/training/history.csv",
        "reports/toy/training/learning_curves.svg",
        "reports/toy/training/reconstructions.png",
    ]
    history = pd.read_csv(project / "reports/toy/training/history.csv")
    assert list(history) == ["epoch", "train_loss", "calibration_loss"]
    assert len(history) == 3
    model = load_detector(project / "artifacts/toy/train")
    assert (model.height, model.width) == (32, 48)
    _check_records(project)
    assert run() == 0
    assert digests(project) == first


def _check_records(project: Path) -> None:
    records = {
        row["id"]: row for row in json.loads((project / "artifacts/toy/train/records.json").read_text())
    }
    for row in records.values():
        value = json.loads((project / row["artefact"]).read_text())
        for key in row["pointer"].split("/")[1:]:
            value = value[key]
        assert value == row["value"]
        assert row["sha256"] == hashlib.sha256((project / row["artefact"]).read_bytes()).hexdigest()
        assert len(row["definition"]) > 20
    assert records["train.training-images"]["value"] == records["train.training-patches"]["value"] == 24
    assert records["train.calibration-images"]["value"] == records["train.calibration-patches"]["value"] == 8
    assert 1 <= records["train.kept-epoch"]["value"] <= records["train.epochs"]["value"] == 3


def test_a_failure_leaves_the_last_result_and_nothing_half_written(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run() == 0
    before = digests(project)
    manifest = project / "artifacts/toy/ingest/manifest.parquet"
    pd.read_parquet(manifest).assign(label=1).to_parquet(manifest)
    assert run() == 5
    assert "not known to be normal" in capsys.readouterr().err
    assert digests(project) == before
    assert not list((project / "artifacts/toy").glob("*.partial"))
