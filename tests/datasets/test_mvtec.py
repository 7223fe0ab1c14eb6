import shutil

import numpy as np
import pytest

from sealproof.datasets.ingest import ingest
from sealproof.datasets.registry import make_adapter
from sealproof.datasets.settings import DatasetSettings, SplitSettings
from sealproof.evidence.errors import DataError

PUBLISHED = SplitSettings(source="published")


def adapter(**options):
    return make_adapter(DatasetSettings(adapter="mvtec", options=options))


@pytest.fixture
def root(tmp_path, put):
    for number in range(10):
        put(tmp_path / "train" / "good" / f"{number:03d}.png", number=number)
    for number in range(4):
        put(tmp_path / "test" / "good" / f"{number:03d}.png", number=100 + number)
    for kind in ("scratch", "dent"):
        for number in range(3):
            put(tmp_path / "test" / kind / f"{number:03d}.png", number=200 + number)
            put(tmp_path / "ground_truth" / kind / f"{number:03d}_mask.png", np.eye(8, dtype=np.uint8) * 255)
    return tmp_path


def test_the_published_division_holds(root):
    result = ingest(root, DatasetSettings(adapter="mvtec"), PUBLISHED, 1)
    splits = result.summary["splits"]
    assert splits["test"] == {"normal": 4, "defective": 6, "unlabelled": 0}
    assert (splits["train"]["normal"], splits["calibration"]["normal"]) == (7, 3)
    assert sum(splits["tuning"].values()) == 0, "there are no defects in training"
    assert result.manifest.loc[result.manifest["split"] == "test", "path"].str.startswith("test/").all()
    assert result.sealed["mask_path"].ne("").sum() == 6
    assert result.summary["defect_types"] == {"test": {"dent": 3, "scratch": 3}}


def test_it_can_be_divided_by_seed_instead(root):
    split = SplitSettings(test_fraction=0.5)
    splits = ingest(root, DatasetSettings(adapter="mvtec"), split, 1).summary["splits"]
    assert splits["test"] == {"normal": 7, "defective": 3, "unlabelled": 0}
    assert splits["tuning"]["defective"] == 3


def test_masks_belong_to_their_images(root):
    samples = {sample.path: sample for sample in adapter().scan(root)}
    assert samples["test/dent/002.png"].mask_path == "ground_truth/dent/002_mask.png"
    assert samples["test/dent/002.png"].defect_type == "dent"
    assert samples["test/good/000.png"].mask_path == ""


def test_missing_masks_are_refused_only_when_required(root):
    shutil.rmtree(root / "ground_truth" / "dent")
    assert len(adapter().scan(root)) == 20
    with pytest.raises(DataError, match="3 defective images have no mask") as caught:
        adapter(masks_required=True).scan(root)
    assert "test/dent/000.png" in caught.value.why


@pytest.mark.parametrize("folder", ["train/good", "test/good"])
def test_a_missing_folder_is_named(root, folder):
    shutil.rmtree(root / folder)
    with pytest.raises(DataError, match="folder of the data set is missing") as caught:
        adapter().scan(root)
    assert folder in caught.value.why


def test_an_empty_folder_is_named(root):
    shutil.rmtree(root / "test" / "dent")
    (root / "test" / "dent").mkdir()
    with pytest.raises(DataError, match="class folder is empty") as caught:
        adapter().scan(root)
    assert caught.value.where.endswith("dent")


def test_defects_among_the_training_images_are_refused(root, put):
    put(root / "train" / "dent" / "000.png")
    with pytest.raises(DataError, match="more than good images"):
        adapter().scan(root)


def test_no_folder_at_all(tmp_path):
    with pytest.raises(DataError, match="no images yet"):
        adapter().scan(tmp_path / "data")
    with pytest.raises(DataError, match="nothing to acquire"):
        adapter().acquire(tmp_path, 0)
