"""A network as it is quickest to evaluate: normalisation folded into convolutions, one float type, channels last."""

from __future__ import annotations

from copy import deepcopy
from typing import TypeVar

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

Network = TypeVar("Network", bound=nn.Module)


def inference_form(network: Network) -> Network:
    """A copy in single precision that computes the same function up to rounding; the network stays as it is.

    Every convolution that a batch normalisation follows takes it over (its running statistics are constants in
    evaluation mode); float64 buffers become float32; weights are laid out for channels last, in which the CPU's
    convolutions are faster.

    Args:
        network: in evaluation mode.

    Raises:
        ValueError: it is in training mode, where batch statistics are no constants.

    Example:
        >>> network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU()).eval()
        >>> given = torch.rand(1, 1, 8, 8)
        >>> bool(torch.allclose(network(given), inference_form(network)(given), atol=1e-6))
        True
        >>> [type(layer).__name__ for layer in inference_form(network)]
        ['Conv2d', 'Identity', 'ReLU']
    """
    if network.training:
        raise ValueError("a network in training mode has no inference form")
    copy = deepcopy(network)
    for layers in [module for module in copy.modules() if isinstance(module, nn.Sequential)]:
        for place in range(len(layers) - 1):
            _fold(layers, place)
    return copy.float().to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]  # torch's stubs lack it


def _fold(layers: nn.Sequential, place: int) -> None:
    convolution, normalisation = layers[place], layers[place + 1]
    if isinstance(convolution, nn.Conv2d | nn.ConvTranspose2d) and isinstance(normalisation, nn.BatchNorm2d):
        upwards = isinstance(convolution, nn.ConvTranspose2d)
        layers[place] = fuse_conv_bn_eval(convolution.double(), normalisation.double(), transpose=upwards)
        layers[place + 1] = nn.Identity()
