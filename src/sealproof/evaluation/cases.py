"""The test cases: labels, scores and facts of each test image in one table, and the verdicts."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sealproof.evaluation.counts import ACCEPT, REJECT, UNDECIDED
from sealproof.evidence.errors import EvidenceAlteredError
from sealproof.thresholds.result import is_rejected

_LABEL_COLUMNS = ["image_id", "label", "defect_type", "size_mm"]


def assemble_cases(labels: pd.DataFrame, scores: pd.DataFrame, manifest: pd.DataFrame) -> pd.DataFrame:
    """One row a test image, sorted by image_id.

    Args:
        labels: the opened labels.
        scores: scores.parquet; rows of other splits are dropped.
        manifest: manifest.parquet; gives path and group_* columns.

    Returns:
        image_id, label, defect_type, size_mm, path, group_*, decided and one column a score.

    Raises:
        EvidenceAlteredError: the three tables do not hold the same test images, each once, or a decided image
            has a
            score that is not finite; all such images are named.
    """
    facts = manifest.loc[manifest["split"] == "test"]
    groups = [name for name in facts.columns if name.startswith("group_")]
    facts = facts[["image_id", "path", *groups]]
    scored = scores.loc[scores["split"] == "test"].drop(columns="split")
    _check_same_images({"sealed labels": labels, "scores": scored, "manifest": facts})
    table = labels[_LABEL_COLUMNS].merge(facts, on="image_id").merge(scored, on="image_id")
    table = table.sort_values("image_id", ignore_index=True).astype({"label": "int64", "decided": "bool"})
    _check_finite(table, score_names(table))
    return table


def score_names(table: pd.DataFrame) -> list[str]:
    """Names of the score columns, in their order."""
    kinds = table.dtypes.items()
    return [str(name) for name, kind in kinds if pd.api.types.is_float_dtype(kind) and name != "size_mm"]


def verdicts(
    scores: ArrayLike, decided: ArrayLike, threshold: float | None, accept_below: float | None = None
) -> NDArray[np.str_]:
    """`reject` at or above the threshold, `accept` below it, `undecided` where there is no finite score or
    threshold.

    Args:
        scores: (n,) scores, higher = more anomalous.
        decided: (n,) whether the image has a region of interest, and therefore a score.
        threshold: None when there is no valid one.
        accept_below: with a three-way verdict, the score below which is accepted; from there up to the threshold an
            image is undecided. None: two verdicts, everything below the threshold is accepted.

    Example:
        >>> verdicts([0.9, 1.0, float("nan")], [True, True, False], 1.0).tolist()
        ['accept', 'reject', 'undecided']
        >>> verdicts([0.4, 0.5, 0.9, 1.0], [True] * 4, 1.0, accept_below=0.5).tolist()
        ['accept', 'undecided', 'undecided', 'reject']
        >>> verdicts([0.9], [True], 1.0, accept_below=2.0).tolist()
        ['accept']
        >>> verdicts([0.9], [True], None).tolist()
        ['undecided']
        >>> verdicts([float("nan"), 0.9], [True, True], float("nan")).tolist()
        ['undecided', 'undecided']
    """
    values = np.asarray(scores, dtype=np.float64)
    if threshold is None or not math.isfinite(threshold):
        return np.full(values.shape, UNDECIDED)
    limits = [threshold] if accept_below is None else [threshold, accept_below]
    known = np.asarray(decided, dtype=bool) & np.isfinite(values)
    # No comparison holds with NaN, be it a score or a limit: what is neither rejected nor accepted is undecided.
    below = np.where(values < np.min(limits), ACCEPT, UNDECIDED)
    return np.where(~known, UNDECIDED, np.where(is_rejected(values, threshold), REJECT, below))


def worst_case(scores: ArrayLike, decided: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Scores for ranking when undecided counts against the detector: -inf for defects, +inf for normal
    images.

    Example:
        >>> worst_case([1.0, float("nan"), float("nan")], [True, False, False], [0, 0, 1]).tolist()
        [1.0, inf, -inf]
    """
    missing = np.where(np.asarray(labels) == 1, -np.inf, np.inf)
    return np.where(np.asarray(decided, dtype=bool), np.asarray(scores, dtype=np.float64), missing)


def _check_same_images(tables: dict[str, pd.DataFrame]) -> None:
    every = sorted(set().union(*(table["image_id"] for table in tables.values())))
    lines = []
    for name, table in tables.items():
        counts = table["image_id"].value_counts()
        lines += [
            f"{image}: {int(counts.get(image, 0))} times in {name}"
            for image in every
            if counts.get(image, 0) != 1
        ]
    if lines:
        raise _altered("labels, scores and manifest do not hold the same test images", lines)


def _check_finite(table: pd.DataFrame, names: list[str]) -> None:
    decided = table[table["decided"]]
    bad = decided.loc[~np.isfinite(decided[names].to_numpy()).all(axis=1), "image_id"]
    if len(bad):
        raise _altered("decided test images have a score that is not finite", [str(image) for image in bad])


def _altered(what: str, lines: list[str]) -> EvidenceAlteredError:
    more = [f"and {len(lines) - 20} more"] if len(lines) > 20 else []
    return EvidenceAlteredError(
        what,
        where="sealed_labels.parquet, scores.parquet, manifest.parquet",
        why="\n".join(lines[:20] + more),
        mend="delete artifacts of the stages ingest and score and run `dvc repro`",
    )
