"""Mask function `sobel_transition`: patches around, or between, horizontal transitions of the part.

The paper finds the edges of the pouch transition, a horizontal line, with the Sobel operator and sets a
window of fixed size (section III.A, Equation 1).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sealproof.roi.profile import Profile, row_profile
from sealproof.roi.region import Region
from sealproof.roi.settings import SobelTransitionOptions
from sealproof.roi.transitions import Transition, find_transitions

_SMALLEST_SIDE = 3


def sobel_transition(image: NDArray[np.float32], options: SobelTransitionOptions) -> list[Region]:
    """Regions at the horizontal transitions of an image.

    With `between`, the strips between consecutive transitions; their confidence is the smaller of the two.
    Otherwise a window around each. Where the transitions are not found, every region is the whole image with
    confidence 0, so the number of regions is the same for every image.

    Args:
        image: (H, W), grey values in [0, 1].
        options: what to look for.

    Returns:
        Regions from top to bottom; `decided` is not yet set by confidence.
    """
    names = region_names(options)
    height, width = image.shape
    if min(image.shape) >= _SMALLEST_SIDE:
        profile = row_profile(image, options)
        transitions = find_transitions(profile.response, options)
        if transitions:
            spans = (
                _strips(transitions, height, options) if options.between else _windows(transitions, options)
            )
            return [
                _region(name, span, profile, width, options) for name, span in zip(names, spans, strict=True)
            ]
    return [Region(name, 0.0, 0.0, float(width), float(height), 0.0, decided=False) for name in names]


def region_names(options: SobelTransitionOptions) -> list[str]:
    """Names of the regions, from top to bottom.

    Example:
        >>> region_names(SobelTransitionOptions())
        ['transition']
        >>> region_names(SobelTransitionOptions(count=2, between=True, outer=True))
        ['strip-1', 'strip-2', 'strip-3']
    """
    if options.between:
        count = options.count + 1 if options.outer else options.count - 1
        return [f"strip-{number + 1}" for number in range(count)]
    if options.count == 1:
        return ["transition"]
    return [f"transition-{number + 1}" for number in range(options.count)]


_Span = tuple[float, float, float]  # upper edge, lower edge, confidence


def _windows(transitions: list[Transition], options: SobelTransitionOptions) -> list[_Span]:
    return [
        (one.position - options.above, one.position + options.below, one.confidence) for one in transitions
    ]


def _strips(transitions: list[Transition], height: int, options: SobelTransitionOptions) -> list[_Span]:
    edges = [
        (one.position - options.inset, one.position + options.inset, one.confidence) for one in transitions
    ]
    if options.outer:
        edges = [(0.0, 0.0, 1.0), *edges, (float(height), float(height), 1.0)]
    return [(before[1], after[0], min(before[2], after[2])) for before, after in pairwise(edges)]


def _region(name: str, span: _Span, profile: Profile, width: int, options: SobelTransitionOptions) -> Region:
    y0, y1, confidence = span
    x0, x1 = options.horizontal[0] * width, options.horizontal[1] * width
    tilt = profile.tilt if options.level else 0.0
    drop = tilt * ((x0 + x1) / 2 - profile.column)
    return Region(name, x0, y0 + drop, x1, y1 + drop, confidence, decided=True, tilt=tilt)
