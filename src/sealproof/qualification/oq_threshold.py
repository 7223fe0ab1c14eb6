"""OQ checks of the threshold: the decision rule at its boundary, an independent computation, no test rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from pydantic import PositiveFloat

from sealproof.evidence.hashing import sha256_json
from sealproof.evidence.strict import StrictModel
from sealproof.models.defects import scores_fitted_to_defects
from sealproof.qualification import reference
from sealproof.qualification.context import NO_THRESHOLD, Context
from sealproof.qualification.iq_software import shown
from sealproof.qualification.reference_limits import references
from sealproof.qualification.registry import Finding, NoParameters, check
from sealproof.thresholds.compare import compare, thresholds_json
from sealproof.thresholds.cross_fit import cross_fit_scores, read_cross_fit
from sealproof.thresholds.selection import ALLOWED_SPLITS, calibration_scores


class ToleranceParameters(StrictModel):
    """`relative_tolerance`: largest relative difference between two computations of one number."""

    relative_tolerance: PositiveFloat


@check("threshold-recomputed", ToleranceParameters)
def threshold_recomputed(context: Context, parameters: ToleranceParameters) -> Finding:
    """Do second implementations, from scores.parquet alone, give the thresholds of thresholds.json?

    A number that a method may not use (`details.estimate`) is compared as well.
    """
    settings = context.settings.params.threshold
    problems, compared = [], 0
    for score, methods in context.thresholds["scores"].items():
        normals = _split(context.scores, score, "calibration")
        defects = _split(context.scores, score, "tuning")
        expected = references(normals, defects, settings) if normals.size > 1 else {}
        for method, value in expected.items():
            found = _computed(methods[method])
            if found is None:
                continue
            compared += 1
            if value is None or not math.isclose(found, value, rel_tol=parameters.relative_tolerance):
                problems.append(f"{score} {method}: {found!r} in thresholds.json, {value!r} recomputed")
    force = context.thresholds["in_force"]
    problems += _not_of_its_method(context)
    actual = (
        f"{compared} thresholds of {len(context.thresholds['scores'])} scores recomputed, {len(problems)} "
        f"differ by more than {parameters.relative_tolerance:g}{shown(problems)}; "
        f"in force: {force['method']} of {force['score']} = {force['threshold']!r}"
    )
    nothing_valid = not problems and (force["threshold"] is None or not compared)
    return Finding(
        passed=None if nothing_valid else not problems,
        actual=f"{NO_THRESHOLD}: {actual}" if nothing_valid else actual,
        values={"compared": compared, "problems": problems, "threshold": force["threshold"]},
        files=(context.artefact("score", "scores.parquet"), context.artefact("threshold", "thresholds.json")),
        records=("threshold.in_force.threshold",),
    )


def _computed(result: Mapping[str, Any]) -> float | None:
    """The threshold, or the estimate of a method that may not be used."""
    found: float | None = result["threshold"]
    return found if found is not None else result["details"].get("estimate")


def _not_of_its_method(context: Context) -> list[str]:
    """The threshold in force is that of its score and method in the calibration that params.yaml names."""
    force, name = context.thresholds["in_force"], context.settings.params.threshold.calibration
    results = context.thresholds["cross_fit_scores" if name == "cross-fit" else "scores"]
    if results[force["score"]][force["method"]]["threshold"] == force["threshold"]:
        return []
    # A verdict in three ways that is out of reach takes the threshold back, and says so.
    if force["threshold"] is None and force["reason_code"] == "acceptance-out-of-reach":
        return []
    return ["the threshold in force is not the one of its score and method"]


def _split(scores: pd.DataFrame, score: str, split: str) -> reference.Floats:
    rows = scores.loc[(scores["split"] == split) & scores["decided"], score]
    return rows.to_numpy(dtype=np.float64)


@check("threshold-ignores-test", NoParameters)
def threshold_ignores_test(context: Context, parameters: NoParameters) -> Finding:
    """Are all thresholds the same when every score outside training, calibration and tuning is replaced?"""
    del parameters
    settings, seed = context.settings.params.threshold, context.settings.params.seed
    quick = settings.model_copy(update={"bootstrap": 20})
    poisoned = context.scores.copy()
    others = ~poisoned["split"].isin(ALLOWED_SPLITS)
    columns = poisoned.select_dtypes("float").columns
    poisoned.loc[others, columns] = 1e6
    folds = read_cross_fit(context.workspace.artifacts("cross_fit") / "scores.parquet")
    fitted = scores_fitted_to_defects(context.thresholds["scores"], context.settings.params.train.detector)
    digests = [
        sha256_json(
            thresholds_json(
                compare(calibration_scores(table, fitted=fitted), quick, seed, cross_fit_scores(folds, table))
            )
        )
        for table in (context.scores, poisoned, poisoned[~others])
    ]
    replaced = int(others.sum())
    actual = (
        f"{replaced} rows outside training, calibration and tuning replaced by 1e6, then dropped: "
        f"{len(set(digests))} different result(s) of 3 computations, SHA-256 {digests[0][:16]}"
    )
    return Finding(
        passed=len(set(digests)) == 1 and replaced > 0,
        actual=actual,
        values={"rows_replaced": replaced, "digests": digests},
        files=(context.artefact("score", "scores.parquet"),),
    )
