import numpy as np
import pytest
from pydantic import ValidationError
from scipy.ndimage import convolve1d, gaussian_filter

from sealproof.roi.patches import DARKEST, LEVEL, cut, flatten
from sealproof.roi.region import Region
from sealproof.roi.resample import extract
from sealproof.roi.settings import RoiSettings

RANDOM = np.random.default_rng(8)
FRAME = [Region("frame", 0, 0, 64, 48, 1.0, True)]


def settings(**changes):
    return RoiSettings(method="full_frame", patch_height=32, patch_width=48, **changes)


def test_light_is_kept_unless_asked_for():
    image = RANDOM.random((48, 64), dtype=np.float32)
    np.testing.assert_array_equal(cut(image, FRAME, settings()), extract(image, FRAME, 32, 48))


def test_the_low_pass_is_a_gaussian_with_a_mirrored_border():
    patch = RANDOM.random((1, 32, 48)).astype(np.float32) * 0.5 + 0.2
    sigma = 0.1 * 32
    offsets = np.arange(-int(4 * sigma + 0.5), int(4 * sigma + 0.5) + 1)
    kernel = np.exp(-0.5 * (offsets / sigma) ** 2)
    kernel /= kernel.sum()
    padded = np.pad(patch[0].astype(np.float64), offsets[-1], mode="symmetric")
    light = convolve1d(convolve1d(padded, kernel, axis=0), kernel, axis=1)
    light = light[offsets[-1] : -offsets[-1], offsets[-1] : -offsets[-1]]
    np.testing.assert_allclose(flatten(patch, 0.1)[0], np.clip(LEVEL * patch[0] / light, 0, 1), rtol=1e-6)


@pytest.mark.parametrize("shape", [(3, 64, 64), (2, 37, 51), (1, 112, 224), (1, 1, 9)])
@pytest.mark.parametrize("scale", [0.05, 0.15, 2.0])
def test_the_low_pass_is_that_of_scipy_and_of_a_patch_alone(shape, scale):
    patches = RANDOM.random(shape).astype(np.float32)
    sigma = scale * min(shape[1:])
    light = gaussian_filter(patches.astype(np.float64), (0, sigma, sigma), mode="reflect")
    expected = np.clip(LEVEL * patches / np.maximum(light, DARKEST), 0, 1)
    found = flatten(patches, scale)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    alone = [flatten(patches[at : at + 1], scale) for at in range(len(patches))]
    np.testing.assert_array_equal(found, np.concatenate(alone))


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.2])
def test_stronger_or_weaker_light_changes_nothing(factor):
    image = (RANDOM.random((48, 64)) * 0.3 + 0.3).astype(np.float32)
    found = [
        cut(light, FRAME, settings(illumination="flattened")) for light in (image, image * np.float32(factor))
    ]
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)


def test_darkness_is_not_blown_up_and_values_stay_in_range():
    noise = RANDOM.random((1, 16, 16)).astype(np.float32) * 0.001
    assert flatten(noise, 0.2).max() <= LEVEL * 0.001 / DARKEST + 1e-6
    spot = np.zeros((1, 16, 16), np.float32)
    spot[0, 8, 8] = 1.0
    assert flatten(spot, 0.2).max() == 1.0


@pytest.mark.parametrize("changes", [{"illumination": "evened"}, {"illumination_scale": 0.0}])
def test_impossible_settings_are_refused(changes):
    with pytest.raises(ValidationError):
        settings(**changes)
