"""Scores of normals by detectors that were not fitted to them: every normal calibrates, none twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from sealproof.evidence.errors import DefinitionError, EvidenceAlteredError
from sealproof.thresholds.result import Floats
from sealproof.thresholds.selection import capture_times, in_order, score_names

#: Splits of the normals that are dealt out to the folds.
NORMAL_SPLITS = ("train", "calibration")
_KEYS = ("image_id", "fold", "split", "decided")


@dataclass(frozen=True)
class CrossFitScores:
    """Scores of training and held-out normals, each by the detector of a fold that left it out.

    Attributes:
        folds: number of detectors.
        undecided: number of images without a score.
        scores: score -> (n,) sorted.
        captured: score -> (n,) times of capture in seconds, each of the score at its place; NaN where unknown.
        own, cross_fit: score -> (m,) scores of the same held-out normals by the detector in force and by the
            folds' detectors.
    """

    folds: int
    undecided: int
    scores: Mapping[str, Floats]
    captured: Mapping[str, Floats]
    own: Mapping[str, Floats]
    cross_fit: Mapping[str, Floats]


def read_cross_fit(path: Path) -> pd.DataFrame | None:
    """Read the scores of the stage `cross_fit`; None when there is no such file.

    Raises:
        EvidenceAlteredError: it is no Parquet file.
    """
    if not path.exists():
        return None
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise EvidenceAlteredError(
            "the cross-fitted scores cannot be read",
            where=str(path),
            why=str(error),
            mend="delete them and run `dvc repro`",
        ) from error


def cross_fit_scores(
    table: pd.DataFrame | None, own: pd.DataFrame, manifest: pd.DataFrame | None = None
) -> CrossFitScores | None:
    """The scores that cross-fitting gave; None when it did not run.

    Args:
        table: image_id, fold, split, decided and one column a score; None or no rows when it did not run.
        own: image_id, split, decided and the same scores by the detector in force.
        manifest: image_id and captured_at; None: no times of capture.

    Raises:
        EvidenceAlteredError: a column is missing, an image stands twice or in a split that is not of normals,
            or a decided image has no finite score.

    Example:
        >>> rows = pd.DataFrame({"image_id": ["a"], "fold": [1], "split": ["calibration"], "decided": [True]})
        >>> own = rows.drop(columns="fold").assign(mse=[1.0])
        >>> found = cross_fit_scores(rows.assign(mse=[2.0]), own)
        >>> found.scores["mse"].tolist(), found.own["mse"].tolist()
        ([2.0], [1.0])
    """
    if table is None or table.empty:
        return None
    names = score_names(own)
    _check(table, names)
    decided = table[table["decided"].astype(bool)].sort_values("image_id")
    values = decided[names].to_numpy(dtype=np.float64)
    if not np.isfinite(values).all():
        raise _altered("decided images have no finite score")
    times = capture_times(decided["image_id"], manifest)
    held_out = own[(own["split"] == "calibration") & own["decided"]]
    pairs = held_out.merge(decided, on="image_id", suffixes=("_own", "_cross_fit")).sort_values("image_id")
    return CrossFitScores(
        folds=int(table["fold"].nunique()),
        undecided=int(len(table) - len(decided)),
        scores={name: in_order(decided[name])[0] for name in names},
        captured={name: times[in_order(decided[name])[1]] for name in names},
        own={name: pairs[f"{name}_own"].to_numpy(dtype=np.float64) for name in names},
        cross_fit={name: pairs[f"{name}_cross_fit"].to_numpy(dtype=np.float64) for name in names},
    )


def no_folds() -> DefinitionError:
    """Calibration by cross-fitting is asked for, but it did not run."""
    return DefinitionError(
        "calibration by cross-fitting is asked for, but there are no cross-fitted scores",
        where="params.yaml, keys `threshold.calibration` and `cross_fit.folds`",
        why="the stage `cross_fit` trains no detectors when `cross_fit.folds` is 0",
        mend="set cross_fit.folds to 2 or more, or threshold.calibration to held-out",
    )


def _check(table: pd.DataFrame, names: list[str]) -> None:
    missing = [name for name in (*_KEYS, *names) if name not in table.columns]
    if missing:
        raise _altered(f"missing columns: {', '.join(missing)}")
    if not table["image_id"].is_unique:
        raise _altered("an image is scored by two folds")
    other = sorted(set(table["split"]) - set(NORMAL_SPLITS))
    if other:
        raise _altered(f"images of the splits {', '.join(map(str, other))} are in it")


def _altered(why: str) -> EvidenceAlteredError:
    return EvidenceAlteredError(
        "the cross-fitted scores are not what the stage `cross_fit` writes",
        where="cross_fit/scores.parquet",
        why=why,
        mend="delete them and run `dvc repro`",
    )
