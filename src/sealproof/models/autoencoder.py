"""The attention autoencoder: a convolutional autoencoder on patches that a mask function found (Equation 1).

"Attention" is the paper's word for the regions of interest the patches come from; there is no learned
attention layer.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from sealproof.evidence.errors import DefinitionError
from sealproof.models.settings import TrainSettings

#: Each of the four layers halves height and width, so both must be multiples of 2 ** 4.
STRIDE = 16
#: Mean grey value that `brightness: levelled` brings patches to; leaves room for twice the mean.
LEVEL = 0.45
#: Mean below which a patch is not brightened any further: it holds noise, not a picture.
DARKEST = 0.02


class AttentionAutoencoder(nn.Module):
    """Four stride-2 convolution layers, a bottleneck, and their mirror image with a sigmoid at the end.

    Source: the paper's section III and Appendix B (four latent layers, dropout 0.11228, mean squared error),
    and the architecture its authors published: 3 x 3 convolutions with stride 2, batch normalisation, ReLU
    and dropout, a dense latent layer, transposed convolutions, He initialisation.

    Args:
        height: rows of a patch, a multiple of 16.
        width: columns of a patch, a multiple of 16.
        settings: of the architecture.

    Raises:
        DefinitionError: height or width is not a positive multiple of 16.

    Example:
        >>> settings = TrainSettings(filters=(4, 4, 8, 8), latent=8)
        >>> model = AttentionAutoencoder(32, 48, settings).eval()
        >>> tuple(model(torch.zeros(2, 1, 32, 48)).shape)
        (2, 1, 32, 48)
    """

    def __init__(self, height: int, width: int, settings: TrainSettings) -> None:
        super().__init__()
        _check_size(height, width)
        self.height, self.width, self.settings = height, width, settings
        self.encoder = nn.ModuleList(_encoder(settings))
        self.bottleneck = _bottleneck(height, width, settings)
        self.decoder = nn.Sequential(*_decoder(settings))
        self.apply(_he_initialisation)

    def forward(self, patches: Tensor) -> Tensor:
        """Reconstruct patches: (N, 1, height, width) in [0, 1] to the same shape in [0, 1]."""
        scaled, gain = self._levelled(patches)
        code = self.bottleneck(self._encode(scaled, len(self.encoder)))
        reconstruction: Tensor = (self.decoder(code) / gain).clamp(0, 1)
        return reconstruction

    def features(self, patches: Tensor, layer: int) -> Tensor:
        """Flat output of encoder layer 1, 2, 3 or 4: (N, 1, height, width) to (N, channels x rows x columns).

        Raises:
            DefinitionError: there is no such layer.

        Example:
            >>> model = AttentionAutoencoder(32, 48, TrainSettings(filters=(4, 4, 8, 8), latent=8)).eval()
            >>> tuple(model.features(torch.zeros(2, 1, 32, 48), layer=2).shape)
            (2, 384)
        """
        if not 1 <= layer <= len(self.encoder):
            raise DefinitionError(
                f"the autoencoder has no encoder layer {layer}",
                where="params.yaml, key `score.mahalanobis.layer`",
                why=f"it has layers 1 to {len(self.encoder)}",
                mend=f"give a layer from 1 to {len(self.encoder)}",
            )
        return self._encode(self._levelled(patches)[0], layer).flatten(1)

    def _levelled(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """What the network sees, (N, 1, height, width) in [0, 1], and the gain that led there."""
        self._check_patches(patches)
        mean = patches.mean((1, 2, 3), keepdim=True)
        if self.settings.brightness == "kept":
            return patches, torch.ones_like(mean)
        gain = LEVEL / mean.clamp_min(DARKEST)
        return (patches * gain).clamp(0, 1), gain

    def _encode(self, hidden: Tensor, layers: int) -> Tensor:
        for layer in list(self.encoder)[:layers]:
            hidden = layer(hidden)
        return hidden

    def _check_patches(self, patches: Tensor) -> None:
        if tuple(patches.shape[1:]) != (1, self.height, self.width):
            raise DefinitionError(
                f"patches of shape {tuple(patches.shape[1:])} do not fit the autoencoder",
                where="the patches given to the model",
                why=f"it was built for (1, {self.height}, {self.width}): one channel, height, width",
                mend="use the patch size the model was trained with, or train again",
            )


def _check_size(height: int, width: int) -> None:
    if height < STRIDE or width < STRIDE or height % STRIDE or width % STRIDE:
        raise DefinitionError(
            f"patches of {height} x {width} pixels do not fit the autoencoder",
            where="inspection.yaml, keys `roi.patch_height` and `roi.patch_width`",
            why=f"four layers of stride 2 need multiples of {STRIDE}",
            mend=f"give multiples of {STRIDE}",
        )


def _encoder(settings: TrainSettings) -> list[nn.Sequential]:
    channels = (1, *settings.filters)
    return [
        _hidden(nn.Conv2d(before, after, 3, stride=2, padding=1), after, settings.dropout)
        for before, after in itertools.pairwise(channels)
    ]


def _decoder(settings: TrainSettings) -> list[nn.Module]:
    channels = settings.filters[::-1]
    layers: list[nn.Module] = [
        _hidden(_upwards(before, after), after, settings.dropout)
        for before, after in itertools.pairwise(channels)
    ]
    return [*layers, _upwards(channels[-1], 1), nn.Sigmoid()]


def _upwards(before: int, after: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(before, after, 3, stride=2, padding=1, output_padding=1)


def _hidden(layer: nn.Module, channels: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(layer, nn.BatchNorm2d(channels), nn.ReLU(), nn.Dropout(dropout))


def _bottleneck(height: int, width: int, settings: TrainSettings) -> nn.Sequential:
    channels, rows, columns = settings.filters[-1], height // STRIDE, width // STRIDE
    if settings.bottleneck == "convolutional":
        return nn.Sequential(
            nn.Conv2d(channels, settings.latent, 1), nn.Conv2d(settings.latent, channels, 1), nn.ReLU()
        )
    size = channels * rows * columns
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(size, settings.latent),
        nn.Linear(settings.latent, size),
        nn.ReLU(),
        nn.Unflatten(1, (channels, rows, columns)),
    )


def _he_initialisation(module: nn.Module) -> None:
    """He et al. 2015, for layers in front of a ReLU; biases start at zero."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
