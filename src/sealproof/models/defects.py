"""Training defects of a detector that learns from them: which are usable, which patches belong together, which scores
they may not judge."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from sealproof.models.detector import Positions, TrainingData
from sealproof.models.registry import detector_class


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


def scores_fitted_to_defects(names: Iterable[str], detector: str) -> frozenset[str]:
    """Those of the scores that learnt from the training defects: these rank too high among them.

    Args:
        names: of scores.
        detector: that gives them, as in `train.detector`.

    Returns:
        All of them where the detector cannot be fitted without defects, else `decision` where it is among them.

    Raises:
        DefinitionError: there is no such detector.

    Example:
        >>> sorted(scores_fitted_to_defects(["mse", "decision"], "attention-autoencoder"))
        ['decision']
        >>> sorted(scores_fitted_to_defects(["cpcae"], "cpcae"))
        ['cpcae']
    """
    needs = detector_class(detector).needs_defects
    return frozenset(name for name in names if needs or name == "decision")
