"""The stage's work and the stage itself on a few simulated seals."""

import hashlib
import json
import runpy
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml

from sealproof.datasets.images import read_image
from sealproof.datasets.seal_sim import Options, draw, plan
from sealproof.evidence.errors import DataError
from sealproof.roi.region import Region
from sealproof.roi.resample import extract
from sealproof.roi.run import COLUMNS, find_regions
from sealproof.roi.settings import RoiSettings

ROOT = Path(__file__).parents[2]
SEAL = RoiSettings(**yaml.safe_load((ROOT / "products/seal-sim/inspection.yaml").read_text())["roi"])


@pytest.fixture(scope="module")
def seals(tmp_path_factory):
    """Six seals, one flat image that has no line, and one that is excluded; their manifest."""
    root = tmp_path_factory.mktemp("data")
    options = Options(normal=4, defective=2)
    for planned in plan(options, 3):
        cv2.imwrite(str(root / f"{planned.name}.png"), draw(planned, options, 3)[0])
    cv2.imwrite(str(root / "flat.png"), np.full((192, 384), 90, np.uint8))
    cv2.imwrite(str(root / "out.png"), np.full((10, 10), 90, np.uint8))
    names = sorted(path.stem for path in root.glob("*.png"))
    manifest = pd.DataFrame({"image_id": names, "path": [f"{name}.png" for name in names]})
    manifest["excluded"] = manifest["image_id"] == "out"
    return root, manifest.iloc[::-1]


def test_one_row_a_region_and_a_patch_for_each_decided_one(seals, tmp_path):
    root, manifest = seals
    regions = find_regions(manifest, root, SEAL, tmp_path / "patches.npy")
    assert list(regions.columns) == list(COLUMNS)
    assert regions["image_id"].tolist() == sorted(set(manifest["image_id"]) - {"out"})
    flat = regions.set_index("image_id").loc["flat"]
    assert (flat["confidence"], flat["decided"], flat["row"]) == (0, False, -1)
    decided = regions[regions["decided"]]
    assert decided["row"].tolist() == list(range(6))
    patches = np.load(tmp_path / "patches.npy", mmap_mode="r")
    assert (patches.dtype, patches.shape) == (np.uint16, (6, 64, 256))


def test_patches_can_be_made_again_from_the_table(seals, tmp_path):
    root, manifest = seals
    regions = find_regions(manifest, root, SEAL, tmp_path / "patches.npy")
    patches = np.load(tmp_path / "patches.npy")
    for row in regions[regions["decided"]].itertuples():
        region = Region(row.name, row.x0, row.y0, row.x1, row.y1, row.confidence, True, row.tilt)
        again = extract(read_image(root / f"{row.image_id}.png"), [region], 64, 256)
        np.testing.assert_array_equal(np.rint(again[0] * np.float64(65535)), patches[row.row])


def test_several_regions_an_image_have_rows_of_their_own(seals, tmp_path):
    root, manifest = seals
    settings = RoiSettings(method="grid", options={"rows": 2, "columns": 3}, patch_height=32, patch_width=48)
    regions = find_regions(manifest, root, settings, tmp_path / "patches.npy")
    assert regions.groupby("image_id")["patch"].apply(list).map(lambda numbers: numbers == [*range(6)]).all()
    assert regions["row"].tolist() == list(range(7 * 6))


def test_two_runs_write_the_same_bytes(seals, tmp_path):
    root, manifest = seals
    tables = [find_regions(manifest, root, SEAL, tmp_path / name) for name in ("a.npy", "b.npy")]
    pd.testing.assert_frame_equal(*tables)
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


def test_no_confident_image_at_all_stops_the_run(seals, tmp_path):
    root, manifest = seals
    hopeless = manifest[manifest["image_id"] == "flat"]
    with pytest.raises(DataError, match="no image has a confident region") as caught:
        find_regions(hopeless, root, SEAL, tmp_path / "patches.npy")
    assert "sobel_transition" in caught.value.where
    with pytest.raises(DataError):
        find_regions(manifest.iloc[:0], root, SEAL, tmp_path / "patches.npy")


def test_an_unreadable_image_is_named(seals, tmp_path):
    _, manifest = seals
    (tmp_path / "flat.png").write_bytes(b"")
    with pytest.raises(DataError, match="0 bytes") as caught:
        find_regions(manifest[manifest["image_id"] == "flat"], tmp_path, SEAL, tmp_path / "patches.npy")
    assert "flat.png" in caught.value.where


@pytest.fixture
def project(seals, tmp_path, monkeypatch):
    """A project of these images, whose manifest is not checked against the contract of the ingest stage."""
    root, manifest = seals
    params = yaml.safe_load((ROOT / "params.yaml").read_text()) | {"product": "toy"}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    (tmp_path / "products/toy").mkdir(parents=True)
    (tmp_path / "products/toy/inspection.yaml").write_text(
        (ROOT / "products/seal-sim/inspection.yaml").read_text()
    )
    (tmp_path / "data").mkdir()
    (tmp_path / "data/toy").symlink_to(root)
    splits = manifest.assign(split=["test", "train"] * 4)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sealproof.evidence.tracking.log_stage", lambda *_, **__: None)
    monkeypatch.setattr("sealproof.datasets.manifest.read_manifest", lambda _: splits)
    return tmp_path


def run() -> int:
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(ROOT / "pipeline/roi.py"), run_name="__main__")
    return int(caught.value.code or 0)


def test_the_stage_writes_regions_patches_and_records(project):
    assert run() == 0
    folder = project / "artifacts/toy/roi"
    assert sorted(path.name for path in folder.iterdir()) == [
        "patches.npy",
        "records.json",
        "regions.parquet",
    ]
    regions = pd.read_parquet(folder / "regions.parquet")
    records = {record["id"]: record for record in json.loads((folder / "records.json").read_text())}
    assert records["roi.images"]["value"] == regions["image_id"].nunique() == 7
    assert records["roi.patches"]["value"] == 6
    assert records["roi.undecided"]["value"] == 1
    assert sum(records[f"roi.undecided.{split}"]["value"] for split in ("train", "test")) == 1
    assert records["roi.confidence.minimum"]["value"] == 0
    median = regions["confidence"].median()
    assert records["roi.confidence.median"]["value"] == pytest.approx(median)
    digest = hashlib.sha256((folder / "regions.parquet").read_bytes()).hexdigest()
    assert {record["sha256"] for record in records.values()} == {digest}


def test_the_stage_gives_the_same_bytes_twice(project):
    def digests() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (project / "artifacts/toy/roi").iterdir()}

    assert run() == 0
    before = digests()
    assert run() == 0
    assert digests() == before


def test_a_wrong_option_stops_the_stage_before_anything_is_written(project):
    path = project / "products/toy/inspection.yaml"
    path.write_text(path.read_text().replace("feature: rising", "feature: wavy"))
    assert run() == 4
    assert not (project / "artifacts").exists()
