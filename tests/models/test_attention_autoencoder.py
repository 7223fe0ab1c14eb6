from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d, linear, mse_loss

from sealproof.evidence.errors import DataError, DefinitionError
from sealproof.models.attention_autoencoder import AttentionAutoencoderDetector
from sealproof.models.autoencoder import AttentionAutoencoder
from sealproof.models.detector import PatchSet, TrainingData
from sealproof.models.inference_form import inference_form
from sealproof.models.settings import TrainSettings
from sealproof.models.training import fit
from sealproof.scores.settings import ScoreSettings

POSITIONS = np.zeros(6, np.int64)


def patch_set(patches: np.ndarray, first: int, last: int) -> PatchSet:
    rows = np.arange(first, last)
    return PatchSet(patches, rows, np.zeros(len(rows), np.int64))


def data(patches: np.ndarray) -> TrainingData:
    return TrainingData(patch_set(patches, 0, 30), patch_set(patches, 30, 40))


def some(count: int = 6) -> torch.Tensor:
    return torch.rand(count, 1, 32, 48, generator=torch.Generator().manual_seed(3))


def detector(small: TrainSettings, **changes: object) -> AttentionAutoencoderDetector:
    torch.manual_seed(0)
    settings = small.model_copy(update=changes)
    return AttentionAutoencoderDetector(AttentionAutoencoder(32, 48, settings))


def test_it_learns_the_weights_that_training_gives(patches: np.ndarray, small: TrainSettings) -> None:
    made = AttentionAutoencoderDetector.fit(data(patches), small, seed=5, device="cpu", threads=1)
    plain = fit(patches, np.arange(30), np.arange(30, 40), small, seed=5, device="cpu", threads=1)
    state = made.detector.state()
    assert state.keys() == plain.model.state_dict().keys()
    assert all(torch.equal(state[name], value) for name, value in plain.model.state_dict().items())
    assert made.history.equals(plain.history)
    assert made.facts == {
        "weights": plain.weights,
        "epochs": 4,
        "kept_epoch": 4,
        "keep": "last",
        "loss": "mse",
        **plain.losses,
    }
    assert (made.device, made.detector.height, made.detector.width) == ("cpu", 32, 48)


def test_patches_in_training_and_held_out_are_refused(patches: np.ndarray, small: TrainSettings) -> None:
    both = TrainingData(patch_set(patches, 0, 30), patch_set(patches, 29, 40))
    with pytest.raises(DataError, match="cannot be trained"):
        AttentionAutoencoderDetector.fit(both, small, seed=5, device="cpu", threads=1)


@pytest.mark.parametrize("precision", ["single", "double"])
def test_scores_compare_a_patch_with_its_reconstruction(small: TrainSettings, precision: str) -> None:
    made, given = detector(small), some()
    found = made.examine(given, POSITIONS, ScoreSettings(precision=precision))
    with torch.no_grad():
        reconstruction = inference_form(made.network)(given)
        if precision == "double":
            reconstruction = made.network.double()(given.double()).float()
    expected = [mse_loss(a.double(), b.double()).item() for a, b in zip(given, reconstruction, strict=True)]
    assert found.scores["mse"].tolist() == pytest.approx(expected, rel=1e-12)
    assert found.scores["4-ms-ssim"].dtype == torch.float64
    assert (found.local.shape, found.local.dtype) == ((6, 32, 48), torch.float32)


@pytest.mark.parametrize("size", [1, 4])
@pytest.mark.parametrize(("precision", "within"), [("single", 1e-6), ("double", 1e-8)])
def test_a_patch_does_not_depend_on_its_batch(
    small: TrainSettings, size: int, precision: str, within: float
) -> None:
    made, given, settings = detector(small), some(), ScoreSettings(precision=precision)
    whole = made.examine(given, POSITIONS, settings).scores["4-ms-ssim"]
    parts = [
        made.examine(part, POSITIONS[: len(part)], settings).scores["4-ms-ssim"] for part in given.split(size)
    ]
    assert torch.allclose(torch.cat(parts), whole, rtol=0, atol=within)


@pytest.mark.parametrize("precision", ["single", "double"])
def test_what_a_detector_takes_over_is_used(small: TrainSettings, precision: str) -> None:
    made, other, given = detector(small), detector(small), some()
    settings = ScoreSettings(precision=precision)
    with torch.no_grad():
        other.network.decoder[-2].bias += 0.3
    before = made.examine(given, POSITIONS, settings).scores["mse"]
    made.restore(other.state())
    after = made.to("cpu").examine(given, POSITIONS, settings).scores["mse"]
    assert torch.equal(after, other.examine(given, POSITIONS, settings).scores["mse"])
    assert not torch.equal(after, before)


@pytest.mark.parametrize("bottleneck", ["dense", "convolutional"])
def test_layer_0_is_the_bottleneck(small: TrainSettings, bottleneck: str) -> None:
    made, given = detector(small, bottleneck=bottleneck), some(2)
    code, last = made.features(given, 0), made.features(given, 4)
    with torch.inference_mode():
        if bottleneck == "dense":
            layer = made.network.bottleneck[1]
            expected = linear(last, layer.weight, layer.bias)
        else:
            layer = made.network.bottleneck[0]
            expected = conv2d(last.reshape(2, 8, 2, 3), layer.weight, layer.bias).flatten(1)
    assert torch.allclose(code, expected, rtol=0, atol=1e-6)
    assert made.feature_layers == (0, 1, 2, 3, 4)
    with pytest.raises(DefinitionError, match="no encoder layer 5"):
        made.features(given, 5)


def test_a_restored_detector_examines_bit_for_bit(small: TrainSettings) -> None:
    made, given = detector(small), some()
    state = made.state()
    other = AttentionAutoencoderDetector.blank(32, 48, small, {name: v.shape for name, v in state.items()})
    other.restore(state)
    assert other.to("cpu") is other
    first, second = (each.examine(given, POSITIONS, ScoreSettings()) for each in (made, other))
    assert all(torch.equal(first.scores[name], second.scores[name]) for name in first.scores)
    assert torch.equal(first.local, second.local)
    assert all(value.is_contiguous() and value.device.type == "cpu" for value in state.values())


def test_the_card_names_the_detector(small: TrainSettings) -> None:
    made = detector(small)
    assert made.card().name == made.kind == "attention-autoencoder"
