from collections import Counter
from itertools import pairwise

import cv2
import numpy as np
import pytest

from sealproof.datasets.images import read_image
from sealproof.datasets.registry import make_adapter
from sealproof.datasets.seal_defects import KINDS
from sealproof.datasets.seal_drawing import SETUPS, draw_scene, render, smooth_noise, specks, step
from sealproof.datasets.seal_sim import Options, draw, plan
from sealproof.datasets.settings import DatasetSettings
from sealproof.evidence.errors import DataError, DefinitionError
from sealproof.evidence.hashing import sha256_tree

SMALL = {"normal": 12, "defective": 8, "height": 96, "width": 128, "pixel_mm": 0.2, "lot_size": 5}
SHAPE = (192, 384)


def adapter(**options):
    return make_adapter(DatasetSettings(adapter="seal_sim", options=options))


def make(root, seed=1, **options):
    root.mkdir()
    adapter(**(SMALL | options)).acquire(root, seed)
    return root


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return make(tmp_path_factory.mktemp("sim") / "data")


def test_one_seed_one_data_set(small, tmp_path):
    assert sha256_tree(small) == sha256_tree(make(tmp_path / "again"))
    assert sha256_tree(small) != sha256_tree(make(tmp_path / "other", seed=2))


def test_images_masks_and_table_agree(small):
    samples = adapter(**SMALL).scan(small)
    assert len(samples) == 20
    for sample in samples:
        assert read_image(small / sample.path).shape == (96, 128)
        assert (
            bool(sample.label)
            == bool(sample.defect_type)
            == bool(sample.mask_path)
            == (sample.size_mm is not None)
        )
        if sample.mask_path:
            mask = cv2.imread(str(small / sample.mask_path), cv2.IMREAD_UNCHANGED)
            assert mask.shape == (96, 128)
            assert set(np.unique(mask)) == {0, 255}
    assert adapter(**SMALL).simulated
    assert len(list((small / "masks").iterdir())) == 8


def test_names_tell_neither_class_nor_set_up(small):
    assert {sample.path.rstrip("0123456789.png") for sample in adapter(**SMALL).scan(small)} == {
        "images/seal_"
    }


def test_numbers_are_those_of_the_options():
    planned = plan(Options(), 3)
    setups = Counter((one.setup, bool(one.defect_type)) for one in planned)
    assert len(planned) == 840
    assert Counter(one.defect_type for one in planned) == Counter({"": 600} | dict.fromkeys(KINDS, 60))
    for setup, part in {"12": 0.27, "20": 0.46, "23": 0.27}.items():
        assert abs(setups[setup, False] - part * 600) < 1
        assert abs(setups[setup, True] - part * 240) < 1


def test_the_confounder_of_ssi_is_an_option():
    planned = plan(Options(defect_free_setups=("20",)), 3)
    assert {one.setup for one in planned if one.defect_type} == {"12", "23"}
    assert Counter(one.setup for one in planned)["20"] == 276
    assert len(planned) == 840


def test_a_lot_is_one_set_up_and_lots_are_hours_apart():
    planned = plan(Options(), 3)
    setups = {}
    for before, after in pairwise(planned):
        pause = (after.captured_at - before.captured_at).total_seconds()
        assert 6 <= pause <= 18 if before.lot == after.lot else pause > 3600
    for one in planned:
        setups.setdefault(one.lot, set()).add(one.setup)
    assert all(len(names) == 1 for names in setups.values())
    assert max(Counter(one.lot for one in planned).values()) == 35
    assert [one.number for one in planned] == list(range(1, 841))


def test_sizes_are_spread_over_the_range_of_their_type():
    planned = plan(Options(defective=2000), 3)
    for name, kind in KINDS.items():
        sizes = np.log([one.size_mm for one in planned if one.defect_type == name])
        low, high = np.log(kind.smallest_mm), np.log(kind.largest_mm)
        assert low - 0.01 <= sizes.min()
        assert sizes.max() <= high + 0.01
        assert sizes.mean() == pytest.approx((low + high) / 2, abs=4 * (high - low) / np.sqrt(12 * 500))


@pytest.mark.parametrize("setup", SETUPS)
def test_the_line_is_where_the_scene_says(setup):
    """The steepest rise of the mean row profile is the mean row of the line, to a pixel and a half."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        scene = draw_scene(SETUPS[setup], SHAPE, rng)
        image = render(scene, scene.sealed, specks(SHAPE, rng), rng).astype(float)
        middle = image[:, 160:224].mean(axis=1)
        assert np.argmax(np.diff(middle)) + 0.5 == pytest.approx(scene.line[160:224].mean(), abs=1.5)


def test_the_line_moves_tilts_and_changes_in_contrast():
    scenes = [draw_scene(SETUPS["20"], SHAPE, np.random.default_rng(seed)) for seed in range(60)]
    height = np.array([scene.line.mean() for scene in scenes])
    tilt = np.degrees(
        np.arctan([(scene.line[-32:].mean() - scene.line[:32].mean()) / 352 for scene in scenes])
    )
    contrast = np.array([float((scene.seal - scene.web).mean()) for scene in scenes])
    assert 4 < height.std() < 12
    assert 0.3 < tilt.std() < 1.1
    assert 0.05 < contrast.std() / contrast.mean() < 0.1


def drawn(kind, size, seed):
    rng = np.random.default_rng(seed)
    scene = draw_scene(SETUPS["12"], SHAPE, rng)
    return scene, KINDS[kind].draw(scene, size, 190.0, rng)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(5))
def test_a_defect_changes_the_picture_in_its_mask_and_hardly_elsewhere(kind, seed):
    size = KINDS[kind].largest_mm / 0.1
    scene, defect = drawn(kind, size, seed)
    before = scene.web + scene.sealed * (scene.seal - scene.web)
    after = (scene.web + defect.sealed * (scene.seal - scene.web)) * defect.gain
    change = np.abs(after - before)
    assert defect.mask.any()
    assert change[defect.mask].mean() > 0.015
    near = cv2.dilate(defect.mask.astype(np.uint8), np.ones((15, 15))) > 0
    assert change[~near].max() < 0.1 * change[defect.mask].max()
    rows, columns = np.nonzero(defect.mask)
    assert abs(columns.mean() - 190) < 20
    assert abs(rows.mean() - defect.row) < 14
    assert (rows + 5 >= scene.line[columns]).mean() > 0.3, "it touches the seal"


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("factor", [0.0, 1.0])
def test_sizes_are_true_to_the_mask(seed, factor):
    """Each type's mask, measured with other means than it was drawn with, has the size that is on record."""
    size = {name: (kind.smallest_mm, kind.largest_mm)[int(factor)] / 0.1 for name, kind in KINDS.items()}
    _, channel = drawn("channel", size["channel"], seed)
    widths = channel.mask.sum(axis=1)
    slope = np.polyfit(
        np.nonzero(widths)[0], [np.nonzero(row)[0].mean() for row in channel.mask if row.any()], 1
    )[0]
    across = np.median(widths[widths > 0]) / np.hypot(1, slope)
    assert across == pytest.approx(size["channel"], abs=1 + 0.1 * size["channel"])
    _, wrinkle = drawn("wrinkle", size["wrinkle"], seed)
    points = np.argwhere(wrinkle.mask).astype(np.float32)
    assert max(cv2.minAreaRect(points)[1]) == pytest.approx(size["wrinkle"], rel=0.15, abs=2)
    _, particle = drawn("trapped contamination", size["trapped contamination"], seed)
    diameter = 2 * np.sqrt(particle.mask.sum() / np.pi)
    assert diameter == pytest.approx(size["trapped contamination"], rel=0.12, abs=0.5)
    scene, incomplete = drawn("incomplete seal", size["incomplete seal"], seed)
    columns = np.nonzero(incomplete.mask.any(axis=0))[0]
    depth = max(incomplete.mask[:, column].nonzero()[0].max() + 1 - scene.line[column] for column in columns)
    assert depth == pytest.approx(size["incomplete seal"], abs=1.1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_larger_defect_covers_more(kind):
    low, high = (size / 0.1 for size in (KINDS[kind].smallest_mm, KINDS[kind].largest_mm))
    areas = [drawn(kind, size, 3)[1].mask.sum() for size in np.linspace(low, high, 5)]
    assert all(before < after for before, after in pairwise(areas))


def test_an_image_depends_on_its_number_alone():
    options = Options(**SMALL)
    planned = plan(options, 1)
    alone, _ = draw(planned[7], options, 1)
    again = [draw(one, options, 1)[0] for one in planned][7]
    np.testing.assert_array_equal(alone, again)


def test_pictures_are_neither_clipped_nor_empty(small):
    for sample in adapter(**SMALL).scan(small):
        image = read_image(small / sample.path)
        assert image.min() > 0.02
        assert image.max() < 0.98
        assert image.std() > 0.05


def test_smooth_noise_and_step_are_what_they_say():
    curve = np.concatenate([smooth_noise(400, 8.0, np.random.default_rng(seed)) for seed in range(200)])
    assert curve.std() == pytest.approx(1, abs=0.05)
    assert curve.mean() == pytest.approx(0, abs=0.05)
    distance = np.linspace(-5, 5, 11)
    np.testing.assert_allclose(step(distance), (1 + np.tanh(distance)) / 2, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"setups": {"99": 1.0}}, "unknown set-up 99"),
        ({"defect_free_setups": ["12", "20", "23"]}, "every set-up is free"),
        ({"pixel_mm": 0}, "pixel_mm"),
        ({"normal": 0}, "normal"),
        ({"speed": 1}, "speed: unknown key"),
    ],
)
def test_impossible_options_are_named(options, reason):
    with pytest.raises(DefinitionError) as caught:
        adapter(**options)
    assert reason in caught.value.why


def test_data_that_are_not_in_place_say_how_to_get_them(tmp_path):
    with pytest.raises(DataError) as caught:
        adapter().scan(tmp_path / "seal-sim")
    assert "python pipeline/acquire.py seal-sim" in caught.value.mend


@pytest.mark.parametrize(("old", "new"), [(",0,", ",7,"), ("2024-01-08T06", "soon"), (",0,20,", ",x,20,")])
def test_a_spoiled_table_is_told_by_line(small, tmp_path, old, new):
    text = (small / "samples.csv").read_text()
    assert old in text
    (tmp_path / "samples.csv").write_text(text.replace(old, new, 1))
    with pytest.raises(DataError, match="table of simulated images is wrong") as caught:
        adapter(**SMALL).scan(tmp_path)
    assert caught.value.why.startswith("line ")
