"""Seeded resampling: generators that depend on names, not on order, and bootstrap intervals."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from sealproof.thresholds.result import Floats

#: Numbers drawn at once, so that memory stays flat whatever the number of images.
BLOCK = 4_000_000


def generator(seed: int, *names: str) -> np.random.Generator:
    """A random generator of its own for each purpose, so that adding one purpose changes no other.

    Example:
        >>> bool(generator(1, "a").random() == generator(1, "a").random() != generator(1, "b").random())
        True
    """
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


def resampled_rows(
    random: np.random.Generator, n: int, resamples: int, block: int = BLOCK
) -> Iterator[NDArray[np.intp]]:
    """Indices drawn with replacement, in blocks of shape (rows, n) that add up to `resamples` rows.

    Example:
        >>> [rows.shape for rows in resampled_rows(generator(1), 10, 5, block=20)]
        [(2, 10), (2, 10), (1, 10)]
    """
    size = max(1, block // max(n, 1))
    for start in range(0, resamples, size):
        yield random.integers(0, n, size=(min(size, resamples - start), n), dtype=np.intp)


def bca_interval(
    estimate: float, resampled: Floats, jackknife: Floats, confidence: float = 0.95
) -> tuple[float, float]:
    """Bias-corrected and accelerated bootstrap interval.

    Reference: Efron, J. Amer. Statist. Assoc. 82 (1987) 171-185, section 3.

    Args:
        estimate: from the scores themselves.
        resampled: (B,) estimates from resamples.
        jackknife: (n,) estimates with one score left out.
        confidence: in (0, 1).

    Example:
        >>> low, high = bca_interval(0.0, np.linspace(-1, 1, 2001), np.array([-1.0, 1.0]), 0.9)
        >>> round(low, 6), round(high, 6)
        (-0.9, 0.9)
    """
    below = np.clip(np.mean(resampled < estimate) + np.mean(resampled == estimate) / 2, 1e-6, 1 - 1e-6)
    bias = stats.norm.ppf(below)
    deviation = jackknife.mean() - jackknife
    spread = float((deviation**2).sum())
    acceleration = float((deviation**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
    z = bias + stats.norm.ppf([(1 - confidence) / 2, (1 + confidence) / 2])
    low, high = np.quantile(resampled, stats.norm.cdf(bias + z / (1 - acceleration * z)))
    return float(low), float(high)
