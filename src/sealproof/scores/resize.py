"""Smaller scales of an image: Gaussian low-pass, then linear interpolation at pixel centres.

Both steps and the mirrored border are linear, so each axis is one matrix product. The matrix is banded: it is
made once for each pair of sides and kept as the blocks that are not zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

#: Scales of the multi-scale variants and their weights in the arithmetic mean.
SCALES: tuple[tuple[float, float], ...] = ((1.0, 0.5), (0.5, 0.25), (0.25, 0.125), (0.125, 0.125))
#: A scale is left out when a side would become shorter than this; full resolution is always used.
MINIMUM_SIDE = 7
_TRUNCATE = 4.0  # the Gaussian is cut off at this many standard deviations
_BLOCK_SPAN = 64  # input pixels a block of outputs spans, without its margins


def scaled_sides(height: int, width: int, scale: float) -> tuple[int, int] | None:
    """Sides of an image at `scale`, truncated to whole pixels; None when the scale is left out.

    Example:
        >>> scaled_sides(97, 64, 0.125), scaled_sides(97, 48, 0.125), scaled_sides(3, 3, 1.0)
        ((12, 8), None, (3, 3))
    """
    if scale == 1.0:
        return height, width
    sides = int(height * scale), int(width * scale)
    return sides if min(sides) >= MINIMUM_SIDE else None


def resize(image: Tensor, height: int, width: int, low: Tensor, high: Tensor) -> Tensor:
    """Images at a smaller size, made from full resolution directly.

    Args:
        image: (..., H, W).
        height: wanted height, at most H.
        width: wanted width, at most W.
        low: (..., 1, 1), smallest value of each image; the result is clipped to it.
        high: (..., 1, 1), largest value.

    Returns:
        (..., height, width).
    """
    narrow = torch.cat(
        [
            torch.matmul(image[..., block.first : block.last], block.columns)
            for block in _blocks(image.shape[-1], width, image.dtype, image.device)
        ],
        dim=-1,
    )
    smaller = torch.cat(
        [
            torch.matmul(block.rows, narrow[..., block.first : block.last, :])
            for block in _blocks(image.shape[-2], height, image.dtype, image.device)
        ],
        dim=-2,
    )
    return torch.minimum(torch.maximum(smaller, low), high)


@dataclass(frozen=True)
class _Block:
    """Outputs that depend on inputs `first` to `last` only: rows (outputs, inputs), columns its transpose."""

    first: int
    last: int
    rows: Tensor
    columns: Tensor


@lru_cache(maxsize=64)
def _blocks(old: int, new: int, dtype: torch.dtype, device: torch.device) -> tuple[_Block, ...]:
    matrix = resize_matrix(old, new)
    size = max(1, _BLOCK_SPAN * new // old)
    blocks = []
    # Kept for later calls, so it must not be a tensor of the inference mode that the first call may run in.
    with torch.inference_mode(mode=False):
        for start in range(0, new, size):
            part = matrix[start : start + size]
            used = np.flatnonzero(part.any(axis=0))
            first, last = int(used[0]), int(used[-1]) + 1
            rows = torch.from_numpy(part[:, first:last].copy()).to(device=device, dtype=dtype)
            blocks.append(_Block(first, last, rows, rows.T.contiguous()))
    return tuple(blocks)


def resize_matrix(old: int, new: int) -> np.ndarray:
    """The (new, old) float64 matrix that low-passes and samples one axis.

    With factor f = old / new: a Gaussian of standard deviation (f - 1) / 2, radius int(4 sigma + 0.5),
    normalised; then output o is interpolated linearly at input position (o + 0.5) f - 0.5. Beyond the border
    the image is mirrored without repeating the edge pixel.

    Example:
        >>> resize_matrix(4, 4).diagonal()
        array([1., 1., 1., 1.])
        >>> resize_matrix(16, 8).sum(axis=1).round(12).tolist() == [1.0] * 8
        True
    """
    factor = old / new
    position = (np.arange(new) + 0.5) * factor - 0.5
    below = np.floor(position).astype(int)
    fraction = (position - below)[:, None]
    low_pass = _gaussian_matrix(old, (factor - 1) / 2)
    lower, upper = low_pass[_mirror(below, old)], low_pass[_mirror(below + 1, old)]
    return np.asarray(lower * (1 - fraction) + upper * fraction)


def _gaussian_matrix(side: int, sigma: float) -> np.ndarray:
    if sigma <= 0:
        return np.eye(side)
    radius = int(_TRUNCATE * sigma + 0.5)
    offset = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (offset / sigma) ** 2)
    kernel /= kernel.sum()
    matrix = np.zeros((side, side))
    row = np.arange(side)
    for step, weight in zip(offset, kernel, strict=True):
        np.add.at(matrix, (row, _mirror(row + step, side)), weight)
    return matrix


def _mirror(index: np.ndarray, side: int) -> np.ndarray:
    """Indices folded back into 0 .. side - 1 as in `c b | a b c`."""
    if side == 1:
        return np.zeros_like(index)
    folded = np.abs(index) % (2 * side - 2)
    return np.asarray(np.minimum(folded, 2 * side - 2 - folded))
