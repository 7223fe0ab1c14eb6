"""The SSIM family: structural similarity of images and their reconstructions, eight variants.

Paper, section III.A and Table 3; definitions of the code published with it. Preset `published` follows that
code to the last rule: the data range is taken from each pair at each scale. Preset `fixed-range` uses data
range 1, so that a score does not depend on the brightest pixel of its own pair. All else is the same.

There are two ways to the same numbers. `family` is torch: for gradients, and on a graphics processor. `fused` is
compiled: for everything else, which is scoring, and several times faster. Its results are the same bits in any batch.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import forward_ad

from sealproof.scores import family
from sealproof.scores.variants import PresetName, Variant, VariantName, check_preset, parse_variant

_LOG = logging.getLogger(__name__)
_SMALLEST_SIDE = 3
#: Shorter sides have smaller windows than 7 x 7, which `fused` does not know.
_SMALLEST_FUSED_SIDE = 7
#: Pixels compared at a time: more do not stay in the processor's cache, and memory stays small.
_BLOCK = 1 << 17


def similarity(
    image: Any,
    reconstruction: Any,
    variant: VariantName,
    preset: PresetName = "published",
    return_map: bool = False,  # noqa: FBT001, FBT002 - the public signature
) -> Any:
    """Structural similarity of each image and its reconstruction: 1 when they are identical.

    Differentiable in both images. With gradients or on a graphics processor it is computed in the type of the
    input; else in float64, rounded to the type of the input.

    Args:
        image: (N, H, W), tensor or array, float32 or float64, values in [0, 1].
        reconstruction: (N, H, W), the same.
        variant: `ssim`, `g-ssim`, `ms-ssim`, `ms-g-ssim`, `4-ssim`, `4-g-ssim`, `4-ms-ssim` or `4-ms-g-ssim`.
        preset: `published` or `fixed-range`.
        return_map: also return the local similarity (N, H, W): the SSIM map without region weights, for
            multi-scale variants the weighted mean of the scales' maps, enlarged linearly.

    Returns:
        (N,), or ((N,), (N, H, W)); tensors, or arrays when both images are arrays. NaN with preset
        `published` when the two sizes differ or a side is below 3, as in the published code; a warning is
        logged.

    Raises:
        ValueError: unknown variant or preset, not three axes, not float32 or float64, a value that is NaN or
            outside [0, 1], different numbers of images; with `fixed-range` also what `published` answers with
            NaN.

    Example:
        >>> image = torch.linspace(0, 1, 256).reshape(1, 16, 16)
        >>> similarity(image, image, "4-ms-ssim").tolist()
        [1.0]
        >>> round(similarity(image, 1 - image, "ssim").item(), 3) < 0
        True
    """
    scores, local = _compare(image, reconstruction, (variant,), preset, variant if return_map else None)
    return (scores[variant], local) if return_map else scores[variant]


def similarities(
    image: Any, reconstruction: Any, variants: Sequence[VariantName], preset: PresetName = "published"
) -> dict[str, Any]:
    """Several variants at once, sharing maps, gradients and scales; arguments and errors as in `similarity`.

    Example:
        >>> image = torch.rand(2, 16, 16)
        >>> sorted(similarities(image, image, ["ssim", "4-ssim"]))
        ['4-ssim', 'ssim']
    """
    return _compare(image, reconstruction, variants, preset, None)[0]


def similarities_and_map(
    image: Any,
    reconstruction: Any,
    variants: Sequence[VariantName],
    map_of: VariantName,
    preset: PresetName = "published",
) -> tuple[dict[str, Any], Any]:
    """As `similarities`, with the local map (N, H, W) of `map_of`, which must be among `variants`.

    Example:
        >>> image = torch.rand(2, 16, 16)
        >>> scores, local = similarities_and_map(image, image, ["ssim", "ms-ssim"], "ms-ssim")
        >>> tuple(local.shape)
        (2, 16, 16)
    """
    if map_of not in variants:
        raise ValueError(
            f"a map of {map_of!r} is wanted, which is not among the variants {', '.join(variants)}"
        )
    return _compare(image, reconstruction, variants, preset, map_of)


def _compare(
    image: Any, reconstruction: Any, names: Sequence[str], preset: str, map_of: str | None
) -> tuple[dict[str, Any], Any]:
    variants = {name: parse_variant(name) for name in names}
    check_preset(preset)
    x, y = _tensor(image, "image"), _tensor(reconstruction, "reconstruction")
    if x.device != y.device or x.shape[0] != y.shape[0]:
        raise ValueError(f"{x.shape[0]} images on {x.device} and {y.shape[0]} reconstructions on {y.device}")
    dtype = torch.promote_types(x.dtype, y.dtype)
    x, y = x.to(dtype), y.to(dtype)
    if reason := _not_comparable(x, y):
        if preset == "fixed-range":
            raise ValueError(reason)
        _LOG.warning("similarity is NaN: %s", reason)
        scores = {name: x.new_full((x.shape[0],), float("nan")) for name in variants}
        local = None if map_of is None else torch.full_like(x, float("nan"))
    else:
        way = _fused if _may_be_fused(x, y) else _in_blocks
        scores, local = way(x, y, variants, fixed_range=preset == "fixed-range", map_of=map_of)
    if isinstance(image, Tensor) or isinstance(reconstruction, Tensor):
        return scores, local
    return {name: score.numpy() for name, score in scores.items()}, None if local is None else local.numpy()


def _may_be_fused(x: Tensor, y: Tensor) -> bool:
    """On the CPU, with whole windows, and nothing follows the arithmetic: neither gradients nor tangents."""
    if x.device.type != "cpu" or min(x.shape[1:]) < _SMALLEST_FUSED_SIDE or not len(x):
        return False
    if torch.is_grad_enabled() and (x.requires_grad or y.requires_grad):
        return False
    tangents = (forward_ad.unpack_dual(part).tangent for part in (x, y))  # type: ignore[no-untyped-call]
    return all(tangent is None for tangent in tangents)


def _fused(
    x: Tensor, y: Tensor, variants: dict[str, Variant], *, fixed_range: bool, map_of: str | None
) -> tuple[dict[str, Tensor], Tensor | None]:
    from sealproof.scores import fused  # loads a compiler, which only those who score should wait for

    return fused.compare(x, y, variants, fixed_range=fixed_range, map_of=map_of)


def _in_blocks(
    x: Tensor, y: Tensor, variants: dict[str, Variant], *, fixed_range: bool, map_of: str | None
) -> tuple[dict[str, Tensor], Tensor | None]:
    """Blocks of images that fit the cache; on a GPU, and for small batches, one block."""
    size = max(1, _BLOCK // (x.shape[1] * x.shape[2])) if x.device.type == "cpu" else max(1, len(x))
    parts = [
        family.compare(torch.stack(pair), variants, fixed_range=fixed_range, map_of=map_of)
        for pair in zip(torch.split(x, size), torch.split(y, size), strict=True)
    ]
    scores = {name: torch.cat([part[0][name] for part in parts]) for name in variants}
    maps = [part[1] for part in parts if part[1] is not None]
    return scores, torch.cat(maps) if maps else None


def _tensor(image: Any, name: str) -> Tensor:
    """`image` as a tensor that may be compared; ValueError with every reason why not."""
    if not isinstance(image, Tensor | np.ndarray):
        raise ValueError(f"{name}: not a tensor or array: {type(image).__name__}")  # noqa: TRY004 - one kind
    tensor = image if isinstance(image, Tensor) else torch.as_tensor(np.ascontiguousarray(image))
    reasons = []
    if tensor.dtype not in {torch.float32, torch.float64}:
        reasons.append(f"float32 or float64 is needed, got {tensor.dtype}")
    if tensor.ndim != 3:
        reasons.append(f"three axes (N, H, W) are needed, got {tuple(tensor.shape)}")
    if not reasons and tensor.numel():
        low, high = (value.item() for value in tensor.detach().aminmax())
        if not (low >= 0 and high <= 1):
            reasons.append(f"values must be numbers in [0, 1], found {low:g} to {high:g}")
    if reasons:
        raise ValueError(f"{name}: {'; '.join(reasons)}")
    return tensor


def _not_comparable(x: Tensor, y: Tensor) -> str | None:
    if x.shape != y.shape:
        return f"an image is {tuple(x.shape[1:])} and its reconstruction {tuple(y.shape[1:])} pixels"
    if min(x.shape[1:]) < _SMALLEST_SIDE:
        return f"images of {tuple(x.shape[1:])} pixels are smaller than a window of {_SMALLEST_SIDE} pixels"
    return None
