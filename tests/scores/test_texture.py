import itertools
import math

import numpy as np
import pytest
from skimage.feature import graycomatrix, graycoprops

from sealproof.scores.texture import (
    ANGLES,
    DISTANCES,
    LEVELS,
    TEXTURE_NAMES,
    glcm,
    quantise,
    texture_features,
    texture_names,
)


@pytest.fixture(scope="module")
def images():
    random = np.random.default_rng(8)
    rows, columns = np.mgrid[0:20, 0:27]
    wavy = 0.5 + 0.4 * np.sin(rows / 3 + columns / 4 + random.uniform(0, 6, (4, 1, 1)))
    return np.clip(wavy + random.normal(0, 0.05, wavy.shape), 0, 1)


def reference(images, distances, angles, levels):
    return [
        graycomatrix(
            quantise(image[None], levels)[0].astype(np.uint8),
            distances,
            angles,
            levels=levels,
            symmetric=True,
            normed=True,
        )
        for image in images
    ]


def test_every_matrix_against_scikit_image(images):
    for levels in (5, 32):
        expected = np.stack(reference(images, DISTANCES, ANGLES, levels))
        for (at, distance), (turn, angle) in itertools.product(enumerate(DISTANCES), enumerate(ANGLES)):
            found = glcm(images, distance, angle, levels)
            np.testing.assert_allclose(found, expected[..., at, turn], rtol=1e-12)
            np.testing.assert_allclose(found.sum(axis=(1, 2)), 1, rtol=1e-12)


def test_every_feature_against_scikit_image(images):
    found = texture_features(images)
    assert tuple(found) == texture_names()
    matrices = reference(images, DISTANCES, ANGLES, LEVELS)
    for name, (at, distance) in itertools.product(TEXTURE_NAMES, enumerate(DISTANCES)):
        expected = [graycoprops(matrix, name)[at].mean() for matrix in matrices]
        np.testing.assert_allclose(found[f"{name}-{distance}"], expected, rtol=1e-9)


def test_a_flat_image_and_a_quarter_turn(images):
    flat = texture_features(np.full((1, 8, 8), 0.3))
    assert (flat["correlation-1"], flat["ASM-1"], flat["contrast-1"]) == (1, 1, 0)
    turned = texture_features(np.rot90(images, axes=(1, 2)))
    for name, values in texture_features(images).items():
        np.testing.assert_allclose(turned[name], values, rtol=1e-9)


def test_an_image_does_not_depend_on_the_others(images):
    together = texture_features(images)
    for name, value in texture_features(images[2:3]).items():
        np.testing.assert_allclose(value, together[name][2:3], rtol=1e-13)
    assert texture_features(images[:0])["contrast-1"].shape == (0,)


def test_wrong_input_is_refused_with_every_reason():
    image = np.full((1, 4, 4), 0.5)
    with pytest.raises(ValueError, match=r"grey levels.*three axes.*\[0, 1\]"):
        quantise(image[0] + 1, 1)
    with pytest.raises(ValueError, match="numbers"):
        quantise(image * np.nan, 8)
    for distance in (0, 4):
        with pytest.raises(ValueError, match=f"{distance} apart"):
            glcm(image, distance, math.pi / 2)
    for empty in ({"distances": []}, {"angles": []}):
        with pytest.raises(ValueError, match="at least one"):
            texture_features(image, **empty)
