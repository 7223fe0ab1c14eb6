"""The network whose features a detector compares: pretrained on ImageNet, or our own trained encoder."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional

from sealproof.evidence.errors import DefinitionError
from sealproof.models.autoencoder import AttentionAutoencoder, without_principal_path
from sealproof.models.detector import Device, TrainingData
from sealproof.models.efficientnet_lite import BLOCKS, EfficientNetLite0
from sealproof.models.pretrained import DEVIATION, MEAN, describe_weights, pretrained_network
from sealproof.models.settings import TrainSettings

#: Sides of what the pretrained network sees are multiples of this: its last blocks have 32 pixels a feature.
COARSEST = 32
#: Mean and standard deviation that `light: standardised` brings patches to; the rest is cut off at 0 and 1.
LEVEL, CONTRAST = 0.5, 0.2
#: Standard deviation below which contrast is not raised any further: it is noise, not a picture.
FLATTEST = 0.01


class Backbone(nn.Module):
    """Maps of features of patches, (N, 1, height, width) in [0, 1].

    Attributes:
        size: height and width that the network sees, pixels.
        channels: of each map that `forward` gives.
        description: what a model card says of third-party weights.
    """

    size: tuple[int, int]
    channels: tuple[int, ...]
    description: str

    @abstractmethod
    def forward(self, patches: Tensor) -> list[Tensor]:
        """Maps (N, channels, rows, columns), the finest first."""


class PretrainedBackbone(Backbone):
    """Blocks of EfficientNet-Lite0, batch normalisation folded into the convolutions.

    Example:
        >>> backbone = PretrainedBackbone(64, 256, TrainSettings(detector="padim"))
        >>> backbone.size, backbone.channels
        ((64, 224), (24, 40, 112))
    """

    def __init__(self, height: int, width: int, settings: TrainSettings) -> None:
        super().__init__()
        self._settings = settings.backbone
        self.size = _seen(height, width, settings.backbone.side)
        self.channels = tuple(BLOCKS[block].after for block in settings.backbone.blocks)
        self.description = describe_weights()
        self.network = _quick(EfficientNetLite0(max(settings.backbone.blocks) + 1, folded=True))

    def load_pretrained(self) -> PretrainedBackbone:
        """Take the weights of the installed package; returns itself."""
        self.network = _quick(pretrained_network().fold(max(self._settings.blocks) + 1))
        return self

    def forward(self, patches: Tensor) -> list[Tensor]:
        """Outputs of the chosen blocks."""
        seen = patches
        if tuple(patches.shape[2:]) != self.size:
            seen = functional.interpolate(
                patches, self.size, mode="bilinear", align_corners=False, antialias=True
            )
        if self._settings.light == "standardised":
            seen = standardised(seen)
        normalised = (seen * 255 - MEAN) / DEVIATION
        images = normalised.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
        return self.network.features(images, self._settings.blocks)


class OwnEncoder(Backbone):
    """Encoder layers of an autoencoder of ours, trained on the same normals; no third-party weights.

    Example:
        >>> settings = TrainSettings(filters=(4, 4, 8, 8), latent=8)
        >>> maps = OwnEncoder(32, 48, settings)(torch.zeros(2, 1, 32, 48))
        >>> [tuple(map.shape) for map in maps]
        [(2, 4, 16, 24), (2, 4, 8, 12), (2, 8, 4, 6)]
    """

    def __init__(self, height: int, width: int, settings: TrainSettings) -> None:
        super().__init__()
        _check_layers(settings)
        self._settings = settings.backbone
        self.size = (height, width)
        self.channels = tuple(settings.filters[layer - 1] for layer in settings.backbone.layers)
        self.description = "none: features come from our own encoder, trained on the same normal patches"
        self.network = AttentionAutoencoder(height, width, without_principal_path(settings)).eval()

    def forward(self, patches: Tensor) -> list[Tensor]:
        """Outputs of the chosen encoder layers."""
        seen = standardised(patches) if self._settings.light == "standardised" else patches
        return [
            self.network.features(seen, layer).reshape(
                len(seen), channels, self.size[0] >> layer, self.size[1] >> layer
            )
            for layer, channels in zip(self._settings.layers, self.channels, strict=True)
        ]


def blank_backbone(height: int, width: int, settings: TrainSettings) -> Backbone:
    """The network of `settings.backbone.source` without knowledge, for patches of that size."""
    kind = OwnEncoder if settings.backbone.source == "own-encoder" else PretrainedBackbone
    backbone = kind(height, width, settings)
    return backbone.eval().requires_grad_(requires_grad=False)


def fitted_backbone(
    data: TrainingData, settings: TrainSettings, *, seed: int, device: Device, threads: int
) -> Backbone:
    """The network ready for use: weights loaded, or our own encoder trained on `data.normals`.

    Raises:
        DefinitionError: no pretrained weights are installed, or the training's own reasons.
        EvidenceAlteredError: the pretrained weights are not those that are known.
        DataError: too few patches to train an encoder.
    """
    backbone = blank_backbone(*data.normals.size, settings)
    if isinstance(backbone, PretrainedBackbone):
        return backbone.load_pretrained()
    # Lightning takes seconds to load: whoever only examines patches does not wait for it.
    from sealproof.models.training import fit_patches

    plain = without_principal_path(settings)
    fitted = fit_patches(data.normals, data.held_out, plain, seed=seed, device=device, threads=threads)
    weights = {f"network.{name}": value for name, value in fitted.model.state_dict().items()}
    backbone.load_state_dict(weights)
    return backbone


def standardised(patches: Tensor) -> Tensor:
    """Each patch at mean `LEVEL` and standard deviation `CONTRAST`, cut off at 0 and 1.

    Cells differ in brightness and exposure; features of a pretrained network change with both.

    Args:
        patches: (N, 1, H, W) in [0, 1].

    Example:
        >>> given = torch.tensor([[[[0.1, 0.3]]]])
        >>> [round(value, 4) for value in standardised(given).flatten().tolist()]
        [0.3, 0.7]
    """
    mean = patches.mean((1, 2, 3), keepdim=True)
    deviation = (patches - mean).square().mean((1, 2, 3), keepdim=True).sqrt()
    return (LEVEL + (patches - mean) * (CONTRAST / deviation.clamp_min(FLATTEST))).clamp(0, 1)


def _check_layers(settings: TrainSettings) -> None:
    last, there = max(settings.backbone.layers), len(settings.filters)
    if last > there:
        raise DefinitionError(
            f"the own encoder has no layer {last}",
            where="params.yaml, key `train.backbone.layers`",
            why=f"`train.filters` names {there} layers",
            mend=f"give layers from 1 to {there}",
        )


def _seen(height: int, width: int, side: int) -> tuple[int, int]:
    """Size of what the network sees: longer side `side`, the other in proportion, in steps of `COARSEST`."""
    steps = [max(1, round(pixels * side / max(height, width) / COARSEST)) for pixels in (height, width)]
    return steps[0] * COARSEST, steps[1] * COARSEST


def _quick(network: EfficientNetLite0) -> EfficientNetLite0:
    """Channels last: the layout in which pointwise and depthwise convolutions are fastest on the CPU."""
    network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
    return network
