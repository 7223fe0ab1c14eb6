"""From an image and its regions to patches as the detector sees them: resampled, and freed of uneven light."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idctn

from sealproof.roi.region import Region
from sealproof.roi.resample import extract
from sealproof.roi.settings import RoiSettings

Patches = NDArray[np.float32]
#: Grey value that even light is brought to; leaves room for structures twice as bright.
LEVEL = 0.45
#: Local mean below which light is not raised any further: there is noise, not a picture.
DARKEST = 0.02


def cut(image: NDArray[np.float32], regions: Sequence[Region], settings: RoiSettings) -> Patches:
    """The patches of an image.

    Args:
        image: (H, W), values in [0, 1].
        regions: inside the image.
        settings: patch size and illumination.

    Returns:
        (regions, patch_height, patch_width), values in [0, 1].

    Raises:
        ValueError: a region leaves the image or has no area.

    Example:
        >>> settings = RoiSettings(method="full_frame", patch_height=16, patch_width=16, illumination="flattened")
        >>> ramp = np.tile(np.linspace(0.2, 0.8, 64, dtype=np.float32), (64, 1))
        >>> patch = cut(ramp, [Region("frame", 0, 0, 64, 64, 1.0, True)], settings)[0]
        >>> bool(np.ptp(patch) < 0.5 * np.ptp(ramp))
        True
    """
    patches = extract(image, regions, settings.patch_height, settings.patch_width)
    return flatten(patches, settings.illumination_scale) if settings.illumination == "flattened" else patches


def flatten(patches: Patches, scale: float) -> Patches:
    """Patches divided by their own low-pass: what is left is structure, whatever light fell on the part.

    The low-pass is a Gaussian whose standard deviation is `scale` times the shorter side, the border mirrored with the
    edge pixel repeated (Gonzalez and Woods, Digital Image Processing, 3rd ed., section 4.9.6, without the logarithm).

    Args:
        patches: (N, H, W), values in [0, 1].
        scale: share of the shorter side, above 0.

    Returns:
        (N, H, W), `LEVEL` where the picture is even, clipped to [0, 1].

    Example:
        >>> round(flatten(np.full((1, 8, 8), 0.3, np.float32), 0.2)[0, 0, 0].item(), 4)
        0.45
    """
    flattened = LEVEL * patches / np.maximum(_low_pass(patches, scale * min(patches.shape[1:])), DARKEST)
    return np.clip(flattened, 0.0, 1.0).astype(np.float32)


def _low_pass(patches: Patches, sigma: float) -> NDArray[np.float64]:
    """Gaussian of (N, H, W) with mirrored borders: a product in the domain of the cosine transform.

    A wide kernel makes this many times quicker than a sum over its pixels, and it is the same sum: the transform of
    type II takes exactly this border for granted (Martucci, IEEE Trans. Signal Processing 42 (1994) 1038-1051).
    """
    rows, columns = (_response(size, sigma) for size in patches.shape[1:])
    spectrum = dctn(patches.astype(np.float64), axes=(1, 2))
    found: NDArray[np.float64] = idctn(spectrum * rows[:, None] * columns, axes=(1, 2))
    return found


@lru_cache(maxsize=16)
def _response(size: int, sigma: float) -> NDArray[np.float64]:
    """What is left of each of `size` cosines behind the Gaussian, which ends at four standard deviations."""
    reach = np.arange(1, int(4 * sigma + 0.5) + 1)
    weights = np.exp(-0.5 * (reach / sigma) ** 2)
    waves = np.cos(np.pi / size * np.outer(np.arange(size), reach))
    found: NDArray[np.float64] = (1 + 2 * waves @ weights) / (1 + 2 * weights.sum())
    found.flags.writeable = False  # shared by all who ask
    return found
