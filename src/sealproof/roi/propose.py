"""Equation 1: F(image) = attention patches. One function for all mask functions, with one rule for doubt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sealproof.roi.masks import fixed, full_frame, grid
from sealproof.roi.region import Region
from sealproof.roi.settings import FixedOptions, GridOptions, RoiSettings, SobelTransitionOptions
from sealproof.roi.sobel import sobel_transition


def propose(image: NDArray[np.float32], settings: RoiSettings) -> list[Region]:
    """The regions of interest of one image.

    A region is decided when its confidence is above 0, at least `minimum_confidence`, and the region lies
    inside the image. A region that leaves the image is undecided rather than moved: what it should show was
    not photographed, and moving it would put the transition where no training patch has it. Confidence that
    is NaN becomes 0.

    Args:
        image: (H, W), grey values in [0, 1].
        settings: mask function, its options and the smallest confidence.

    Returns:
        The same number of regions for every image.

    Raises:
        ValueError: the image is not two-dimensional or has no pixels.

    Example:
        >>> settings = RoiSettings(method="full_frame")
        >>> [region.name for region in propose(np.zeros((4, 6), np.float32), settings)]
        ['frame']
    """
    if image.ndim != 2 or 0 in image.shape:
        raise ValueError(f"an image (H, W) is needed, got shape {image.shape}")
    return [_judge(region, image.shape, settings) for region in _regions(image, settings)]


def _regions(image: NDArray[np.float32], settings: RoiSettings) -> list[Region]:
    options = settings.parsed_options()
    height, width = image.shape
    if isinstance(options, SobelTransitionOptions):
        return sobel_transition(image, options)
    if isinstance(options, GridOptions):
        return grid(height, width, options)
    if isinstance(options, FixedOptions):
        return fixed(options)
    return full_frame(height, width)


def _judge(region: Region, shape: tuple[int, ...], settings: RoiSettings) -> Region:
    confidence = region.confidence if 0 <= region.confidence <= 1 else 0.0
    decided = (
        region.decided
        and confidence > 0
        and confidence >= settings.minimum_confidence
        and region.is_inside(shape[0], shape[1])
    )
    return replace(region, confidence=confidence, decided=decided)
