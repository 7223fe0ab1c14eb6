"""Four-component weights: changed edges count most, preserved edges less, texture and smooth areas least."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

#: Gradient magnitude (absolute, images in [0, 1]) above which a pixel is an edge.
EDGE = 0.12
CHANGED_EDGE_WEIGHT = 0.5
PRESERVED_EDGE_WEIGHT = 0.25
#: Texture and smooth pixels (edge in neither image) have the same weight, so they are not told apart.
NO_EDGE_WEIGHT = 0.125

# The quadratic through the three weights at 0, 1 and 2 edges; its coefficients and values are exact in
# binary. Torch selects by mask some ten times slower.
_CURVE = NO_EDGE_WEIGHT / 2 - CHANGED_EDGE_WEIGHT + PRESERVED_EDGE_WEIGHT / 2
_SLOPE = CHANGED_EDGE_WEIGHT - NO_EDGE_WEIGHT - _CURVE


def region_weights(gradients: Tensor) -> Tensor:
    """Weight of each pixel after Li and Bovik 2010 (content-partitioned SSIM), as published with the paper.

    An edge in exactly one image weighs 0.5, an edge in both 0.25, everything else 0.125.

    Args:
        gradients: (2, N, H, W), gradient magnitudes of images and reconstructions.

    Returns:
        (N, H, W), of the same type, not differentiable: constant but for jumps.

    Example:
        >>> import torch
        >>> region_weights(torch.tensor([[[[0.2, 0.2, 0.12]]], [[[0.0, 0.3, 0.1]]]])).tolist()
        [[[0.5, 0.25, 0.125]]]
    """
    edges = functional.threshold(gradients.detach(), EDGE, 0.0).sign_()
    count = edges[0].add_(edges[1])
    return (count * _CURVE).add_(_SLOPE).mul_(count).add_(NO_EDGE_WEIGHT)


def weighted_mean(similarity: Tensor, weights: Tensor) -> Tensor:
    """Sum of weight times map over sum of weights, whole map included: (N, H, W) -> (N,).

    Example:
        >>> import torch
        >>> weighted_mean(torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[0.5, 0.125]]])).item()
        0.800000011920929
    """
    return (similarity * weights).sum(dim=(-2, -1)) / weights.sum(dim=(-2, -1))
