"""Local statistics of image pairs in a flat window, and the SSIM map made of them."""

from __future__ import annotations

import torch
from torch import Tensor

_K1, _K2 = 0.01, 0.03
_LARGEST_WINDOW, _SMALLEST_WINDOW = 7, 3


def window_side(height: int, width: int) -> int:
    """Side of the flat window: 7, or the largest odd number that the shorter side holds, never below 3.

    Example:
        >>> [window_side(side, 99) for side in (3, 4, 5, 6, 7, 256)]
        [3, 3, 5, 5, 7, 7]
    """
    side = min(_LARGEST_WINDOW, height, width)
    return max(side - 1 if side % 2 == 0 else side, _SMALLEST_WINDOW)


def mirrored(image: Tensor, width: int) -> Tensor:
    """Images (..., H, W) with `width` more pixels on each side, the edge pixel repeated (`b a | a b`).

    Example:
        >>> mirrored(torch.tensor([[[1.0, 2.0, 3.0]]]), 1)[0, 1].tolist()
        [1.0, 1.0, 2.0, 3.0, 3.0]
    """
    wide = torch.cat([image[..., :width].flip(-1), image, image[..., -width:].flip(-1)], dim=-1)
    return torch.cat([wide[..., :width, :].flip(-2), wide, wide[..., -width:, :].flip(-2)], dim=-2)


def box_sum(image: Tensor, side: int) -> Tensor:
    """Sums over side x side windows that lie inside: (..., H, W) -> (..., H - side + 1, W - side + 1).

    Example:
        >>> box_sum(torch.ones(1, 3, 4), 3).tolist()
        [[[9.0, 9.0]]]
    """
    rows = image.unfold(-2, side, 1).sum(-1)
    width = image.shape[-1] - side + 1
    total = rows[..., :width] + rows[..., 1 : 1 + width]
    for shift in range(2, side):
        total += rows[..., shift : shift + width]
    return total


def extremes(image: Tensor) -> tuple[Tensor, Tensor]:
    """Smallest and largest value of each image: (..., H, W) -> two of (..., 1, 1)."""
    return image.amin(dim=(-2, -1), keepdim=True), image.amax(dim=(-2, -1), keepdim=True)


def ssim_map(pair: Tensor, *, fixed_range: bool = False) -> Tensor:
    """Structural similarity at every pixel; sample variances, C1 = (0.01 R)^2, C2 = (0.03 R)^2.

    Wang et al. 2004 (IEEE Transactions on Image Processing 13(4), Equation 13) with a flat window. The border
    is mirrored with the edge pixel repeated. The data range R is 1 if `fixed_range`, else the larger (max -
    min) of the two images of a pair, and 1 where both are flat. Variances do not change when a constant is
    subtracted, so the middle of each image's range is subtracted first: otherwise float32 loses the variance
    of a flat bright patch.

    Args:
        pair: (2, N, H, W), images and reconstructions, sides of at least 3.
        fixed_range: take 1 as the data range.

    Returns:
        (N, H, W), at most 1, negative where the patches are opposed.

    Example:
        >>> pair = torch.stack([torch.full((1, 8, 8), 0.5), torch.full((1, 8, 8), 0.5)])
        >>> ssim_map(pair).mean().item()
        1.0
    """
    side = window_side(*pair.shape[-2:])
    low, high = extremes(pair)
    middle = ((low + high) / 2).detach()  # the map does not depend on it, so neither does its gradient
    c1, c2 = _constants(low, high, fixed_range=fixed_range)
    return _similarity(mirrored(pair - middle, side // 2), side, middle, c1, c2)


def _similarity(padded: Tensor, side: int, middle: Tensor, c1: Tensor, c2: Tensor) -> Tensor:
    """The map from centred, mirrored pairs; common factors are taken out, memory is reused.

    Products are rounded before they are added (`addcmul` may not), so that equal windows give exactly 1.
    """
    area = side * side
    sample = (area - 1) / area  # population over sample variance
    x, y = padded
    sums = box_sum(padded, side).mul_(1 / area)
    covariance = box_sum(x * y, side).mul_(1 / area).sub_(sums[0] * sums[1])
    variance = box_sum((x * x).add_(y * y), side).mul_(1 / area)
    variance -= (sums[0] * sums[0]).add_(sums[1] * sums[1])
    mean_x, mean_y = sums + middle
    above = (mean_x * mean_y).add_(c1 / 2).mul_(covariance.add_(c2 * (sample / 2)))
    below = (mean_x * mean_x).add_(mean_y * mean_y).add_(c1).mul_(variance.add_(c2 * sample))
    similarity: Tensor = above.div_(below).mul_(4)
    return similarity


def _constants(low: Tensor, high: Tensor, *, fixed_range: bool) -> tuple[Tensor, Tensor]:
    """C1 and C2 of each pair, (N, 1, 1)."""
    if fixed_range:
        data_range = torch.ones_like(low[0])
    else:
        largest = (high - low).amax(dim=0)
        data_range = torch.where(largest == 0, 1.0, largest)
    return (_K1 * data_range).square(), (_K2 * data_range).square()


def inner_mean(similarity: Tensor) -> Tensor:
    """Mean of maps (N, H, W) without the border that windows reach beyond: (N,).

    Example:
        >>> inner_mean(torch.eye(7)[None]).item()  # the one pixel that 3 pixels of border leave
        1.0
    """
    height, width = similarity.shape[-2:]
    border = window_side(height, width) // 2
    return similarity[..., border : height - border, border : width - border].mean(dim=(-2, -1))
