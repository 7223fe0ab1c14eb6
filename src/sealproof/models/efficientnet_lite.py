"""EfficientNet-Lite0 in plain torch, written from its published architecture; no weights and no data in here.

Source: Tan and Le, EfficientNet, ICML 2019 (arXiv 1905.11946), Table 1, in the `Lite` variant of its authors: no
squeeze and excitation, ReLU6 in place of swish, stem and head not scaled. Parameters are named as in the weights
that `sealproof[pretrained]` installs, so that these load strictly.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

#: Constant of batch normalisation, as these weights were trained with.
EPSILON = 1e-3
STEM, HEAD, CLASSES = 32, 1280, 1000


@dataclass(frozen=True)
class Block:
    """One inverted bottleneck.

    Attributes:
        before, after: channels that come in and go out.
        kernel: side of the depthwise kernel.
        stride: of the depthwise convolution.
        expansion: factor by which channels are widened in between.
        reduction: input pixels a pixel of its output stands for, along one side.
    """

    before: int
    after: int
    kernel: int
    stride: int
    expansion: int
    reduction: int


#: Repeats, kernel, stride of the first, expansion, channels: Table 1, without stem and head.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


def _blocks() -> tuple[Block, ...]:
    blocks: list[Block] = []
    before, reduction = STEM, 2
    for repeats, kernel, first, expansion, after in _STAGES:
        for stride in (first, *[1] * (repeats - 1)):
            reduction *= stride
            blocks.append(Block(before, after, kernel, stride, expansion, reduction))
            before = after
    return tuple(blocks)


#: The sixteen blocks, by the number that settings give.
BLOCKS = _blocks()


class EfficientNetLite0(nn.Module):
    """The network, whole or up to some block, with batch normalisation or with it folded into convolutions.

    Args:
        depth: number of blocks, 1 to 16; the head is there only with all sixteen and without folding.
        folded: batch normalisation is part of the convolutions, for inference alone: the same function up to
            rounding, in less time.

    Raises:
        ValueError: there is no such number of blocks.

    Example:
        >>> network = EfficientNetLite0(depth=5, folded=True)
        >>> [tuple(map.shape) for map in network.features(torch.zeros(1, 3, 64, 96), (2, 4))]
        [(1, 24, 16, 24), (1, 40, 8, 12)]
    """

    def __init__(self, depth: int = len(BLOCKS), *, folded: bool = False) -> None:
        super().__init__()
        if not 1 <= depth <= len(BLOCKS):
            raise ValueError(f"a depth of 1 to {len(BLOCKS)} blocks is needed, got {depth}")
        self.depth, self.folded = depth, folded
        self._conv_stem = _convolution(3, STEM, 3, stride=2, folded=folded)
        self._bn0 = _normalisation(STEM, folded=folded)
        self._blocks = nn.ModuleList(_Bottleneck(block, folded=folded) for block in BLOCKS[:depth])
        if depth == len(BLOCKS) and not folded:
            self._conv_head = _convolution(BLOCKS[-1].after, HEAD, 1)
            self._bn1 = _normalisation(HEAD)
            self._fc = nn.Linear(HEAD, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """Class scores (N, 1000) of normalised images (N, 3, H, W); only the whole network has them."""
        hidden = self.features(images, (self.depth - 1,))[0]
        hidden = functional.relu6(self._bn1(self._conv_head(hidden)))
        scores: Tensor = self._fc(hidden.mean((2, 3)))
        return scores

    def features(self, images: Tensor, blocks: tuple[int, ...]) -> list[Tensor]:
        """Output of some blocks, by number from 0, ascending; nothing behind the last of them is computed.

        Args:
            images: (N, 3, H, W), normalised.
            blocks: numbers below `depth`.

        Returns:
            For block b (N, channels of b, about H / reduction of b, about W / reduction of b).
        """
        hidden = functional.relu6(self._bn0(_same(self._conv_stem, images)))
        found = []
        for number, block in enumerate(self._blocks):
            hidden = block(hidden)
            if number in blocks:
                found.append(hidden)
            if number == max(blocks):
                break
        return found

    def fold(self, depth: int) -> EfficientNetLite0:
        """The first `depth` blocks in inference form, on the CPU; what was learned is kept.

        Raises:
            ValueError: there are fewer blocks, or they are folded already.
        """
        if self.folded or depth > self.depth:
            raise ValueError(
                f"{depth} blocks cannot be folded: there are {self.depth}, folded: {self.folded}"
            )
        copy = EfficientNetLite0(depth, folded=True)
        learned = self.state_dict()
        for layer in [name.removesuffix(".bias") for name in copy.state_dict() if name.endswith(".bias")]:
            path, _, last = layer.rpartition(".")
            learned |= _folded(learned, layer, f"{path}.{_PARTNERS[last]}".removeprefix("."))
        copy.load_state_dict({name: learned[name] for name in copy.state_dict()})
        return copy.eval().requires_grad_(requires_grad=False)


class _Bottleneck(nn.Module):
    """Widen, filter each channel, narrow; added to what came in where shapes allow."""

    def __init__(self, block: Block, *, folded: bool) -> None:
        super().__init__()
        self._block = block
        wide = block.before * block.expansion
        if block.expansion > 1:
            self._expand_conv = _convolution(block.before, wide, 1, folded=folded)
            self._bn0 = _normalisation(wide, folded=folded)
        self._depthwise_conv = _convolution(
            wide, wide, block.kernel, stride=block.stride, groups=wide, folded=folded
        )
        self._bn1 = _normalisation(wide, folded=folded)
        self._project_conv = _convolution(wide, block.after, 1, folded=folded)
        self._bn2 = _normalisation(block.after, folded=folded)

    def forward(self, given: Tensor) -> Tensor:
        hidden = given
        if self._block.expansion > 1:
            hidden = functional.relu6(self._bn0(self._expand_conv(hidden)), inplace=True)
        hidden = functional.relu6(self._bn1(_same(self._depthwise_conv, hidden)), inplace=True)
        narrow: Tensor = self._bn2(self._project_conv(hidden))
        repeats = self._block.stride == 1 and self._block.before == self._block.after
        return narrow + given if repeats else narrow


#: Which normalisation stands behind a convolution.
_PARTNERS = {"_conv_stem": "_bn0", "_expand_conv": "_bn0", "_depthwise_conv": "_bn1", "_project_conv": "_bn2"}


def _folded(state: dict[str, Tensor], convolution: str, normalisation: str) -> dict[str, Tensor]:
    """Weight and bias of one convolution with its normalisation in it, computed in float64."""
    weight = state[f"{convolution}.weight"].double()
    gain, shift, mean, variance = (
        state[f"{normalisation}.{name}"].double()
        for name in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gain / torch.sqrt(variance + EPSILON)
    folded = {"weight": weight * scale[:, None, None, None], "bias": shift - mean * scale}
    return {f"{convolution}.{name}": value.float() for name, value in folded.items()}


def _convolution(
    before: int, after: int, kernel: int, *, stride: int = 1, groups: int = 1, folded: bool = False
) -> nn.Conv2d:
    padding = kernel // 2 if stride == 1 else 0
    return nn.Conv2d(before, after, kernel, stride, padding, groups=groups, bias=folded)


def _normalisation(channels: int, *, folded: bool = False) -> nn.Module:
    return nn.Identity() if folded else nn.BatchNorm2d(channels, eps=EPSILON)


def _same(convolution: nn.Conv2d, images: Tensor) -> Tensor:
    """Convolution whose output has ceil(side / stride) pixels a side; what is odd is padded below and right."""
    stride, kernel = convolution.stride[0], convolution.kernel_size[0]
    padding = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in images.shape[-1:-3:-1]]
    edges = [edge for total in padding for edge in (total // 2, total - total // 2)]
    padded = images if stride == 1 else functional.pad(images, edges)  # at stride 1 the layer pads by itself
    filtered: Tensor = convolution(padded)
    return filtered
