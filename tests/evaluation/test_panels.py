"""Panels: image, boxes and anomaly map in one coordinate system."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sealproof.evaluation.panels import LONGEST, PanelSource
from sealproof.evidence.errors import DataError


def source(root, regions, maps):
    groups = pd.DataFrame(regions).groupby("image_id")
    return PanelSource(root, dict(iter(groups)), np.asarray(maps, dtype=np.float16))


def region(row, box, image_id="a"):
    return {"image_id": image_id, "patch": max(row, 0), "row": row} | dict(
        zip(("x0", "y0", "x1", "y1"), box, strict=True)
    )


def write(path, width, height):
    Image.fromarray(np.full((height, width), 128, dtype=np.uint8)).save(path)


def test_a_map_lies_in_its_box_and_nowhere_else(tmp_path):
    write(tmp_path / "a.png", 40, 20)
    panel = source(tmp_path, [region(0, (10.0, 5.0, 30.0, 15.0))], np.ones((1, 4, 4))).panel("a", "a.png")
    assert panel.image.shape == (20, 40)
    assert panel.image[0, 0] == pytest.approx(128 / 255)
    expected = np.zeros((20, 40))
    expected[5:15, 10:30] = 1
    np.testing.assert_array_equal(panel.heat, expected)
    assert panel.boxes == [(10.0, 5.0, 30.0, 15.0)]


def test_orientation_is_kept(tmp_path):
    write(tmp_path / "a.png", 40, 20)
    panel = source(tmp_path, [region(0, (0.0, 0.0, 40.0, 20.0))], [[[0, 1], [2, 3]]]).panel("a", "a.png")
    assert panel.heat[0, 0] == 0
    assert panel.heat[0, -1] == 1
    assert panel.heat[-1, 0] == 2


def test_large_images_are_reduced_and_boxes_with_them(tmp_path):
    write(tmp_path / "a.png", 2 * LONGEST, LONGEST)
    panel = source(tmp_path, [region(0, (LONGEST, 0.0, 2.0 * LONGEST, LONGEST))], np.ones((1, 4, 4))).panel(
        "a", "a.png"
    )
    assert panel.image.shape == (LONGEST // 2, LONGEST)
    assert panel.boxes == [(LONGEST / 2, 0.0, LONGEST, LONGEST / 2)]
    assert panel.heat[:, : LONGEST // 2].max() == 0
    assert panel.heat[:, LONGEST // 2 :].min() == 1


def test_overlapping_regions_show_the_higher_anomaly_and_edges_are_clipped(tmp_path):
    write(tmp_path / "a.png", 20, 20)
    regions = [
        region(0, (-5.0, -5.0, 10.0, 10.0)),
        region(1, (5.0, 5.0, 30.0, 30.0)),
        region(2, (40.0, 40.0, 50.0, 50.0)),
    ]
    maps = np.stack([np.full((4, 4), value) for value in (3.0, 1.0, 9.0)])
    panel = source(tmp_path, regions, maps).panel("a", "a.png")
    assert panel.heat[7, 7] == 3
    assert panel.heat[15, 15] == 1
    assert panel.heat.max() == 3


def test_an_undecided_patch_has_a_box_and_no_map(tmp_path):
    write(tmp_path / "a.png", 20, 20)
    panel = source(tmp_path, [region(-1, (0.0, 0.0, 10.0, 10.0))], np.ones((1, 4, 4))).panel("a", "a.png")
    assert len(panel.boxes) == 1
    assert panel.heat.max() == 0


def test_an_image_without_regions_is_shown_bare(tmp_path):
    write(tmp_path / "b.png", 20, 20)
    assert (
        source(tmp_path, [region(0, (0.0, 0.0, 1.0, 1.0))], np.ones((1, 4, 4))).panel("b", "b.png").boxes
        == []
    )


def test_paths_may_not_leave_the_data_folder(tmp_path):
    with pytest.raises(DataError, match="leaves"):
        source(tmp_path, [region(0, (0.0, 0.0, 1.0, 1.0))], np.ones((1, 4, 4))).panel("a", "../a.png")


def test_heat_range_runs_from_usual_normals_to_strong_test_images(tmp_path):
    random = np.random.default_rng(1)
    maps = random.random((6, 32, 32))
    maps[3:] *= 5
    regions = [region(row, (0.0, 0.0, 1.0, 1.0), f"i{row}") for row in range(6)]
    found = source(tmp_path, regions, maps)
    low, high = found.heat_range(["i0", "i1", "i2"], ["i3", "i4", "i5"])
    assert low == pytest.approx(np.quantile(maps[:3].astype(np.float16), 0.95), rel=0.01)
    assert high == pytest.approx(np.quantile(maps[3:].astype(np.float16), 0.999), rel=0.01)
    thinned = found._values(["i0", "i1", "i2"], most=300)
    assert 250 <= thinned.size <= 303


def test_heat_range_of_nothing_is_still_a_range(tmp_path):
    low, high = source(tmp_path, [region(-1, (0.0, 0.0, 1.0, 1.0))], np.ones((1, 4, 4))).heat_range([], ["a"])
    assert low < high
