"""Does one picture occur twice: as the same file, as the same pixels, or as nearly the same pixels.

Near-duplicates are looked for in two steps. Perceptual hashes (64 bits) within a Hamming distance give
candidates. Where a camera sees the same scene again and again, hashes of different parts collide, so each
candidate pair is confirmed on its thumbnails: what all *other* images of the data set have in common is
projected out of both, and what is left must correlate. With 1,074 monocrystalline cells (ELPV) 3,506 of
576,201 pairs are candidates at 8 bits and none of the cells correlates more than 0.990 with another, whereas
0.95 to 1.00 of copies that were re-encoded (JPEG, quality 50 and 90), scaled to half and back, brightened by
10 %, gamma-corrected by 0.8 or given noise of 2 % are found at 0.993. A copy that was shifted by a pixel or
more is mostly not found; neighbours in time are a check of their own.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sealproof.quality.examination import Examination
from sealproof.quality.findings import Finding

_ROWS, _PAIRS = 256, 16_384  # block sizes: some 10 and 500 MB at most
_REMEDY = "keep one copy and remove the others from the data folder, then run `dvc repro`"


def same_file(data: Examination) -> list[Finding]:
    """Equal files in different splits."""
    groups = [group for group in _groups(data.used, "sha256_found") if _several(group["split"])]
    if not groups:
        return []
    return [
        Finding(
            code="duplicate_across_splits",
            severity="error",
            what=f"{len(groups)} files occur in more than one split",
            where=tuple(_equal(group) for group in groups),
            expected="every file in one split only (SHA-256)",
            observed=f"{sum(map(len, groups))} images share {len(groups)} contents",
            mend=_REMEDY,
        )
    ]


def same_pixels(data: Examination) -> list[Finding]:
    """Equal pixels in different files and different splits."""
    groups = [
        group
        for group in _groups(data.used, "pixels_sha256")
        if _several(group["split"]) and _several(group["sha256_found"])
    ]
    if not groups:
        return []
    return [
        Finding(
            code="duplicate_pixels_across_splits",
            severity="error",
            what=f"{len(groups)} pictures occur in more than one split, as different files",
            where=tuple(_equal(group) for group in groups),
            expected="every picture in one split only (SHA-256 of size and grey values)",
            observed=f"{sum(map(len, groups))} images share {len(groups)} pictures",
            mend=_REMEDY,
        )
    ]


def within_split(data: Examination) -> list[Finding]:
    """Equal pixels several times in one split."""
    groups = [
        part
        for group in _groups(data.used, "pixels_sha256")
        for _, part in group.groupby("split")
        if len(part) > 1
    ]
    if not groups:
        return []
    return [
        Finding(
            code="duplicate_within_split",
            severity="warning",
            what=f"{len(groups)} pictures occur more than once in a split",
            where=tuple(_equal(group) for group in groups),
            expected="every picture once",
            observed=f"{sum(map(len, groups))} images show {len(groups)} pictures",
            mend=_REMEDY,
        )
    ]


def contradicting(data: Examination) -> list[Finding]:
    """Equal pixels with different labels, as far as labels may be known."""
    labelled = data.pictures[data.pictures["label"].notna()]
    groups = [group for group in _groups(labelled, "pixels_sha256") if _several(group["label"])]
    if not groups:
        return []
    return [
        Finding(
            code="duplicate_contradicts_label",
            severity="error",
            what=f"{len(groups)} pictures carry two labels",
            where=tuple(_equal(group, "label") for group in groups),
            expected="one label a picture",
            observed=f"{sum(map(len, groups))} images contradict each other",
            mend="let a person decide which label is right, and remove or relabel the other image",
        )
    ]


def near(data: Examination) -> list[Finding]:
    """Nearly equal pictures in different splits."""
    limit = data.checks.near_duplicate_correlation
    pairs = near_pairs(data)
    if pairs.empty:
        return []
    return [
        Finding(
            code="near_duplicate_across_splits",
            severity="warning",
            what=f"{len(pairs)} pairs of nearly the same picture are divided between splits",
            where=tuple(
                f"{row.first} ({row.first_split}) ~ {row.second} ({row.second_split}): {row.correlation:.4f}"
                for row in pairs.itertuples()
            ),
            expected=f"hashes that differ in more than {data.checks.near_duplicate_bits} of 64 bits, "
            f"or a correlation below {limit:g} of what is not common to all images",
            observed=f"correlations of {pairs['correlation'].min():.4f} to {pairs['correlation'].max():.4f}",
            mend="look at the pairs; keep one image of each, or put both into one split (split.group_by)",
        )
    ]


def near_pairs(data: Examination) -> pd.DataFrame:
    """Pairs of images in different splits that are nearly the same picture but not equal, most alike first.

    Returns:
        Columns first, first_split, second, second_split, bits (0 to 64), correlation (-1 to 1).
    """
    rows = data.used
    correlate = Correlation(data.thumbnails(data.pictures), data.thumbnails(rows))
    hashes = np.array([int(text, 16) for text in rows["perceptual_hash"]], dtype=np.uint64)
    split, pixels = (pd.factorize(rows[name])[0] for name in ("split", "pixels_sha256"))
    found = [np.empty((4, 0))]
    for i, j, bits in close_hashes(hashes, data.checks.near_duplicate_bits):
        apart = (split[i] != split[j]) & (pixels[i] != pixels[j])
        value = correlate(i[apart], j[apart])
        alike = value >= data.checks.near_duplicate_correlation
        found.append(np.stack([i[apart], j[apart], bits[apart], value])[:, alike])
    first, second, bits, value = np.concatenate(found, axis=1)
    left, right = (rows.iloc[side.astype(np.intp)].reset_index(drop=True) for side in (first, second))
    pairs = pd.DataFrame({"first": left["image_id"], "first_split": left["split"]})
    pairs = pairs.assign(second=right["image_id"], second_split=right["split"])
    pairs = pairs.assign(bits=bits.astype(np.int64), correlation=value.round(6))
    order = ["correlation", "first", "second"]
    return pairs.sort_values(order, ascending=[False, True, True], ignore_index=True)


def close_hashes(
    hashes: NDArray[np.uint64], bits: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.uint8]]]:
    """Index pairs i < j whose hashes differ in at most `bits` bits, and in how many, in bounded pieces.

    Example:
        >>> pieces = list(close_hashes(np.array([0b0000, 0b0111, 0b0001], dtype=np.uint64), bits=1))
        >>> [(int(i[0]), int(j[0]), int(d[0])) for i, j, d in pieces]
        [(0, 2, 1)]
    """
    for start in range(0, len(hashes), _ROWS):
        distance = np.bitwise_count(hashes[start : start + _ROWS, None] ^ hashes[None, start:])
        first, second = np.nonzero(np.triu(distance <= bits, 1))
        for piece in range(0, len(first), _PAIRS):
            i, j = first[piece : piece + _PAIRS], second[piece : piece + _PAIRS]
            yield i + start, j + start, distance[i, j]


class Correlation:
    """Correlation of two images in what the other images of the data set do not have in common.

    Let a, b be thumbnails (mean 0, norm 1) and m the sum of all other thumbnails. Returned is the cosine
    between a and b after the direction of m was projected out of both. With fewer than three images there is
    nothing in common to take out, and the plain correlation is returned; it is also returned where nothing is
    left of a or b.

    Args:
        everything: thumbnails of the data set, (n, pixels).
        rows: thumbnails of the images to compare, (k, pixels); they are part of `everything`.

    Example:
        >>> e = np.eye(3)
        >>> Correlation(e, e)(np.array([0]), np.array([1])).round(3)
        array([0.])
    """

    def __init__(self, everything: NDArray[np.float64], rows: NDArray[np.float64]) -> None:
        self._rows = rows
        total = everything.sum(axis=0)
        self._projection = rows @ total
        self._total = float(total @ total)

    def __call__(self, i: NDArray[np.intp], j: NDArray[np.intp]) -> NDArray[np.float64]:
        """Correlation of rows i with rows j, each (pairs,)."""
        a_b = np.einsum("ij,ij->i", self._rows[i], self._rows[j])
        a_a, b_b = (np.einsum("ij,ij->i", self._rows[k], self._rows[k]) for k in (i, j))
        a_m = self._projection[i] - a_a - a_b
        b_m = self._projection[j] - b_b - a_b
        m_m = self._total - 2 * (self._projection[i] + self._projection[j]) + a_a + b_b + 2 * a_b
        common = m_m > 1e-9
        safe = np.where(common, m_m, 1.0)
        left = (a_a - np.where(common, a_m**2 / safe, 0)) * (b_b - np.where(common, b_m**2 / safe, 0))
        kept = left > 1e-12
        residual = (a_b - np.where(common, a_m * b_m / safe, 0)) / np.sqrt(np.where(kept, left, 1.0))
        result: NDArray[np.float64] = np.where(kept, residual, a_b)
        return result


def _several(values: pd.Series) -> bool:
    return len(set(values)) > 1


def _groups(rows: pd.DataFrame, column: str) -> list[pd.DataFrame]:
    """Rows that share a value with another row, a frame a value, in the order of their first image."""
    shared = rows[rows.duplicated(column, keep=False)]
    return [group for _, group in shared.groupby(column, sort=False)]


def _equal(group: pd.DataFrame, column: str = "split") -> str:
    return " = ".join(
        f"{name} ({value})" for name, value in zip(group["image_id"], group[column], strict=True)
    )
