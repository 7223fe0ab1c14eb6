"""The network of MOCCA: an autoencoder, and the centre of the normal patches at several of its layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sealproof.evidence.errors import DefinitionError
from sealproof.models.autoencoder import AttentionAutoencoder, without_principal_path
from sealproof.models.data import Batches
from sealproof.models.grid import grid_means
from sealproof.models.settings import TrainSettings

#: Below this a layer's output does not vary, and its distances are not scaled up.
SMALLEST_SCALE = 1e-6


class MoccaNetwork(nn.Module):
    """Reconstructs patches, and measures how far their embeddings are from the centres.

    The embedding of a layer is its output, averaged over a grid of cells. Its distance to the centre is the root
    of the mean squared difference over the embedding's numbers, in units of what it was among the training
    patches when the centres were set: every layer counts alike, whatever its size and scale.

    Args:
        height, width: of a patch, multiples of 2 ** layers.
        settings: of the architecture; section `mocca`.

    Raises:
        DefinitionError: a size that does not fit, a layer that is not there or is named twice.

    Example:
        >>> network = MoccaNetwork(16, 16, TrainSettings(filters=(2, 2, 2, 2), latent=3)).eval()
        >>> tuple(network(torch.zeros(2, 1, 16, 16)).shape), tuple(network.squared(torch.zeros(2, 1, 16, 16)).shape)
        ((2, 1, 16, 16), (2, 5))
    """

    def __init__(self, height: int, width: int, settings: TrainSettings) -> None:
        super().__init__()
        self.height, self.width, self.settings = height, width, settings
        self.autoencoder = AttentionAutoencoder(height, width, without_principal_path(settings))
        self.layers = _layers(settings)
        sizes = [embedding.shape[1] for embedding in self._sample()]
        for layer, size in zip(self.layers, sizes, strict=True):
            self.register_buffer(f"centre_{layer}", torch.zeros(size))
        self.register_buffer("scales", torch.ones(len(self.layers)))
        self.register_buffer("radii", torch.zeros(len(self.layers)))

    def forward(self, patches: Tensor) -> Tensor:
        """Reconstruct (N, 1, height, width) in [0, 1]."""
        made: Tensor = self.autoencoder(patches)
        return made

    def embeddings(self, patches: Tensor) -> list[Tensor]:
        """(N, F) of each layer that is looked at, in the order of `layers`."""
        outputs = self.autoencoder.outputs(patches)
        cells = self.settings.mocca.cells
        chosen = [outputs[layer] for layer in self.layers]
        return [(grid_means(made, cells) if made.ndim == 4 else made).flatten(1) for made in chosen]

    def squared(self, patches: Tensor) -> Tensor:
        """Squared distance (N, L) to the centre of each of the L layers."""
        parts = [
            ((embedding - self.get_buffer(f"centre_{layer}")) ** 2).mean(1)
            for layer, embedding in zip(self.layers, self.embeddings(patches), strict=True)
        ]
        return torch.stack(parts, dim=1) / self.get_buffer("scales") ** 2

    def distance(self, patches: Tensor) -> Tensor:
        """Mean over layers of the distance to the centre, less the radius where the boundary is soft: (N,)."""
        distances = self.squared(patches).sqrt()
        if self.settings.mocca.boundary == "soft":
            distances = distances - self.get_buffer("radii")
        return distances.mean(1)

    def one_class_loss(self, patches: Tensor) -> Tensor:
        """What pulls patches to the centres: Massoli et al., hard and soft boundary."""
        squared = self.squared(patches)
        if self.settings.mocca.boundary == "hard":
            return squared.mean()
        bounds = self.get_buffer("radii") ** 2
        return (bounds + (squared - bounds).relu().mean(0) / self.settings.mocca.nu).mean()

    @torch.no_grad()
    def set_centres(self, normals: Batches) -> None:
        """Mean embedding of the normal patches at each layer, and their root mean squared distance to it."""
        training = self.training
        self.eval()
        total, count = None, 0
        for given, _ in normals:
            sums = [embedding.double().sum(0) for embedding in self.embeddings(given.to(self._device()))]
            total = sums if total is None else [a + b for a, b in zip(total, sums, strict=True)]
            count += len(given)
        for layer, summed in zip(self.layers, total or [], strict=True):
            self.get_buffer(f"centre_{layer}").copy_(summed / count)
        self.get_buffer("scales").fill_(1.0)
        spread = self._all_squared(normals).double().mean(0).sqrt()
        self.get_buffer("scales").copy_(torch.where(spread > SMALLEST_SCALE, spread, 1.0))
        self.train(training)

    @torch.no_grad()
    def set_radii(self, normals: Batches) -> None:
        """Radius of the sphere at each layer that holds all but the share `nu` of the normal patches."""
        training = self.training
        self.eval()
        distances = self._all_squared(normals).sqrt()
        self.get_buffer("radii").copy_(torch.quantile(distances, 1 - self.settings.mocca.nu, dim=0))
        self.train(training)

    def _all_squared(self, normals: Batches) -> Tensor:
        return torch.cat([self.squared(given.to(self._device())) for given, _ in normals])

    def _device(self) -> torch.device:
        return self.get_buffer("radii").device

    @torch.no_grad()
    def _sample(self) -> list[Tensor]:
        self.eval()
        made = self.embeddings(torch.zeros(1, 1, self.height, self.width))
        self.train()
        return made


def _layers(settings: TrainSettings) -> tuple[int, ...]:
    known = range(len(settings.filters) + 1)
    layers = settings.mocca.layers or tuple(known)
    if len(set(layers)) != len(layers) or not set(layers) <= set(known):
        raise DefinitionError(
            f"MOCCA cannot look at the layers {', '.join(map(str, layers))}",
            where="params.yaml, key `train.mocca.layers`",
            why=f"the encoder has layers 1 to {len(settings.filters)}, 0 is the bottleneck, and each counts once",
            mend="name layers that are there, each once, or leave the key out for all of them",
        )
    return layers
