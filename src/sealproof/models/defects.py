"""Training defects of a detector that learns from them: which are usable, and which patches belong together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sealproof.models.detector import Positions, TrainingData


def shared_problem(data: TrainingData) -> list[str]:
    """One line when patches are normals and defects at once, else none.

    Example:
        >>> from sealproof.models.detector import PatchSet
        >>> patches = np.zeros((4, 8, 8), np.uint16)
        >>> some = PatchSet(patches, np.array([0, 1]), np.array([0, 0]))
        >>> other = PatchSet(patches, np.array([1, 2]), np.array([0, 0]))
        >>> shared_problem(TrainingData(some, other, PatchSet(patches, np.array([2, 3]), np.array([0, 0]))))
        ['1 patches are normals and defects at once, the first is row 2']
    """
    if data.defects is None:
        return []
    shared = {*data.normals.rows.tolist(), *data.held_out.rows.tolist()} & {*data.defects.rows.tolist()}
    if not shared:
        return []
    return [f"{len(shared)} patches are normals and defects at once, the first is row {min(shared)}"]


def image_numbers(positions: Positions) -> NDArray[np.int64]:
    """Number of the image of each patch, from 0: one begins where the number of the region does not rise.

    Args:
        positions: (n,) number of the region within its image, in row order.

    Example:
        >>> image_numbers(np.array([0, 1, 2, 0, 2, 1])).tolist()
        [0, 0, 0, 1, 1, 2]
    """
    starts = np.diff(positions, prepend=positions[:1] - 1) <= 0
    return np.cumsum(starts)
