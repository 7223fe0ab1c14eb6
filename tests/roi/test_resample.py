from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from sealproof.roi.region import Region
from sealproof.roi.resample import area_weights, extract

IMAGE = np.random.default_rng(4).random((48, 64), dtype=np.float32)


def region(x0, y0, x1, y1, tilt=0.0):
    return Region("r", x0, y0, x1, y1, 1.0, True, tilt)


def test_whole_factors_agree_with_area_averages_of_opencv():
    expected = cv2.resize(IMAGE, (16, 12), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(extract(IMAGE, [region(0, 0, 64, 48)], 12, 16)[0], expected, atol=1e-6)


def test_the_same_size_is_the_image_itself():
    np.testing.assert_array_equal(extract(IMAGE, [region(3, 5, 35, 21)], 16, 32)[0], IMAGE[5:21, 3:35])


def test_enlarging_is_linear_interpolation_at_pixel_centres():
    y = np.arange(32) * 0.5 + 10.25 - 0.5
    x = np.arange(64) * 0.5 + 8.75 - 0.5
    expected = map_coordinates(IMAGE, np.meshgrid(y + 0.25, x + 0.25, indexing="ij"), order=1)
    found = extract(IMAGE, [region(8.75, 10.25, 40.75, 26.25)], 32, 64)[0]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(start=st.floats(0, 20), length=st.floats(1.0, 28), count=st.integers(1, 60), side=st.integers(48, 60))
def test_weights_are_shares_and_centred(start, length, count, side):
    pixels, weights = area_weights(start, start + length, count, side)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-12)
    centres = (weights * (pixels + 0.5)).sum(axis=1)  # a ramp is reproduced: no shift
    expected = start + (np.arange(count) + 0.5) * length / count
    inner = (expected > 1) & (expected < side - 1)
    if length / count <= 1:
        np.testing.assert_allclose(centres[inner], expected[inner], atol=1e-9)
    else:
        np.testing.assert_allclose(centres[inner], expected[inner], atol=0.5 * count / length + 1e-9)


def test_brute_force_area_mean_at_a_sub_pixel_position():
    fine = 20
    raised = np.repeat(np.repeat(IMAGE.astype(float), fine, 0), fine, 1)
    x0, y0, step = 2.35, 4.6, 3.2
    found = extract(IMAGE, [region(x0, y0, x0 + 5 * step, y0 + 4 * step)], 4, 5)[0]
    for i in range(4):
        for j in range(5):
            top, left = round((y0 + i * step) * fine), round((x0 + j * step) * fine)
            size = round(step * fine)
            expected = raised[top : top + size, left : left + size].mean()
            assert found[i, j] == pytest.approx(expected, abs=1e-6)


def test_a_moved_region_moves_the_patch_without_a_jump():
    """A shift by an eighth of a pixel changes every value by no more than an eighth of its neighbours' range."""
    patches = [extract(IMAGE, [region(4 + s / 8, 4, 36 + s / 8, 36)], 32, 32)[0] for s in range(9)]
    steps = [np.abs(after - before).max() for before, after in pairwise(patches)]
    assert max(steps) <= 1 / 8 + 1e-6
    np.testing.assert_allclose(patches[8][:, :-1], patches[0][:, 1:], atol=1e-6)


def test_a_levelled_patch_of_a_tilted_ramp_is_level():
    slope = 0.1
    rows, columns = np.mgrid[0:60, 0:80]
    image = ((rows + 0.5 - slope * (columns + 0.5 - 40)) / 100 + 0.1).astype(np.float32)
    found = extract(image, [region(0, 20, 80, 36, tilt=slope)], 16, 80)[0]
    assert np.ptp(found, axis=1).max() < 1e-6
    np.testing.assert_allclose(found[:, 0], (np.arange(20, 36) + 0.5) / 100 + 0.1, atol=1e-6)


def test_a_fine_pattern_does_not_alias():
    stripes = np.tile(np.array([0.0, 1.0], np.float32), (64, 32))
    np.testing.assert_allclose(extract(stripes, [region(0, 0, 64, 64)], 16, 16)[0], 0.5, atol=1e-6)


@pytest.mark.parametrize(
    "outside", [region(-1, 0, 5, 5), region(0, 0, 65, 5), region(0, 9, 5, 9), region(0, 0, 64, 48, 0.1)]
)
def test_a_region_outside_is_refused(outside):
    with pytest.raises(ValueError, match="leaves the image"):
        extract(IMAGE, [outside], 4, 4)


def test_values_stay_in_range():
    image = np.ones((50, 50), np.float32)
    patch = extract(image, [region(0.3, 0.7, 48.1, 49.9)], 32, 48)
    assert patch.max() <= 1
    assert patch.min() == pytest.approx(1)
