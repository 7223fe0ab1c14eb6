"""The SSIM family against numbers of the published code, and against a second implementation of its definition."""

from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks import ssim_reference

from sealproof.scores.ssim import similarities, similarity
from sealproof.scores.variants import VARIANT_NAMES

ORACLE = np.load(Path(__file__).parents[1] / "oracles/ssim_oracle.npz", allow_pickle=False)
COLUMNS = [str(name).replace("_", "-") for name in ORACLE["variants"]]


def oracle_pairs(dtype):
    """Pairs of one size together: (numbers, images, reconstructions)."""
    sizes: dict[tuple[int, ...], list[int]] = {}
    for number in range(len(ORACLE["names"])):
        sizes.setdefault(ORACLE[f"a{number:02d}"].shape, []).append(number)
    for numbers in sizes.values():
        pair = (np.stack([ORACLE[f"{side}{number:02d}"] for number in numbers]) for side in "ab")
        yield numbers, *(part.astype(dtype) for part in pair)


@pytest.mark.parametrize("way", ["compiled", "differentiable"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-10), (np.float32, 1e-4)])
def test_every_stable_number_of_the_published_code(dtype, tolerance, way):
    compared = 0
    for numbers, images, reconstructions in oracle_pairs(dtype):
        pair = [torch.from_numpy(part) for part in (images, reconstructions)]
        found = similarities(pair[0], pair[1].requires_grad_(way == "differentiable"), COLUMNS)
        for column, name in enumerate(COLUMNS):
            stable = ORACLE["stable"][numbers, column]
            expected = ORACLE["scores"][numbers, column]
            assert found[name].requires_grad == (way == "differentiable")
            values = found[name].detach().numpy()
            assert values.dtype == dtype
            np.testing.assert_allclose(values[stable], expected[stable], atol=tolerance, rtol=0)
            compared += int(stable.sum())
    assert compared == ORACLE["stable"].sum() == 184


def pair_of(height, width, count=3, seed=0):
    """Random images with structure, and altered copies."""
    random = np.random.default_rng([seed, height, width])
    rows, columns = np.mgrid[0:height, 0:width]
    phase = random.uniform(0, 6, (count, 1, 1))
    images = (
        0.5 + 0.3 * np.sin(rows / 5 + columns / 9 + phase) + random.normal(0, 0.05, (count, height, width))
    )
    copies = 0.8 * images + 0.1 + random.normal(0, 0.03, images.shape)
    copies[:, height // 3 : height // 2] += 0.2
    return np.clip(images, 0, 1), np.clip(copies, 0, 1)


#: Window sides 3, 5 and 7; no, one, two and all smaller scales; factors that are no whole numbers.
SIZES = [
    (3, 3),
    (4, 9),
    (5, 5),
    (6, 40),
    (7, 7),
    (8, 13),
    (14, 15),
    (17, 60),
    (31, 29),
    (57, 99),
    (55, 56),
    (61, 130),
]


@pytest.mark.parametrize("size", SIZES)
def test_small_and_odd_sizes(size):
    images, copies = pair_of(*size)
    found = similarities(images, copies, VARIANT_NAMES)
    for name in VARIANT_NAMES:
        expected = ssim_reference.scores(images, copies, name)
        np.testing.assert_allclose(found[name], expected, atol=1e-12, rtol=0, err_msg=name)


def test_the_second_implementation_reaches_the_published_numbers_itself():
    for numbers, images, reconstructions in oracle_pairs(np.float64):
        found = ssim_reference.scores(images[:1], reconstructions[:1], "4-ms-g-ssim")
        column = COLUMNS.index("4-ms-g-ssim")
        assert ORACLE["stable"][numbers[0], column]
        assert found[0] == pytest.approx(ORACLE["scores"][numbers[0], column], abs=1e-12)


def test_data_range_is_taken_from_each_pair_alone():
    """A bright pixel in one pair changes that pair's score and no other's."""
    images, copies = pair_of(40, 40)
    before = similarity(images * 0.5, copies * 0.5, "ssim")
    bright = images * 0.5
    bright[1, 0, 0] = 1.0
    after = similarity(bright, copies * 0.5, "ssim")
    assert after[[0, 2]].tolist() == before[[0, 2]].tolist()
    assert after[1] != before[1]


def test_two_different_sizes_are_nan_as_published_and_logged(caplog):
    images, copies = pair_of(20, 20)
    found, local = similarity(images, copies[:, 1:], "4-ms-ssim", return_map=True)
    assert np.isnan(found).all()
    assert found.shape == (3,)
    assert local.shape == images.shape
    assert "20, 20" in caplog.text
    with pytest.raises(ValueError, match="20, 20"):
        similarity(images, copies[:, 1:], "4-ms-ssim", preset="fixed-range")


def test_a_side_below_three_is_nan_as_published(caplog):
    found = similarities(np.ones((2, 2, 9)), np.ones((2, 2, 9)), VARIANT_NAMES)
    assert all(np.isnan(found[name]).all() for name in VARIANT_NAMES)
    assert "smaller than a window" in caplog.text
    with pytest.raises(ValueError, match="smaller than a window"):
        similarity(np.ones((2, 2, 9)), np.ones((2, 2, 9)), "ssim", preset="fixed-range")


def test_constant_images_agree_with_the_closed_form():
    """No variance: (2 a b + C1) / (a^2 + b^2 + C1) with R = 1, since both ranges are 0."""
    a, b = 0.3, 0.7
    expected = (2 * a * b + 1e-4) / (a * a + b * b + 1e-4)
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-6)):
        x, y = torch.full((1, 64, 64), a, dtype=dtype), torch.full((1, 64, 64), b, dtype=dtype)
        for name in ("ssim", "ms-ssim", "4-ssim", "4-ms-ssim"):
            assert similarity(x, y, name).item() == pytest.approx(expected, abs=tolerance)
        for name in ("g-ssim", "ms-g-ssim", "4-g-ssim", "4-ms-g-ssim"):
            assert similarity(x, y, name).item() == pytest.approx(1, abs=tolerance)
