"""What training lowers: how far a reconstruction is from its patch, everywhere or above all in one region."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sealproof.evidence.errors import DefinitionError
from sealproof.models.settings import RoiWeight, TrainSettings
from sealproof.scores.ssim import similarity


def reconstruction_loss(made: Tensor, wanted: Tensor, settings: TrainSettings) -> Tensor:
    """Loss of a batch, differentiable in `made`: 0 when both are the same.

    `mse` and `mae` are means over pixels, `ssim` is 1 - SSIM (data range 1, so that the loss of a pair does not
    hang on its brightest pixel), `hybrid` is `mse_weight` x MSE + (1 - SSIM). With `roi_weight` every mean over
    pixels is a weighted one: sum of weight x value over sum of weights. SSIM without weights leaves out the border
    where a window does not fit; with weights its whole map counts.

    Args:
        made: (N, 1, H, W) in [0, 1], what the network restored.
        wanted: (N, 1, H, W) in [0, 1].
        settings: `loss`, `mse_weight`, `roi_weight`.

    Returns:
        A number; NaN when `made` holds one, so that a training that diverged is seen.

    Raises:
        DefinitionError: the box of `roi_weight` holds no pixel, or leaves no weight.

    Source: the paper's Tables 11 and 12 (mse, mae, ssim) and its future work ("full-image attention overlays
    with weighted loss functions").

    Example:
        >>> grey, black = torch.full((2, 1, 16, 16), 0.5), torch.zeros(2, 1, 16, 16)
        >>> [reconstruction_loss(grey, black, TrainSettings(loss=name)).item() for name in ("mse", "mae")]
        [0.25, 0.5]
    """
    height, width = made.shape[2:]
    weights = None if settings.roi_weight is None else pixel_weights(height, width, settings.roi_weight)
    if settings.loss == "mse":
        return _mean_squared_error(made, wanted, weights)
    if settings.loss == "mae":
        return _mean((made - wanted).abs(), weights)
    if not torch.isfinite(made).all():
        return made.mean() * torch.nan
    dissimilarity = _dissimilarity(made, wanted, weights)
    if settings.loss == "ssim":
        return dissimilarity
    return settings.mse_weight * _mean_squared_error(made, wanted, weights) + dissimilarity


def pixel_weights(height: int, width: int, roi: RoiWeight) -> Tensor:
    """Weight of each pixel, (height, width): `inside` where its centre lies in the box, `outside` elsewhere.

    Raises:
        DefinitionError: the box holds no pixel's centre, or all weights are 0.

    Example:
        >>> pixel_weights(2, 4, RoiWeight(box=(0, 0.5, 1, 1), inside=3, outside=1)).tolist()
        [[1.0, 1.0, 3.0, 3.0], [1.0, 1.0, 3.0, 3.0]]
    """
    top, left, bottom, right = roi.box
    rows, columns = (torch.arange(height) + 0.5) / height, (torch.arange(width) + 0.5) / width
    inside = ((rows >= top) & (rows < bottom))[:, None] & ((columns >= left) & (columns < right))[None]
    weights = torch.where(inside, roi.inside, roi.outside)
    if not inside.any() or not weights.any():
        raise DefinitionError(
            "the region of the weighted loss holds nothing to learn from",
            where="params.yaml, key `train.roi_weight`",
            why=f"of {height} x {width} pixels {int(inside.sum())} lie in the box {roi.box}; weights are "
            f"{roi.inside:g} inside and {roi.outside:g} outside",
            mend="give a larger box, or a weight above 0",
        )
    return weights


def _mean_squared_error(made: Tensor, wanted: Tensor, weights: Tensor | None) -> Tensor:
    if weights is None:
        return nn.functional.mse_loss(made, wanted)
    return _mean((made - wanted) ** 2, weights)


def _dissimilarity(made: Tensor, wanted: Tensor, weights: Tensor | None) -> Tensor:
    if weights is None:
        score: Tensor = similarity(wanted[:, 0], made[:, 0], "ssim", "fixed-range")
        return 1.0 - score.mean()
    _, local = similarity(wanted[:, 0], made[:, 0], "ssim", "fixed-range", return_map=True)
    return 1.0 - _mean(local, weights)


def _mean(values: Tensor, weights: Tensor | None) -> Tensor:
    if weights is None:
        return values.mean()
    weights = weights.to(values)
    return (values * weights).sum((-2, -1)).mean() / weights.sum()
