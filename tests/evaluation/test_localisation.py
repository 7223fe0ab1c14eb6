"""Localisation on images with known masks, maps and regions."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import stats

from sealproof.evaluation.localisation import NO_MASKS, localisation, patch_masks
from sealproof.evaluation.localisation_evidence import record_localisation
from sealproof.evidence.errors import DataError, EvidenceAlteredError
from sealproof.evidence.files import write_json
from sealproof.evidence.pointers import resolve
from sealproof.evidence.records import Recorder
from sealproof.roi.region import Region

HEIGHT, WIDTH, SIDE = 40, 60, 10


class World:
    """Ten defective images with a square defect in the left of two regions, four normals; maps point at it or not."""

    def __init__(self, root):
        self.root = root
        self.maps, regions, labels = [], [], []
        for number in range(14):
            name, defective = f"im/{number:02d}", number < 10
            decided = number != 8
            for patch, left in enumerate((0.0, 30.0)):
                row = len(self.maps) if decided else -1
                regions.append((name, patch, f"r{patch}", left, 5.0, left + 30, 35.0, 1.0, decided, row, 0.0))
                if decided:
                    self.maps.append(np.full((SIDE, SIDE), 0.1, np.float16))
            if decided:
                place = (2, 3) if number < 6 else (7, 7)  # the defect covers rows 2 to 3 and columns 3 to 4
                self.maps[-2][place] = 1.0
            labels.append((name, int(defective), "", f"mask/{number:02d}.png" if defective else "", np.nan))
        columns = [
            "image_id",
            "patch",
            "name",
            "x0",
            "y0",
            "x1",
            "y1",
            "confidence",
            "decided",
            "row",
            "tilt",
        ]
        self.regions = pd.DataFrame(regions, columns=columns)
        self.labels = pd.DataFrame(
            labels, columns=["image_id", "label", "defect_type", "mask_path", "size_mm"]
        )
        (root / "mask").mkdir()
        for number in range(10):
            self.write(number)

    def write(self, number, box=(11, 17, 9, 15), shape=(HEIGHT, WIDTH), value=255):
        mask = np.zeros(shape, np.uint8)
        mask[box[0] : box[1], box[2] : box[3]] = value
        Image.fromarray(mask).save(self.root / "mask" / f"{number:02d}.png")

    def judge(self):
        shapes = dict.fromkeys(self.labels["image_id"], (HEIGHT, WIDTH))
        return localisation(self.labels, shapes, self.root, self.regions, np.stack(self.maps))


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_pointing_rate_counts_undecided_images_as_missed(world):
    found = world.judge()
    assert (found["with_mask"], found["undecided"], found["normal"]) == (10, 1, 4)
    assert found["pointing"]["hits"] == 6
    reference = stats.binomtest(6, 10).proportion_ci(method="exact")
    assert (found["pointing"]["low"], found["pointing"]["high"]) == pytest.approx(
        (reference.low, reference.high)
    )
    assert found["chance"] == pytest.approx((4 + 8) / 200)  # a square of 4 pixels and its 8 direct neighbours
    assert found["better_than_chance"] is True
    assert found["regions"] == 9
    assert found["reason"] == ""


def test_pixel_measures_follow_from_the_maps(world):
    found = world.judge()
    # 6 of 36 defect pixels are at the top, as are 3 + 4 normal ones; all others are tied.
    positives, negatives = 36, 9 * 200 - 36 + 4 * 200
    top, wrong = 6, 3 + 4
    wins = top * (negatives - wrong) + top * wrong / 2 + (positives - top) * (negatives - wrong) / 2
    assert found["pixel_auroc"] == pytest.approx(wins / (positives * negatives))
    assert 0.15 < found["pro"] < 0.35


def test_a_defect_outside_every_region_counts_as_missed(world):
    world.write(0, (0, 4, 0, 10))
    found = world.judge()
    assert (found["outside"], found["pointing"]["hits"], found["with_mask"]) == (1, 5, 10)


def test_better_than_chance_is_false_when_maps_point_elsewhere(world):
    for anomaly in world.maps:
        anomaly[:] = 0.1
        anomaly[9, 9] = 1
    assert world.judge()["better_than_chance"] is False


def test_without_masks_nothing_is_evaluable(world):
    world.labels["mask_path"] = ""
    found = world.judge()
    assert found["reason"] == NO_MASKS
    assert found["without_mask"] == found["defective"] == 10
    for name in ("chance", "better_than_chance", "pixel_auroc", "pro"):
        assert found[name] is None
    assert found["pointing"]["value"] is None


def test_defective_images_without_a_mask_are_left_out_and_counted(world):
    world.labels.loc[0, "mask_path"] = ""
    found = world.judge()
    assert (found["with_mask"], found["without_mask"], found["pointing"]["hits"]) == (9, 1, 5)


def test_all_images_undecided_is_not_better_than_chance(world):
    world.regions["decided"] = False
    found = world.judge()
    assert found["pointing"]["value"] == 0
    assert found["better_than_chance"] is None
    assert found["reason"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda world: world.write(3, shape=(HEIGHT, WIDTH + 1)), "61 x 40 pixels, its image 60 x 40"),
        (lambda world: world.write(3, value=0), "marks no pixel"),
        (lambda world: (world.root / "mask" / "03.png").write_bytes(b"x"), "it holds text, not an image"),
        (lambda world: world.labels.__setitem__("mask_path", "../x.png"), "without steps upwards"),
    ],
)
def test_masks_that_cannot_be_used_stop_the_stage(world, change, why):
    change(world)
    with pytest.raises(DataError) as caught:
        world.judge()
    assert why in str(caught.value)


def test_masks_of_zeros_and_ones_are_read_as_well(world):
    expected = world.judge()
    for number in range(10):
        world.write(number, value=1)
    assert world.judge() == expected


def test_a_map_with_nan_is_altered_evidence(world):
    world.maps[4][0, 0] = np.nan
    with pytest.raises(EvidenceAlteredError, match="not a number"):
        world.judge()


def test_a_thin_defect_is_not_lost_on_a_coarse_patch():
    mask = np.zeros((40, 60), np.float32)
    mask[20] = 1  # a third of a patch pixel
    found = patch_masks(mask, [Region("all", 0, 5, 30, 35, 1.0, True)], 10, 10)
    assert found.sum() == 10
    assert found[0, 5].all()


def test_tilted_regions_are_levelled_like_the_patches():
    mask = np.zeros((40, 60), np.float32)
    for column in range(60):
        row = 18 + round(0.1 * (column + 0.5 - 30))
        mask[row : row + 4, column] = 1
    level = patch_masks(mask, [Region("all", 0, 10, 60, 30, 1.0, True, tilt=0.1)], 20, 60)[0]
    assert level[9:11].mean() > 0.95
    assert level.sum(axis=1).argmax() in {8, 9, 10, 11}
    assert (level.sum(axis=1) > 40).sum() <= 5


def test_records_point_at_exactly_their_values(world, tmp_path):
    for found in (world.judge(), World.judge(_without(world))):
        path = tmp_path / "localisation.json"
        write_json(path, found)
        recorder = Recorder("evaluate")
        record_localisation(recorder, found, path)
        records = recorder.finish(lambda file: (file, file.name))
        assert all(resolve(found, record.pointer) == record.value for record in records)
        assert {"evaluate.localisation.pointing.low", "evaluate.localisation.pro"} <= {r.id for r in records}


def _without(world):
    world.labels["mask_path"] = ""
    return world
