import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import metrics

from sealproof.scores import pixel


@pytest.fixture(scope="module")
def pair():
    generator = np.random.default_rng(3)
    image = generator.random((5, 24, 20))
    return image, np.clip(image + generator.normal(0, 0.1, image.shape), 0, 1)


def test_against_scikit_image(pair):
    image, other = (torch.from_numpy(part) for part in pair)
    errors = pixel.mean_squared_error(image, other).numpy()
    ratios = pixel.peak_signal_to_noise_ratio(image, other).numpy()
    for index, (x, y) in enumerate(zip(*pair, strict=True)):
        assert errors[index] == pytest.approx(metrics.mean_squared_error(x, y), rel=1e-12)
        assert ratios[index] == pytest.approx(metrics.peak_signal_noise_ratio(x, y, data_range=1), rel=1e-12)
    np.testing.assert_allclose(
        pixel.mean_absolute_error(image, other), np.abs(pair[0] - pair[1]).mean(axis=(1, 2)), rtol=1e-12
    )


def test_identical_images_reach_the_ceiling_and_a_single_grey_value_does_not():
    image = torch.zeros(1, 1000, 1000, dtype=torch.float64)
    other = image.clone()
    assert pixel.peak_signal_to_noise_ratio(image, other).item() == pytest.approx(pixel.PSNR_CEILING)
    other[0, 0, 0] = 1 / 255
    assert pixel.peak_signal_to_noise_ratio(image, other).item() < pixel.PSNR_CEILING


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    shares=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    value=st.floats(0, 1),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_a_larger_occlusion_never_lowers_the_error(seed, shares, value, dtype):
    """Occlusions of any shape, the smaller inside the larger; the reconstruction shows the image without them."""
    random = np.random.default_rng(seed)
    image = torch.from_numpy(random.random((1, 16, 16))).to(dtype)
    place = torch.from_numpy(random.random((1, 16, 16)))
    smaller, larger = (
        pixel.mean_squared_error(
            torch.where(place < share, torch.tensor(value, dtype=dtype), image), image
        ).item()
        for share in sorted(shares)
    )
    assert larger >= smaller * (1 - 8 * torch.finfo(dtype).eps)  # pixels are added in another order
