from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sealproof.evidence.errors import DataError, DefinitionError
from sealproof.models.conditional_autoencoder import ConditionalAutoencoder, place_code, tile_places
from sealproof.models.cpcae import ConditionalPatchAutoencoder
from sealproof.models.data import as_tensor
from sealproof.models.detector import Fitted, PatchSet, TrainingData
from sealproof.models.error_classifier import ErrorClassifier, error_features
from sealproof.models.settings import TrainSettings
from sealproof.scores.settings import ScoreSettings

SMALL = {
    "detector": "cpcae",
    "filters": (2, 2, 2),
    "latent": 4,
    "epochs": 3,
    "batch_size": 8,
    "learning_rate": 0.01,
    "dropout": 0.0,
    "cpcae": {"tile": 16, "step": 8, "classifier_share": 0.3},
}


def made_up() -> np.ndarray:
    """60 patches of 16 x 32 pixels: 44 smooth ones, then 16 with a scratch."""
    generator = np.random.default_rng(3)
    wave = np.sin(np.mgrid[0:16, 0:32][1] / 5 + generator.normal(0, 0.2, (60, 1, 1)))
    patches = 0.5 + 0.2 * wave + generator.normal(0, 0.01, (60, 16, 32))
    for patch, row in zip(patches[44:], generator.integers(2, 14, 16), strict=True):
        patch[row, 5:25] = 1.0
    return np.round(65535 * patches.clip(0, 1)).astype(np.uint16)


PATCHES = made_up()


def settings(**changes: object) -> TrainSettings:
    return TrainSettings.model_validate({**SMALL, **changes})


def part(first: int, last: int, regions: int = 1) -> PatchSet:
    rows = np.arange(first, last)
    return PatchSet(PATCHES, rows, rows % regions)


def fit(defects: PatchSet | None, normals: PatchSet, **changes: object) -> Fitted:
    data = TrainingData(normals, part(30, 36), defects)
    return ConditionalPatchAutoencoder.fit(data, settings(**changes), seed=5, device="cpu", threads=1)


def examine(detector: ConditionalPatchAutoencoder, patches: torch.Tensor) -> dict[str, torch.Tensor]:
    found = detector.examine(patches, np.zeros(len(patches), np.int64), ScoreSettings())
    return {**found.scores, "local": found.local}


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return fit(part(44, 52), part(0, 30))


def test_defects_it_was_not_shown_score_higher_than_normals(fitted: Fitted) -> None:
    found = examine(fitted.detector, as_tensor(PATCHES[36:60]))
    assert found["cpcae"][:8].max() < found["cpcae"][16:].min()
    assert found["cpcae"].dtype == torch.float64
    assert found["local"].shape == (24, 16, 32)
    assert fitted.facts["loss"] == "mse"


def test_the_map_is_the_error_and_the_score_its_classification(fitted: Fitted) -> None:
    patches = as_tensor(PATCHES[36:60])
    found = examine(fitted.detector, patches)
    assert torch.equal(found["local"], (patches - fitted.detector.reconstruct(patches)).abs()[:, 0])
    with torch.no_grad():
        assert torch.equal(found["cpcae"], fitted.detector.network.classifier(found["local"]))


def test_two_fits_give_the_same_bytes_and_a_restored_detector_examines_bit_for_bit(fitted: Fitted) -> None:
    state, again = fitted.detector.state(), fit(part(44, 52), part(0, 30)).detector.state()
    assert state.keys() == again.keys()
    assert all(torch.equal(state[name], again[name]) for name in state)
    other = ConditionalPatchAutoencoder.blank(16, 32, fitted.detector.settings, {})
    other.restore(again)
    patches = as_tensor(PATCHES[40:48])
    first, second = (examine(each, patches) for each in (fitted.detector, other))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_patch_does_not_depend_on_its_batch(fitted: Fitted) -> None:
    patches = as_tensor(PATCHES[40:48])
    alone = torch.cat([examine(fitted.detector, patch)["cpcae"] for patch in patches.split(1)])
    assert torch.allclose(alone, examine(fitted.detector, patches)["cpcae"], rtol=1e-4)


@pytest.mark.parametrize(
    ("defects", "normals", "reason"),
    [
        (None, part(0, 30), "0 training defects"),
        (part(44, 45), part(0, 30), "1 training defects"),
        (part(44, 52), part(0, 4), "1 normals for the classifier"),
        (part(29, 52), part(0, 30), "7 patches are normals and defects at once, the first is row 29"),
    ],
)
def test_too_little_to_learn_from_is_refused(
    defects: PatchSet | None, normals: PatchSet, reason: str
) -> None:
    with pytest.raises(DataError) as caught:
        fit(defects, normals)
    assert reason in caught.value.why


def test_the_patches_of_an_image_stay_together(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[np.ndarray] = []

    def watch(_: object, rows: np.ndarray, *__: object) -> None:
        shown.append(rows)
        raise InterruptedError

    monkeypatch.setattr("sealproof.models.cpcae.TrainingBatches", watch)
    with pytest.raises(InterruptedError):
        fit(part(44, 52), part(0, 30, regions=3))
    assert np.array_equal(shown[0] // 3, np.repeat(np.unique(shown[0] // 3), 3))
    assert len(shown[0]) == 21


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"cpcae": {"tile": 20, "step": 8}}, "no multiple of 8"),
        ({"cpcae": {"tile": 24, "step": 8}}, "do not fit into patches of 16 x 32"),
        ({"bottleneck": "convolutional"}, "bottleneck"),
    ],
)
def test_settings_that_do_not_fit_are_refused(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        ConditionalAutoencoder(16, 32, settings(**changes))
    assert reason in caught.value.why


def test_tiles_cover_every_pixel_and_are_joined_by_their_mean() -> None:
    network = ConditionalAutoencoder(16, 32, settings(cpcae={"tile": 16, "step": 12})).eval()
    assert network.places == [(0, 0), (0, 12), (0, 16)]
    patches = torch.rand(3, 1, 16, 32)
    tiles = network._cut(patches).reshape(3, 3, 1, 16, 16)
    assert torch.equal(tiles[2, 1], patches[2, :, :, 12:28])
    assert torch.allclose(network._join(tiles, patches), patches)
    raised = network._join(tiles + torch.tensor([0.0, 1.0, 2.0]).reshape(1, 3, 1, 1, 1), patches) - patches
    assert torch.allclose(raised[0, 0, 0, [0, 12, 16, 28]], torch.tensor([0.0, 0.5, 1.5, 2.0]), atol=1e-6)


def test_the_place_of_a_tile_changes_what_is_restored() -> None:
    torch.manual_seed(0)
    network = ConditionalAutoencoder(16, 32, settings()).eval()
    with torch.no_grad():
        tiles = network._restore(torch.full((3, 1, 16, 16), 0.5), 1)[0]
    assert not torch.allclose(tiles[0], tiles[2])


def test_every_place_has_a_code_of_its_own() -> None:
    places = tile_places(64, 96, 32, 16)
    codes = {tuple(np.round(place_code(*place, 32, 64, 2), 6)) for place in places}
    assert len(codes) == len(places) == 3 * 5
    assert all(len(code) == 8 for code in codes)


def test_features_of_errors_agree_with_numpy_and_forget_the_place() -> None:
    errors = torch.rand(3, 8, 8, dtype=torch.float64)
    made = error_features(errors, 2).numpy()
    flat = errors.numpy().reshape(3, -1)
    cells = -np.sort(-errors.numpy().reshape(3, 2, 4, 2, 4).mean((2, 4)).reshape(3, -1))
    quantiles = np.quantile(flat, [0.5, 0.9, 0.99, 1], axis=1, method="nearest").T
    expected = np.column_stack([flat.mean(1), flat.std(1), quantiles, cells])
    assert np.allclose(np.delete(made, 2, 1), np.delete(expected, 2, 1))
    assert np.allclose(error_features(errors.flip(1, 2), 2), made)


def test_the_classifier_agrees_with_scikit_learn() -> None:
    generator = torch.Generator().manual_seed(2)
    normals = torch.rand(30, 8, 8, generator=generator) * 0.1
    defects = torch.rand(10, 8, 8, generator=generator) * 0.12
    classifier = ErrorClassifier(2, 8, 8)
    assert classifier(normals).tolist() == [0.0] * 30
    classifier.fit(normals, defects, 1.0)
    features = error_features(torch.cat([normals, defects]), 2).numpy()
    labels = np.repeat([0, 1], [30, 10])
    reference = make_pipeline(
        StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000, tol=1e-8)
    ).fit(features, labels)
    assert np.allclose(
        classifier(torch.cat([normals, defects])).numpy(), reference.decision_function(features), atol=1e-6
    )


def test_the_card_says_that_it_needs_defects(fitted: Fitted) -> None:
    card = fitted.detector.card()
    assert fitted.detector.needs_defects
    assert card.name == fitted.detector.kind == "cpcae"
    assert any("needs training defects" in limit for limit in card.limits)
    assert "not at hand" in card.reference
