"""The steps of the SSIM family on one image, compiled: definitions as in `windows`, `gradient` and `resize`.

An image lies in the upper left corner, `height` by `width`, of a plane that may be larger. Arithmetic is float64 and
runs along rows, so that a processor takes several pixels at a time and no sum is reordered. Sides are at least 7, so
that every window has its 7 x 7 pixels. Plain loops only: they compile in a fraction of the time of array expressions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sealproof.scores.compiled import compiled
from sealproof.scores.regions import CHANGED_EDGE_WEIGHT, EDGE, NO_EDGE_WEIGHT, PRESERVED_EDGE_WEIGHT

Line = NDArray[np.float64]
Plane = NDArray[np.float64]
Planes = NDArray[np.float64]

#: Side of the window, and the pixels it reaches beyond its centre.
SIDE = 7
REACH = 3
#: Rows that are weighted together when an image is made smaller.
TAPS = 4
_AREA = SIDE * SIDE
_SHARE = 1.0 / _AREA
_SAMPLE = (_AREA - 1) / _AREA  # population over sample variance


def _edge_squared() -> float:
    """The largest number whose square root over 4 is not above `EDGE`: without roots, the same pixels are edges."""
    square = (4.0 * EDGE) ** 2
    while 0.25 * np.sqrt(square) > EDGE:
        square = np.nextafter(square, 0.0)
    while 0.25 * np.sqrt(np.nextafter(square, 1.0)) <= EDGE:
        square = np.nextafter(square, 1.0)
    return float(square)


#: `EDGE` for what `gradient_squares` gives.
EDGE_SQUARED = _edge_squared()


@compiled
def extremes(plane: Plane, height: int, width: int) -> tuple[float, float]:
    """Smallest and largest value."""
    low, high = np.empty(width), np.empty(width)
    for j in range(width):
        low[j] = high[j] = plane[0, j]
    for i in range(1, height):
        row = plane[i]
        for j in range(width):
            low[j] = row[j] if row[j] < low[j] else low[j]
            high[j] = row[j] if row[j] > high[j] else high[j]
    smallest, largest = low[0], high[0]
    for j in range(1, width):
        smallest = low[j] if low[j] < smallest else smallest
        largest = high[j] if high[j] > largest else largest
    return smallest, largest


@compiled
def resample_rows(
    plane: Plane, width: int, first: NDArray[np.int64], weights: Plane, taps: int, outputs: int, out: Plane
) -> None:
    """Weighted sums of rows, transposed: out[j, o] = sum over t of weights[o, t] plane[first[o] + t, j].

    Args:
        plane: columns up to `width` are used.
        width: columns.
        first: (at least `outputs`,), first row of each output.
        weights: (at least `outputs`, at least `taps`).
        taps: rows that an output is made of, a multiple of `TAPS`.
        outputs: rows wanted.
        out: at least (width, outputs), written.
    """
    total = np.empty(width)
    for o in range(outputs):
        for j in range(width):
            total[j] = 0.0
        for t in range(0, taps, TAPS):
            at = first[o] + t
            r0, r1, r2, r3 = plane[at], plane[at + 1], plane[at + 2], plane[at + 3]
            w0, w1, w2, w3 = weights[o, t], weights[o, t + 1], weights[o, t + 2], weights[o, t + 3]
            for j in range(width):
                total[j] += (w0 * r0[j] + w1 * r1[j]) + (w2 * r2[j] + w3 * r3[j])
        for j in range(width):
            out[j, o] = total[j]


@compiled
def clip(plane: Plane, height: int, width: int, low: float, high: float) -> None:
    """Keep values inside [low, high], in place."""
    for i in range(height):
        row = plane[i]
        for j in range(width):
            value = row[j] if row[j] > low else low
            row[j] = value if value < high else high


@compiled
def gradient_squares(plane: Plane, height: int, width: int, out: Plane) -> None:
    """16 times the square of the Sobel gradient magnitude of `gradient`."""
    smooth, change = np.empty(width + 2), np.empty(width + 2)
    for i in range(height):
        above, row, below = plane[i - 1 if i > 0 else 0], plane[i], plane[i + 1 if i + 1 < height else i]
        for j in range(width):
            smooth[j + 1] = above[j] + below[j] + 2.0 * row[j]
            change[j + 1] = below[j] - above[j]
        smooth[0], smooth[width + 1] = smooth[1], smooth[width]
        change[0], change[width + 1] = change[1], change[width]
        result = out[i]
        for j in range(width):
            horizontal = smooth[j + 2] - smooth[j]
            vertical = change[j] + change[j + 2] + 2.0 * change[j + 1]
            result[j] = horizontal * horizontal + vertical * vertical


@compiled
def take_roots(plane: Plane, height: int, width: int) -> None:
    """Gradient magnitudes, in place, of what `gradient_squares` gives."""
    for i in range(height):
        row = plane[i]
        for j in range(width):
            row[j] = 0.25 * np.sqrt(row[j])


@compiled
def ssim_map(
    x: Plane, y: Plane, height: int, width: int, data_range: float, middles: tuple[float, float], out: Plane
) -> None:
    """Structural similarity into `out`, exactly 1 where windows are identical; see `windows.ssim_map`.

    Args:
        x, y: the images.
        height, width: of the images.
        data_range: R, from which the constants are made.
        middles: what is subtracted before products are made: the middle of each image's range.
        out: written.
    """
    padded = np.empty((4, width + 2 * REACH))  # x, y, x^2 + y^2, x y
    sums = np.empty((4, SIDE, width))  # sums of neighbours along the last seven rows
    px, py, squares, products = padded[0], padded[1], padded[2], padded[3]
    for r in range(height + 2 * REACH):
        i = r - REACH
        if i < 0:
            i = -1 - i
        elif i >= height:
            i = 2 * height - 1 - i
        _centred(x[i], width, middles[0], px)
        _centred(y[i], width, middles[1], py)
        for j in range(width + 2 * REACH):
            squares[j] = px[j] * px[j] + py[j] * py[j]
            products[j] = px[j] * py[j]
        for q in range(4):
            _sums(padded[q], width, sums[q, r % SIDE])
        if r >= 2 * REACH:
            _similarity(sums, width, data_range, middles, padded, out[r - 2 * REACH])


@compiled
def _centred(row: Line, width: int, middle: float, out: Line) -> None:
    """A row less `middle`, with `REACH` mirrored pixels more at both ends."""
    for j in range(width):
        out[j + REACH] = row[j] - middle
    for j in range(REACH):
        out[REACH - 1 - j] = out[REACH + j]
        out[REACH + width + j] = out[REACH + width - 1 - j]


@compiled
def _sums(row: Line, width: int, out: Line) -> None:
    """Sums of seven neighbours: out[j] = row[j] + ... + row[j + 6]."""
    for j in range(width):
        pairs = (row[j] + row[j + 1]) + (row[j + 2] + row[j + 3])
        out[j] = pairs + ((row[j + 4] + row[j + 5]) + row[j + 6])


@compiled
def _similarity(
    sums: Planes, width: int, data_range: float, middles: tuple[float, float], total: Plane, out: Line
) -> None:
    """A row of the map from seven rows of sums; common factors are taken out: equal windows give exactly 1."""
    for q in range(4):
        above, centre, below = sums[q, 0:3], sums[q, 3], sums[q, 4:7]
        line = total[q]
        for j in range(width):
            line[j] = (
                (above[0, j] + above[1, j] + above[2, j])
                + centre[j]
                + (below[0, j] + below[1, j] + below[2, j])
            )
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2 * _SAMPLE
    middle_x, middle_y = middles
    sum_x, sum_y, sum_squares, sum_products = total[0], total[1], total[2], total[3]
    for j in range(width):
        x, y = sum_x[j] * _SHARE, sum_y[j] * _SHARE
        covariance = sum_products[j] * _SHARE - x * y
        variance = sum_squares[j] * _SHARE - (x * x + y * y)
        mean_x, mean_y = x + middle_x, y + middle_y
        upper = (mean_x * mean_y + 0.5 * c1) * (covariance + 0.5 * c2)
        lower = ((mean_x * mean_x + mean_y * mean_y) + c1) * (variance + c2)
        out[j] = 4.0 * (upper / lower)


@compiled
def inner_mean(plane: Plane, height: int, width: int) -> float:
    """Mean without the border that windows reach beyond."""
    total = np.zeros(width)
    for i in range(REACH, height - REACH):
        row = plane[i]
        for j in range(width):
            total[j] += row[j]
    whole = 0.0
    for j in range(REACH, width - REACH):
        whole += total[j]
    return whole / ((height - 2 * REACH) * (width - 2 * REACH))


@compiled
def region_mean(
    plane: Plane, gradient_x: Plane, gradient_y: Plane, height: int, width: int, edge: float
) -> float:
    """Mean weighted by region, which gradients above `edge` in one or both images decide: see `regions`."""
    values, weights = np.zeros(width), np.zeros(width)
    for i in range(height):
        row, first, second = plane[i], gradient_x[i], gradient_y[i]
        for j in range(width):
            weight = CHANGED_EDGE_WEIGHT if (first[j] > edge) != (second[j] > edge) else NO_EDGE_WEIGHT
            weight = PRESERVED_EDGE_WEIGHT if (first[j] > edge) & (second[j] > edge) else weight
            values[j] += weight * row[j]
            weights[j] += weight
    above = below = 0.0
    for j in range(width):
        above += values[j]
        below += weights[j]
    return above / below


@compiled
def add_enlarged(plane: Plane, height: int, width: int, factor: float, columns: Plane, out: Plane) -> None:
    """Add `factor` times the plane, enlarged linearly to the sides of `out` (H, W), to `out`.

    Pixel centres as in `torch.nn.functional.interpolate(mode="bilinear", align_corners=False)`.
    `columns`, at least (height, W), is overwritten.
    """
    tall, wide = out.shape
    if tall == height and wide == width:
        for i in range(height):
            for j in range(width):
                out[i, j] += factor * plane[i, j]
        return
    for j in range(wide):
        left, right, share = _between(j, width, wide)
        for i in range(height):
            columns[i, j] = plane[i, left] + share * (plane[i, right] - plane[i, left])
    for i in range(tall):
        top, bottom, share = _between(i, height, tall)
        upper, lower, row = columns[top], columns[bottom], out[i]
        for j in range(wide):
            row[j] += factor * (upper[j] + share * (lower[j] - upper[j]))


@compiled
def _between(pixel: int, small: int, large: int) -> tuple[int, int, float]:
    """The two of `small` pixels that one of `large` pixels lies between, and the share of the second."""
    at = (pixel + 0.5) * (small / large) - 0.5
    at = at if at > 0.0 else 0.0
    first = int(at)
    return first, first + 1 if first + 1 < small else first, at - first
