"""From an image and its regions to patches as the detector sees them: resampled, and freed of uneven light."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

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
    sigma = scale * min(patches.shape[1:])
    light = gaussian_filter(patches.astype(np.float64), (0, sigma, sigma), mode="reflect")
    flattened = LEVEL * patches / np.maximum(light, DARKEST)
    return np.clip(flattened, 0.0, 1.0).astype(np.float32)
