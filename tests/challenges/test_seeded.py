"""The challenge by seeded defects: which images, which places, the same bytes, undecided images kept."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pydantic import ValidationError

from sealproof.challenges.seeded import (
    COLUMNS,
    challenge_seeded,
    draw_case,
    pixel_size_mm,
    plan_seeding,
    record_seeding,
)
from sealproof.challenges.seeded_settings import SeededSettings
from sealproof.challenges.seeding import KINDS
from sealproof.datasets.images import read_image
from sealproof.datasets.settings import DatasetSettings
from sealproof.evidence.errors import DataError
from sealproof.evidence.files import write_json
from sealproof.evidence.pointers import resolve
from sealproof.evidence.records import Recorder

SETTINGS = SeededSettings(images=3, sizes=3, smallest=0.1, largest=0.5, line_width=0.05)
NAMES = ("mean", "darkest")


class Detector:
    """Its scores are plain facts of the image; an image with a very dark pixel is undecided."""

    def __init__(self):
        self.seen = []

    def score_images(self, images):
        found = []
        for image in images:
            self.seen.append(image)
            undecided = image.min() < 0.21
            found.append(None if undecided else {"mean": float(image.mean()), "darkest": float(-image.min())})
        return found


@pytest.fixture
def root(tmp_path):
    for name in ("a", "b", "c", "d", "far", "odd"):
        pixels = np.full((40, 60), 200 if name != "d" else 130, np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    return tmp_path


@pytest.fixture
def manifest():
    ids = ["a", "b", "c", "d", "odd", "far"]
    split = ["calibration"] * 5 + ["test"]
    return pd.DataFrame({"image_id": ids, "path": [f"{name}.png" for name in ids], "split": split})


@pytest.fixture
def regions():
    rows = [
        {"image_id": name, "patch": patch, "x0": 0.0 + 30 * patch, "y0": 5.0, "x1": 30.0 + 30 * patch, "y1": 35.0,
         "tilt": 0.0, "decided": name != "odd" or patch == 0}
        for name in ("a", "b", "c", "d", "odd", "far")
        for patch in (0, 1)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def challenge(plan, manifest, root, detector=None, pixel_mm=None, seed=1):
    paths = dict(zip(manifest["image_id"], manifest["path"], strict=True))
    return challenge_seeded(
        plan, paths, root, detector or Detector(), SETTINGS, seed=seed, pixel_mm=pixel_mm, scores=NAMES
    )


def test_plan_draws_from_decided_held_out_normals_alone(manifest, regions):
    plan = plan_seeding(manifest, regions, SETTINGS, 1)
    assert set(plan.boxes) == {"a", "b", "c", "d"}
    assert plan.sizes == (3.0, 6.71, 15.0)
    assert plan.reference_side == 30
    assert plan.width == 1.5
    assert set(plan.chosen) == {(kind, size) for kind in KINDS for size in plan.sizes}
    assert all(len(set(images)) == 3 and set(images) <= set("abcd") for images in plan.chosen.values())
    assert len({tuple(images) for images in plan.chosen.values()}) > 1


def test_plan_takes_all_images_when_there_are_fewer_than_wanted(manifest, regions):
    plan = plan_seeding(manifest, regions, SETTINGS.model_copy(update={"images": 60}), 1)
    assert all(images == ["a", "b", "c", "d"] for images in plan.chosen.values())


def test_tilted_regions_are_cut_to_the_rectangle_inside(manifest, regions):
    regions["tilt"] = -0.1
    plan = plan_seeding(manifest, regions, SETTINGS, 1)
    assert plan.boxes["a"][0] == (0.0, 6.5, 30.0, 33.5)


def test_without_a_decided_held_out_normal_nothing_can_be_seeded(manifest, regions):
    regions["decided"] = False
    with pytest.raises(DataError, match="no defect can be seeded"):
        plan_seeding(manifest, regions, SETTINGS, 1)


def test_table_has_the_contract_and_keeps_undecided_images(manifest, regions, root):
    plan = plan_seeding(manifest, regions, SETTINGS, 1)
    detector = Detector()
    table = challenge(plan, manifest, root, detector)
    assert list(table.columns) == [*COLUMNS, *NAMES]
    assert len(table) == len(detector.seen) == 3 * 3 * 3
    order = table[["defect", "size_px", "image_id"]]
    assert order.equals(order.sort_values(["defect", "size_px", "image_id"], ignore_index=True))
    assert table["size_mm"].isna().all()
    assert (table["contrast"] == 0.6).all()
    assert 0 < (~table["decided"]).sum() < len(table)
    assert table.loc[~table["decided"], list(NAMES)].isna().all(axis=None)
    assert np.isfinite(table.loc[table["decided"], list(NAMES)]).all(axis=None)


def test_each_row_has_the_scores_of_its_own_image(manifest, regions, root):
    plan = plan_seeding(manifest, regions, SETTINGS, 1)
    for row in challenge(plan, manifest, root).itertuples():
        image = draw_case(
            plan, read_image(root / f"{row.image_id}.png"), row.image_id, (row.defect, row.size_px), 0.6, 1
        )
        assert (row.decided and row.mean == pytest.approx(float(image.mean()))) or image.min() < 0.21


def test_defects_lie_inside_a_region(manifest, regions, root):
    plan = plan_seeding(manifest, regions, SETTINGS, 1)
    normal = read_image(root / "a.png")
    for case in plan.chosen:
        changed = np.argwhere(draw_case(plan, normal, "a", case, 0.6, 1) != normal)
        (top, left), (bottom, right) = changed.min(axis=0), changed.max(axis=0) + 1
        assert top >= 4
        assert bottom <= 36
        assert right <= 31 or left >= 29


def test_the_same_seed_gives_the_same_table_and_another_seed_another(manifest, regions, root):
    first, again, other = (
        challenge(plan_seeding(manifest, regions, SETTINGS, seed), manifest, root, seed=seed)
        for seed in (1, 1, 2)
    )
    assert first.equals(again)
    assert not first.equals(other)


def test_sizes_in_millimetres_where_the_pixel_is_known(manifest, regions, root):
    table = challenge(plan_seeding(manifest, regions, SETTINGS, 1), manifest, root, pixel_mm=0.1)
    assert np.allclose(table["size_mm"], table["size_px"] / 10)


def test_pixel_size_is_the_default_of_the_adapter_when_not_given():
    assert pixel_size_mm(DatasetSettings(adapter="seal_sim")) == 0.1


def test_a_path_that_leaves_the_data_folder_is_refused(manifest, regions, root):
    manifest["path"] = "../a.png"
    with pytest.raises(DataError, match="leaves the data folder"):
        challenge(plan_seeding(manifest, regions, SETTINGS, 1), manifest, root)


def test_records_point_at_the_values(manifest, regions, tmp_path):
    summary = {"seeded": plan_seeding(manifest, regions, SETTINGS, 1).summary(SETTINGS, None)}
    path = tmp_path / "challenge.json"
    write_json(path, summary)
    recorder = Recorder("challenge")
    record_seeding(recorder, summary["seeded"], path)
    records = recorder.finish(lambda file: (file, file.name))
    assert {record.id for record in records} >= {"challenge.seeded.contrast", "challenge.seeded.images_each"}
    assert all(resolve(summary, record.pointer) == record.value for record in records)


def test_sizes_that_do_not_rise_are_refused():
    with pytest.raises(ValidationError, match="not below largest"):
        SeededSettings(smallest=0.5, largest=0.5)
