import numpy as np
import pandas as pd
import pytest
import torch

from sealproof.evidence.errors import DefinitionError
from sealproof.inference.features import layer_features
from sealproof.inference.run import score_all
from sealproof.models.attention_autoencoder import AttentionAutoencoderDetector
from sealproof.scores.settings import SCORE_NAMES, MahalanobisSettings, ScoreSettings
from sealproof.scores.ssim import similarity

PATCHES_OF = {"a": 2, "b": 2, "c": 2, "d": 2}


class Blur(AttentionAutoencoderDetector):
    """A detector that reconstructs by a mean over 3 x 3 pixels, and whose features are the pixels."""

    def __init__(self):
        self.network, self.feature_layers = torch.nn.AvgPool2d(3, stride=1, padding=1).eval(), (1, 2)

    @staticmethod
    def blurred(patches):
        return torch.nn.functional.avg_pool2d(patches, 3, stride=1, padding=1)

    def features(self, patches, layer):
        return patches.flatten(1) * layer


@pytest.fixture
def rows():
    frame = pd.DataFrame([(name, patch) for name, count in PATCHES_OF.items() for patch in range(count)])
    frame.columns = ["image_id", "patch"]
    frame["split"] = frame["image_id"].map({"a": "train", "b": "train", "c": "train", "d": "test"})
    frame["decided"] = [True] * 7 + [False]
    frame["row"] = [*range(7), -1]
    return frame


@pytest.fixture
def patches():
    return np.random.default_rng(2).integers(0, 65536, (7, 32, 48), dtype=np.uint16)


def run(patches, rows, tmp_path, batch_size=64, **changes):
    settings = ScoreSettings(
        precision="single", batch_size=batch_size, mahalanobis={"features": 40, "layer": 2}, **changes
    )
    return score_all(Blur(), patches, rows, settings, seed=1, maps=tmp_path / f"maps{batch_size}.npy")


def test_columns_are_the_scores_of_the_definitions(patches, rows, tmp_path):
    scored = run(patches, rows, tmp_path)
    assert list(scored.images.columns) == ["image_id", "split", "decided", *SCORE_NAMES]
    x = torch.from_numpy(patches.astype(np.float32) / 65535)
    y = Blur.blurred(x[:, None])[:, 0]
    expected = 1 - similarity(x.double(), y.double(), "4-ms-ssim").numpy()
    np.testing.assert_allclose(scored.patches["4-ms-ssim"][:7], expected, atol=1e-12)
    assert scored.images.set_index("image_id").loc["a", "4-ms-ssim"] == expected[:2].max()
    assert scored.distances.fitted["mahalanobis"].selected.size == 40
    assert scored.distances.available == {"mahalanobis": 32 * 48}


def test_an_image_with_an_undecided_patch_has_no_score(patches, rows, tmp_path):
    scored = run(patches, rows, tmp_path)
    last = scored.images.set_index("image_id").loc["d"]
    assert not last["decided"]
    assert last[list(SCORE_NAMES)].isna().all()
    assert scored.images.loc[scored.images["decided"], list(SCORE_NAMES)].notna().all(axis=None)


def test_batch_size_changes_nothing(patches, rows, tmp_path):
    one, all_at_once = run(patches, rows, tmp_path, 1), run(patches, rows, tmp_path, 64)
    pd.testing.assert_frame_equal(one.patches, all_at_once.patches, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(np.load(tmp_path / "maps1.npy"), np.load(tmp_path / "maps64.npy"))


def test_the_distance_is_fitted_on_training_rows_alone(patches, rows, tmp_path):
    before = run(patches, rows, tmp_path).distances.fitted["mahalanobis"]
    patches[6] = 0  # the test image
    np.testing.assert_array_equal(
        run(patches, rows, tmp_path).distances.fitted["mahalanobis"].means, before.means
    )
    patches[0] = 0  # a training image
    assert not np.array_equal(
        run(patches, rows, tmp_path).distances.fitted["mahalanobis"].means, before.means
    )


def test_maps_are_aligned_with_patches_and_higher_where_the_reconstruction_fails(rows, tmp_path):
    ramp = np.linspace(10_000, 50_000, 48).astype(np.uint16)
    patches = np.tile(ramp, (7, 32, 1)) + np.arange(7, dtype=np.uint16)[:, None, None] * 500
    patches[3, 8:16:2, 28:36] = 65_535  # stripes, which the blur does not reconstruct
    run(patches, rows, tmp_path)
    maps = np.load(tmp_path / "maps64.npy")
    assert maps.shape == patches.shape
    assert maps.dtype == np.float16
    inside = maps[3, 9:15, 29:35].mean()
    assert inside > 5 * maps[3, 20:28, 10:20].mean()
    assert inside > 5 * maps[2, 9:15, 29:35].mean()


def test_only_the_scores_that_are_asked_for_are_computed(patches, rows, tmp_path):
    scored = run(patches, rows, tmp_path, names=["4-g-ssim", "mse"])
    assert scored.names == ("4-g-ssim", "mse")
    assert list(scored.images.columns) == ["image_id", "split", "decided", "4-g-ssim", "mse"]
    assert scored.distances.fitted == {}


def test_a_feature_distance_needs_features(patches, rows, tmp_path, monkeypatch):
    monkeypatch.setattr(Blur, "__init__", lambda self: setattr(self, "network", self.blurred))
    with pytest.raises(DefinitionError, match="no features for mahalanobis"):
        run(patches, rows, tmp_path)


def test_residual_features_are_those_of_the_patch_less_those_of_its_reconstruction(patches):
    batch = torch.from_numpy(patches.astype(np.float32) / 65535)[:, None]
    found = layer_features(Blur(), batch, MahalanobisSettings(of="residual"))
    np.testing.assert_array_equal(found, ((batch - Blur.blurred(batch)).flatten(1) * 2).numpy())


def test_a_detector_that_restores_nothing_has_no_residual(patches, monkeypatch):
    monkeypatch.setattr(Blur, "reconstruct", lambda *_: None)
    with pytest.raises(DefinitionError, match="restores nothing"):
        layer_features(Blur(), torch.zeros(1, 1, 32, 48), MahalanobisSettings(of="residual"))
