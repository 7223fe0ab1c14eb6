"""thresholds.json: every method of every score derived anew from the calibration scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from sealproof.verification.formulas import Floats, close
from sealproof.verification.scores import image_scores, score_names
from sealproof.verification.settings import parameters
from sealproof.verification.tail import tail_problems
from sealproof.verification.threshold_rules import (
    conformal,
    false_rejects,
    mean_sigma,
    percentile,
    supervised_accuracy,
)
from sealproof.verification.tree import Tree

_RULES = {
    "mean_sigma": mean_sigma,
    "percentile": percentile,
    "conformal": conformal,
    "supervised_accuracy": supervised_accuracy,
}
METHODS = (*_RULES, "evt_pot")
#: Key of thresholds.json -> (split its normals are in, what it calls the calibration).
_CALIBRATIONS = {"scores": ("calibration", "held-out"), "training_scores": ("train", "training")}


def check_thresholds(tree: Tree) -> None:
    """Derive thresholds.json anew, and hold what is in force against params.yaml."""
    file = tree.artifact("threshold", "thresholds.json")
    stated, table = tree.dictionary(file), image_scores(tree)
    if not stated or table is None:
        return
    with tree.findings.guard(file):
        settings = parameters(tree)["threshold"]
        _check_in_force(tree, file, stated, settings)
        for key, (split, name) in _CALIBRATIONS.items():
            for score in score_names(table):
                with tree.findings.guard(file, f"/{key}/{score}"):
                    _check_score(
                        tree,
                        file,
                        f"/{key}/{score}",
                        stated[key][score],
                        _Calibration(table, score, split, name, settings),
                    )
        _check_undecided(tree, file, stated, table)


class _Calibration:
    """The scores that one row of thresholds.json rests on."""

    def __init__(
        self, table: pd.DataFrame, score: str, split: str, name: str, settings: Mapping[str, Any]
    ) -> None:
        self.normals = _sorted(table, split, score)
        self.defects = _sorted(table, "tuning", score)
        self.held_out = _sorted(table, "calibration", score)
        self.name, self.settings = name, settings

    @property
    def usable(self) -> bool:
        """Whether there are enough normals, and not all alike."""
        enough = self.normals.size >= max(2, self.settings["minimum_normals"])
        return bool(enough and self.normals[0] != self.normals[-1])


def _sorted(table: pd.DataFrame, split: str, score: str) -> Floats:
    chosen = table["decided"] & (table["split"] == split)
    return np.sort(table.loc[chosen, score].to_numpy(dtype=np.float64))


def _check_in_force(tree: Tree, file: str, stated: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    chosen = stated["in_force"]
    for key in ("score", "method"):
        tree.findings.compare(
            "threshold-in-force-wrong", file, f"/in_force/{key}", expected=settings[key], found=chosen[key]
        )
    row = stated["scores"][settings["score"]][settings["method"]]
    rest = {key: value for key, value in chosen.items() if key not in {"score", "method"}}
    if rest != row:
        tree.findings.add(
            "threshold-in-force-wrong",
            file,
            "/in_force",
            expected=f"threshold {row['threshold']!r} of {settings['score']}, {settings['method']}",
            found=f"threshold {chosen.get('threshold')!r}",
        )


def _check_score(
    tree: Tree, file: str, place: str, methods: Mapping[str, Any], calibration: _Calibration
) -> None:
    for method in sorted({*METHODS} ^ {*methods}):
        tree.findings.add(
            "threshold-changed",
            file,
            f"{place}/{method}",
            expected="the five methods",
            found="one missing or unknown",
        )
    for method in (name for name in METHODS if name in methods):
        stated = methods[method]
        with tree.findings.guard(file, f"{place}/{method}"):
            tree.findings.count("thresholds derived")
            for field, expected, found in _problems(method, stated, calibration):
                code = "threshold-changed" if field == "threshold" else "threshold-figure-changed"
                tree.findings.add(code, file, f"{place}/{method}/{field}", expected=expected, found=found)


def _problems(
    method: str, stated: Mapping[str, Any], calibration: _Calibration
) -> Iterator[tuple[str, Any, Any]]:
    normals, settings = calibration.normals, calibration.settings
    n = normals.size + (calibration.defects.size if method == "supervised_accuracy" else 0)
    yield from _different(stated, {"n": int(n), "calibration": calibration.name})
    if not calibration.usable:
        yield from _different(stated, {"threshold": None, "low": None, "high": None, "eligible": False})
        return
    if method == "evt_pot":
        yield from tail_problems(normals, stated, settings)
    else:
        yield from _different(stated, _RULES[method](normals, calibration.defects, settings))
    yield from _shape_problems(stated)
    yield from _rate_problems(stated, calibration)


def _shape_problems(stated: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """What holds for every method: eligible exactly with a threshold, which lies in its interval."""
    threshold, low, high = stated["threshold"], stated["low"], stated["high"]
    if stated["eligible"] is not (threshold is not None):
        yield "eligible", threshold is not None, stated["eligible"]
    if threshold is None:
        yield from _different(stated, {"low": None, "high": None})
    elif (low is not None and high is not None) and low > high:
        yield "low", f"at most {high!r}", low


def _rate_problems(stated: Mapping[str, Any], calibration: _Calibration) -> Iterator[tuple[str, Any, Any]]:
    details = stated.get("details", {})
    threshold = stated["threshold"] if stated["threshold"] is not None else details.get("estimate")
    if threshold is None:
        return
    confidence = calibration.settings["confidence"]
    expected = {"calibration_false_rejects": false_rejects(calibration.normals, threshold, confidence)}
    if calibration.name == "training" and stated["threshold"] is not None:
        expected["held_out_false_rejects"] = false_rejects(calibration.held_out, threshold, confidence)
    yield from _different(details, expected, "details/")


def _different(
    stated: Mapping[str, Any], expected: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """(field, expected, found) of every derived field that is stated otherwise."""
    for key, value in expected.items():
        found = stated.get(key)
        if isinstance(value, Mapping):
            yield from _different(found if isinstance(found, Mapping) else {}, value, f"{prefix}{key}/")
        elif key not in stated or not close(value, found):
            yield f"{prefix}{key}", value, found


def _check_undecided(tree: Tree, file: str, stated: Mapping[str, Any], table: pd.DataFrame) -> None:
    for split in ("train", "calibration", "tuning"):
        expected = int(((table["split"] == split) & ~table["decided"]).sum())
        tree.findings.compare(
            "threshold-figure-changed",
            file,
            f"/undecided/{split}",
            expected=expected,
            found=stated["undecided"][split],
        )
