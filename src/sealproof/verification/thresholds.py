"""thresholds.json: every method of every score and calibration, the three-way limits, and what is in force."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from sealproof.verification.differences import differences
from sealproof.verification.scores import image_scores, score_names
from sealproof.verification.settings import parameters
from sealproof.verification.three_way import in_force, three_way_grid
from sealproof.verification.threshold_result import METHODS, different, problems
from sealproof.verification.threshold_scores import (
    CALIBRATIONS,
    Calibration,
    calibration_of,
    fitted_to_defects,
)
from sealproof.verification.tree import Tree

#: Setting `threshold.calibration` -> key of thresholds.json.
IN_FORCE = {"held-out": "scores", "cross-fit": "cross_fit_scores"}


def check_thresholds(tree: Tree) -> None:
    """Derive thresholds.json anew, and hold what is in force against params.yaml."""
    file = tree.artifact("threshold", "thresholds.json")
    stated, table = tree.dictionary(file), image_scores(tree)
    if not stated or table is None:
        return
    crossed = tree.table(tree.artifact("cross_fit", "scores.parquet"))
    crossed = None if crossed is None or crossed.empty else crossed
    with tree.findings.guard(file):
        settings = parameters(tree)["threshold"]
        fitted = fitted_to_defects(score_names(table), parameters(tree)["train"]["detector"])
        tree.findings.compare(
            "threshold-figure-changed",
            file,
            "/fitted_to_defects",
            expected=fitted,
            found=stated.get("fitted_to_defects", []),  # releases of before know no such scores by name
        )
        _check_keys(tree, file, stated, crossed=crossed is not None)
        for key in (name for name in CALIBRATIONS if name in stated):
            for score in score_names(table):
                place = f"/{key}/{score}"
                with tree.findings.guard(file, place):
                    calibration = calibration_of(key, score, table, crossed, settings, fitted=score in fitted)
                    _check_score(tree, file, place, stated[key][score], calibration)
        _check_undecided(tree, file, stated, table)
        for score in score_names(table):
            with tree.findings.guard(file, f"/three_way/{score}"):
                found = calibration_of(
                    IN_FORCE[settings["calibration"]],
                    score,
                    table,
                    crossed,
                    settings,
                    fitted=score in fitted,
                )
                _check_three_way(tree, file, stated, score, found)
        with tree.findings.guard(file, "/in_force"):
            _check_in_force(tree, file, stated, settings)


def _check_keys(tree: Tree, file: str, stated: Mapping[str, Any], *, crossed: bool) -> None:
    """Cross-fitted thresholds stand there exactly when there are cross-fitted scores."""
    tree.findings.compare(
        "threshold-figure-changed",
        file,
        "/cross_fit_scores",
        expected="there" if crossed else "not there",
        found="there" if "cross_fit_scores" in stated else "not there",
    )


def _check_score(
    tree: Tree, file: str, place: str, methods: Mapping[str, Any], calibration: Calibration
) -> None:
    for method in sorted({*METHODS} ^ {*methods}):
        tree.findings.add(
            "threshold-changed",
            file,
            f"{place}/{method}",
            expected=f"the {len(METHODS)} methods",
            found="one missing or unknown",
        )
    for method in (name for name in METHODS if name in methods):
        stated = methods[method]
        with tree.findings.guard(file, f"{place}/{method}"):
            tree.findings.count("thresholds derived")
            for field, expected, found in problems(method, stated, calibration):
                code = _CODES.get(field, "threshold-figure-changed")
                tree.findings.add(code, file, f"{place}/{method}/{field}", expected=expected, found=found)


#: Field of a result -> code; all others are figures.
_CODES = {
    "threshold": "threshold-changed",
    "details/estimate": "threshold-changed",
    "eligible": "threshold-eligibility-wrong",
    "reason_code": "threshold-eligibility-wrong",
    "details/reason_codes": "threshold-eligibility-wrong",
    "promised_false_reject_rate": "threshold-promise-wrong",
    "promise_confidence": "threshold-promise-wrong",
    "promise": "threshold-promise-wrong",
}


def _check_three_way(
    tree: Tree, file: str, stated: Mapping[str, Any], score: str, calibration: Calibration
) -> None:
    grid = three_way_grid(calibration.normals, calibration.defects, calibration.settings["three_way"])
    tree.findings.count("three-way limits derived", len(grid))
    place = f"/three_way/{score}"
    for pointer, expected, found in differences(grid, stated["three_way"].get(score, "nothing"), place):
        tree.findings.add("three-way-changed", file, pointer, expected=expected, found=found)


def _check_in_force(tree: Tree, file: str, stated: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """What is in force is the result that params.yaml names, unless a three-way verdict could accept nothing."""
    chosen = stated["in_force"]
    for key in ("score", "method", "calibration"):
        tree.findings.compare(
            "threshold-in-force-wrong", file, f"/in_force/{key}", expected=settings[key], found=chosen[key]
        )
    row = stated[IN_FORCE[settings["calibration"]]][settings["score"]][settings["method"]]
    grid, rules = stated["three_way"][settings["score"]], settings["three_way"]
    withdrawn, limit = in_force(row, grid, rules)
    held: dict[str, Any] = {"accept_below": limit}
    rest = {key: value for key, value in chosen.items() if key not in {"score", "method", "accept_below"}}
    if withdrawn:
        held |= {"threshold": None, "low": None, "high": None, "eligible": False, "promise": ""}
        held |= {key: row[key] for key in ("n", "promised_false_reject_rate", "assumptions")}
    elif rest != row:
        tree.findings.add(
            "threshold-in-force-wrong",
            file,
            "/in_force",
            expected=f"threshold {row['threshold']!r} of {settings['score']}, {settings['method']}",
            found=f"threshold {chosen.get('threshold')!r}",
        )
    for field, expected, found in different(chosen, held):
        tree.findings.add(
            "threshold-in-force-wrong", file, f"/in_force/{field}", expected=expected, found=found
        )


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
