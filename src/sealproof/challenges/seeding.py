"""Defects of known size drawn into a grey image: anti-aliased, smooth at the edge, never outside [0, 1].

| type | what is drawn | size |
| --- | --- | --- |
| dark-blob | a dark disc: a hole, a stain, a particle | diameter |
| crack | a thin dark line that bends | length |
| bright-scratch | a thin bright straight line | length |

Sizes are where the contrast has fallen to one half, in pixels of the image that is drawn into.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
Grid = NDArray[np.float64]
#: Width of the edge in pixels: over it the contrast falls from whole to none, which is anti-aliasing.
EDGE = 1.0
#: Straight pieces of a crack, and the standard deviation of the turn between two of them in radians.
PIECES, TURN = 4, 0.45

#: Defect type -> (whether it is dark, what its size measures).
KINDS: dict[str, tuple[bool, str]] = {
    "dark-blob": (True, "diameter"),
    "crack": (True, "length"),
    "bright-scratch": (False, "length"),
}


@dataclass(frozen=True)
class Placement:
    """Where and how a defect lies, drawn before its size is known.

    Args:
        row, column: of its middle, pixels of the image.
        angle: of a line, radians; 0 is to the right.
        turns: (`PIECES` - 1,) radians by which a crack turns at its bends.
    """

    row: float
    column: float
    angle: float
    turns: tuple[float, ...]


def size_series(smallest: float, largest: float, count: int) -> list[float]:
    """Geometric series of sizes, rounded to hundredths of a pixel.

    Example:
        >>> size_series(2.0, 32.0, 5)
        [2.0, 4.0, 8.0, 16.0, 32.0]
    """
    return [round(float(size), 2) for size in np.geomspace(smallest, largest, count)]


def draw_placement(
    random: np.random.Generator, box: tuple[float, float, float, float], reach: float
) -> Placement:
    """A place inside a box, `reach` pixels away from its edges where the box is wide enough, else in its middle.

    Args:
        random: source of chance; as many numbers are drawn for every box and reach.
        box: (x0, y0, x1, y1), pixels of the image.
        reach: half the extent of the defect, pixels.

    Example:
        >>> place = draw_placement(np.random.default_rng(1), (10, 20, 30, 24), 5)
        >>> 15 <= place.column <= 25, place.row
        (True, 22.0)
    """
    x0, y0, x1, y1 = box
    across, down, direction = random.random(3)
    turns = random.normal(0, TURN, PIECES - 1)
    return Placement(
        row=_between(y0 + reach, y1 - reach, down),
        column=_between(x0 + reach, x1 - reach, across),
        angle=direction * np.pi,
        turns=tuple(turns.tolist()),
    )


def _between(low: float, high: float, share: float) -> float:
    return float(low + share * (high - low)) if low < high else (low + high) / 2


def seed_defect(
    image: Image, kind: str, size: float, place: Placement, *, contrast: float, width: float
) -> Image:
    """The image with one defect in it.

    A dark defect multiplies the grey value by 1 - contrast x coverage, a bright one does so to 1 - grey value.

    Args:
        image: (H, W), values in [0, 1]; not changed.
        kind: one of `KINDS`.
        size: diameter or length, pixels, > 0.
        place: where.
        contrast: in (0, 1].
        width: of lines, pixels; a line is never wider than long.

    Returns:
        (H, W), values in [0, 1].

    Raises:
        ValueError: an unknown kind, or a size, width or contrast out of range.

    Example:
        >>> place = Placement(16.0, 16.0, 0.0, (0.0, 0.0, 0.0))
        >>> spot = seed_defect(np.full((32, 32), 0.5, np.float32), "dark-blob", 8, place, contrast=0.6, width=2)
        >>> round(float(spot.min()), 3), float(spot.max())
        (0.2, 0.5)
    """
    if kind not in KINDS:
        raise ValueError(f"defect type {kind!r} is none of {', '.join(KINDS)}")
    if not (size > 0 and width > 0 and 0 < contrast <= 1):
        raise ValueError(f"size {size}, width {width} or contrast {contrast} is out of range")
    top, left, window = _window(image.shape, place, size / 2 + EDGE + 1)
    if 0 in window:
        return image.copy()
    rows, columns = np.indices(window, dtype=np.float64)
    # Pixel i covers i to i + 1, so its middle lies at i + 1/2.
    y: Grid = rows + (top + 0.5 - place.row)
    x: Grid = columns + (left + 0.5 - place.column)
    share = contrast * _coverage(kind, y, x, size, min(width, size), place)
    drawn = image.copy()
    part = image[top : top + window[0], left : left + window[1]].astype(np.float64)
    changed = part * (1 - share) if KINDS[kind][0] else part + share * (1 - part)
    drawn[top : top + window[0], left : left + window[1]] = np.clip(changed, 0, 1)
    return drawn


def _window(shape: tuple[int, ...], place: Placement, reach: float) -> tuple[int, int, tuple[int, int]]:
    """Upper left corner and size of the part of the image that the defect can touch."""
    top, left = max(0, int(np.floor(place.row - reach))), max(0, int(np.floor(place.column - reach)))
    bottom = min(shape[0], int(np.ceil(place.row + reach)))
    right = min(shape[1], int(np.ceil(place.column + reach)))
    return top, left, (max(0, bottom - top), max(0, right - left))


def _coverage(kind: str, y: Grid, x: Grid, size: float, width: float, place: Placement) -> Grid:
    """Share of each pixel that the defect covers; (y, x) is relative to its middle."""
    if kind == "dark-blob":
        return soft_disc(np.hypot(y, x), size / 2, EDGE)
    turns = place.turns if kind == "crack" else (0.0,) * (PIECES - 1)
    corners = _path(size - width, place.angle, turns)
    distance = np.full(y.shape, np.inf)
    for start, stop in itertools.pairwise(corners):
        distance = np.minimum(distance, _to_segment(y, x, start, stop))
    return soft_disc(distance, width / 2, EDGE)


def soft_disc(distance: Grid, radius: float, edge: float) -> Grid:
    """Coverage 1 inside, 0 outside, falling over `edge` pixels around `radius`, where it is one half.

    Example:
        >>> soft_disc(np.array([0.0, 3.5, 4.0, 4.25, 5.0]), 4.0, 1.0).tolist()
        [1.0, 1.0, 0.5, 0.25, 0.0]
    """
    covered: Grid = np.clip(0.5 + radius / edge - distance / edge, 0, 1)
    return covered


def _path(length: float, angle: float, turns: tuple[float, ...]) -> Grid:
    """Corners (PIECES + 1, 2) of a line of `length` as (y, x), its middle at the origin."""
    headings = angle + np.concatenate([[0.0], np.cumsum(turns)])
    headings -= headings.mean() - angle
    steps = length / PIECES * np.column_stack([np.sin(headings), np.cos(headings)])
    corners = np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])
    middle: Grid = corners - corners[PIECES // 2]
    return middle


def _to_segment(y: Grid, x: Grid, start: Grid, stop: Grid) -> Grid:
    """Distance of each point to a segment; to its start where it has no length."""
    along = stop - start
    square = float(along @ along)
    share = (
        0.0
        if square == 0
        else np.clip(((y - start[0]) * along[0] + (x - start[1]) * along[1]) / square, 0, 1)
    )
    distance: Grid = np.hypot(y - start[0] - share * along[0], x - start[1] - share * along[1])
    return distance
