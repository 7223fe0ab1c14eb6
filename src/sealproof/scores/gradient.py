"""Gradient magnitude of an image: 3 x 3 Sobel, divided by 4."""

from __future__ import annotations

import torch
from torch import Tensor

from sealproof.scores.windows import mirrored


def gradient_magnitude(image: Tensor) -> Tensor:
    """Length of the Sobel gradient, [1, 2, 1] / 4 across times [1, 0, -1] along, edge pixels repeated.

    A step of 1 gives 1, a ramp of slope s a pixel gives 2 s. The derivative at magnitude 0 is set to 0.

    Args:
        image: (..., H, W).

    Returns:
        (..., H, W), at least 0.

    Example:
        >>> ramp = torch.arange(5.0).repeat(5, 1)[None] * 0.1
        >>> round(float(gradient_magnitude(ramp)[0, 2, 2]), 6)
        0.2
    """
    padded = mirrored(image, 1)
    horizontal = _smooth(padded, -2)
    horizontal = horizontal[..., 2:] - horizontal[..., :-2]
    vertical = _smooth(padded, -1)
    vertical = vertical[..., 2:, :] - vertical[..., :-2, :]
    return _root((horizontal * horizontal).addcmul_(vertical, vertical)).mul_(0.25)


def _smooth(image: Tensor, axis: int) -> Tensor:
    """[1, 2, 1] along `axis`."""
    n = image.shape[axis] - 2
    ends = image.narrow(axis, 0, n) + image.narrow(axis, 2, n)
    return ends.add_(image.narrow(axis, 1, n), alpha=2)


def _root(squares: Tensor) -> Tensor:
    """Square root whose derivative at 0 is 0 instead of infinite."""
    if not squares.requires_grad:
        return squares.sqrt_()
    positive = squares > 0
    return torch.where(positive, torch.where(positive, squares, 1.0).sqrt(), 0.0)
