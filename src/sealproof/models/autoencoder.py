"""The attention autoencoder: a convolutional autoencoder on patches that a mask function found (Equation 1).

"Attention" is the paper's word for the regions of interest the patches come from; there is no learned
attention layer.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from sealproof.evidence.errors import DefinitionError
from sealproof.models.principal import PrincipalPath
from sealproof.models.settings import TrainSettings

#: Mean grey value that `brightness: levelled` brings patches to; leaves room for twice the mean.
LEVEL = 0.45
#: Mean below which a patch is not brightened any further: it holds noise, not a picture.
DARKEST = 0.02
#: Largest grey value that the convolutional layers add to the linear path or take away, times two.
REST = 0.4


class AttentionAutoencoder(nn.Module):
    """Three to six stride-2 convolution layers, a bottleneck, and their mirror image with a sigmoid at the end.

    Source: the paper's section III and Appendix B (four latent layers, dropout 0.11228, mean squared error),
    and the architecture its authors published: 3 x 3 convolutions with stride 2, batch normalisation, ReLU
    and dropout, a dense latent layer, transposed convolutions, He initialisation.

    Args:
        height: rows of a patch, a multiple of 2 ** layers, because each layer halves it.
        width: columns of a patch, likewise.
        settings: of the architecture.

    Raises:
        DefinitionError: height or width is not a positive multiple of 2 ** layers.

    Example:
        >>> settings = TrainSettings(filters=(4, 4, 8, 8), latent=8)
        >>> model = AttentionAutoencoder(32, 48, settings).eval()
        >>> tuple(model(torch.zeros(2, 1, 32, 48)).shape)
        (2, 1, 32, 48)
    """

    def __init__(self, height: int, width: int, settings: TrainSettings) -> None:
        super().__init__()
        _check_size(height, width, len(settings.filters))
        self.height, self.width, self.settings = height, width, settings
        self.encoder = nn.ModuleList(encoder_layers(settings))
        self.bottleneck = _bottleneck(height, width, settings)
        #: layers of the bottleneck up to its narrowest place
        self._narrowing = 2 if settings.bottleneck == "dense" else 1
        self.decoder = nn.Sequential(*decoder_layers(settings))
        self.principal = (
            PrincipalPath(height * width, settings.principal_components)
            if settings.principal_components
            else None
        )
        self.apply(he_initialisation)

    def forward(self, patches: Tensor) -> Tensor:
        """Reconstruct patches: (N, 1, height, width) in [0, 1] to the same shape in [0, 1]."""
        scaled, gain = self._levelled(patches)
        made = self.decoder(self.bottleneck(self._encode(scaled, len(self.encoder))))
        if self.principal is not None:
            made = self.principal(scaled) + REST * (made - 0.5)
        reconstruction: Tensor = (made / gain).clamp(0, 1)
        return reconstruction

    def learn_principal_path(self, patches: Tensor) -> None:
        """Compute the linear path, where there is one, from normal patches (n, 1, height, width) in [0, 1]."""
        if self.principal is not None:
            self.principal.learn(self._levelled(patches)[0].flatten(1))

    def features(self, patches: Tensor, layer: int) -> Tensor:
        """Flat output of encoder layer 1, 2, ...: (N, 1, height, width) to (N, channels x rows x columns).

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

    def code(self, patches: Tensor) -> Tensor:
        """Flat output of the bottleneck: (N, 1, height, width) to (N, latent) or (N, latent x rows x columns).

        Example:
            >>> model = AttentionAutoencoder(32, 48, TrainSettings(filters=(4, 4, 8, 8), latent=8)).eval()
            >>> tuple(model.code(torch.zeros(2, 1, 32, 48)).shape)
            (2, 8)
        """
        hidden = self._encode(self._levelled(patches)[0], len(self.encoder))
        flat: Tensor = self.bottleneck[: self._narrowing](hidden).flatten(1)
        return flat

    def outputs(self, patches: Tensor) -> list[Tensor]:
        """The bottleneck's output and each encoder layer's, as they are: (N, ...) each, in this order.

        Example:
            >>> model = AttentionAutoencoder(32, 48, TrainSettings(filters=(4, 4, 8, 8), latent=8)).eval()
            >>> [tuple(output.shape) for output in model.outputs(torch.zeros(2, 1, 32, 48))][:2]
            [(2, 8), (2, 4, 16, 24)]
        """
        hidden = [self._levelled(patches)[0]]
        for layer in self.encoder:
            hidden.append(layer(hidden[-1]))
        return [self.bottleneck[: self._narrowing](hidden[-1]), *hidden[1:]]

    def _levelled(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        check_patches(patches, self.height, self.width)
        return levelled(patches, self.settings)

    def _encode(self, hidden: Tensor, layers: int) -> Tensor:
        for layer in list(self.encoder)[:layers]:
            hidden = layer(hidden)
        return hidden


def without_principal_path(settings: TrainSettings) -> TrainSettings:
    """The settings of a network that is wanted for its encoder, or learns its centres: convolutional layers alone.

    Example:
        >>> without_principal_path(TrainSettings(principal_components=9)).principal_components
        0
    """
    return settings.model_copy(update={"principal_components": 0})


def levelled(patches: Tensor, settings: TrainSettings) -> tuple[Tensor, Tensor]:
    """What a network sees, (N, 1, height, width) in [0, 1], and the gain (N, 1, 1, 1) that led there.

    Example:
        >>> seen, gain = levelled(torch.full((1, 1, 16, 16), 0.9), TrainSettings(brightness="levelled"))
        >>> round(seen.mean().item(), 3), round(gain.item(), 3)
        (0.45, 0.5)
    """
    mean = patches.mean((1, 2, 3), keepdim=True)
    if settings.brightness == "kept":
        return patches, torch.ones_like(mean)
    gain = LEVEL / mean.clamp_min(DARKEST)
    return (patches * gain).clamp(0, 1), gain


def check_patches(patches: Tensor, height: int, width: int) -> None:
    """Refuse patches of another shape than a network was built for.

    Raises:
        DefinitionError: they are not (N, 1, height, width).
    """
    if tuple(patches.shape[1:]) != (1, height, width):
        raise DefinitionError(
            f"patches of shape {tuple(patches.shape[1:])} do not fit the autoencoder",
            where="the patches given to the model",
            why=f"it was built for (1, {height}, {width}): one channel, height, width",
            mend="use the patch size the model was trained with, or train again",
        )


def _check_size(height: int, width: int, layers: int) -> None:
    stride = 2**layers
    if height < stride or width < stride or height % stride or width % stride:
        raise DefinitionError(
            f"patches of {height} x {width} pixels do not fit the autoencoder",
            where="inspection.yaml, keys `roi.patch_height` and `roi.patch_width`; params.yaml, key `train.filters`",
            why=f"{layers} layers of stride 2 need multiples of {stride}",
            mend=f"give multiples of {stride}, or fewer filters",
        )


def encoder_layers(settings: TrainSettings) -> list[nn.Sequential]:
    """Stride-2 convolutions with batch normalisation, ReLU and dropout; one input channel."""
    channels = (1, *settings.filters)
    return [
        _hidden(nn.Conv2d(before, after, 3, stride=2, padding=1), after, settings.dropout)
        for before, after in itertools.pairwise(channels)
    ]


def decoder_layers(settings: TrainSettings) -> list[nn.Module]:
    """The mirror image of `encoder_layers`, with a sigmoid at the end."""
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
    channels = settings.filters[-1]
    rows, columns = (side // 2 ** len(settings.filters) for side in (height, width))
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


def he_initialisation(module: nn.Module) -> None:
    """He et al. 2015, for layers in front of a ReLU; biases start at zero."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
