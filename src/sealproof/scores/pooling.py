"""From an anomaly map to one number an image: mean, upper fraction, peak.

A small defect vanishes in the mean of a large image; the upper fraction looks at the most anomalous part alone,
the peak at its most anomalous place.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

#: The Gaussian is cut off at this many standard deviations.
_TRUNCATE = 4.0


def mean_pooling(maps: Tensor) -> Tensor:
    """Mean of each map, as the paper's scores do: (N, H, W) -> (N,).

    Raises:
        ValueError: not three axes, no pixels, or not a floating type.

    Example:
        >>> mean_pooling(torch.tensor([[[0.0, 1.0]]])).tolist()
        [0.5]
    """
    _check(maps)
    return maps.mean(dim=(1, 2))


def upper_fraction(maps: Tensor, fraction: float) -> Tensor:
    """Mean of the ceil(fraction x pixels) largest values of each map.

    Differentiable: the gradient is shared by those pixels alone. A fraction of 1 is the mean.

    Args:
        maps: (N, H, W), float32 or float64.
        fraction: above 0, at most 1.

    Returns:
        (N,), of the type of `maps`; NaN where a map holds NaN.

    Raises:
        ValueError: not three axes, no pixels, not a floating type, or a fraction out of range.

    Example:
        >>> upper_fraction(torch.arange(10.0).reshape(1, 2, 5), 0.2).tolist()
        [8.5]
    """
    _check(maps)
    if not 0 < fraction <= 1:
        raise ValueError(f"the fraction must be above 0 and at most 1, not {fraction}")
    pixels = maps[0].numel() if len(maps) else maps.shape[1] * maps.shape[2]
    count = math.ceil(round(fraction * pixels, 9))
    return maps.flatten(1).topk(count, dim=1, sorted=False).values.mean(dim=1)


def peak(maps: Tensor, smoothing: float) -> Tensor:
    """Maximum of each map after Gaussian smoothing.

    The border is mirrored with the edge pixel repeated, the kernel cut at 4 standard deviations, as in
    `scipy.ndimage.gaussian_filter`. The pooling of PaDiM (Defard et al. 2021) and PatchCore.

    Args:
        maps: (N, H, W), float32 or float64.
        smoothing: standard deviation in pixels, 0 or more; 0 is the plain maximum.

    Returns:
        (N,), of the type of `maps`.

    Raises:
        ValueError: not three axes, no pixels, not a floating type, or a negative or infinite `smoothing`.

    Example:
        >>> peak(torch.full((1, 8, 8), 0.25), 2.0).tolist()
        [0.25]
    """
    return smoothed(maps, smoothing).amax(dim=(1, 2))


def smoothed(maps: Tensor, smoothing: float) -> Tensor:
    """The maps that `peak` takes the maximum of: (N, H, W) -> (N, H, W); arguments and errors as there.

    Example:
        >>> smoothed(torch.eye(3)[None], 0.0)[0].tolist() == torch.eye(3).tolist()
        True
    """
    _check(maps)
    if not (smoothing >= 0 and math.isfinite(smoothing)):
        raise ValueError(f"smoothing must be a number of pixels, 0 or more, not {smoothing}")
    radius = int(_TRUNCATE * smoothing + 0.5)
    if radius == 0 or not len(maps):
        return maps
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float64)
    kernel = torch.exp(-0.5 * (offsets / smoothing) ** 2)
    kernel = (kernel / kernel.sum()).to(maps)
    rows, columns = (_mirrored(side, radius, maps.device) for side in maps.shape[1:])
    along = functional.conv2d(maps[:, None].index_select(-2, rows), kernel[None, None, :, None])
    return functional.conv2d(along.index_select(-1, columns), kernel[None, None, None, :])[:, 0]


def _mirrored(side: int, radius: int, device: torch.device) -> Tensor:
    """Indices -radius .. side - 1 + radius folded back into the image, the edge pixel repeated (b a | a b)."""
    index = torch.arange(-radius, side + radius, device=device) % (2 * side)
    return torch.minimum(index, 2 * side - 1 - index)


def _check(maps: Tensor) -> None:
    if maps.ndim != 3 or 0 in maps.shape[1:]:
        raise ValueError(f"maps must be (N, H, W) with pixels, not {tuple(maps.shape)}")
    if maps.dtype not in {torch.float32, torch.float64}:
        raise ValueError(f"maps must be float32 or float64, not {maps.dtype}")
