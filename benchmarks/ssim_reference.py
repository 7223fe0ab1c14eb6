"""The SSIM family with NumPy, SciPy and scikit-image, one image at a time: independent of `sealproof.scores`.

Kept as a yardstick for speed and as a second implementation for tests. Definitions: the code published with
the paper; see `sealproof.scores.ssim`.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage.metrics import structural_similarity
from skimage.transform import resize

_SCALES = ((1.0, 0.5), (0.5, 0.25), (0.25, 0.125), (0.125, 0.125))
_ACROSS = np.outer([1, 2, 1], [1, 0, -1]) / 4


def scores(images: np.ndarray, reconstructions: np.ndarray, variant: str) -> np.ndarray:
    """Scores (N,) of images (N, H, W) in [0, 1], preset `published`."""
    pairs = zip(images, reconstructions, strict=True)
    return np.array([score(image, reconstruction, variant) for image, reconstruction in pairs])


def score(image: np.ndarray, reconstruction: np.ndarray, variant: str) -> float:
    """Score of one pair (H, W)."""
    parts = variant.split("-")
    if "ms" not in parts:
        return _at_scale(image, reconstruction, parts)
    values, weights = [], []
    for scale, weight in _SCALES:
        sides = int(image.shape[0] * scale), int(image.shape[1] * scale)
        if scale == 1.0:
            values.append(_at_scale(image, reconstruction, parts))
        elif min(sides) < 7:
            continue
        else:
            values.append(_at_scale(_smaller(image, sides), _smaller(reconstruction, sides), parts))
        weights.append(weight)
    return float(np.average(values, weights=weights))


def _at_scale(image: np.ndarray, reconstruction: np.ndarray, parts: list[str]) -> float:
    gradients = (_gradient(image), _gradient(reconstruction)) if {"g", "4"} & set(parts) else None
    x, y = gradients if gradients is not None and "g" in parts else (image, reconstruction)
    side = min(7, *x.shape)
    side = max(side - 1 if side % 2 == 0 else side, 3)
    data_range = max(np.ptp(x), np.ptp(y)) or 1.0
    mean, similarity = structural_similarity(x, y, win_size=side, data_range=data_range, full=True)
    if gradients is None or "4" not in parts:
        return float(mean)
    first, second = gradients[0] > 0.12, gradients[1] > 0.12
    weights = np.where(first ^ second, 0.5, np.where(first & second, 0.25, 0.125))
    return float((similarity * weights).sum() / weights.sum())


def _gradient(image: np.ndarray) -> np.ndarray:
    horizontal = ndimage.convolve(image, _ACROSS.astype(image.dtype), mode="reflect")
    vertical = ndimage.convolve(image, _ACROSS.T.astype(image.dtype), mode="reflect")
    return np.sqrt(horizontal**2 + vertical**2)


def _smaller(image: np.ndarray, sides: tuple[int, int]) -> np.ndarray:
    return resize(image, sides, order=1, mode="reflect", anti_aliasing=True, preserve_range=True, clip=True)
