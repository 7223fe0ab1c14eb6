"""The scores that thresholds may be computed from. Rows of the test split are dropped first thing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sealproof.evidence.errors import DataError, EvidenceAlteredError, EvidenceMissingError
from sealproof.thresholds.result import Floats

#: Split -> what its images are. No other split may be seen by a threshold.
ALLOWED_SPLITS = {
    "train": "training normals",
    "calibration": "held-out normals",
    "tuning": "training defects",
}
_KEYS = ("image_id", "split", "decided")


@dataclass(frozen=True)
class CalibrationScores:
    """Scores by split, decided images only, sorted.

    Attributes:
        held_out: score -> (n,) scores of normals held out of training.
        training: score -> (m,) scores of the normals that the detector was fitted to.
        defects: score -> (d,) scores of training defects; none for a score that was fitted to them.
        undecided: split -> number of images without a score.
        captured: split -> score -> times of capture in seconds, each of the score at its place; NaN where
            unknown. Without a manifest there are none.
        fitted: scores that were fitted to the training defects, whose scores therefore say nothing about new ones.
    """

    held_out: Mapping[str, Floats]
    training: Mapping[str, Floats]
    defects: Mapping[str, Floats]
    undecided: Mapping[str, int]
    captured: Mapping[str, Mapping[str, Floats]] = field(default_factory=dict)
    fitted: frozenset[str] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the scores, in the order of the table."""
        return tuple(self.held_out)


def read_scores(path: Path) -> pd.DataFrame:
    """Read scores.parquet without the rows of the test split: they never reach memory.

    Raises:
        EvidenceMissingError: the file does not exist.
        EvidenceAlteredError: it is no Parquet file, or lacks its columns.
    """
    try:
        return pd.read_parquet(path, filters=[("split", "in", sorted(ALLOWED_SPLITS))])
    except FileNotFoundError as error:
        raise EvidenceMissingError(
            "the scores are missing", where=str(path), why="the file does not exist", mend="run `dvc repro`"
        ) from error
    except (OSError, ValueError) as error:
        raise EvidenceAlteredError(
            "the scores cannot be read", where=str(path), why=str(error), mend="delete it and run `dvc repro`"
        ) from error


def calibration_scores(
    table: pd.DataFrame, manifest: pd.DataFrame | None = None, fitted: frozenset[str] = frozenset()
) -> CalibrationScores:
    """Take the scores of training normals, held-out normals and training defects out of a score table.

    Args:
        table: image_id, split, decided and one column a score; rows of other splits are dropped first thing.
        manifest: image_id and captured_at, for the test of exchangeability in time order; None: not tested.
        fitted: scores that learnt from the training defects, see `models.defects.scores_fitted_to_defects`.

    Raises:
        EvidenceAlteredError: a column is missing, or a decided image has no finite score.
        DataError: there is no held-out normal with a score.

    Example:
        >>> rows = {"image_id": ["a", "b"], "split": ["calibration", "test"], "mse": [1.0, 9.0]}
        >>> calibration_scores(pd.DataFrame(rows).assign(decided=True)).held_out["mse"].tolist()
        [1.0]
    """
    _check_columns(table)
    allowed = table[table["split"].isin(ALLOWED_SPLITS)].sort_values("image_id")
    names = score_names(table)
    decided = allowed[allowed["decided"]]
    _check_finite(decided, names)
    groups = {split: decided[decided["split"] == split] for split in ALLOWED_SPLITS}
    if groups["calibration"].empty:
        raise DataError(
            "there is no held-out normal to calibrate a threshold with",
            where="scores.parquet, split `calibration`",
            why=f"{int((allowed['split'] == 'calibration').sum())} images are in it, none has a score",
            mend="raise split.calibration_fraction, or lower roi.minimum_confidence, in inspection.yaml",
        )
    scores = {split: {name: in_order(group[name])[0] for name in names} for split, group in groups.items()}
    times = {split: capture_times(group["image_id"], manifest) for split, group in groups.items()}
    undecided = allowed[~allowed["decided"]].groupby("split").size()
    return CalibrationScores(
        held_out=scores["calibration"],
        training=scores["train"],
        defects={name: values[:0] if name in fitted else values for name, values in scores["tuning"].items()},
        undecided={split: int(undecided.get(split, 0)) for split in ALLOWED_SPLITS},
        captured={
            split: {name: times[split][in_order(group[name])[1]] for name in names}
            for split, group in groups.items()
        },
        fitted=frozenset(names) & fitted,
    )


def check_against_manifest(table: pd.DataFrame, manifest: pd.DataFrame) -> None:
    """Hold the splits of the score table against the manifest, whose contract ties each split to its class.

    Args:
        table: image_id and split of scored images.
        manifest: as `sealproof.datasets.manifest.read_manifest` returns it.

    Raises:
        EvidenceAlteredError: an image is scored in a split that the manifest does not put it in, or is not
            scored.
    """
    known = manifest.loc[manifest["split"].isin(ALLOWED_SPLITS), ["image_id", "split"]]
    found = table.loc[table["split"].isin(ALLOWED_SPLITS), ["image_id", "split"]]
    both = known.merge(found, on="image_id", how="outer", suffixes=("_manifest", "_scores"))
    wrong = both[both["split_manifest"] != both["split_scores"]].sort_values("image_id")
    if wrong.empty and found["image_id"].is_unique:
        return
    lines = [
        f"{row.image_id}: manifest {_or_none(row.split_manifest)}, scores {_or_none(row.split_scores)}"
        for row in wrong.head(20).itertuples()
    ]
    more = [f"and {len(wrong) - 20} more"] if len(wrong) > 20 else []
    raise EvidenceAlteredError(
        "scores and manifest disagree about the splits",
        where="scores.parquet and manifest.parquet",
        why="\n".join(lines + more) or "an image is scored twice",
        mend="delete the scores and run `dvc repro`",
    )


def _or_none(split: object) -> str:
    return split if isinstance(split, str) else "none"


def score_names(table: pd.DataFrame) -> list[str]:
    """Names of the columns that are scores, in their order."""
    return [str(name) for name, kind in table.dtypes.items() if pd.api.types.is_float_dtype(kind)]


def in_order(column: pd.Series[float]) -> tuple[Floats, NDArray[np.intp]]:
    """(sorted scores, where each of them stood).

    Example:
        >>> scores, places = in_order(pd.Series([3.0, 1.0, 2.0]))
        >>> scores.tolist(), places.tolist()
        ([1.0, 2.0, 3.0], [1, 2, 0])
    """
    values = np.array(column, dtype=np.float64)
    places = np.argsort(values, kind="stable")
    return values[places], places


def capture_times(image_ids: pd.Series[str], manifest: pd.DataFrame | None) -> Floats:
    """Times of capture in seconds since 1970, NaN where unknown.

    Args:
        image_ids: (n,) images.
        manifest: image_id and captured_at; None when there is none.

    Example:
        >>> times = pd.DataFrame({"image_id": ["a"], "captured_at": pd.to_datetime(["1970-01-02"], utc=True)})
        >>> capture_times(pd.Series(["b", "a"]), times).tolist()
        [nan, 86400.0]
    """
    if manifest is None or "captured_at" not in manifest.columns:
        return np.full(len(image_ids), np.nan)
    known = pd.to_datetime(manifest.set_index("image_id")["captured_at"], utc=True)
    times = known.reindex(image_ids)
    seconds = (times - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    return np.array(seconds, dtype=np.float64)


def _check_columns(table: pd.DataFrame) -> None:
    missing = [name for name in _KEYS if name not in table.columns]
    if missing or not score_names(table):
        raise EvidenceAlteredError(
            "the score table is not what the score stage writes",
            where="scores.parquet",
            why=f"missing columns: {', '.join(missing) or 'one or more scores'}",
            mend="delete it and run `dvc repro`",
        )


def _check_finite(decided: pd.DataFrame, names: list[str]) -> None:
    bad = ~np.isfinite(decided[names].to_numpy(dtype=np.float64))
    if not bad.any():
        return
    rows, columns = np.nonzero(bad)
    ids = decided["image_id"].to_numpy()
    places = sorted({f"{ids[row]}: {names[column]}" for row, column in zip(rows, columns, strict=True)})
    more = [f"and {len(places) - 20} more"] if len(places) > 20 else []
    raise EvidenceAlteredError(
        "decided images have no finite score",
        where="scores.parquet",
        why="\n".join(places[:20] + more),
        mend="delete the scores and run `dvc repro`; if it stays, the score has no value for these images",
    )
