"""Disturbances against closed forms, SciPy and Pillow."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow
from scipy import ndimage

from sealproof.challenges.disturbances import (
    DISTURBANCES,
    Circumstances,
    alternating_signs,
    amount_at,
    blur,
    brightness,
    contrast,
    jpeg,
    noise,
    shift,
    tilt,
)


@pytest.fixture
def image():
    """Smooth, so that interpolation has little to lose."""
    random = np.random.default_rng(1).random((60, 80))
    smooth = ndimage.gaussian_filter(random, 4)
    return ((smooth - smooth.min()) / np.ptp(smooth) * 0.6 + 0.2).astype(np.float32)


def around(image, sign=1, name="a"):
    return Circumstances(image.shape, dict.fromkeys(("tilt", "brightness", "contrast"), sign), 5, name)


def test_shift_is_that_of_scipy_in_the_drawn_direction(image):
    own = around(image)
    down, right = 3.0 * np.sin(own.direction), 3.0 * np.cos(own.direction)
    expected = ndimage.shift(image.astype(float), (down, right), order=1, mode="nearest")
    assert np.abs(shift(image, 3.0, own) - expected)[5:-5, 5:-5].max() < 2e-3  # steps of 1/32 pixel


def test_directions_differ_between_images_and_cover_the_circle(image):
    angles = [around(image, name=f"{number}").direction for number in range(200)]
    assert len(set(angles)) == 200
    assert np.histogram(angles, bins=4, range=(0, 2 * np.pi))[0].min() > 30


@pytest.mark.parametrize("sign", [1, -1])
def test_tilt_is_a_rotation_about_the_middle(image, sign):
    expected = ndimage.rotate(image.astype(float), sign * 4.0, order=1, reshape=False, mode="nearest")
    assert np.abs(tilt(image, 4.0, around(image, sign)) - expected)[8:-8, 8:-8].max() < 5e-3


@pytest.mark.parametrize("sign", [1, -1])
def test_brightness_and_contrast_are_linear(image, sign):
    brighter = brightness(image, 0.1, around(image, sign))
    assert np.allclose(brighter, image * (1 + sign * 0.1), atol=1e-6)
    starker = contrast(image, 0.2, around(image, sign))
    assert starker.mean() == pytest.approx(image.mean(), abs=1e-5)
    assert starker.std() == pytest.approx(image.std() * (1 + sign * 0.2), rel=1e-4)


def test_blur_is_that_of_scipy(image):
    expected = ndimage.gaussian_filter(image.astype(float), 1.3, mode="nearest", truncate=5)
    assert np.abs(blur(image, 1.3, around(image)) - expected).max() < 1e-4


def test_noise_has_the_stated_deviation_and_the_same_pattern_at_every_amount():
    grey = np.full((200, 200), 0.5, np.float32)
    own = around(grey)
    small, large = noise(grey, 0.01, own) - grey, noise(grey, 0.02, own) - grey
    assert small.std() == pytest.approx(0.01, rel=0.02)
    assert abs(small.mean()) < 3 * 0.01 / 200
    assert np.allclose(large, 2 * small, atol=1e-6)
    assert not np.array_equal(around(grey, name="b").noise, own.noise)
    assert np.array_equal(around(grey).noise, own.noise)


def test_jpeg_is_that_of_pillow(image):
    grey = np.rint(image * 255).astype(np.uint8)
    stream = io.BytesIO()
    Pillow.fromarray(grey).save(stream, "JPEG", quality=80)
    expected = np.asarray(Pillow.open(stream), dtype=float) / 255
    found = jpeg(image, 80.0, around(image))
    assert np.abs(found - expected).max() <= 3 / 255
    assert np.abs(jpeg(image, 20.0, around(image)) - image).mean() > np.abs(found - image).mean()


@pytest.mark.parametrize("name", DISTURBANCES)
def test_every_disturbance_keeps_size_type_and_range_and_leaves_the_image_alone(name):
    image = np.random.default_rng(2).random((40, 50)).astype(np.float32)
    kept = image.copy()
    amount = 30.0 if name == "jpeg" else 0.5
    found = DISTURBANCES[name].apply(image, amount, around(image))
    assert (found.shape, found.dtype) == (image.shape, np.float32)
    assert found.min() >= 0
    assert found.max() <= 1
    assert np.array_equal(image, kept)
    assert not np.array_equal(found, image)
    assert np.array_equal(found, DISTURBANCES[name].apply(image, amount, around(image)))


def test_the_number_of_threads_changes_nothing():
    image = np.random.default_rng(2).random((300, 300)).astype(np.float32)
    threads, found = cv2.getNumThreads(), []
    for count in (1, 2):
        cv2.setNumThreads(count)
        found.append([DISTURBANCES[n].apply(image, 3.0, around(image)) for n in ("shift", "tilt", "blur")])
    cv2.setNumThreads(threads)
    assert all(np.array_equal(first, second) for first, second in zip(*found, strict=True))


def test_amounts_are_multiples_of_the_limit_and_stay_possible():
    assert [amount_at("blur", 0.8, s) for s in (0.5, 1, 1.5, 2)] == [0.4, 0.8, 1.2, 1.6]
    assert [amount_at("jpeg", 90, s) for s in (0.5, 1, 2)] == [95, 90, 80]
    assert amount_at("brightness", 0.5, 3) == 1
    assert amount_at("jpeg", 1, 5) == 1


def test_signs_are_balanced_seeded_and_differ_between_disturbances():
    signs = alternating_signs(40, 1, "tilt")
    assert sum(signs) == 0
    assert signs == alternating_signs(40, 1, "tilt")
    assert signs != alternating_signs(40, 1, "contrast")
    assert signs != alternating_signs(40, 2, "tilt")
