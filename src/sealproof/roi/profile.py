"""The row profile of the Sobel gradient: what a horizontal transition looks like after summing along it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from sealproof.roi.settings import Feature, SobelTransitionOptions

Array = NDArray[np.float64]

_BINS = 16  # groups of columns that are shifted against each other to follow a tilt


@dataclass(frozen=True)
class Profile:
    """Response of each row to the wanted feature.

    Args:
        response: (H,), positive where the feature is; grey values a pixel for edges and, by the choice of the
            derivative's scale, for lines as well.
        tilt: pixels that the transition descends for each pixel to the right.
        column: column at which the rows hold, pixels.
    """

    response: Array
    tilt: float
    column: float


def row_profile(image: NDArray[np.float32], options: SobelTransitionOptions) -> Profile:
    """Mean vertical Sobel gradient of each row, along the tilt that makes it strongest, filtered for the
    feature.

    Args:
        image: (H, W), grey values in [0, 1], sides of at least 3.
        options: feature, scale, columns and tilt limit are used.

    Returns:
        The profile; all zero for a flat image.
    """
    gradients, columns = _binned_gradients(image, options.columns)
    centre = float(columns.mean())
    slopes = _slopes(options.tilt_limit, float(np.ptp(columns)))
    energies = np.array([_energy(gradients, columns - centre, slope, options) for slope in slopes])
    tilt = _best(slopes, energies)
    response = _response(_aligned_mean(gradients, columns - centre, tilt), options.feature, options.scale)
    return Profile(response, tilt, centre)


def _binned_gradients(image: NDArray[np.float32], part: tuple[float, float]) -> tuple[Array, Array]:
    """Vertical Sobel gradient (grey values a pixel) as means of column groups (H, B); their middles (B,)."""
    gradient = cv2.Sobel(image, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8, borderType=cv2.BORDER_REPLICATE)
    width = image.shape[1]
    first, last = int(part[0] * width), max(int(np.ceil(part[1] * width)), int(part[0] * width) + 1)
    edges = np.linspace(first, last, min(_BINS, last - first) + 1).round().astype(int)
    sums = np.add.reduceat(gradient[:, first:last], edges[:-1] - first, axis=1, dtype=np.float64)
    return sums / np.diff(edges), (edges[:-1] + edges[1:]) / 2


def _slopes(limit: float, width: float) -> Array:
    """Slopes to try: the far ends move by half a pixel from one to the next."""
    steepest = np.tan(np.radians(limit))
    count = int(np.ceil(steepest * width)) if steepest else 0
    return np.linspace(-steepest, steepest, 2 * count + 1) if count else np.zeros(1)


def _energy(gradients: Array, offsets: Array, slope: float, options: SobelTransitionOptions) -> float:
    response = _response(_aligned_mean(gradients, offsets, slope), options.feature, options.scale)
    height = len(response)
    low, high = (round(share * height) for share in options.search)
    return float(np.square(np.maximum(response[low:high], 0)).sum())


def _best(slopes: Array, energies: Array) -> float:
    """The slope of largest energy, between the tried ones by a parabola; 0 when nothing tells them apart."""
    if not np.ptp(energies) > 0:
        return 0.0
    top = int(energies.argmax())
    if top in {0, len(slopes) - 1}:
        return float(slopes[top])
    return float(slopes[top] + parabola_offset(*energies[top - 1 : top + 2]) * (slopes[1] - slopes[0]))


def _aligned_mean(gradients: Array, offsets: Array, slope: float) -> Array:
    """Mean over the column groups, each shifted so that a line of that slope becomes level: (H,)."""
    if slope == 0:
        return np.asarray(gradients.mean(axis=1))
    rows = np.arange(len(gradients), dtype=np.float64)
    shifted = [
        np.interp(rows + slope * offset, rows, column)
        for offset, column in zip(offsets, gradients.T, strict=True)
    ]
    return np.asarray(np.mean(shifted, axis=0))


def _response(profile: Array, feature: Feature, scale: float) -> Array:
    """Smoothed gradient for edges; its derivative, positive in the middle of a dark line, for lines."""
    if feature in {"rising", "falling", "edge"}:
        smooth = gaussian_filter1d(profile, scale, mode="nearest")
        return np.abs(smooth) if feature == "edge" else smooth if feature == "rising" else -smooth
    curvature = gaussian_filter1d(profile, scale, order=1, mode="nearest") * scale
    return curvature if feature == "dark_line" else -curvature


def parabola_offset(before: float, top: float, after: float) -> float:
    """Where the parabola through three equidistant values has its top: -0.5 to 0.5 steps from the middle.

    Example:
        >>> parabola_offset(0.0, 1.0, 1.0)
        0.5
        >>> parabola_offset(1.0, 1.0, 1.0)
        0.0
    """
    bend = before - 2 * top + after
    if not bend < 0:
        return 0.0
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))
