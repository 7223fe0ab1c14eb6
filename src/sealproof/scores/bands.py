"""How each scale of an image is made of full resolution, as the few weights that are not zero."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sealproof.scores.kernels import TAPS
from sealproof.scores.resize import SCALES, resize_matrix, scaled_sides

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Bands(NamedTuple):
    """The S scales that an image has; arrays of several scales are padded with zeros.

    Attributes:
        sides: (S, 2), height and width.
        taps: (S, 2), pixels of full resolution that a pixel is made of, down and across; multiples of `TAPS`.
        first: (S, 2, outputs), the first of them.
        weights: (S, 2, outputs, taps), theirs.
        shares: (S,), weight of the scale in the mean.
    """

    sides: Integers
    taps: Integers
    first: Integers
    weights: Floats
    shares: Floats


@lru_cache(maxsize=64)
def bands(height: int, width: int) -> Bands:
    """The scales of images (height, width), full resolution first.

    Example:
        >>> bands(64, 40).sides.tolist()
        [[64, 40], [32, 20], [16, 10]]
    """
    used = [(scaled_sides(height, width, scale), share) for scale, share in SCALES]
    kept = [(sides, share) for sides, share in used if sides is not None]
    parts = [
        [band(resize_matrix(old, new)) for old, new in zip((height, width), sides, strict=True)]
        for sides, _ in kept
    ]
    most = np.max([weights.shape for pair in parts for _, weights in pair], axis=0)
    first, weights = np.zeros((len(kept), 2, most[0]), np.int64), np.zeros((len(kept), 2, *most))
    for s, pair in enumerate(parts):
        for axis, (starts, values) in enumerate(pair):
            first[s, axis, : len(starts)] = starts
            weights[s, axis, : values.shape[0], : values.shape[1]] = values
    return Bands(
        sides=np.array([sides for sides, _ in kept], np.int64),
        taps=np.array([[values.shape[1] for _, values in pair] for pair in parts], np.int64),
        first=first,
        weights=weights,
        shares=np.array([share for _, share in kept]),
    )


def band(matrix: Floats) -> tuple[Integers, Floats]:
    """First column (O,) and weights (O, taps) of the part of each row that is not zero.

    `taps` is a multiple of `TAPS`: where rows need fewer, zeros are among the weights. No part reaches beyond the
    matrix, whose rows must have at least `TAPS` columns.

    Example:
        >>> first, weights = band(np.eye(5)[[0, 4]])
        >>> first.tolist(), weights.tolist()
        ([0, 1], [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    """
    columns = matrix.shape[1]
    used = matrix != 0
    start = used.argmax(axis=1)
    needed = int((columns - used[:, ::-1].argmax(axis=1) - start).max())
    taps = -(-needed // TAPS) * TAPS
    if taps > columns:
        raise ValueError(f"{needed} weights in groups of {TAPS} do not fit into {columns} columns")
    first = np.minimum(start, columns - taps).astype(np.int64)
    return first, np.take_along_axis(matrix, first[:, None] + np.arange(taps), axis=1)
