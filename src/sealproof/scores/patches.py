"""All scores of a batch of patches, and their local anomaly map."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from sealproof.scores.pixel import mean_absolute_error, mean_squared_error, peak_signal_to_noise_ratio
from sealproof.scores.ssim import similarities_and_map
from sealproof.scores.variants import VariantName

SSIM_SCORES: tuple[VariantName, ...] = ("ssim", "ms-ssim", "4-ssim", "4-ms-ssim")
#: The map that shows where a patch is anomalous: 1 - local similarity, mean over the four scales.
MAP_OF: VariantName = "4-ms-ssim"


class Reconstructs(Protocol):
    """What scoring needs of a model."""

    def __call__(self, patches: Tensor) -> Tensor:
        """(N, 1, H, W) -> (N, 1, H, W)."""

    def features(self, patches: Tensor, layer: int) -> Tensor:
        """(N, 1, H, W) -> (N, F)."""


def reconstruction_scores(image: Tensor, reconstruction: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """Scores of each patch, higher = more anomalous, and the local map.

    MSE and MAE as they are; PSNR negated; the SSIM family as 1 - similarity, computed in float64.

    Args:
        image: (N, H, W), values in [0, 1].
        reconstruction: (N, H, W), the same.

    Returns:
        score name -> (N,) float64, and (N, H, W) float32 in [0, 2].

    Example:
        >>> scores, local = reconstruction_scores(torch.zeros(1, 16, 16), torch.zeros(1, 16, 16))
        >>> scores["mse"].item(), scores["4-ms-ssim"].item(), scores["psnr"].item()
        (0.0, 0.0, -128.0)
    """
    x, y = image.double(), reconstruction.double()
    similarity, local = similarities_and_map(x, y, SSIM_SCORES, MAP_OF)
    scores = {
        "mse": mean_squared_error(x, y),
        "mae": mean_absolute_error(x, y),
        "psnr": -peak_signal_to_noise_ratio(x, y),
        **{name: 1.0 - value for name, value in similarity.items()},
    }
    return scores, (1.0 - local).float()


def reconstruct(model: Reconstructs, patches: Tensor) -> Tensor:
    """Reconstructions (N, H, W), kept inside [0, 1] where rounding may leave it."""
    with torch.inference_mode():
        return model(patches[:, None])[:, 0].clamp(0.0, 1.0)
