"""PQ checks of what is claimed: reliabilities, threshold methods, three verdicts, the inspection that is replaced."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from statistics import NormalDist
from typing import Any

import pandas as pd

from sealproof.qualification import reference
from sealproof.qualification.context import NO_THRESHOLD, Context, manufacturer_says
from sealproof.qualification.iq_software import shown
from sealproof.qualification.pq_results import count
from sealproof.qualification.registry import Finding, NoParameters, check

_TOLERANCE = 1e-6
_SECTIONS = ("scores", "training_scores", "cross_fit_scores")
_STEPS = 200  # thirds an interval of 1 below the resolution of a double
#: Counts of the right verdicts, and the class they are a share of.
_RIGHT = {"recall": ("true_positive", "false_negative"), "specificity": ("true_negative", "false_positive")}


@check("reliability-stated", NoParameters)
def reliability_stated(context: Context, parameters: NoParameters) -> Finding:
    """Is each stated reliability the one-sided exact bound of its counts, overall and for each subgroup?"""
    del parameters
    stated = context.evaluation["reliability"]
    if not context.has_threshold:
        return Finding(passed=None, actual=NO_THRESHOLD, files=(_evaluation(context),))
    confidence = context.settings.params.evaluate.confidence
    problems = [] if stated["confidence"] == confidence else [f"confidence {stated['confidence']}"]
    rows = [("all images", stated, _against(count(context.predictions)))]
    groups = context.evaluation["subgroups"]["all"]
    for group, row in zip(groups, stated["subgroups"], strict=True):
        name = f"{group['column']} = {group['value'] or '(not stated)'}"
        if (group["column"], group["value"]) != (row["column"], row["value"]):
            problems.append(f"{name} is stated as {row['column']} = {row['value']}")
        rows.append((name, row, _against(group["counts"])))
    compared = 0
    for name, row, counts in rows:
        for metric, (right, wrong) in _RIGHT.items():
            compared += 1
            units = counts[right] + counts[wrong]
            problems += _differing_reliability(name, metric, row[metric], counts[right], units, confidence)
    words = "; ".join(stated[metric]["statement"] for metric in _RIGHT)
    return Finding(
        passed=not problems,
        actual=f"{words}; {compared} statements compared, {len(problems)} differ{shown(problems)}",
        values={"compared": compared, "problems": problems, "smallest": stated["smallest"]},
        files=(_evaluation(context), context.artefact("evaluate", "predictions.parquet")),
    )


def _evaluation(context: Context) -> Any:
    return context.artefact("evaluate", "evaluation.json")


def _against(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts with undecided images against the detector."""
    return {
        "true_positive": counts["true_positive"],
        "false_negative": counts["false_negative"] + counts.get("undecided_defective", 0),
        "true_negative": counts["true_negative"],
        "false_positive": counts["false_positive"] + counts.get("undecided_normal", 0),
    }


def _differing_reliability(
    name: str, metric: str, row: Mapping[str, Any], right: int, units: int, confidence: float
) -> list[str]:
    found = row["reliability"]
    expected = reference.exact_bounds(right, units, 2 * confidence - 1)[0] if units else None
    if (row["units"], row["failures"]) != (units, units - right):
        return [
            f"{name}, {metric}: {row['failures']} of {row['units']} stated, {units - right} of {units} counted"
        ]
    if found is None or expected is None:
        return [] if found is expected else [f"{name}, {metric}: {found} stated, {expected} recomputed"]
    if abs(found - expected) > _TOLERANCE:
        return [f"{name}, {metric}: {found} stated, {expected:.6f} recomputed"]
    return []


@check("methods-reported", NoParameters)
def methods_reported(context: Context, parameters: NoParameters) -> Finding:
    """Is every threshold of thresholds.json judged on the test images, ineligible ones flagged, counts right?"""
    del parameters
    table = context.scores.merge(context.predictions[["image_id", "label"]], on="image_id")
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    problems = []
    for row in context.evaluation["methods"]:
        key = (row["score"], row["calibration"], row["method"])
        problems += [f"{', '.join(key)}: listed twice"] if key in rows else []
        rows[key] = row
    wanted = dict(_results(context.thresholds))
    problems += [f"{', '.join(key)}: not reported" for key in wanted if key not in rows]
    problems += [f"{', '.join(key)}: not in thresholds.json" for key in rows if key not in wanted]
    for key in wanted.keys() & rows.keys():
        problems += [f"{', '.join(key)}: {text}" for text in _differing_row(table, wanted[key], rows[key])]
    eligible = sum(row["eligible"] for row in rows.values())
    return Finding(
        passed=not problems and bool(rows),
        actual=(
            f"{len(rows)} combinations of score, normals and method, {eligible} of them eligible; "
            f"{len(problems)} differ{shown(sorted(problems))}"
        ),
        values={"combinations": len(rows), "eligible": eligible, "problems": sorted(problems)},
        files=(_evaluation(context), context.artefact("threshold", "thresholds.json")),
    )


def _results(thresholds: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str, str], Mapping[str, Any]]]:
    for section in _SECTIONS:
        for score, methods in thresholds.get(section, {}).items():
            for method, result in methods.items():
                yield (score, result["calibration"], method), result


def _differing_row(table: pd.DataFrame, result: Mapping[str, Any], row: Mapping[str, Any]) -> list[str]:
    estimate = result["details"].get("estimate")
    limit = result["threshold"] if result["threshold"] is not None else estimate
    found = []
    if (row["threshold"], row["judged_at"]) != (result["threshold"], limit):
        found.append(f"judged at {row['judged_at']} instead of {limit}")
    if row["eligible"] is not result["eligible"]:
        found.append(f"eligible is {row['eligible']}")
    if limit is not None:
        rejected = table.loc[table[row["score"]] >= limit, "label"]
        counted = (int((rejected == 1).sum()), int((rejected == 0).sum()))
        stated = (row["counts"]["true_positive"], row["counts"]["false_positive"])
        found += (
            [] if counted == stated else [f"{stated} rejected stated, {counted} counted (defective, normal)"]
        )
    return found


@check("three-way-reported", NoParameters)
def three_way_reported(context: Context, parameters: NoParameters) -> Finding:
    """Is each setting of the three-way verdict reported with its counts, or with the reason why it has none?"""
    del parameters
    wanted = context.thresholds.get("three_way", {}).get(context.thresholds["in_force"]["score"], [])
    rows = context.evaluation["three_way"]
    problems = [] if len(rows) == len(wanted) else [f"{len(rows)} settings reported, {len(wanted)} there are"]
    with_limits = 0
    for setting, row in zip(wanted, rows, strict=False):
        name = f"{setting['false_reject_rate']:g} and {setting['missed_defect_rate']:g}"
        with_limits += row["counts"] is not None
        problems += [f"{name}: {text}" for text in _differing_setting(context.predictions, setting, row)]
    stated = [row["share_to_person"]["all"]["value"] for row in rows]
    shares = [share for share in stated if share is not None]
    range_ = f", {min(shares):.1%} to {max(shares):.1%} of the test images to a person" if shares else ""
    actual = f"{len(rows)} settings, {with_limits} with both limits{range_}; {len(problems)} differ{shown(problems)}"
    return Finding(
        passed=None if not wanted and not rows else not problems,
        actual=actual,
        values={"settings": len(rows), "with_limits": with_limits, "problems": problems},
        files=(_evaluation(context), context.artefact("threshold", "thresholds.json")),
    )


def _differing_setting(table: pd.DataFrame, setting: Mapping[str, Any], row: Mapping[str, Any]) -> list[str]:
    keys = ("false_reject_rate", "missed_defect_rate", "accept_below", "reject_from")
    found = [f"{key}: {row[key]} instead of {setting[key]}" for key in keys if row[key] != setting[key]]
    low, high = setting["accept_below"], setting["reject_from"]
    if low is None or high is None:
        return found + ([] if row["counts"] is None and setting["reason"] else ["counts without limits"])
    for label, name in ((0, "normal"), (1, "defective")):
        scores = table.loc[table["label"] == label, "score"]
        rejected = int((scores >= high).sum())
        accepted = int(((scores < low) & (scores < high)).sum())
        counted = {"accept": accepted, "reject": rejected, "undecided": len(scores) - accepted - rejected}
        stated = {verdict: row["counts"][verdict][name] for verdict in counted}
        found += [] if stated == counted else [f"{name}: {stated} stated, {counted} counted"]
    return found


@check("non-inferiority", NoParameters)
def non_inferiority(context: Context, parameters: NoParameters) -> Finding:
    """Is the detector no worse than the inspection that it replaces, by more than the margin?"""
    del parameters
    path = context.workspace.definition / "product.yaml"
    human = manufacturer_says(path, "human_inspection")
    if human is None:
        return Finding(passed=None, actual="not provided: product.yaml gives no human_inspection")
    stated = context.evaluation["non_inferiority"]
    files = (path, _evaluation(context), context.artefact("evaluate", "predictions.parquet"))
    if reason := human.get("not_applicable"):
        same = stated["not_applicable"] == reason
        actual = (
            f"not applicable, as the manufacturer states: {reason}"
            if same
            else "evaluated before this statement"
        )
        return Finding(passed=same, actual=actual, values={"not_applicable": reason}, files=files)
    if not context.has_threshold:
        return Finding(passed=None, actual=NO_THRESHOLD, files=files)
    problems = list(_differing_comparison(context, human, stated))
    words = [
        f"{metric} {stated[metric]['machine']['share']:.4f} against {stated[metric]['human']['share']:.4f}: difference "
        f"{stated[metric]['difference']:.4f}, lower bound {stated[metric]['low']:.4f}"
        for metric in _RIGHT
        if None not in (stated[metric]["difference"], stated[metric]["low"], stated[metric]["human"])
    ]
    held = all(stated[metric]["shown"] is True for metric in _RIGHT)
    return Finding(
        passed=held and not problems,
        actual=f"{'; '.join(words) or 'no comparison'}; margin {human['margin']:g}{shown(problems)}",
        values={
            "human": human,
            "stated": {metric: stated[metric] for metric in _RIGHT},
            "problems": problems,
        },
        files=files,
    )


def _differing_comparison(
    context: Context, human: Mapping[str, Any], stated: Mapping[str, Any]
) -> Iterator[str]:
    counts = count(context.predictions)
    before = {
        "recall": (human["found"], human["defective"]),
        "specificity": (human["accepted"], human["normal"]),
    }
    for metric, (right, wrong) in _RIGHT.items():
        row, units = stated[metric], counts[right] + counts[wrong]
        if row["low"] is None or row["human"] is None:
            yield f"{metric}: not compared"
            continue
        if (row["machine"]["right"], row["machine"]["units"]) != (counts[right], units):
            yield f"{metric}: other counts than those of predictions.parquet"
        if (row["human"]["right"], row["human"]["units"]) != before[metric]:
            yield f"{metric}: other figures than those of product.yaml"
        z = score_statistic((counts[right], units), before[metric], row["low"])
        wanted = NormalDist().inv_cdf(stated["confidence"])
        if row["low"] > -1 and abs(z - wanted) > 1e-4:
            yield f"{metric}: at the stated bound the score statistic is {z:.4f}, not {wanted:.4f}"
        if row["shown"] is not (row["low"] > -human["margin"]):
            yield f"{metric}: a lower bound of {row['low']:.4f} and a margin of {human['margin']:g} say otherwise"


def score_statistic(machine: tuple[int, int], human: tuple[int, int], difference: float) -> float:
    """Distance of the observed difference from `difference` in standard errors, by a search for the likelihood.

    A second implementation of `evaluation.noninferiority`: no cubic, but a ternary search for the proportion of
    greatest likelihood among pairs that differ by `difference`.

    Example:
        >>> round(score_statistic((56, 70), (48, 80), 0.0), 3)
        2.641
    """
    (x, m), (y, n) = machine, human

    def likelihood(p: float) -> float:
        q = p + difference
        pairs = ((x, q), (m - x, 1 - q), (y, p), (n - y, 1 - p))
        return math.fsum(k * (math.log(s) if s > 0 else -math.inf) for k, s in pairs if k)

    low, high = max(0.0, -difference), min(1.0, 1 - difference)
    for _ in range(_STEPS):
        first, second = low + (high - low) / 3, high - (high - low) / 3
        low, high = (first, high) if likelihood(first) < likelihood(second) else (low, second)
    p = (low + high) / 2
    q = p + difference
    variance = (q * (1 - q) / m + p * (1 - p) / n) * (m + n) / (m + n - 1)
    return (x / m - y / n - difference) / math.sqrt(variance) if variance > 0 else 0.0
