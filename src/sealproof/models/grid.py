"""Means over a grid of cells, for any size, with a gradient that is the same in every run."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool1d


def grid_means(maps: Tensor, cells: int) -> Tensor:
    """Means over at most `cells` x `cells` parts of equal size (up to a pixel, which neighbours may share).

    As two products of matrices: torch's own adaptive pooling has no deterministic gradient on a GPU.

    Args:
        maps: (N, C, H, W).
        cells: along each axis; fewer where an axis is shorter.

    Returns:
        (N, C, min(cells, H), min(cells, W)).

    Example:
        >>> grid_means(torch.tensor([[[[1.0, 3.0], [5.0, 7.0]]]]), 1).tolist()
        [[[[4.0]]]]
    """
    rows, columns = (_shares(side, cells).to(maps) for side in maps.shape[2:])
    return rows @ maps @ columns.T


def _shares(side: int, cells: int) -> Tensor:
    """(cells, side): what each pixel of an axis adds to the mean of each cell."""
    return adaptive_avg_pool1d(torch.eye(side, dtype=torch.float64)[None], min(cells, side))[0].T
