"""How far two detectors come to the same verdicts on the same images; no label is needed for that."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def equal_verdicts(first: ArrayLike, second: ArrayLike) -> int:
    """Number of images with the same verdict from both.

    Raises:
        ValueError: the two are not of one length.

    Example:
        >>> equal_verdicts(["accept", "reject"], ["accept", "accept"])
        1
    """
    one, other = np.asarray(first), np.asarray(second)
    if one.shape != other.shape or one.ndim != 1:
        raise ValueError(f"verdicts of the shapes {one.shape} and {other.shape} cannot be paired")
    return int((one == other).sum())


def cohen_kappa(first: ArrayLike, second: ArrayLike) -> float | None:
    """Cohen's kappa: agreement beyond what two such sets of verdicts would show by chance.

    (p_o - p_e) / (1 - p_e), where p_o is the share of equal verdicts and p_e the sum over verdicts of the product of
    both shares. Reference: Cohen, Educ. Psychol. Meas. 20 (1960) 37-46.

    Args:
        first, second: (n,) verdicts on the same images.

    Returns:
        At most 1, 0 at chance level; None without images, and where both give one and the same verdict throughout,
        since chance would then agree as well.

    Raises:
        ValueError: the two are not of one length.

    Example:
        >>> cohen_kappa(["accept", "accept", "reject", "reject"], ["accept", "reject", "reject", "reject"])
        0.5
        >>> cohen_kappa(["accept", "accept"], ["accept", "accept"]) is None
        True
    """
    one, other = np.asarray(first), np.asarray(second)
    equal, n = equal_verdicts(one, other), one.size
    if n == 0:
        return None
    by_chance = sum(int((one == verdict).sum()) * int((other == verdict).sum()) for verdict in np.unique(one))
    if by_chance == n * n:
        return None
    return (equal * n - by_chance) / (n * n - by_chance)
