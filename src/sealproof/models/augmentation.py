"""Copies of a patch that are as normal, or as defective, as it is: mirrored and slightly shifted ones."""

from __future__ import annotations

import torch
from torch import Tensor

from sealproof.models.settings import TrainSettings


def augment(patches: Tensor, settings: TrainSettings, generator: torch.Generator) -> Tensor:
    """Mirror and shift each patch at random, as far as the settings allow.

    Args:
        patches: (N, 1, height, width) in [0, 1].
        settings: `augment` names the mirrorings (each with probability one half), `shift` the largest shift
            in pixels.
        generator: source of all randomness, on the CPU.

    Returns:
        A tensor of the same shape; where a shift uncovers the border, the edge pixel is repeated.

    Example:
        >>> patches = torch.rand(2, 1, 16, 16)
        >>> torch.equal(augment(patches, TrainSettings(), torch.Generator()), patches)
        True
    """
    if settings.augment in ("flip-horizontal", "flip-both"):
        patches = _flip(patches, 3, generator)
    if settings.augment in ("flip-vertical", "flip-both"):
        patches = _flip(patches, 2, generator)
    return _shift(patches, settings.shift, generator) if settings.shift else patches


def mirrored(patches: Tensor, settings: TrainSettings) -> list[Tensor]:
    """Every mirrored copy of a batch that the settings allow, the batch itself first.

    Args:
        patches: (N, 1, height, width).
        settings: `augment` names the mirrorings; shifts play no part.

    Example:
        >>> [copy.flatten().tolist() for copy in mirrored(torch.tensor([[[[1, 2], [3, 4]]]]), TrainSettings())]
        [[1, 2, 3, 4]]
        >>> both = TrainSettings(augment="flip-both")
        >>> [copy.flatten().tolist() for copy in mirrored(torch.tensor([[[[1, 2], [3, 4]]]]), both)]
        [[1, 2, 3, 4], [2, 1, 4, 3], [3, 4, 1, 2], [4, 3, 2, 1]]
    """
    copies = [patches]
    if settings.augment in ("flip-horizontal", "flip-both"):
        copies += [copy.flip(3) for copy in copies]
    if settings.augment in ("flip-vertical", "flip-both"):
        copies += [copy.flip(2) for copy in copies]
    return copies


def _flip(patches: Tensor, axis: int, generator: torch.Generator) -> Tensor:
    chosen = torch.rand(len(patches), 1, 1, 1, generator=generator) < 0.5
    return torch.where(chosen, patches.flip(axis), patches)


def _shift(patches: Tensor, largest: int, generator: torch.Generator) -> Tensor:
    count, _, height, width = patches.shape
    offsets = torch.randint(-largest, largest + 1, (count, 2, 1), generator=generator)
    rows = (torch.arange(height) + offsets[:, 0]).clamp(0, height - 1)
    columns = (torch.arange(width) + offsets[:, 1]).clamp(0, width - 1)
    image = torch.arange(count)[:, None, None]
    return patches[image, 0, rows[:, :, None], columns[:, None, :]][:, None]
