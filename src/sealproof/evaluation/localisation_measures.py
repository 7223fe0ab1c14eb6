"""Where anomaly maps point: the pointing game, pixel AUROC and PRO, in one pass and bounded memory.

Maps are stored as float16, which has no more than 65536 values: counting pixels by value loses nothing, and the
curves over all thresholds are exact, ties included, whatever the number of images.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float16]
Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
_VALUES = 1 << 16
#: Share of defect-free pixels above the threshold up to which PRO is integrated (Bergmann et al. 2021).
PRO_LIMIT = 0.3


def points_at(anomaly: Map, mask: Mask, tolerance: int) -> bool:
    """Pointing game (Zhang et al., Int. J. Comput. Vision 126 (2018) 1084-1102): does the maximum lie on the defect?

    Args:
        anomaly: (N, H, W), the maps of an image's patches; the first of equal maxima counts.
        mask: (N, H, W), defect pixels.
        tolerance: pixels by which the maximum may lie beside the defect (Euclidean distance).

    Example:
        >>> anomaly = np.array([[[0, 0, 3, 0]]], np.float16)
        >>> mask = np.array([[[True, False, False, False]]])
        >>> points_at(anomaly, mask, 1), points_at(anomaly, mask, 2)
        (False, True)
    """
    place = np.unravel_index(int(np.argmax(anomaly)), anomaly.shape)
    return bool(widened(mask, tolerance)[place])


def widened(mask: Mask, tolerance: int) -> Mask:
    """Pixels not farther than `tolerance` from a defect pixel of the same patch, (N, H, W).

    Example:
        >>> widened(np.array([[[True, False, False, False]]]), 1)[0, 0].tolist()
        [True, True, False, False]
    """
    if tolerance == 0:
        return mask
    offsets = np.arange(-tolerance, tolerance + 1)
    disc = (offsets[:, None] ** 2 + offsets[None] ** 2 <= tolerance**2).astype(np.uint8)
    return np.stack([cv2.dilate(part.astype(np.uint8), disc) > 0 for part in mask])


@dataclass
class PixelCounts:
    """Pixels by anomaly, gathered image by image.

    Attributes:
        normal: pixels without defect, by the rank of their value.
        defect: defect pixels, the same.
        overlap: defect pixels, each weighing one over the size of its region.
        regions: defect regions (8-connected) seen.
    """

    normal: Floats = field(default_factory=lambda: np.zeros(_VALUES))
    defect: Floats = field(default_factory=lambda: np.zeros(_VALUES))
    overlap: Floats = field(default_factory=lambda: np.zeros(_VALUES))
    regions: int = 0

    def add(self, anomaly: Map, mask: Mask) -> None:
        """Count the pixels of one patch.

        Args:
            anomaly: (H, W).
            mask: (H, W), defect pixels.

        Raises:
            ValueError: an anomaly that is not a number.
        """
        if np.isnan(anomaly).any():
            raise ValueError("an anomaly map has pixels that are not a number")
        ranks = _rank(anomaly)
        self.normal += np.bincount(ranks[~mask], minlength=_VALUES)
        if not mask.any():
            return
        self.defect += np.bincount(ranks[mask], minlength=_VALUES)
        count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
        sizes = np.bincount(labels.ravel())
        weights = 1.0 / sizes[labels[mask]]
        self.overlap += np.bincount(ranks[mask], weights=weights, minlength=_VALUES)
        self.regions += count - 1

    def auroc(self) -> float | None:
        """Chance that a defect pixel is more anomalous than another pixel, ties one half; None without both.

        Example:
            >>> counts = PixelCounts()
            >>> counts.add(np.array([[0, 1, 1, 2]], np.float16), np.array([[False, False, True, True]]))
            >>> counts.auroc()
            0.875
        """
        positives, negatives = float(self.defect.sum()), float(self.normal.sum())
        if not positives or not negatives:
            return None
        below = np.cumsum(self.normal) - self.normal
        return float((self.defect * (below + self.normal / 2)).sum() / (positives * negatives))

    def per_region_overlap(self, limit: float = PRO_LIMIT) -> float | None:
        """PRO: mean share of a defect region above the threshold, over the false-positive rate from 0 to `limit`.

        Area under the curve, linear between thresholds, divided by `limit`: 1 is perfect, `limit` / 2 is chance.
        Reference: Bergmann et al., Int. J. Comput. Vision 129 (2021) 1038-1059, section 4.

        Returns:
            None without defect regions or without pixels free of defects.

        Example:
            >>> counts = PixelCounts()
            >>> counts.add(np.array([[0, 1, 2, 3]], np.float16), np.array([[False, False, True, True]]))
            >>> counts.per_region_overlap()
            1.0
        """
        negatives = float(self.normal.sum())
        if not self.regions or not negatives:
            return None
        # Thresholds from the highest value down: what lies at or above each.
        wrong = np.concatenate([[0.0], np.cumsum(self.normal[::-1]) / negatives])
        found = np.concatenate([[0.0], np.cumsum(self.overlap[::-1]) / self.regions])
        inside = wrong <= limit
        x, y = wrong[inside], found[inside]
        if x[-1] < limit:
            x, y = np.append(x, limit), np.append(y, np.interp(limit, wrong, found))
        return float(np.trapezoid(y, x) / limit)


def _rank(values: Map) -> NDArray[np.int64]:
    """Order of float16 values as whole numbers 0 to 65535; +0 and -0 are one."""
    bits = (values + np.float16(0)).view(np.uint16).astype(np.int64)
    ranks: NDArray[np.int64] = np.where(bits & 0x8000, 0xFFFF - bits, bits | 0x8000)
    return ranks
