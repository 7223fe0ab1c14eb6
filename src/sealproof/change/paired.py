"""Two releases on the same test images: exact McNemar test of their rates, paired DeLong test of their areas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from sealproof.change.tree import Tree

_COLUMNS = ("image_id", "label", "score", "verdict")
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PairedTest:
    """One comparison on the same images.

    Attributes:
        metric: `recall`, `specificity` or `auroc`.
        n: images of the class, or of both.
        old, new: the metric of each release.
        lost: images that only the old release judged rightly; None for an area.
        gained: images that only the new release judged rightly; None for an area.
        p_value: two-sided; None when it cannot be computed.
        method: of the test, or why there is none.
    """

    metric: str
    n: int
    old: float
    new: float
    lost: int | None
    gained: int | None
    p_value: float | None
    method: str

    def as_dict(self) -> dict[str, Any]:
        """JSON types only."""
        return dict(vars(self))


def mcnemar_exact(lost: int, gained: int) -> float:
    """Two-sided exact McNemar test: of the images on which two releases differ, either is right equally often.

    p = 2 P(X <= min(lost, gained)), at most 1, with X ~ Binomial(lost + gained, 1/2). McNemar, Psychometrika 12 (1947)
    153-157; exact form: Fagerland, Lydersen and Laake, BMC Medical Research Methodology 13 (2013) 91.

    Args:
        lost, gained: images that only the old, or only the new release judged rightly, at least 0.

    Returns:
        p-value in (0, 1]; 1 when the releases differ on no image.

    Raises:
        ValueError: a negative count.

    Example:
        >>> mcnemar_exact(8, 1), mcnemar_exact(0, 0)
        (0.0390625, 1.0)
    """
    if min(lost, gained) < 0:
        raise ValueError(f"a count is negative: {lost}, {gained}")
    if lost + gained == 0:
        return 1.0
    return float(stats.binomtest(lost, lost + gained, 0.5).pvalue)


def delong_paired(labels: ArrayLike, old: ArrayLike, new: ArrayLike) -> tuple[float, float, float | None]:
    """AUROC of two scores of the same images, and the two-sided p-value of their difference.

    z = (A1 - A2) / sqrt(L S L') with the covariance S of the structural components (placements) of both scores. DeLong,
    DeLong and Clarke-Pearson, Biometrics 44 (1988) 837-845.

    Args:
        labels: (n,) 0 normal or 1 defective, at least two of each.
        old, new: (n,) scores, higher = more anomalous; infinite ones are allowed, NaN is not. Their scales may differ.

    Returns:
        (area of old, area of new, p-value); the p-value is None when the difference has no variance to compare it with.

    Raises:
        ValueError: shapes differ, a score is NaN, or a class has fewer than two images.

    Example:
        >>> delong_paired([0, 0, 0, 1, 1, 1], [1, 2, 4, 3, 5, 6], [1, 2, 3, 4, 5, 6])[:2]
        (0.8888888888888888, 1.0)
    """
    truth = np.asarray(labels)
    scores = np.array([np.asarray(old, dtype=np.float64), np.asarray(new, dtype=np.float64)])
    if truth.shape != scores[0].shape or np.isnan(scores).any():
        raise ValueError(f"labels have the shape {truth.shape}, scores {scores[0].shape}; none may be NaN")
    bad, good = scores[:, truth == 1], scores[:, truth == 0]
    if min(bad.shape[1], good.shape[1]) < 2:
        raise ValueError("a class has fewer than two images")
    for_bad, for_good = _placements(bad, good)
    areas = for_bad.mean(axis=1)
    spread = np.cov(for_bad) / bad.shape[1] + np.cov(for_good) / good.shape[1]
    variance = float(spread[0, 0] + spread[1, 1] - 2 * spread[0, 1])
    difference = float(areas[0] - areas[1])
    p_value = None
    if variance > 1e-15:
        p_value = float(2 * stats.norm.sf(abs(difference) / np.sqrt(variance)))
    elif difference == 0:
        p_value = 1.0
    return float(areas[0]), float(areas[1]), p_value


def _placements(bad: Floats, good: Floats) -> tuple[Floats, Floats]:
    """Share of normals below each defect and of defects above each normal, ties counting half; (2, m) and (2, n)."""
    m, n = bad.shape[1], good.shape[1]
    ranks = stats.rankdata(np.concatenate([bad, good], axis=1), axis=1)
    for_bad = (ranks[:, :m] - stats.rankdata(bad, axis=1)) / n
    for_good = 1 - (ranks[:, m:] - stats.rankdata(good, axis=1)) / m
    return for_bad, for_good


def paired_tests(old: Tree, new: Tree) -> list[PairedTest]:
    """Compare recall, specificity and AUROC of two releases whose test images are the same.

    An undecided image counts against its release, as everywhere: no right verdict, and the worst score of its class.
    Labels come from the predictions, which the evaluation of each release wrote after its opening; no seal is opened.

    Args:
        old, new: with `same_test_images`; that is the caller's to check.

    Returns:
        the tests; none when the two evaluations disagree about the label of an image.

    Raises:
        EvidenceAlteredError: predictions are not readable.
    """
    frames = [tree.table(f"{tree.artifacts}/evaluate/predictions.parquet", _COLUMNS) for tree in (old, new)]
    both = frames[0].merge(frames[1], on="image_id", suffixes=("_old", "_new"), validate="one_to_one")
    if (
        not len(both) == len(frames[0]) == len(frames[1])
        or not (both["label_old"] == both["label_new"]).all()
    ):
        return []
    rates = [_rate(both, *wanted) for wanted in (("recall", 1, "reject"), ("specificity", 0, "accept"))]
    return [*(test for test in rates if test), *_area(both)]


def _rate(both: pd.DataFrame, metric: str, label: int, verdict: str) -> PairedTest | None:
    rows = both[both["label_old"] == label]
    if rows.empty:
        return None
    first, second = (rows[f"verdict_{end}"] == verdict for end in ("old", "new"))
    lost, gained = int((first & ~second).sum()), int((second & ~first).sum())
    return PairedTest(
        metric=metric,
        n=len(rows),
        old=float(first.mean()),
        new=float(second.mean()),
        lost=lost,
        gained=gained,
        p_value=mcnemar_exact(lost, gained),
        method="McNemar, exact",
    )


def _area(both: pd.DataFrame) -> list[PairedTest]:
    labels = both["label_old"].to_numpy(dtype=np.int64)
    if min((labels == 0).sum(), (labels == 1).sum()) < 2:
        return []
    ranked = [_worst_case(both, end, labels) for end in ("old", "new")]
    old, new, p_value = delong_paired(labels, *ranked)
    method = "DeLong, paired" if p_value is not None else "the difference has no variance to compare it with"
    return [PairedTest("auroc", len(both), old, new, None, None, p_value, method)]


def _worst_case(both: pd.DataFrame, end: str, labels: NDArray[np.int64]) -> Floats:
    scores = both[f"score_{end}"].to_numpy(dtype=np.float64)
    undecided = (both[f"verdict_{end}"] == "undecided").to_numpy() | np.isnan(scores)
    return np.where(undecided, np.where(labels == 1, -np.inf, np.inf), scores)
