import numpy as np
import pytest
import torch

from sealproof.scores.patches import RECONSTRUCTION_SCORES, STANDARD, reconstruct, reconstruction_scores
from sealproof.scores.pooling import peak, upper_fraction
from sealproof.scores.settings import SCORE_NAMES, PoolingSettings
from sealproof.scores.ssim import similarity
from sealproof.scores.variants import PRESET_NAMES, VARIANT_NAMES


@pytest.fixture(scope="module")
def pair():
    image = torch.rand(3, 24, 32, generator=torch.Generator().manual_seed(1))
    return image, (0.8 * image + 0.1).clamp(0, 1)


@pytest.mark.parametrize("preset", PRESET_NAMES)
def test_every_score_is_what_its_own_function_gives(pair, preset):
    pooling = PoolingSettings(fraction=0.1, smoothing=1.0)
    scores, local = reconstruction_scores(*pair, RECONSTRUCTION_SCORES, preset, pooling)
    assert tuple(scores) == RECONSTRUCTION_SCORES
    x, y = (part.double() for part in pair)
    for name in VARIANT_NAMES:
        np.testing.assert_allclose(scores[name], 1 - similarity(x, y, name, preset), rtol=1e-12, atol=1e-14)
    expected = 1 - similarity(x, y, "4-ms-ssim", preset, return_map=True)[1]
    np.testing.assert_allclose(local, expected, atol=1e-6)
    np.testing.assert_allclose(scores["4-ms-ssim-upper"], upper_fraction(expected, 0.1), rtol=1e-10)
    np.testing.assert_allclose(scores["4-ms-ssim-peak"], peak(expected, 1.0), rtol=1e-10)
    np.testing.assert_allclose(scores["mse"], ((x - y) ** 2).mean(dim=(1, 2)), rtol=1e-12)
    np.testing.assert_allclose(scores["psnr"], 10 * scores["mse"].log10(), rtol=1e-12)
    assert all(score.dtype == torch.float64 for score in scores.values())
    assert local.dtype == torch.float32


def test_only_what_is_asked_for_in_the_order_asked_for(pair):
    assert list(reconstruction_scores(*pair, ("4-ms-ssim-peak", "mae"))[0]) == ["4-ms-ssim-peak", "mae"]
    assert (*reconstruction_scores(*pair)[0], "mahalanobis") == (*STANDARD, "mahalanobis") == SCORE_NAMES


def test_a_score_that_is_no_reconstruction_score_is_refused(pair):
    with pytest.raises(ValueError, match=r"mahalanobis, best; it gives mse, mae, .*4-ms-g-ssim"):
        reconstruction_scores(*pair, ("mse", "mahalanobis", "best"))


def test_a_small_defect_moves_the_pooled_scores_more_than_the_mean(pair):
    image, other = pair[0], pair[0].clone()
    other[:, 10:14, 10:14] = 0
    scores, _ = reconstruction_scores(image, other, ("4-ms-ssim", "4-ms-ssim-upper", "4-ms-ssim-peak"))
    assert (scores["4-ms-ssim-upper"] > 2 * scores["4-ms-ssim"]).all()
    assert (scores["4-ms-ssim-peak"] > 2 * scores["4-ms-ssim"]).all()


def test_reconstructions_stay_in_range(pair):
    found = reconstruct(lambda patches: patches * 3 - 1, pair[0])
    assert found.shape == pair[0].shape
    assert (found.min(), found.max()) == (0, 1)
