"""Numbers over cells: spread over seeds, and the paired test of two detectors on the same images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from sealproof.benchmark.result import Placements

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """A figure over seeds.

    Attributes:
        values: in the order of the seeds.
        low, high: bounds of the mean by Student's t; None with one seed. Splits of different seeds share images, so
            the bounds describe repeated draws from these images and are narrower than those for new images.
    """

    values: tuple[float, ...]
    low: float | None
    high: float | None

    @property
    def mean(self) -> float:
        """The arithmetic mean."""
        return math.fsum(self.values) / len(self.values)

    @property
    def smallest(self) -> float:
        """The lower end of the range."""
        return min(self.values)

    @property
    def largest(self) -> float:
        """The upper end of the range."""
        return max(self.values)


def spread(values: Sequence[float], confidence: float = 0.95) -> Spread:
    """Mean, range and t-interval, mean +- t s / sqrt(n) with n - 1 degrees of freedom.

    Args:
        values: one a seed, at least one, finite.
        confidence: two-sided, in (0, 1).

    Raises:
        ValueError: no value, or one that is not finite.

    Example:
        >>> found = spread([0.9, 0.92, 0.94])
        >>> round(found.mean, 6), round(found.low, 4), round(found.high, 4)
        (0.92, 0.8703, 0.9697)
        >>> spread([0.9]).low is None
        True
    """
    if not values or not all(math.isfinite(value) for value in values):
        raise ValueError(f"a spread needs finite values, not {list(values)}")
    n = len(values)
    if n == 1:
        return Spread((float(values[0]),), None, None)
    mean = math.fsum(values) / n
    error = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1) / n)
    step = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * error
    return Spread(tuple(float(value) for value in values), mean - step, mean + step)


def placements(defective: ArrayLike, normal: ArrayLike) -> Placements:
    """Structural components of AUROC as whole numbers (DeLong et al. 1988, V10 and V01 times twice the class size).

    Args:
        defective: (m,) scores of defective images; infinite ones are allowed, NaN is not.
        normal: (n,) scores of normal images.

    Raises:
        ValueError: a class is empty, or a score is NaN.

    Example:
        >>> placements([2.0, 3.0], [1.0, 2.0])
        Placements(defective=(3, 4), normal=(4, 3))
    """
    bad, good = (np.asarray(values, dtype=np.float64) for values in (defective, normal))
    if not bad.size or not good.size or np.isnan(bad).any() or np.isnan(good).any():
        raise ValueError("placements need scores of both classes, none of them NaN")
    below = np.searchsorted(np.sort(good), bad, "left") + np.searchsorted(np.sort(good), bad, "right")
    above = (
        2 * bad.size
        - np.searchsorted(np.sort(bad), good, "left")
        - np.searchsorted(np.sort(bad), good, "right")
    )
    return Placements(defective=tuple(below.tolist()), normal=tuple(above.tolist()))


@dataclass(frozen=True)
class PairedAreas:
    """Two areas on the same images.

    Attributes:
        first, second: AUROC of each.
        difference: second minus first.
        low, high: its bounds by the normal approximation; None when the difference has no variance.
        p_value: two-sided; 1 for equal components, None when the difference has no variance to be compared with.
    """

    first: float
    second: float
    difference: float
    low: float | None
    high: float | None
    p_value: float | None


def paired_areas(first: Placements, second: Placements, confidence: float = 0.95) -> PairedAreas:
    """Paired DeLong test from placements of the same images in the same order.

    Variance of A2 - A1 = var(V10_2 - V10_1) / m + var(V01_2 - V01_1) / n: DeLong, DeLong and Clarke-Pearson,
    Biometrics 44 (1988) 837-845.

    Args:
        first, second: of two scores of the same images.
        confidence: of the two-sided bounds.

    Raises:
        ValueError: other numbers of images, or fewer than two of a class.

    Example:
        >>> one, two = placements([3, 5, 6], [1, 2, 4]), placements([4, 5, 6], [1, 2, 3])
        >>> found = paired_areas(one, two)
        >>> round(found.first, 4), found.second, round(found.p_value, 4)
        (0.8889, 1.0, 0.4795)
    """
    (bad_1, good_1), (bad_2, good_2) = _components(first), _components(second)
    if bad_1.shape != bad_2.shape or good_1.shape != good_2.shape or min(bad_1.size, good_1.size) < 2:
        raise ValueError(
            f"paired areas need the same images, two of a class at least: {bad_1.size} and {bad_2.size} defective, "
            f"{good_1.size} and {good_2.size} normal"
        )
    areas = float(bad_1.mean()), float(bad_2.mean())
    difference = areas[1] - areas[0]
    variance = (bad_2 - bad_1).var(ddof=1) / bad_1.size + (good_2 - good_1).var(ddof=1) / good_1.size
    if variance <= 1e-15:
        return PairedAreas(*areas, difference, None, None, 1.0 if abs(difference) < 1e-12 else None)
    error = math.sqrt(variance)
    step = float(stats.norm.ppf((1 + confidence) / 2)) * error
    p_value = float(2 * stats.norm.sf(abs(difference) / error))
    return PairedAreas(*areas, difference, difference - step, difference + step, p_value)


def _components(found: Placements) -> tuple[Floats, Floats]:
    """Shares of the other class on the right side, (m,) and (n,)."""
    bad, good = (np.asarray(values, dtype=np.float64) for values in (found.defective, found.normal))
    return bad / (2 * good.size), good / (2 * bad.size)


def compare_on_calibration(
    scores_a: tuple[ArrayLike, ArrayLike], scores_b: tuple[ArrayLike, ArrayLike], confidence: float = 0.95
) -> PairedAreas:
    """A challenger B against the champion A on development images: held-out normals against training defects.

    No test image has part in it, so it may guide a choice. A detector that was fitted to the training defects
    (`needs_defects`) ranks them too well and must not be compared in this way.

    Args:
        scores_a: (scores of held-out normals (n,), scores of training defects (m,)) of the champion.
        scores_b: the same of the challenger, the same images in the same order.
        confidence: of the bounds of the difference B - A.

    Raises:
        ValueError: other numbers of images, fewer than two of a class, or a score is NaN.

    Example:
        >>> champion, challenger = ([1, 2, 4], [3, 5, 6]), ([1, 2, 3], [4, 5, 6])
        >>> round(compare_on_calibration(champion, challenger).difference, 4)
        0.1111
    """
    (normals_a, defects_a), (normals_b, defects_b) = scores_a, scores_b
    return paired_areas(placements(defects_a, normals_a), placements(defects_b, normals_b), confidence)
