"""Damage for `repair` training: coherent occlusions and noise that the autoencoder must undo.

An autoencoder that only copies also copies defects. Given damaged normal patches and asked for the undamaged
ones, it learns to replace what does not belong. After Bauer and Mueller, arXiv 2511.07233; shapes and fills
are our own choice.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate

#: Cells of the coarse random field an occlusion is cut from, along each axis: few cells give wide spots, many
#: thin ones.
COARSEST, FINEST = 2, 12
#: Standard deviations of the random field above which a pixel is occluded: 0.7 covers much, 2.2 nearly
#: nothing.
LOWEST_LEVEL, HIGHEST_LEVEL = 0.7, 2.2
#: Standard deviation of the noise that is added everywhere, in units of the full range.
NOISE = 0.03


def damage(patches: Tensor, generator: torch.Generator) -> Tensor:
    """Occlude parts of each patch and add noise.

    An occlusion is where a smooth random field exceeds a random level; the field's cells are drawn per axis,
    so that spots as well as streaks occur. One third each is filled with an even grey, with a darker copy of
    the patch, and with the same place of another patch of the batch.

    Args:
        patches: (N, 1, height, width) in [0, 1].
        generator: source of all randomness, on the CPU.

    Returns:
        A tensor of the same shape in [0, 1].

    Example:
        >>> patches = torch.full((4, 1, 32, 32), 0.5)
        >>> damaged = damage(patches, torch.Generator().manual_seed(1))
        >>> bool((damaged != patches).any()), bool(damaged.min() >= 0), bool(damaged.max() <= 1)
        (True, True, True)
    """
    occluded = _occlusions(patches, generator)
    damaged = torch.where(occluded, _fill(patches, generator), patches)
    return (damaged + NOISE * torch.randn(patches.shape, generator=generator)).clamp(0, 1)


def _occlusions(patches: Tensor, generator: torch.Generator) -> Tensor:
    count, _, height, width = patches.shape
    rows, columns = torch.randint(COARSEST, FINEST + 1, (2,), generator=generator).tolist()
    coarse = torch.randn(count, 1, rows, columns, generator=generator)
    field = interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)
    span = HIGHEST_LEVEL - LOWEST_LEVEL
    return field > LOWEST_LEVEL + span * torch.rand(count, 1, 1, 1, generator=generator)


def _fill(patches: Tensor, generator: torch.Generator) -> Tensor:
    kind, grey, factor = torch.rand(3, len(patches), 1, 1, 1, generator=generator)
    darker = patches * (0.9 * factor)
    other = patches.roll(1, dims=0)
    return torch.where(kind < 1 / 3, grey.expand_as(patches), torch.where(kind < 2 / 3, darker, other))
