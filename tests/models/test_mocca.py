from __future__ import annotations

import numpy as np
import pytest
import torch

from sealproof.evidence.errors import DataError, DefinitionError
from sealproof.models.cards import ModelCard
from sealproof.models.data import PlainBatches, as_tensor
from sealproof.models.detector import Fitted, PatchSet, TrainingData
from sealproof.models.grid import grid_means
from sealproof.models.mocca import Mocca
from sealproof.models.mocca_learning import OneClass
from sealproof.models.mocca_network import MoccaNetwork
from sealproof.models.settings import TrainSettings
from sealproof.scores.settings import ScoreSettings

SMALL = {
    "detector": "mocca",
    "filters": (4, 4, 4),
    "latent": 4,
    "epochs": 6,
    "batch_size": 8,
    "learning_rate": 0.01,
    "dropout": 0.0,
}


def made_up(count: int = 40) -> np.ndarray:
    """Smooth patches of 16 x 16 pixels, of one kind."""
    generator = np.random.default_rng(3)
    wave = np.sin(np.mgrid[0:16, 0:16][1] / 3 + generator.normal(0, 0.1, (count, 1, 1)))
    return np.round(65535 * (0.5 + 0.3 * wave)).astype(np.uint16)


PATCHES = made_up()


def settings(**changes: object) -> TrainSettings:
    return TrainSettings.model_validate({**SMALL, **changes})


def part(first: int, last: int) -> PatchSet:
    return PatchSet(PATCHES, np.arange(first, last), np.zeros(last - first, np.int64))


def fit(**changes: object) -> Fitted:
    data = TrainingData(part(0, 24), part(24, 32))
    return Mocca.fit(data, settings(**changes), seed=5, device="cpu", threads=1)


def examine(detector: Mocca, patches: torch.Tensor, **changes: object) -> dict[str, torch.Tensor]:
    found = detector.examine(patches, np.zeros(len(patches), np.int64), ScoreSettings.model_validate(changes))
    return {**found.scores, "local": found.local}


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return fit()


def normals_and_defects() -> tuple[torch.Tensor, torch.Tensor]:
    normals = as_tensor(PATCHES[32:40])
    defects = normals.clone()
    defects[:, :, 4:12, 4:12] = 1 - defects[:, :, 4:12, 4:12]
    return normals, defects


@pytest.mark.parametrize("boundary", ["hard", "soft"])
def test_patches_with_a_defect_are_farther_from_the_centres(boundary: str) -> None:
    made = fit(epochs=10, mocca={"boundary": boundary})
    normals, defects = normals_and_defects()
    near, far = (examine(made.detector, patches)["mocca"] for patches in (normals, defects))
    assert near.max() < far.min()
    assert near.dtype == torch.float64
    assert made.facts["loss"] == "mse, then with 0.01 x one-class loss"
    assert (made.facts["epochs"], made.facts["kept_epoch"], made.facts["keep"]) == (10, 10, "last")


def test_the_score_is_the_mean_distance_over_layers(fitted: Fitted) -> None:
    network = fitted.detector.network
    patches, normals = normals_and_defects()[1], as_tensor(PATCHES[:24])
    with torch.no_grad():
        expected = []
        for layer in range(4):
            embeddings = [network.autoencoder.outputs(given)[layer] for given in (patches, normals)]
            pooled = [made if layer == 0 else grid_means(made, 4) for made in embeddings]
            centre = network.get_buffer(f"centre_{layer}")
            distance = [((made.flatten(1) - centre) ** 2).mean(1) for made in pooled]
            expected.append(distance[0].sqrt() / network.scales[layer])
    assert torch.allclose(
        examine(fitted.detector, patches)["mocca"], torch.stack(expected).mean(0).double(), rtol=1e-5
    )


def test_centres_are_means_and_the_spread_there_is_one() -> None:
    torch.manual_seed(0)
    network = MoccaNetwork(16, 16, settings()).eval()
    network.set_centres(PlainBatches(PATCHES, np.arange(24), 7))
    with torch.no_grad():
        embeddings = network.embeddings(as_tensor(PATCHES[:24]))
        assert torch.allclose(network.squared(as_tensor(PATCHES[:24])).mean(0), torch.ones(4), atol=1e-4)
    for layer, made in enumerate(embeddings):
        assert torch.allclose(network.get_buffer(f"centre_{layer}"), made.mean(0), atol=1e-6)


def test_radii_hold_all_but_the_share_nu() -> None:
    made = fit(mocca={"boundary": "soft", "nu": 0.25})
    network = made.detector.network
    with torch.no_grad():
        outside = network.squared(as_tensor(PATCHES[:24])).sqrt() > network.radii
    assert outside.sum(0).tolist() == [6, 6, 6, 6]


def test_the_soft_loss_pulls_only_what_is_outside() -> None:
    network = MoccaNetwork(16, 16, settings(mocca={"boundary": "soft", "nu": 0.5})).eval()
    squared = network.squared(as_tensor(PATCHES[:2]))
    network.radii.copy_(squared.min(0).values.sqrt().detach())
    bounds = network.radii**2
    expected = (bounds + (squared - bounds).clamp(min=0).mean(0) / 0.5).mean()
    assert network.one_class_loss(as_tensor(PATCHES[:2])).item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_one_class_phase_brings_normals_together() -> None:
    plain, pulled = (fit(epochs=10, mocca={"weight": weight}) for weight in (1e-9, 1.0))
    patches = as_tensor(PATCHES[:24])
    spread = [examine(made.detector, patches)["mocca"].mean() for made in (plain, pulled)]
    assert spread[1] < spread[0]


@pytest.mark.parametrize(("share", "epochs", "expected"), [(0.5, 6, 3), (0.01, 4, 1), (0.99, 4, 3)])
def test_each_phase_has_an_epoch_at_least(share: float, epochs: int, expected: int) -> None:
    network = MoccaNetwork(16, 16, settings(epochs=epochs, mocca={"pretraining": share}))
    assert OneClass(network, 10, []).pretraining == expected


def test_two_fits_give_the_same_bytes(fitted: Fitted) -> None:
    first, second = fitted.detector.state(), fit().detector.state()
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_restored_detector_examines_bit_for_bit(fitted: Fitted) -> None:
    state = fitted.detector.state()
    other = Mocca.blank(16, 16, fitted.detector.settings, {})
    assert {name: value.shape for name, value in other.state().items()} == {
        n: v.shape for n, v in state.items()
    }
    other.restore(state)
    patches = normals_and_defects()[1]
    first, second = (examine(each, patches) for each in (fitted.detector, other.to("cpu")))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_map_is_the_error_of_the_reconstruction(fitted: Fitted) -> None:
    patches = normals_and_defects()[1]
    with torch.no_grad():
        expected = (patches - fitted.detector.reconstruct(patches)).abs()[:, 0]
    assert torch.equal(examine(fitted.detector, patches)["local"], expected)


def test_scores_of_the_reconstruction_are_given_when_asked_for(fitted: Fitted) -> None:
    patches = normals_and_defects()[1]
    found = examine(fitted.detector, patches, names=["mocca", "mse"])
    assert found.keys() == {"mocca", "mse", "local"}
    assert torch.allclose(found["mse"], (found["local"].double() ** 2).mean((1, 2)), rtol=1e-6)


def test_a_patch_does_not_depend_on_its_batch(fitted: Fitted) -> None:
    patches = normals_and_defects()[1]
    alone = torch.cat([examine(fitted.detector, patch)["mocca"] for patch in patches.split(1)])
    assert torch.allclose(alone, examine(fitted.detector, patches)["mocca"], rtol=1e-5)


def test_features_are_those_of_its_autoencoder(fitted: Fitted) -> None:
    patches = normals_and_defects()[0]
    assert fitted.detector.feature_layers == (0, 1, 2, 3)
    assert fitted.detector.features(patches, 0).shape == (8, 4)
    assert fitted.detector.features(patches, 1).shape == (8, 4 * 64)
    with pytest.raises(DefinitionError, match="no encoder layer 4"):
        fitted.detector.features(patches, 4)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"keep": "best", "epochs": 1}, "keep: best"),
        ({"keep": "best", "epochs": 1}, "epochs: 1"),
        ({"mocca": {"layers": [1, 4]}}, "layers 1 to 3"),
        ({"mocca": {"layers": [1, 1]}}, "each counts once"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        fit(**changes)
    assert reason in caught.value.why


def test_patches_in_training_and_held_out_are_refused() -> None:
    with pytest.raises(DataError):
        Mocca.fit(TrainingData(part(0, 24), part(23, 30)), settings(), seed=1, device="cpu", threads=1)


def test_the_card_says_where_it_comes_from_and_what_differs(fitted: Fitted) -> None:
    card = fitted.detector.card()
    assert isinstance(card, ModelCard)
    assert "2012.12111" in card.reference
    assert card.name == fitted.detector.kind
    assert all(min(len(d.source), len(d.here), len(d.reason)) > 10 for d in card.differences)


@pytest.mark.parametrize(("side", "cells"), [(8, 4), (7, 4), (3, 4), (16, 1)])
def test_grid_means_agree_with_adaptive_pooling(side: int, cells: int) -> None:
    maps = torch.rand(2, 3, side, 5, dtype=torch.float64)
    expected = torch.nn.functional.adaptive_avg_pool2d(maps, (min(side, cells), min(5, cells)))
    assert torch.allclose(grid_means(maps, cells), expected)
