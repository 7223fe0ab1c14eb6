from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from sealproof.evidence.errors import DefinitionError
from sealproof.models.losses import pixel_weights, reconstruction_loss
from sealproof.models.settings import RoiWeight, TrainSettings
from sealproof.scores.ssim import similarity

BOX = RoiWeight(box=(0.25, 0.0, 0.75, 0.5), inside=4.0, outside=0.5)


def pair() -> tuple[torch.Tensor, torch.Tensor]:
    made, wanted = torch.rand(
        2, 3, 1, 16, 32, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )
    return made, wanted


def loss(name: str, **changes: object) -> float:
    return reconstruction_loss(*pair(), TrainSettings(loss=name, **changes)).item()


def test_each_loss_agrees_with_its_definition() -> None:
    made, wanted = (images.numpy() for images in pair())
    ssim = 1 - similarity(wanted[:, 0], made[:, 0], "ssim", "fixed-range").mean()
    mse = ((made - wanted) ** 2).mean()
    assert loss("mse") == pytest.approx(mse, rel=1e-12)
    assert loss("mae") == pytest.approx(np.abs(made - wanted).mean(), rel=1e-12)
    assert loss("ssim") == pytest.approx(ssim, rel=1e-12)
    assert loss("hybrid", mse_weight=3.0) == pytest.approx(3 * mse + ssim, rel=1e-12)


@pytest.mark.parametrize("name", ["mse", "mae", "ssim", "hybrid"])
def test_identical_images_have_no_loss_and_a_gradient_leads_there(name: str) -> None:
    made, wanted = pair()
    settings = TrainSettings(loss=name)
    assert reconstruction_loss(wanted, wanted, settings).item() == pytest.approx(0, abs=1e-12)
    made.requires_grad_()
    before = reconstruction_loss(made, wanted, settings)
    (gradient,) = torch.autograd.grad(before, made)
    nearer = (made - 1e-3 * gradient / gradient.abs().max()).clamp(0, 1).detach()
    assert reconstruction_loss(nearer, wanted, settings) < before


def test_a_region_weighs_as_it_is_told() -> None:
    made, wanted = (images.numpy()[:, 0] for images in pair())
    weights = np.full((16, 32), 0.5)
    weights[4:12, :16] = 4.0
    for name, error in (("mse", (made - wanted) ** 2), ("mae", np.abs(made - wanted))):
        assert loss(name, roi_weight=BOX) == pytest.approx(
            np.average(error.mean(0), weights=weights), rel=1e-6
        )
    _, local = similarity(wanted, made, "ssim", "fixed-range", return_map=True)
    assert loss("ssim", roi_weight=BOX) == pytest.approx(
        1 - np.average(local.mean(0), weights=weights), rel=1e-6
    )


@pytest.mark.parametrize("name", ["mse", "mae"])
def test_equal_weights_change_nothing(name: str) -> None:
    equal = RoiWeight(inside=2.0, outside=2.0)
    assert loss(name, roi_weight=equal) == pytest.approx(loss(name), rel=1e-6)


@pytest.mark.parametrize(
    ("roi", "reason"),
    [
        (RoiWeight(box=(0.5, 0.5, 0.51, 0.51)), "0 lie in the box"),
        (RoiWeight(box=(0.0, 0.0, 1.0, 1.0), inside=0.0), "0 inside"),
    ],
)
def test_a_region_that_holds_nothing_is_refused(roi: RoiWeight, reason: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        pixel_weights(16, 16, roi)
    assert reason in caught.value.why


@pytest.mark.parametrize(
    "wrong",
    [
        {"roi_weight": {"box": [0.5, 0, 0.5, 1]}},
        {"roi_weight": {"box": [0, 0, 1, 1.5]}},
        {"roi_weight": {"inside": 0, "outside": 0}},
        {"roi_weight": {"box": [0, 0, 0.5, 1]}, "augment": "flip-vertical"},
        {"roi_weight": {"box": [0, 0, 1, 0.5]}, "augment": "flip-both"},
        {"filters": [4, 4]},
        {"filters": [4] * 7},
        {"betas": [1.0, 0.9]},
        {"cpcae": {"tile": 16, "step": 17}},
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TrainSettings.model_validate(wrong)


@pytest.mark.parametrize("augment", ["flip-horizontal", "flip-vertical", "flip-both"])
def test_a_centred_region_may_be_mirrored(augment: str) -> None:
    assert TrainSettings(roi_weight=RoiWeight(), augment=augment).augment == augment


@pytest.mark.parametrize("name", ["mse", "mae", "ssim", "hybrid"])
def test_a_network_that_diverged_gives_nan(name: str) -> None:
    made, wanted = pair()
    assert torch.isnan(reconstruction_loss(made * torch.nan, wanted, TrainSettings(loss=name)))
