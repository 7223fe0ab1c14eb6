"""A region of interest: where a patch lies and how sure the mask function is of it."""

from __future__ import annotations

from dataclasses import dataclass

_ROUNDING = 1e-6  # pixels by which a computed edge may pass the image's


@dataclass(frozen=True)
class Region:
    """Attention patch of Equation 1, [(x0, y0), (x1, y1)].

    Args:
        name: which patch, the same in every image: `seal`, `strip-2`.
        x0: left edge, pixels of the full image. Pixel i covers i to i + 1; edges are half-open.
        y0: upper edge.
        x1: right edge.
        y1: lower edge.
        confidence: 0 to 1, how clearly the region was found; 1 where nothing had to be found.
        decided: False when the region may not be used: then the image is undecided.
        tilt: pixels that the patch descends for each pixel to the right; 0 is a rectangle. The edges hold at
            the middle column.
    """

    name: str
    x0: float
    y0: float
    x1: float
    y1: float
    confidence: float
    decided: bool
    tilt: float = 0.0

    def is_inside(self, height: int, width: int) -> bool:
        """Whether the region lies in an image of that size and has an area; False for NaN.

        Example:
            >>> Region("all", 0, 0, 4, 3, 1.0, True).is_inside(3, 4)
            True
            >>> Region("low", 0, 0, 4, 3, 1.0, True, tilt=0.5).is_inside(3, 4)
            False
        """
        drop = abs(self.tilt) * (self.x1 - self.x0) / 2
        return (
            0 <= self.x0 < self.x1 <= width + _ROUNDING
            and self.y0 - drop >= -_ROUNDING
            and self.y0 < self.y1
            and self.y1 + drop <= height + _ROUNDING
        )
