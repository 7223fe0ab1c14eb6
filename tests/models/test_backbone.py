from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional

from sealproof.evidence.errors import DefinitionError
from sealproof.models.backbone import PretrainedBackbone, blank_backbone, fitted_backbone, standardised
from sealproof.models.backbone_settings import BackboneSettings
from sealproof.models.detector import PatchSet, TrainingData
from sealproof.models.pretrained import pretrained_network
from sealproof.models.settings import TrainSettings


def some(height: int = 32, width: int = 48) -> torch.Tensor:
    return torch.rand(2, 1, height, width, generator=torch.Generator().manual_seed(3))


def settings(**backbone: object) -> TrainSettings:
    return TrainSettings(backbone=BackboneSettings.model_validate({"side": 64, "blocks": (2, 4), **backbone}))


def test_patches_reach_the_network_as_its_weights_were_trained() -> None:
    found = PretrainedBackbone(64, 64, settings()).load_pretrained()(some(64, 64))
    images = ((some(64, 64) * 255 - 127) / 128).repeat(1, 3, 1, 1)
    with torch.no_grad():
        wanted = pretrained_network().features(images, (2, 4))
    for ours, theirs in zip(found, wanted, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-3)


def test_patches_are_resized_in_proportion() -> None:
    backbone = PretrainedBackbone(32, 128, settings(side=64)).load_pretrained()
    assert backbone.size == (32, 64)
    resized = functional.interpolate(some(32, 128), (32, 64), mode="bilinear", antialias=True)
    small = PretrainedBackbone(32, 64, settings(side=64)).load_pretrained()
    assert all(torch.equal(a, b) for a, b in zip(backbone(some(32, 128)), small(resized), strict=True))


def test_a_standardised_patch_does_not_tell_its_exposure() -> None:
    patch = 0.3 + 0.2 * some()
    found = standardised(patch)
    assert torch.allclose(found, standardised(0.7 * patch + 0.1), atol=1e-6)
    assert found.mean((1, 2, 3)).numpy() == pytest.approx(0.5, abs=1e-3)
    assert found.flatten(1).std(1, correction=0).numpy() == pytest.approx(0.2, abs=1e-3)
    assert torch.equal(standardised(torch.full((1, 1, 4, 4), 0.25)), torch.full((1, 1, 4, 4), 0.5))


def test_the_own_encoder_is_the_one_that_training_gives(patches: np.ndarray, small: TrainSettings) -> None:
    own = small.model_copy(
        update={"epochs": 1, "backbone": BackboneSettings(source="own-encoder", layers=(2, 3))}
    )
    sets = [
        PatchSet(patches, rows, np.zeros(len(rows), np.int64)) for rows in (np.arange(20), np.arange(20, 24))
    ]
    backbone = fitted_backbone(TrainingData(*sets), own, seed=5, device="cpu", threads=1)
    assert [tuple(found.shape) for found in backbone(some())] == [(2, 4, 8, 12), (2, 8, 4, 6)]
    assert not any(weight.requires_grad for weight in backbone.parameters())
    assert "third-party" not in backbone.description
    assert backbone.description.startswith("none")
    again = blank_backbone(32, 48, own)
    again.load_state_dict(backbone.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(again(some()), backbone(some()), strict=True))


def test_a_layer_the_own_encoder_lacks_is_refused() -> None:
    with pytest.raises(DefinitionError, match="no layer 5"):
        blank_backbone(32, 48, settings(source="own-encoder", layers=(1, 5)))


@pytest.mark.parametrize(
    "wrong", [{"blocks": ()}, {"blocks": (4, 2)}, {"layers": (1, 1)}, {"blocks": (16,)}, {"side": 100}]
)
def test_impossible_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        BackboneSettings.model_validate(wrong)
