"""OQ checks of the threshold: the decision rule at its boundary, an independent computation, no test rows."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from pydantic import PositiveFloat

from sealproof.evidence.hashing import sha256_json
from sealproof.evidence.strict import StrictModel
from sealproof.qualification import reference
from sealproof.qualification.context import NO_THRESHOLD, Context
from sealproof.qualification.iq_software import shown
from sealproof.qualification.registry import Finding, NoParameters, check
from sealproof.thresholds.compare import compare, thresholds_json
from sealproof.thresholds.selection import ALLOWED_SPLITS, calibration_scores


class ToleranceParameters(StrictModel):
    """`relative_tolerance`: largest relative difference between two computations of one number."""

    relative_tolerance: PositiveFloat


@check("threshold-recomputed", ToleranceParameters)
def threshold_recomputed(context: Context, parameters: ToleranceParameters) -> Finding:
    """Do second implementations, from scores.parquet alone, give the thresholds of thresholds.json?"""
    settings = context.settings.params.threshold
    problems, compared = [], 0
    for score, methods in context.thresholds["scores"].items():
        normals, defects = (
            _split(context.scores, score, "calibration"),
            _split(context.scores, score, "tuning"),
        )
        references = {
            "mean_sigma": reference.mean_sigma(normals, settings.sigmas),
            "percentile": reference.percentile(normals, settings.percentile),
            "conformal": _next(reference.conformal(normals, settings.conformal.false_reject_rate)),
            "supervised_accuracy": reference.most_accurate(normals, defects)[0] if len(defects) else None,
        }
        for method, expected in references.items():
            found = methods[method]["threshold"]
            if found is None:
                continue
            compared += 1
            if expected is None or not math.isclose(found, expected, rel_tol=parameters.relative_tolerance):
                problems.append(f"{score} {method}: {found!r} in thresholds.json, {expected!r} recomputed")
    score, method, stated = (context.thresholds["in_force"][key] for key in ("score", "method", "threshold"))
    if context.thresholds["scores"][score][method]["threshold"] != stated:
        problems.append("the threshold in force is not the one of its score and method")
    actual = (
        f"{compared} thresholds of {len(context.thresholds['scores'])} scores recomputed, {len(problems)} "
        f"differ by more than {parameters.relative_tolerance:g}{shown(problems)}; "
        f"in force: {method} of {score} = {stated!r}"
    )
    nothing_valid = not problems and (stated is None or not compared)
    return Finding(
        passed=None if nothing_valid else not problems,
        actual=f"{NO_THRESHOLD}: {actual}" if nothing_valid else actual,
        values={"compared": compared, "problems": problems, "threshold": stated},
        files=(context.artefact("score", "scores.parquet"), context.artefact("threshold", "thresholds.json")),
        records=("threshold.in_force.threshold",),
    )


def _split(scores: pd.DataFrame, score: str, split: str) -> reference.Floats:
    rows = scores.loc[(scores["split"] == split) & scores["decided"], score]
    return rows.to_numpy(dtype=np.float64)


def _next(value: float | None) -> float | None:
    return None if value is None else math.nextafter(value, math.inf)


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
    digests = [
        sha256_json(thresholds_json(compare(calibration_scores(table), quick, seed)))
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
