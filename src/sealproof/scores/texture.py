"""Grey-level co-occurrence texture features of Haralick, Shanmugam and Dinstein (IEEE Transactions on Systems, Man,
and Cybernetics SMC-3 (1973) 610-621), as the paper adds them to its scores (Table 4)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
TextureName = Literal["contrast", "dissimilarity", "homogeneity", "ASM", "energy", "correlation"]
TEXTURE_NAMES: tuple[TextureName, ...] = get_args(TextureName)
#: In pixels.
DISTANCES = (1, 2, 4)
#: In radians: along a row, both diagonals, along a column.
ANGLES = (0.0, math.pi / 4, math.pi / 2, 3 * math.pi / 4)
LEVELS = 32
#: Below this deviation a texture is flat, and its correlation is 1 by convention, as in scikit-image.
_FLAT = 1e-15


def texture_features(
    images: NDArray[np.floating],
    distances: Sequence[int] = DISTANCES,
    angles: Sequence[float] = ANGLES,
    levels: int = LEVELS,
) -> dict[str, Floats]:
    """Texture features of each image, mean over the angles, so that turning a part by 90 degrees changes nothing.

    Args:
        images: (N, H, W), values in [0, 1].
        distances: between the two pixels of a pair.
        angles: directions of the second pixel, radians, as in `glcm`.
        levels: grey levels.

    Returns:
        `<feature>-<distance>` -> (N,) float64; features as in `TEXTURE_NAMES`.

    Raises:
        ValueError: what `glcm` refuses, or no distance or angle.

    Example:
        >>> stripes = np.tile([0.0, 1.0], (1, 4, 2))
        >>> found = texture_features(stripes, distances=[1], angles=[0.0], levels=2)
        >>> found["contrast-1"].tolist(), found["correlation-1"].tolist()
        ([1.0], [-1.0])
    """
    if not distances or not angles:
        raise ValueError("at least one distance and one angle are needed")
    quantised = quantise(images, levels)
    found: dict[str, Floats] = {}
    for distance in distances:
        parts = [_haralick(_co_occurrence(quantised, distance, angle, levels)) for angle in angles]
        for name in TEXTURE_NAMES:
            found[f"{name}-{distance}"] = np.mean([part[name] for part in parts], axis=0)
    return found


def texture_names(distances: Sequence[int] = DISTANCES) -> tuple[str, ...]:
    """Names in the order of `texture_features`.

    Example:
        >>> texture_names([1])[:2]
        ('contrast-1', 'dissimilarity-1')
    """
    return tuple(f"{name}-{distance}" for distance, name in itertools.product(distances, TEXTURE_NAMES))


def quantise(images: NDArray[np.floating], levels: int) -> NDArray[np.int64]:
    """Grey levels 0 to levels - 1 in equal steps: (N, H, W) in [0, 1] -> (N, H, W).

    Raises:
        ValueError: not three axes, a value that is NaN or outside [0, 1], fewer than 2 or more than 256 levels.

    Example:
        >>> quantise(np.array([[[0.0, 0.49, 0.5, 1.0]]]), 2).tolist()
        [[[0, 0, 1, 1]]]
    """
    reasons = []
    if not 2 <= levels <= 256:
        reasons.append(f"2 to 256 grey levels are possible, not {levels}")
    if images.ndim != 3:
        reasons.append(f"three axes (N, H, W) are needed, got {images.shape}")
    if images.size and not (images.min() >= 0 and images.max() <= 1):
        reasons.append("values must be numbers in [0, 1]")
    if reasons:
        raise ValueError("; ".join(reasons))
    return np.minimum((images * levels).astype(np.int64), levels - 1)


def glcm(images: NDArray[np.floating], distance: int, angle: float, levels: int = LEVELS) -> Floats:
    """Symmetric, normalised grey-level co-occurrence matrices.

    The second pixel of a pair lies round(distance sin angle) rows below and round(distance cos angle) columns to
    the right of the first, as in `skimage.feature.graycomatrix`.

    Args:
        images: (N, H, W), values in [0, 1].
        distance: in pixels, 1 or more.
        angle: radians.
        levels: grey levels, see `quantise`.

    Returns:
        (N, levels, levels) float64 that sums to 1 for each image.

    Raises:
        ValueError: what `quantise` refuses, a distance below 1, or one that no pair of pixels has.

    Example:
        >>> glcm(np.array([[[0.0, 1.0]]]), 1, 0.0, levels=2).tolist()
        [[[0.0, 0.5], [0.5, 0.0]]]
    """
    return _co_occurrence(quantise(images, levels), distance, angle, levels)


def _co_occurrence(quantised: NDArray[np.int64], distance: int, angle: float, levels: int) -> Floats:
    down, right = round(distance * math.sin(angle)), round(distance * math.cos(angle))
    count, height, width = quantised.shape
    if distance < 1 or abs(down) >= height or abs(right) >= width:
        raise ValueError(f"no pixels lie {distance} apart in images of {height} x {width} pixels")
    first = quantised[:, max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)]
    second = quantised[:, max(0, down) : height + min(0, down), max(0, right) : width + min(0, right)]
    image = np.arange(count)[:, None, None] * levels**2
    pairs = np.bincount((image + first * levels + second).ravel(), minlength=count * levels**2)
    matrix = pairs.reshape(count, levels, levels)
    return (matrix + matrix.transpose(0, 2, 1)) / (2 * first[0].size if count else 1)


def _haralick(matrix: Floats) -> dict[str, Floats]:
    """Features of co-occurrence matrices (N, levels, levels): name -> (N,)."""
    level = np.arange(matrix.shape[1], dtype=np.float64)
    gap = level[:, None] - level[None, :]
    moment = np.square(matrix).sum(axis=(1, 2))
    share = matrix.sum(axis=2)
    mean = share @ level
    variance = (share * np.square(level - mean[:, None])).sum(axis=1)
    centred = level - mean[:, None]
    covariance = np.einsum("nij,ni,nj->n", matrix, centred, centred)
    flat = np.sqrt(variance) < _FLAT
    return {
        "contrast": np.tensordot(matrix, np.square(gap), 2),
        "dissimilarity": np.tensordot(matrix, np.abs(gap), 2),
        "homogeneity": np.tensordot(matrix, 1 / (1 + np.square(gap)), 2),
        "ASM": moment,
        "energy": np.sqrt(moment),
        "correlation": np.where(flat, 1.0, covariance / np.where(flat, 1.0, variance)),
    }
