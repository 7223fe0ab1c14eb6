"""A linear path through an autoencoder: what principal components of normal patches explain of a patch.

A linear autoencoder whose squared error is minimal spans the principal components (Bourlard and Kamp, Biological
Cybernetics 59 (1988) 291-294, the paper's reference 30), so this path needs no descent: it is computed. The
convolutional layers beside it learn what is left.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

#: Patches that the components are computed from at most, spread evenly over the training patches.
MOST = 4000
#: Training patches that a component needs at least.
PATCHES_EACH = 4


class PrincipalPath(nn.Module):
    """mean + (x - mean) projected onto the components; knows nothing until `learn` or `load_state_dict`.

    Args:
        pixels: of a patch.
        components: how many are wanted; `learn` takes fewer where there are few patches.

    Example:
        >>> path = PrincipalPath(4, 1)
        >>> path.learn(torch.tensor([[0.0, 0, 0, 0], [1, 1, 0, 0], [2, 2, 0, 0], [3, 3, 0, 0]]))
        >>> path(torch.tensor([[[[3.0, 3.0], [1.0, 0.0]]]])).round(decimals=5).tolist()
        [[[[3.0, 3.0], [0.0, 0.0]]]]
    """

    mean: Tensor
    components: Tensor

    def __init__(self, pixels: int, components: int) -> None:
        super().__init__()
        # Thousands of pixels are summed for a component, and what is left of a normal patch is small: in single
        # precision the rounding of that sum, which differs between batch sizes, would show in the squared error.
        self.register_buffer("mean", torch.zeros(pixels, dtype=torch.float64))
        self.register_buffer("components", torch.zeros(components, pixels, dtype=torch.float64))

    def learn(self, patches: Tensor) -> None:
        """Compute mean and components of (n, pixels) normal patches; same patches, same bytes.

        One component for `PATCHES_EACH` patches at most: more would reconstruct the training patches themselves.
        """
        wanted = min(int(self.components.shape[0]), len(patches) // PATCHES_EACH)
        points = patches.double()
        mean = points.mean(dim=0)
        # the products of n patches, n x n, have the same axes as the covariance of far more pixels
        values, vectors = torch.linalg.eigh((points - mean) @ (points - mean).T)
        axes = (vectors[:, -wanted:].flip(1) if wanted else vectors[:, :0]).T @ (points - mean)
        axes = (
            axes
            / values[len(values) - wanted :]
            .flip(0)
            .clamp_min(torch.finfo(torch.float64).tiny)
            .sqrt()[:, None]
        )
        largest = (
            axes.abs().argmax(dim=1, keepdim=True) if wanted else axes.new_zeros((0, 1), dtype=torch.long)
        )
        axes = axes * axes.gather(1, largest).sign()  # an axis has no direction of its own
        self.resize(wanted)
        self.mean.copy_(mean)
        self.components.copy_(axes)

    def resize(self, components: int) -> None:
        """Make room for another number of components; what was known is forgotten."""
        self.components = self.components.new_zeros((components, self.mean.numel()))

    def forward(self, patches: Tensor) -> Tensor:
        """(N, 1, H, W) to the same shape and type, computed in the type of the buffers; may leave [0, 1]."""
        flat = patches.flatten(1).to(self.mean.dtype) - self.mean
        made: Tensor = self.mean + (flat @ self.components.T) @ self.components
        return made.reshape(patches.shape).to(patches.dtype)
