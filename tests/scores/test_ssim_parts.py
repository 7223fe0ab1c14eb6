"""The parts of the SSIM family, each against SciPy, scikit-image or a closed form."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.transform import resize as skimage_resize

from sealproof.scores.gradient import gradient_magnitude
from sealproof.scores.regions import region_weights, weighted_mean
from sealproof.scores.resize import resize, resize_matrix
from sealproof.scores.windows import box_sum, extremes, inner_mean, mirrored

IMAGE = np.random.default_rng(8).random((2, 37, 50))


@pytest.mark.parametrize("sides", [(18, 25), (9, 12), (7, 7), (37, 50), (30, 49)])
def test_resize_agrees_with_scikit_image(sides):
    tensor = torch.from_numpy(IMAGE)
    found = resize(tensor, *sides, *extremes(tensor))
    for image, smaller in zip(IMAGE, found, strict=True):
        expected = skimage_resize(image, sides, order=1, mode="reflect", anti_aliasing=True)
        np.testing.assert_allclose(smaller, expected, atol=1e-13)


def test_halving_is_a_low_pass_and_the_mean_of_the_two_middle_samples():
    kernel = np.exp(-0.5 * (np.arange(-2, 3) / 0.5) ** 2)
    kernel /= kernel.sum()
    signal = np.random.default_rng(1).random(32)
    smooth = np.convolve(np.pad(signal, 2, mode="reflect"), kernel, mode="valid")
    np.testing.assert_allclose(resize_matrix(32, 16) @ signal, (smooth[::2] + smooth[1::2]) / 2, atol=1e-15)


def test_a_constant_stays_exactly_constant_when_resized():
    tensor = torch.full((1, 70, 90), 0.1, dtype=torch.float32)
    smaller = resize(tensor, 8, 11, *extremes(tensor))
    assert (smaller == tensor[0, 0, 0]).all()


@pytest.mark.parametrize("side", [3, 5, 7])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_box_sums_with_mirrored_border_agree_with_scipy(side, dtype):
    tensor = torch.from_numpy(IMAGE).to(dtype)
    found = box_sum(mirrored(tensor, side // 2), side) / side**2
    expected = ndimage.uniform_filter(IMAGE, (0, side, side), mode="reflect")
    np.testing.assert_allclose(found, expected, atol=1e-6 if dtype == torch.float32 else 1e-14)


def test_gradient_of_a_step_is_one_and_of_a_ramp_twice_its_slope():
    step = torch.zeros(1, 9, 9, dtype=torch.float64)
    step[:, :, 5:] = 1
    assert gradient_magnitude(step)[0, 4].tolist() == [0, 0, 0, 0, 1, 1, 0, 0, 0]
    ramp = torch.arange(9, dtype=torch.float64).repeat(9, 1)[None] * 0.05
    np.testing.assert_allclose(gradient_magnitude(ramp)[0, 1:-1, 1:-1], 0.1, rtol=1e-12)
    np.testing.assert_allclose(gradient_magnitude(ramp.mT)[0, 1:-1, 1:-1], 0.1, rtol=1e-12)


def test_gradient_agrees_with_scipy_with_the_border():
    expected = [
        np.hypot(ndimage.sobel(x, 0, mode="reflect"), ndimage.sobel(x, 1, mode="reflect")) / 4 for x in IMAGE
    ]
    np.testing.assert_allclose(gradient_magnitude(torch.from_numpy(IMAGE)), expected, atol=1e-14)


def test_weights_are_those_of_the_four_regions_pixel_by_pixel():
    random = np.random.default_rng(2)
    gradients = random.choice([0.0, 0.06, 0.0600001, 0.12, 0.1200001, 0.4], (2, 1, 40, 40))
    found = region_weights(torch.from_numpy(gradients))
    for (gx, gy), weight in zip(gradients.reshape(2, -1).T, found.flatten().tolist(), strict=True):
        edges = int(gx > 0.12) + int(gy > 0.12)
        region = ("texture" if (gx + gy) / 2 > 0.06 else "smooth", "changed", "preserved")[edges]
        assert weight == {"changed": 0.5, "preserved": 0.25, "texture": 0.125, "smooth": 0.125}[region]


def test_the_weighted_mean_is_by_pixel_not_by_region():
    similarity = torch.tensor([[[1.0, 1.0, 1.0, 0.0]]])
    weights = torch.tensor([[[0.125, 0.125, 0.125, 0.5]]])
    assert weighted_mean(similarity, weights).item() == pytest.approx(0.375 / 0.875)


def test_the_plain_mean_leaves_the_border_of_half_a_window_out():
    similarity = torch.zeros(1, 9, 12)
    similarity[0, 3:-3, 3:-3] = 1
    assert inner_mean(similarity).item() == 1
    assert (
        inner_mean(torch.ones(1, 5, 5) - torch.nn.functional.pad(torch.ones(1, 1, 1), (2, 2, 2, 2))).item()
        == 0
    )
