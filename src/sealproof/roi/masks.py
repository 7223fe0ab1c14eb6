"""Mask functions that need not look at the picture: the whole frame, fixed rectangles, a grid."""

from __future__ import annotations

from sealproof.roi.region import Region
from sealproof.roi.settings import FixedOptions, GridOptions


def full_frame(height: int, width: int) -> list[Region]:
    """The whole image as one region.

    Example:
        >>> [(region.name, region.x1, region.y1) for region in full_frame(2, 3)]
        [('frame', 3.0, 2.0)]
    """
    return [Region("frame", 0.0, 0.0, float(width), float(height), 1.0, decided=True)]


def fixed(options: FixedOptions) -> list[Region]:
    """The rectangles of the settings, in pixels, in every image at the same place."""
    return [
        Region(part.name, part.x0, part.y0, part.x1, part.y1, 1.0, decided=True) for part in options.regions
    ]


def grid(height: int, width: int, options: GridOptions) -> list[Region]:
    """Equal rectangles, row by row; they touch and do not overlap.

    Example:
        >>> [region.name for region in grid(4, 4, GridOptions(rows=1, columns=2))]
        ['cell-1-1', 'cell-1-2']
    """
    y = _cuts(height, options.vertical, options.rows)
    x = _cuts(width, options.horizontal, options.columns)
    return [
        Region(
            f"cell-{row + 1}-{column + 1}", x[column], y[row], x[column + 1], y[row + 1], 1.0, decided=True
        )
        for row in range(options.rows)
        for column in range(options.columns)
    ]


def _cuts(side: int, part: tuple[float, float], count: int) -> list[float]:
    low, high = part[0] * side, part[1] * side
    return [low + (high - low) * number / count for number in range(count + 1)]
