"""The scores that thresholds may be computed from. Rows of the test split are dropped first thing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

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
        defects: score -> (d,) scores of training defects.
        undecided: split -> number of images without a score.
    """

    held_out: Mapping[str, Floats]
    training: Mapping[str, Floats]
    defects: Mapping[str, Floats]
    undecided: Mapping[str, int]

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


def calibration_scores(table: pd.DataFrame) -> CalibrationScores:
    """Take the scores of training normals, held-out normals and training defects out of a score table.

    Args:
        table: image_id, split, decided and one column a score; rows of other splits are dropped first thing.

    Raises:
        EvidenceAlteredError: a column is missing, or a decided image has no finite score.
        DataError: there is no held-out normal with a score.

    Example:
        >>> rows = {"image_id": ["a", "b"], "split": ["calibration", "test"], "mse": [1.0, 9.0]}
        >>> calibration_scores(pd.DataFrame(rows).assign(decided=True)).held_out["mse"].tolist()
        [1.0]
    """
    _check_columns(table)
    allowed = table[table["split"].isin(ALLOWED_SPLITS)]
    names = _score_names(table)
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
    scores = {split: {name: _sorted(group[name]) for name in names} for split, group in groups.items()}
    undecided = allowed[~allowed["decided"]].groupby("split").size()
    return CalibrationScores(
        held_out=scores["calibration"],
        training=scores["train"],
        defects=scores["tuning"],
        undecided={split: int(undecided.get(split, 0)) for split in ALLOWED_SPLITS},
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


def _score_names(table: pd.DataFrame) -> list[str]:
    return [str(name) for name, kind in table.dtypes.items() if pd.api.types.is_float_dtype(kind)]


def _sorted(column: pd.Series[float]) -> Floats:
    return np.sort(column.to_numpy(dtype=np.float64))


def _check_columns(table: pd.DataFrame) -> None:
    missing = [name for name in _KEYS if name not in table.columns]
    if missing or not _score_names(table):
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
