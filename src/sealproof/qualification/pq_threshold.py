"""PQ checks of the threshold in force: what it promised, the optimism of training scores, the tail method."""

from __future__ import annotations

from sealproof.qualification import reference
from sealproof.qualification.context import NO_THRESHOLD, Context
from sealproof.qualification.registry import Finding, NoParameters, check


@check("false-rejects-as-promised", NoParameters)
def false_rejects_as_promised(context: Context, parameters: NoParameters) -> Finding:
    """Does the observed share of rejected normals not contradict what the threshold promised?"""
    del parameters
    promise = context.thresholds["in_force"]["promised_false_reject_rate"]
    # Undecided between two limits is not rejected; without a score there was nothing to decide on.
    table = context.predictions
    scored = table["score"].notna() & context.has_threshold
    normals = table[scored & (table["label"] == 0)]
    rejected, n = int((normals["verdict"] == "reject").sum()), len(normals)
    files = (
        context.artefact("evaluate", "predictions.parquet"),
        context.artefact("threshold", "thresholds.json"),
    )
    if promise is None or not n:
        reason = (
            "the method in force promises no rate" if promise is None else "no normal test image was decided"
        )
        return Finding(passed=None, actual=reason, files=files)
    low, high = reference.exact_bounds(rejected, n, context.settings.params.evaluate.confidence)
    return Finding(
        passed=low <= promise,
        actual=f"promised {promise:.4f}; {rejected} of {n} rejected: {rejected / n:.4f} ({low:.4f} to {high:.4f})",
        values={"promised": promise, "rejected": rejected, "normals": n, "low": low, "high": high},
        files=files,
    )


@check("optimism-stated", NoParameters)
def optimism_stated(context: Context, parameters: NoParameters) -> Finding:
    """Is the threshold in force from held-out normals, and is the gap to training scores on record?"""
    del parameters
    force = context.thresholds["in_force"]
    score, method = force["score"], force["method"]
    trained = context.thresholds["training_scores"][score][method]["threshold"]
    test = context.thresholds["optimism"][score]
    stated = trained is not None and test["p_value"] is not None
    held_out = force["calibration"] != "training"
    actual = (
        f"{method} of {score}: {_figure(force['threshold'])} from {force['calibration']} normals, "
        f"{_figure(trained)} from training normals; {test['name']}: p = {_figure(test['p_value'])}, "
        f"{test['meaning']}"
    )
    unanswerable = held_out and not context.has_threshold
    return Finding(
        passed=None if unanswerable else held_out and stated,
        actual=f"{NO_THRESHOLD}: {actual}" if unanswerable else actual,
        values={"in_force": force["threshold"], "from_training": trained, "optimism": test},
        files=(context.artefact("threshold", "thresholds.json"),),
    )


@check("evt-eligibility", NoParameters)
def evt_eligibility(context: Context, parameters: NoParameters) -> Finding:
    """Is the eligibility of the tail method stated with its reason, and is the method in force eligible?"""
    del parameters
    force = context.thresholds["in_force"]
    tail = context.thresholds["scores"][force["score"]]["evt_pot"]
    exceedances = tail["details"].get("exceedances")
    stated = isinstance(tail["eligible"], bool) and bool(tail["reason_code"]) and exceedances is not None
    actual = (
        f"evt_pot on {force['score']}: {'eligible' if tail['eligible'] else 'not eligible'} "
        f"({tail['reason_code']}), {exceedances} exceedances of {tail['n']} normals: {tail['reason']}; "
        f"in force: {force['method']}, {'eligible' if force['eligible'] else 'not eligible'}"
    )
    unanswerable = stated and not context.has_threshold
    return Finding(
        passed=None if unanswerable else stated and force["eligible"] is True,
        actual=f"{NO_THRESHOLD}: {actual}" if unanswerable else actual,
        values={"evt_pot": tail, "in_force_eligible": force["eligible"]},
        files=(context.artefact("threshold", "thresholds.json"),),
    )


def _figure(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"
