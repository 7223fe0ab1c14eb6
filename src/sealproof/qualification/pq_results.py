"""PQ and OQ checks of the results: rates from counts, subgroups, predictive values, errors."""

from __future__ import annotations

import math

import pandas as pd
from pydantic import PositiveFloat

from sealproof.evidence.strict import StrictModel
from sealproof.qualification import reference
from sealproof.qualification.context import NO_THRESHOLD, Context, manufacturer_says
from sealproof.qualification.iq_software import shown
from sealproof.qualification.registry import Finding, NoParameters, check


class RatesParameters(StrictModel):
    """Largest difference of rates, and of their exact bounds."""

    tolerance: PositiveFloat
    bound_tolerance: PositiveFloat


@check("rates-from-counts", RatesParameters)
def rates_from_counts(context: Context, parameters: RatesParameters) -> Finding:
    """Is each rate in metrics.json the ratio of the counts of one confusion matrix, with exact bounds?"""
    table, score = context.predictions, context.thresholds["in_force"]["score"]
    if not context.has_threshold:
        return without_threshold(context)
    counts = count(table)
    stated, confidence = context.metrics[score], context.settings.params.evaluate.confidence
    problems, compared = _differing_counts(context, counts), 0
    for name, (part, whole) in fractions(counts).items():
        compared += 1
        problems += _differing_rate(name, part, whole, stated[name]["value"], parameters.tolerance)
        if name not in EXACT or not whole:
            continue
        for side, expected in zip(
            ("low", "high"), reference.exact_bounds(part, whole, confidence), strict=True
        ):
            compared += 1
            found = stated[name][side]
            if found is None or abs(found - expected) > parameters.bound_tolerance:
                problems.append(f"{name} {side}: {found} stated, {expected:.6f} recomputed")
    listing = ", ".join(f"{name} {number}" for name, number in counts.items())
    return Finding(
        passed=not problems,
        actual=f"{listing}; {compared} rates and bounds compared, {len(problems)} differ{shown(problems)}",
        values={"counts": counts, "compared": compared, "problems": problems},
        files=(
            context.artefact("evaluate", "predictions.parquet"),
            context.workspace.reports / "metrics.json",
        ),
    )


def without_threshold(context: Context) -> Finding:
    """Not evaluable without a threshold in force, and failed when there are verdicts or rates all the same."""
    decided = int((context.predictions["verdict"] != "undecided").sum())
    stated = context.metrics[context.thresholds["in_force"]["score"]]
    rates = [
        name
        for name in ("recall", "specificity", "accuracy", "precision", "f1")
        if stated[name]["value"] is not None
    ]
    return Finding(
        passed=False if decided or rates else None,
        actual=f"{NO_THRESHOLD}; {decided} images decided, {len(rates)} rates stated{shown(rates)}",
        values={"decided": decided, "rates_stated": rates},
        files=(
            context.artefact("evaluate", "predictions.parquet"),
            context.workspace.reports / "metrics.json",
        ),
    )


#: Rates whose bounds are exact binomial ones.
EXACT = ("recall", "specificity", "accuracy", "precision")


def count(table: pd.DataFrame) -> dict[str, int]:
    """Counts by label and verdict of a prediction table; undecided counts against the detector.

    Example:
        >>> count(pd.DataFrame({"label": [1, 0, 1], "verdict": ["reject", "accept", "undecided"]}))
        {'true_positive': 1, 'false_negative': 1, 'true_negative': 1, 'false_positive': 0}
    """
    defective, rejected = table["label"] == 1, table["verdict"] == "reject"
    accepted = table["verdict"] == "accept"
    return {
        "true_positive": int((defective & rejected).sum()),
        "false_negative": int((defective & ~rejected).sum()),
        "true_negative": int((~defective & accepted).sum()),
        "false_positive": int((~defective & ~accepted).sum()),
    }


def fractions(counts: dict[str, int]) -> dict[str, tuple[int, int]]:
    """Each rate as (part, whole) of the counts.

    Example:
        >>> numbers = {"true_positive": 8, "false_negative": 2, "true_negative": 9, "false_positive": 1}
        >>> fractions(numbers)["precision"]
        (8, 9)
    """
    tp, fn, tn, fp = (
        counts[n] for n in ("true_positive", "false_negative", "true_negative", "false_positive")
    )
    return {
        "recall": (tp, tp + fn),
        "specificity": (tn, tn + fp),
        "accuracy": (tp + tn, tp + tn + fp + fn),
        "precision": (tp, tp + fp),
        "f1": (2 * tp, 2 * tp + fp + fn),
    }


def _differing_rate(name: str, part: int, whole: int, found: float | None, tolerance: float) -> list[str]:
    expected = part / whole if whole else None
    if expected is None and found is None:
        return []
    if expected is None or found is None or abs(found - expected) > tolerance:
        return [f"{name}: {found} stated, {expected} recomputed"]
    return []


def _differing_counts(context: Context, counts: dict[str, int]) -> list[str]:
    score = context.thresholds["in_force"]["score"]
    stated = context.evaluation["scores"][score]["counts"]
    against = {"false_negative": "undecided_defective", "false_positive": "undecided_normal"}
    return [
        f"{name}: {stated[name]} stated, {number} counted"
        for name, number in counts.items()
        if stated[name] + stated.get(against.get(name, ""), 0) != number
    ]


@check("subgroups-reported", NoParameters)
def subgroups_reported(context: Context, parameters: NoParameters) -> Finding:
    """Is each subgroup column reported with the number of images, adding up to the test set?"""
    del parameters
    columns = sorted(name for name in context.manifest.columns if name.startswith("group_"))
    rows = context.evaluation["subgroups"]["all"]
    total = int((context.manifest["split"] == "test").sum())
    problems = []
    for column in columns:
        images = sum(row["images"] or 0 for row in rows if row["column"] == column)
        if images != total:
            problems.append(f"{column}: {images} of {total} test images")
    problems += [
        f"{row['column']} {row['value']}: no number of images" for row in rows if row.get("images") is None
    ]
    least = context.evaluation["subgroups"]["smallest"]
    words = (
        f"{least['column']} = {least['value'] or '(not stated)'} with {least['images']} images"
        if least
        else "none"
    )
    return Finding(
        passed=not problems and bool(rows),
        actual=f"{len(columns)} subgroup columns, {len(rows)} subgroups; smallest: {words}{shown(problems)}",
        values={"columns": columns, "subgroups": [[r["column"], r["value"], r["images"]] for r in rows]},
        files=(context.artefact("evaluate", "evaluation.json"),),
    )


@check("predictive-values", NoParameters)
def predictive_values(context: Context, parameters: NoParameters) -> Finding:
    """Are the recorded predictive values those of the counts at the field prevalence that product.yaml gives?"""
    del parameters
    path = context.workspace.definition / "product.yaml"
    prevalence = manufacturer_says(path, "field_prevalence")
    if prevalence is None:
        return Finding(passed=None, actual="not provided: product.yaml gives no field_prevalence")
    stated, files = context.evaluation["predictive"], (path, context.artefact("evaluate", "evaluation.json"))
    if not context.has_threshold:
        return Finding(passed=None, actual=NO_THRESHOLD, files=files)
    figures = {
        name: [stated[name][side] for side in ("value", "low", "high")] for name in ("positive", "negative")
    }
    expected = _expected_predictive(context, prevalence)
    problems = (
        [] if stated["field_prevalence"] == prevalence else [f"evaluated at {stated['field_prevalence']}"]
    )
    for name, values in figures.items():
        for found, wanted in zip(values, expected[name], strict=True):
            if found is None or wanted is None or abs(found - wanted) > _PREDICTIVE_TOLERANCE:
                problems.append(f"{name}: {found} stated, {wanted} recomputed")
    words = [
        f"{name} {_figure(v)} ({_figure(low)} to {_figure(high)})" for name, (v, low, high) in figures.items()
    ]
    return Finding(
        passed=not problems,
        actual=f"at a prevalence of {prevalence:g}: {', '.join(words)}{shown(problems)}",
        values={"prevalence": prevalence, **figures, "problems": problems},
        files=files,
        records=tuple(f"evaluate.predictive.{name}" for name in figures),
    )


_PREDICTIVE_TOLERANCE = 1e-6


def _expected_predictive(context: Context, prevalence: float) -> dict[str, list[float | None]]:
    """Values and bounds from the counts of predictions.parquet, each rate bounded at the root of the confidence."""
    counts, each = count(context.predictions), math.sqrt(context.settings.params.evaluate.confidence)
    rates = [fractions(counts)[name] for name in ("recall", "specificity")]
    if not all(whole for _, whole in rates):
        return {"positive": [None] * 3, "negative": [None] * 3}
    bounds = [reference.exact_bounds(part, whole, each) for part, whole in rates]
    corners = [tuple(part / whole for part, whole in rates), *zip(*bounds, strict=True)]
    pairs = [bayes(recall, specificity, prevalence) for recall, specificity in corners]
    return {
        name: [None if pair is None else pair[at] for pair in pairs]
        for at, name in enumerate(("positive", "negative"))
    }


def bayes(recall: float | None, specificity: float | None, prevalence: float) -> tuple[float, float] | None:
    """(positive, negative) predictive value; None when a rate is missing or all get one verdict.

    Example:
        >>> [round(value, 3) for value in bayes(0.9, 0.9, 0.1)]
        [0.5, 0.988]
    """
    if recall is None or specificity is None:
        return None
    rejected_rightly, rejected = (
        recall * prevalence,
        recall * prevalence + (1 - specificity) * (1 - prevalence),
    )
    accepted_rightly = specificity * (1 - prevalence)
    accepted = accepted_rightly + (1 - recall) * prevalence
    if math.isclose(rejected, 0) or math.isclose(accepted, 0):
        return None
    return rejected_rightly / rejected, accepted_rightly / accepted


@check("errors-listed", NoParameters)
def errors_listed(context: Context, parameters: NoParameters) -> Finding:
    """Are all missed defects and false rejects listed image by image?"""
    del parameters
    table = context.predictions
    missed = set(table.loc[(table["label"] == 1) & (table["verdict"] == "accept"), "image_id"])
    rejected = set(table.loc[(table["label"] == 0) & (table["verdict"] == "reject"), "image_id"])
    problems, listed = [], {}
    for name, expected in (("false_negatives", missed), ("false_positives", rejected)):
        listed[name] = len(context.evaluation[name])
        found = {row["image_id"] for row in context.evaluation[name]}
        problems += [f"{image} is not in {name}" for image in sorted(expected - found)]
        problems += [f"{image} is in {name} wrongly" for image in sorted(found - expected)]
    actual = (
        f"{listed['false_negatives']} of {len(missed)} missed defects and {listed['false_positives']} of "
        f"{len(rejected)} false rejects listed{shown(problems)}"
    )
    return Finding(
        passed=not problems,
        actual=actual,
        values={"listed": listed, "problems": problems},
        files=(
            context.artefact("evaluate", "evaluation.json"),
            context.artefact("evaluate", "predictions.parquet"),
        ),
    )


def _figure(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"
