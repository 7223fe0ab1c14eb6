"""All scores of a batch of patches from their reconstructions, and their local anomaly map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from sealproof.scores.pixel import mean_absolute_error, mean_squared_error, peak_signal_to_noise_ratio
from sealproof.scores.pooling import peak, upper_fraction
from sealproof.scores.settings import SCORE_NAMES, PoolingSettings
from sealproof.scores.ssim import similarities_and_map
from sealproof.scores.variants import VARIANT_NAMES, PresetName, VariantName

#: The map that shows where a patch is anomalous: 1 - local similarity, mean over the four scales.
MAP_OF: VariantName = "4-ms-ssim"
_PIXEL: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": mean_squared_error,
    "mae": mean_absolute_error,
    "psnr": lambda image, other: -peak_signal_to_noise_ratio(image, other),
}
_POOLED: dict[str, Callable[[Tensor, PoolingSettings], Tensor]] = {
    f"{MAP_OF}-upper": lambda local, pooling: upper_fraction(local, pooling.fraction),
    f"{MAP_OF}-peak": lambda local, pooling: peak(local, pooling.smoothing),
}
#: Every score that an image and its reconstruction give.
RECONSTRUCTION_SCORES: tuple[str, ...] = (*_PIXEL, *VARIANT_NAMES, *_POOLED)
#: Those of the standard set.
STANDARD = tuple(name for name in SCORE_NAMES if name in RECONSTRUCTION_SCORES)


class Reconstructs(Protocol):
    """What scoring needs of a model."""

    def __call__(self, patches: Tensor) -> Tensor:
        """(N, 1, H, W) -> (N, 1, H, W)."""

    def features(self, patches: Tensor, layer: int) -> Tensor:
        """(N, 1, H, W) -> (N, F)."""


def reconstruction_scores(
    image: Tensor,
    reconstruction: Tensor,
    names: Sequence[str] = STANDARD,
    preset: PresetName = "published",
    pooling: PoolingSettings | None = None,
) -> tuple[dict[str, Tensor], Tensor]:
    """Scores of each patch, higher = more anomalous, and the local map.

    MSE and MAE as they are; PSNR negated; the SSIM family as 1 - similarity; `4-ms-ssim-upper` and
    `4-ms-ssim-peak` from the map. All in float64; what several scores need is computed once.

    Args:
        image: (N, H, W), values in [0, 1].
        reconstruction: (N, H, W), the same.
        names: the scores, among `RECONSTRUCTION_SCORES`.
        preset: of the SSIM family, and so of the map.
        pooling: of the map; None: the default settings.

    Returns:
        score name -> (N,) float64, in the order of `names`, and the map of 4-MS-SSIM, (N, H, W) float32 in
        [0, 2].

    Raises:
        ValueError: a score that a reconstruction does not give, or what `scores.ssim.similarity` refuses.

    Example:
        >>> scores, local = reconstruction_scores(torch.zeros(1, 16, 16), torch.zeros(1, 16, 16))
        >>> scores["mse"].item(), scores["4-ms-ssim"].item(), scores["psnr"].item()
        (0.0, 0.0, -128.0)
    """
    unknown = [name for name in names if name not in RECONSTRUCTION_SCORES]
    if unknown:
        known = ", ".join(RECONSTRUCTION_SCORES)
        raise ValueError(f"a reconstruction gives no score {', '.join(unknown)}; it gives {known}")
    pooling = pooling or PoolingSettings()
    x, y = image.double(), reconstruction.double()
    variants = [name for name in VARIANT_NAMES if name in names or name == MAP_OF]
    similarity, local_similarity = similarities_and_map(x, y, variants, MAP_OF, preset)
    local: Tensor = (1.0 - local_similarity).clamp_min(0.0)  # rounding may leave similarity just above 1

    def score(name: str) -> Tensor:
        if name in _PIXEL:
            return _PIXEL[name](x, y)
        if name in _POOLED:
            return _POOLED[name](local, pooling)
        return 1.0 - torch.as_tensor(similarity[name])

    return {name: score(name) for name in names}, local.float()


def reconstruct(model: Reconstructs, patches: Tensor) -> Tensor:
    """Reconstructions (N, H, W), kept inside [0, 1] where rounding may leave it."""
    with torch.inference_mode():
        return model(patches[:, None])[:, 0].clamp(0.0, 1.0)
