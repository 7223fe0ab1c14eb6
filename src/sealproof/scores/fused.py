"""The SSIM family without gradients on the CPU: image after image, scale after scale, each step while it is in cache.

Same definition as `family`, which stays for gradients and graphics processors; the two agree within 1e-12 in float64.
Here all arithmetic is float64, also for float32 images, whose scores are rounded at the end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sealproof.scores import compiled as compiling
from sealproof.scores import kernels, regions
from sealproof.scores.bands import Bands, Floats, bands
from sealproof.scores.compiled import compiled, kept, source_number
from sealproof.scores.kernels import (
    EDGE_SQUARED,
    SIDE,
    Plane,
    Planes,
    add_enlarged,
    clip,
    extremes,
    gradient_squares,
    inner_mean,
    region_mean,
    resample_rows,
    ssim_map,
    take_roots,
)
from sealproof.scores.regions import EDGE
from sealproof.scores.variants import Variant

Flags = NDArray[np.bool_]
#: The variant whose map is wanted: how many scales, 1 for gradients, 1 for a mean by region; no scales: no map.
Place = tuple[int, int, int]
#: Shorter sides have smaller windows, which are not compiled.
SMALLEST_SIDE = SIDE
#: Pixels taken over into float64 at a time: what follows finds them in the processor's cache.
_BLOCK = 1 << 16
#: Memory for larger images is given back after each call.
_LARGEST_KEPT = 1 << 20
#: Planes that one pair needs: both smaller images, both gradients, maps of images and gradients, enlarged columns.
_PLANES = 7
#: Planes have longer rows than images: rows that are a power of two apart compete for the same places in the cache.
_MARGIN = 8


class _Workspace(threading.local):
    """Memory of the last call in this thread: fresh memory costs more time than the arithmetic on it."""

    def __init__(self) -> None:
        self._sides = (0, 0)
        self._held: tuple[Floats, Floats, Floats] = (np.empty(0), np.empty(0), np.empty(0))

    def take(self, height: int, width: int) -> tuple[Floats, Floats, Floats]:
        """Pairs (2, B, H, W), planes (7, H, W + margin), and one plane of transposed images (W, H + margin)."""
        if self._sides != (height, width):
            pairs = np.empty((2, max(1, _BLOCK // (height * width)), height, width))
            planes = np.empty((_PLANES, height, width + _MARGIN))
            taken = pairs, planes, np.empty((width, height + _MARGIN))
            if height * width > _LARGEST_KEPT:
                return taken
            self._sides, self._held = (height, width), taken
        return self._held


_WORKSPACE = _Workspace()


def compare(
    x: Tensor, y: Tensor, variants: Mapping[str, Variant], *, fixed_range: bool, map_of: str | None
) -> tuple[dict[str, Tensor], Tensor | None]:
    """Similarity of image pairs in several variants: as `family.compare`, for sides of at least `SMALLEST_SIDE`.

    Args:
        x, y: (N, H, W) on the CPU, float32 or float64 in [0, 1], not checked here.
        variants: what to compute, by name.
        fixed_range: data range 1 instead of each pair's own.
        map_of: the variant whose local map is wanted.

    Returns:
        (N,) by name, and the map (N, H, W) or None, of the type of the images. What a pair gives does not depend
        on the other pairs.
    """
    count, height, width = x.shape
    scales = bands(height, width)
    wanted = _wanted(variants, len(scales.shares))
    map_place = (0, 0, 0)
    if map_of is not None:
        variant = variants[map_of]
        used = len(scales.shares) if variant.multiscale else 1
        map_place = used, int(variant.gradient), int(variant.weighted)
    means = np.full((count, *wanted.shape), np.nan)
    maps = np.zeros((0 if map_of is None else count, height, width))
    pairs, planes, half = _WORKSPACE.take(height, width)
    first, second = x.detach().numpy(), y.detach().numpy()
    for start in range(0, count, pairs.shape[1]):
        part = slice(start, min(start + pairs.shape[1], count))
        number = part.stop - start
        pairs[0, :number], pairs[1, :number] = first[part], second[part]
        _score_pairs(
            pairs,
            number,
            scales,
            wanted,
            float(fixed_range),
            map_place,
            planes,
            half,
            means[part],
            maps[part],
        )
    scores = {name: _combined(means, variant, scales.shares) for name, variant in variants.items()}
    return (
        {name: torch.from_numpy(score).to(x.dtype) for name, score in scores.items()},
        None if map_of is None else torch.from_numpy(maps).to(x.dtype),
    )


def _wanted(variants: Mapping[str, Variant], scales: int) -> Flags:
    """Which means are needed: (S, images or gradients, inner or by region)."""
    wanted = np.zeros((scales, 2, 2), np.bool_)
    for variant in variants.values():
        wanted[: scales if variant.multiscale else 1, int(variant.gradient), int(variant.weighted)] = True
    return wanted


def _combined(means: Floats, variant: Variant, shares: Floats) -> Floats:
    """(N,): full resolution, or the weighted mean over scales without those that are NaN; see `family.combine`."""
    of_scales = means[:, :, int(variant.gradient), int(variant.weighted)].T
    if not variant.multiscale:
        return np.array(of_scales[0])
    above, below = np.zeros(len(means)), np.zeros(len(means))
    for share, mean in zip(shares, of_scales, strict=True):
        known = ~np.isnan(mean)
        above += np.where(known, share * mean, 0.0)
        below += share * known
    with np.errstate(invalid="ignore"):
        return np.asarray(above / below)


@compiled
def _smaller(
    plane: Plane, width: int, scales: Bands, s: int, limits: tuple[float, float], half: Plane, out: Plane
) -> None:
    """Scale number `s` of a full plane whose values lie within `limits`."""
    tall, wide = scales.sides[s]
    resample_rows(plane, width, scales.first[s, 0], scales.weights[s, 0], scales.taps[s, 0], tall, half)
    resample_rows(half, tall, scales.first[s, 1], scales.weights[s, 1], scales.taps[s, 1], wide, out)
    clip(out, tall, wide, limits[0], limits[1])


@compiled
def _score_scale(
    x: Plane,
    y: Plane,
    height: int,
    width: int,
    wanted: Flags,
    data_range: float,
    planes: Planes,
    means: Plane,
) -> None:
    """Fill means (images or gradients, inner or by region) where wanted; maps stay in planes 4 and 5."""
    by_region, roots = wanted[0, 1] or wanted[1, 1], wanted[1, 0] or wanted[1, 1]
    edge = EDGE if roots else EDGE_SQUARED
    if by_region or roots:
        gradient_squares(x, height, width, planes[2])
        gradient_squares(y, height, width, planes[3])
    if roots:
        take_roots(planes[2], height, width)
        take_roots(planes[3], height, width)
    for g in range(2):
        if wanted[g, 0] or wanted[g, 1]:
            first, second = (planes[2], planes[3]) if g else (x, y)
            _local(first, second, height, width, data_range, planes[4 + g])
            if wanted[g, 0]:
                means[g, 0] = inner_mean(planes[4 + g], height, width)
            if wanted[g, 1]:
                means[g, 1] = region_mean(planes[4 + g], planes[2], planes[3], height, width, edge)


@compiled
def _local(x: Plane, y: Plane, height: int, width: int, data_range: float, out: Plane) -> None:
    """The map with this data range; where that is 0, with the pair's own, or 1 where both images are flat."""
    low_x, high_x = extremes(x, height, width)
    low_y, high_y = extremes(y, height, width)
    if data_range == 0.0:
        first, second = high_x - low_x, high_y - low_y
        data_range = first if first > second else second
    if data_range == 0.0:
        data_range = 1.0
    ssim_map(x, y, height, width, data_range, ((low_x + high_x) / 2, (low_y + high_y) / 2), out)


def _score_pairs_of(version: int) -> Callable[..., int]:
    """The function that compares a block of pairs, kept on disk for as long as `version` is the same."""

    def score_pairs(
        pairs: Planes,
        count: int,
        scales: Bands,
        wanted: Flags,
        data_range: float,
        map_place: Place,
        planes: Planes,
        half: Plane,
        means: Planes,
        maps: Planes,
    ) -> int:
        """Fill means (N, S, 2, 2) where wanted, and add to maps (N, H, W) if a map is wanted."""
        height, width = pairs.shape[2:]
        map_scales, gradient, weighted = map_place
        for n in range(count):
            x, y = pairs[0, n], pairs[1, n]
            range_x, range_y = extremes(x, height, width), extremes(y, height, width)
            share = 0.0
            for s in range(len(scales.shares)):
                tall, wide = scales.sides[s]
                if s == 0:
                    _score_scale(x, y, tall, wide, wanted[s], data_range, planes, means[n, s])
                elif wanted[s, 0, 0] or wanted[s, 0, 1] or wanted[s, 1, 0] or wanted[s, 1, 1]:
                    _smaller(x, width, scales, s, range_x, half, planes[0])
                    _smaller(y, width, scales, s, range_y, half, planes[1])
                    _score_scale(planes[0], planes[1], tall, wide, wanted[s], data_range, planes, means[n, s])
                if s < map_scales and not np.isnan(means[n, s, gradient, weighted]):
                    add_enlarged(planes[4 + gradient], tall, wide, scales.shares[s], planes[6], maps[n])
                    share += scales.shares[s]
            for i in range(height if map_scales > 0 else 0):
                for j in range(width):
                    maps[n, i, j] /= share
        return version

    return kept(score_pairs)


_SOURCE = source_number(compiling, kernels, regions)
_score_pairs = _score_pairs_of(_SOURCE)
