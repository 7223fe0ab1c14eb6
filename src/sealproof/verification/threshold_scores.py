"""The scores that thresholds rest on, by calibration: held-out normals, training normals, or cross-fitted ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sealproof.verification.formulas import Floats

#: Key of thresholds.json -> (split its normals are in; "" for cross-fitted ones, what it calls the calibration).
CALIBRATIONS = {
    "scores": ("calibration", "held-out"),
    "training_scores": ("train", "training"),
    "cross_fit_scores": ("", "cross-fit"),
}


@dataclass(frozen=True)
class Calibration:
    """The scores that one row of thresholds.json rests on, all sorted, and the settings.

    Args:
        normals, defects, held_out: scores of normals, of training defects, of held-out normals.
        name: held-out, training or cross-fit.
        settings: `threshold` of params.yaml.
        pairs: scores of the same held-out normals by the detector in force and by the folds', in the order of their
            ids; None but for cross-fit.
    """

    normals: Floats
    defects: Floats
    held_out: Floats
    name: str
    settings: Mapping[str, Any]
    pairs: tuple[Floats, Floats] | None = None


#: Detectors that learn from the training defects, and a score that does under any detector.
_LEARNT_FROM_DEFECTS = ("cpcae", "rag-padim", "guided-padim")
_CLASSIFIER = "decision"


def fitted_to_defects(names: Iterable[str], detector: str) -> list[str]:
    """The scores that learnt from the training defects, which therefore carry no threshold of theirs, by name.

    Example:
        >>> fitted_to_defects(["mse", "decision"], "mocca"), fitted_to_defects(["cpcae"], "cpcae")
        (['decision'], ['cpcae'])
    """
    return sorted(name for name in names if detector in _LEARNT_FROM_DEFECTS or name == _CLASSIFIER)


def calibration_of(
    key: str,
    score: str,
    table: pd.DataFrame,
    crossed: pd.DataFrame | None,
    settings: Mapping[str, Any],
    *,
    fitted: bool = False,
) -> Calibration:
    """The scores behind one key of thresholds.json.

    Args:
        key: of CALIBRATIONS.
        score: name of the score.
        table: scores.parquet.
        crossed: scores.parquet of the stage `cross_fit`; needed for `cross_fit_scores`.
        settings: `threshold` of params.yaml.
        fitted: whether the score learnt from the training defects: then there are none for its thresholds.
    """
    split, name = CALIBRATIONS[key]
    normals, pairs = sorted_scores(table, split, score), None
    if not split:
        if crossed is None:
            raise ValueError("there are no cross-fitted scores")
        decided = crossed[crossed["decided"].astype(bool)]
        normals = np.sort(decided[score].to_numpy(dtype=np.float64))
        own = table[(table["split"] == "calibration") & table["decided"]]
        both = own.merge(decided, on="image_id", suffixes=("_own", "_folds")).sort_values("image_id")
        pairs = (
            both[f"{score}_own"].to_numpy(dtype=np.float64),
            both[f"{score}_folds"].to_numpy(dtype=np.float64),
        )
    return Calibration(
        normals,
        np.empty(0) if fitted else sorted_scores(table, "tuning", score),
        sorted_scores(table, "calibration", score),
        name,
        settings,
        pairs,
    )


def sorted_scores(table: pd.DataFrame, split: str, score: str) -> Floats:
    """Scores of the decided images of a split, sorted."""
    chosen = table["decided"] & (table["split"] == split)
    return np.sort(table.loc[chosen, score].to_numpy(dtype=np.float64))
