"""From a region to a patch of fixed size: area averages at sub-pixel positions. The filter is recorded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sealproof.roi.region import Region

#: How patches are resampled, as documents print it.
RESAMPLING = (
    "mean over the area of a target pixel, at least one source pixel wide and high, at sub-pixel position"
)


def extract(
    image: NDArray[np.float32], regions: Sequence[Region], height: int, width: int
) -> NDArray[np.float32]:
    """The patches of an image, resized.

    Each target pixel is the mean over the rectangle of the source that it covers, and over one source pixel's
    width where it covers less; then that is linear interpolation. So nothing aliases when a patch shrinks,
    and the patch does not jump when the region moves by part of a pixel. A tilted region is first made level
    by linear interpolation along the columns.

    Args:
        image: (H, W), values in [0, 1].
        regions: inside the image.
        height: of the patches.
        width: of the patches.

    Returns:
        (regions, height, width), values in [0, 1].

    Raises:
        ValueError: a region leaves the image or has no area.

    Example:
        >>> frame = Region("frame", 0, 0, 4, 2, 1.0, True)
        >>> extract(np.array([[0, 1, 0, 0], [1, 0, 0, 1]], np.float32), [frame], 1, 2).tolist()
        [[[0.5, 0.25]]]
    """
    patches = np.empty((len(regions), height, width), np.float32)
    for patch, region in zip(patches, regions, strict=True):
        if not region.is_inside(*image.shape):
            raise ValueError(f"region {region.name!r} leaves the image or has no area: {region}")
        source = _levelled(image, region) if region.tilt else image
        rows, row_weights = area_weights(region.y0, region.y1, height, image.shape[0])
        columns, column_weights = area_weights(region.x0, region.x1, width, image.shape[1])
        lower = (source[rows] * row_weights[..., None]).sum(axis=1)
        patch[:] = np.clip((lower[:, columns] * column_weights).sum(axis=2), 0, 1)
    return patches


def area_weights(
    start: float, stop: float, count: int, side: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Which source pixels make each target pixel along one axis, and with what weights.

    Args:
        start: first edge of the region.
        stop: last edge.
        count: target pixels.
        side: source pixels.

    Returns:
        Source pixels (count, K) and their weights (count, K), rows summing to 1. Beyond the border the edge
        pixel counts.

    Example:
        >>> area_weights(0.5, 2.5, 1, 4)
        (array([[0, 1, 2]]), array([[0.25, 0.5 , 0.25]]))
    """
    step = (stop - start) / count
    reach = max(step, 1.0)
    centres = start + (np.arange(count) + 0.5) * step
    low, high = (centres - reach / 2)[:, None], (centres + reach / 2)[:, None]
    pixels = np.floor(low).astype(np.int64) + np.arange(int(np.ceil(reach)) + 1)
    overlap = np.maximum(np.minimum(high, pixels + 1.0) - np.maximum(low, pixels), 0.0)
    return np.clip(pixels, 0, side - 1), overlap / overlap.sum(axis=1, keepdims=True)


def _levelled(image: NDArray[np.float32], region: Region) -> NDArray[np.float64]:
    """The image with each column moved so that the region's tilt becomes level."""
    height, width = image.shape
    drop = region.tilt * (np.arange(width) + 0.5 - (region.x0 + region.x1) / 2)
    rows = np.clip(np.arange(height)[:, None] + drop, 0, height - 1)
    above = rows.astype(np.int64)
    below = np.minimum(above + 1, height - 1)
    upper, lower = np.take_along_axis(image, above, axis=0), np.take_along_axis(image, below, axis=0)
    return np.asarray(upper + (lower - upper) * (rows - above))
