"""The released detector on patches and on full images, against the score stage."""

import numpy as np
import pandas as pd
import pytest
import torch

from sealproof.evidence.errors import EvidenceAlteredError, EvidenceMissingError
from sealproof.inference.released import (
    ImageScorer,
    ReleasedDetector,
    image_patches,
    stored_values,
)
from sealproof.inference.run import score_all
from sealproof.models.attention_autoencoder import AttentionAutoencoderDetector
from sealproof.models.autoencoder import AttentionAutoencoder
from sealproof.models.detector import chosen_device
from sealproof.models.settings import TrainSettings
from sealproof.models.storage import save_detector
from sealproof.roi.run import find_regions
from sealproof.roi.settings import RoiSettings
from sealproof.scores.settings import SCORE_NAMES, MahalanobisSettings, ScoreSettings

ROI = RoiSettings(
    method="grid", options={"rows": 1, "columns": 2}, patch_height=16, patch_width=16, minimum_confidence=0.1
)
SETTINGS = ScoreSettings(batch_size=4, mahalanobis=MahalanobisSettings(features=6))


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """(detector, images, image scores of the score stage) of a small made-up release."""
    import cv2

    root = tmp_path_factory.mktemp("release")
    random = np.random.default_rng(1)
    for number in range(9):
        cv2.imwrite(str(root / f"{number}.png"), random.integers(0, 256, (40, 60), np.uint8))
    manifest = pd.DataFrame(
        {"image_id": [f"{n}" for n in range(9)], "path": [f"{n}.png" for n in range(9)], "excluded": False}
    )
    regions = find_regions(manifest, root, ROI, root / "patches.npy")
    torch.manual_seed(1)
    network = AttentionAutoencoder(16, 16, TrainSettings(filters=(4, 4, 8, 8), latent=8))
    model = AttentionAutoencoderDetector(network)
    save_detector(model, root / "train", {})
    rows = regions.assign(split=np.where(regions["image_id"] < "5", "train", "test"))
    scored = score_all(model, np.load(root / "patches.npy"), rows, SETTINGS, seed=1, maps=None)
    scored.distances.save(lambda name: root / name)
    detector = ReleasedDetector.load(root / "train", root, SETTINGS, "cpu")
    images = [cv2.imread(str(root / f"{n}.png"), 0).astype(np.float32) / np.float32(255) for n in range(9)]
    return detector, images, scored.images


def test_full_images_get_the_scores_of_the_score_stage(release):
    detector, images, expected = release
    found = pd.DataFrame(detector.score_images(iter(images), ROI))
    assert set(found) == set(SCORE_NAMES)
    assert np.allclose(found[list(SCORE_NAMES)], expected[list(SCORE_NAMES)], rtol=1e-6)
    assert ImageScorer(detector, ROI).score_images(images) == detector.score_images(images, ROI)


def test_the_most_anomalous_patch_decides(release):
    detector, images, _ = release
    patches = image_patches(images[0], ROI)
    each = detector.score_patches(patches, np.arange(2))
    assert detector.score_images(images[:1], ROI)[0] == {name: values.max() for name, values in each.items()}
    assert not np.isclose(*each["mse"])


def test_undecided_images_keep_their_place(release):
    detector, images, _ = release
    blind = RoiSettings(
        method="fixed",
        options={"regions": [{"name": "far", "x0": 30, "y0": 0, "x1": 60, "y1": 40}]},
        patch_height=16,
        patch_width=16,
    )
    small = np.zeros((40, 50), np.float32)  # the region leaves it
    found = detector.score_images([small, images[0], small, small, images[1], small], blind)
    assert [scores is None for scores in found] == [True, False, True, True, False, True]
    assert found[1] == detector.score_images([images[0]], blind)[0]
    assert detector.score_images([small, small], blind) == [None, None]
    assert detector.score_images([], blind) == []


def test_patches_are_those_of_the_16_bit_file(release, tmp_path):
    image = release[1][0]
    patches = image_patches(image, ROI)
    assert np.array_equal(np.rint(patches * 65535) / np.float32(65535), patches)
    values = np.random.default_rng(1).random((3, 4)).astype(np.float32)
    assert np.abs(stored_values(values) - values).max() <= 0.5 / 65535 + 1e-7
    assert np.array_equal(stored_values(stored_values(values)), stored_values(values))


def test_batches_and_order_of_patches_change_nothing_but_last_bits(release):
    detector, images, _ = release
    patches = np.concatenate([image_patches(image, ROI) for image in images])
    positions = np.tile([0, 1], 9)
    whole = detector.score_patches(patches, positions)
    for size in (1, 5):
        parts = detector.score_patches(patches[::-1], positions[::-1], size)
        for name in whole:
            assert np.allclose(parts[name][::-1], whole[name], rtol=1e-5)


def test_a_release_that_is_missing_or_altered_is_refused(tmp_path, release):
    with pytest.raises(EvidenceMissingError):
        ReleasedDetector.load(tmp_path, tmp_path, SETTINGS, "cpu")
    torch.manual_seed(1)
    network = AttentionAutoencoder(16, 16, TrainSettings(filters=(4, 4, 8, 8), latent=8))
    save_detector(AttentionAutoencoderDetector(network), tmp_path, {})
    with pytest.raises(EvidenceMissingError, match="feature distance"):
        ReleasedDetector.load(tmp_path, tmp_path, SETTINGS, "cpu")
    (tmp_path / "feature_distance.npz").write_bytes(b"no numbers")
    with pytest.raises(EvidenceAlteredError, match="feature distance"):
        ReleasedDetector.load(tmp_path, tmp_path, SETTINGS, "cpu")


def test_the_device_is_that_of_the_score_stage(monkeypatch):
    for present in (True, False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda present=present: present)
        assert chosen_device("auto") == ("cuda" if present else "cpu")
        assert chosen_device("cpu") == "cpu"
