"""All wanted variants of one batch at once: maps, gradients and weights are made once a scale and shared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from sealproof.scores.gradient import gradient_magnitude
from sealproof.scores.regions import region_weights, weighted_mean
from sealproof.scores.resize import SCALES, resize, scaled_sides
from sealproof.scores.variants import Variant
from sealproof.scores.windows import extremes, inner_mean, ssim_map


def compare(
    pair: Tensor, variants: Mapping[str, Variant], *, fixed_range: bool, map_of: str | None
) -> tuple[dict[str, Tensor], Tensor | None]:
    """Similarity of image pairs in several variants.

    Args:
        pair: (2, N, H, W), images and reconstructions in [0, 1], not checked here; sides of at least 3.
        variants: what to compute, by name.
        fixed_range: data range 1 instead of each pair's own.
        map_of: the variant whose local map is wanted.

    Returns:
        (N,) by name, and the map (N, H, W) or None. The map is the SSIM map without region weights, for
        multi-scale variants the weighted mean of the scales' maps, each enlarged linearly.
    """
    scores: dict[str, list[Tensor]] = {name: [] for name in variants}
    weights: dict[str, list[float]] = {name: [] for name in variants}
    maps: list[Tensor] = []
    for scale, weight, resized in _scales(
        pair, multiscale=any(variant.multiscale for variant in variants.values())
    ):
        at_scale = _Scale(resized, fixed_range=fixed_range)
        for name, variant in variants.items():
            if variant.multiscale or scale == 1.0:
                scores[name].append(at_scale.score(variant))
                weights[name].append(weight)
        if map_of is not None and len(maps) < len(scores[map_of]):
            maps.append(_enlarge(at_scale.map(gradient=variants[map_of].gradient), pair.shape[-2:]))
    combined = {name: combine(torch.stack(scores[name]), weights[name]) for name in variants}
    if map_of is None:
        return combined, None
    return combined, _combine_maps(torch.stack(maps), torch.stack(scores[map_of]), weights[map_of])


def _scales(pair: Tensor, *, multiscale: bool) -> list[tuple[float, float, Tensor]]:
    """(scale, weight, pair at that scale); full resolution alone unless `multiscale`."""
    scale, weight = SCALES[0]
    found = [(scale, weight, pair)]
    if multiscale:
        low, high = extremes(pair)
        for scale, weight in SCALES[1:]:
            sides = scaled_sides(pair.shape[-2], pair.shape[-1], scale)
            if sides is not None:
                found.append((scale, weight, resize(pair, *sides, low, high)))
    return found


def combine(scores: Tensor, weights: Sequence[float]) -> Tensor:
    """Weighted arithmetic mean over scales (S, N) -> (N,); a scale that is NaN is left out, as if not there.

    Example:
        >>> combine(torch.tensor([[0.5], [float("nan")], [0.0]]), [0.75, 1.0, 0.25]).tolist()
        [0.375]
    """
    if len(weights) == 1:
        return scores[0]
    share = _valid_weights(scores, weights)
    return (torch.nan_to_num(scores) * share).sum(dim=0) / share.sum(dim=0)


def _valid_weights(scores: Tensor, weights: Sequence[float]) -> Tensor:
    """Weights (S, N) that are 0 where a score is NaN."""
    return scores.new_tensor(list(weights))[:, None] * ~scores.isnan()


def _combine_maps(maps: Tensor, scores: Tensor, weights: Sequence[float]) -> Tensor:
    if len(weights) == 1:
        return maps[0]
    share = _valid_weights(scores, weights)[:, :, None, None]
    return torch.where(share == 0, 0.0, maps * share).sum(dim=0) / share.sum(dim=0)


def _enlarge(similarity: Tensor, sides: torch.Size) -> Tensor:
    if similarity.shape[-2:] == sides:
        return similarity
    return functional.interpolate(similarity[:, None], size=sides, mode="bilinear", align_corners=False)[:, 0]


class _Scale:
    """A batch at one scale; each intermediate is made when first asked for, and kept."""

    def __init__(self, pair: Tensor, *, fixed_range: bool) -> None:
        self._pair = pair
        self._fixed_range = fixed_range
        self._maps: dict[bool, Tensor] = {}
        self._gradients: Tensor | None = None
        self._weights: Tensor | None = None

    def score(self, variant: Variant) -> Tensor:
        """(N,)."""
        similarity = self.map(gradient=variant.gradient)
        return weighted_mean(similarity, self.weights()) if variant.weighted else inner_mean(similarity)

    def map(self, *, gradient: bool) -> Tensor:
        """(N, H, W), of the images or of their gradient magnitudes."""
        if gradient not in self._maps:
            pair = self.gradients() if gradient else self._pair
            self._maps[gradient] = ssim_map(pair, fixed_range=self._fixed_range)
        return self._maps[gradient]

    def gradients(self) -> Tensor:
        """(2, N, H, W)."""
        if self._gradients is None:
            self._gradients = gradient_magnitude(self._pair)
        return self._gradients

    def weights(self) -> Tensor:
        """(N, H, W)."""
        if self._weights is None:
            self._weights = region_weights(self.gradients())
        return self._weights
