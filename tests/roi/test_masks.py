import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealproof.roi.propose import propose
from sealproof.roi.settings import RoiSettings

IMAGE = np.full((30, 50), 0.5, np.float32)


def test_full_frame_is_the_image():
    (region,) = propose(IMAGE, RoiSettings(method="full_frame"))
    assert (region.x0, region.y0, region.x1, region.y1) == (0, 0, 50, 30)
    assert region.confidence == 1
    assert region.decided


@given(rows=st.integers(1, 7), columns=st.integers(1, 7))
def test_grid_cells_cover_the_image_once(rows, columns):
    cells = propose(IMAGE, RoiSettings(method="grid", options={"rows": rows, "columns": columns}))
    assert len({cell.name for cell in cells}) == rows * columns
    area = sum((cell.x1 - cell.x0) * (cell.y1 - cell.y0) for cell in cells)
    assert area == pytest.approx(30 * 50)
    covered = np.zeros(
        (30 * 7, 50 * 7), int
    )  # a finer raster, on which the centre of each pixel is looked up
    y, x = (np.arange(30 * 7) + 0.5) / 7, (np.arange(50 * 7) + 0.5) / 7
    for cell in cells:
        covered += np.outer((cell.y0 <= y) & (y < cell.y1), (cell.x0 <= x) & (x < cell.x1))
    assert (covered == 1).all()
    assert all(cell.decided for cell in cells)


def test_grid_of_a_part_stays_in_it():
    options = {"rows": 1, "columns": 2, "vertical": (0.5, 1.0), "horizontal": (0.2, 0.6)}
    left, right = propose(IMAGE, RoiSettings(method="grid", options=options))
    assert (left.x0, left.y0, left.x1, left.y1) == (10, 15, 20, 30)
    assert (right.x0, right.x1) == (20, 30)


def test_a_fixed_region_that_leaves_a_smaller_image_is_undecided_and_not_moved():
    options = {"regions": [{"name": "low", "x0": 5, "y0": 20, "x1": 45, "y1": 30}]}
    settings = RoiSettings(method="fixed", options=options)
    assert propose(IMAGE, settings)[0].decided
    (region,) = propose(IMAGE[:-1], settings)
    assert not region.decided
    assert (region.y0, region.y1) == (20, 30)


@pytest.mark.parametrize("shape", [(3,), (2, 3, 3), (0, 4)])
def test_what_is_no_image_is_refused(shape):
    with pytest.raises(ValueError, match=r"\(H, W\)"):
        propose(np.zeros(shape, np.float32), RoiSettings(method="full_frame"))
