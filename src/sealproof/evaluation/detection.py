"""Probability of detection of seeded defects and of the data set's own, by type, with the false-call rate.

A hit is an image that the threshold in force rejects. An undecided image counts as a miss: nothing was
detected, and a person decides; how many there are is stated.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sealproof.evaluation.intervals import proportion
from sealproof.evaluation.pod import (
    EXTRAPOLATION,
    MINIMUM_INSPECTIONS,
    REASONS,
    RECOMMENDED_INSPECTIONS,
    PodCurve,
    fit_pod,
)
from sealproof.evaluation.pod_fit import POOR_FIT, Fit, goodness_of_fit, group_by_size, proven_size
from sealproof.thresholds.result import is_rejected

Source = Literal["seeded", "own"]
Bools = NDArray[np.bool_]
#: Columns of a curve beside size: probability of detection, its bounds, and the expected share of hits.
CURVE = ("pod", "low", "high", "hit_rate")
#: Points of a curve as written and drawn.
POINTS = 60
#: A false-call rate above this leaves too little to fit: the curve then credits the rest as detections.
_MOST_FALSE_CALLS = 0.5
NO_THRESHOLD = "there is no valid threshold in force, so nothing can be detected"


@dataclass(frozen=True)
class Rule:
    """The threshold in force: score, threshold (None: no valid one), and below which score is accepted."""

    score: str
    threshold: float | None
    accept_below: float | None = None

    @classmethod
    def in_force(cls, thresholds: dict[str, Any]) -> Rule:
        """From thresholds.json."""
        force = thresholds["in_force"]
        return cls(str(force["score"]), force["threshold"], force.get("accept_below"))

    def hits(self, table: pd.DataFrame) -> tuple[Bools, Bools]:
        """(rejected, undecided) of a table with the columns `decided` and the score.

        Example:
            >>> table = pd.DataFrame({"decided": [True, True, False], "mse": [1.0, 0.5, float("nan")]})
            >>> [found.tolist() for found in Rule("mse", 1.0, 0.4).hits(table)]
            [[True, False, False], [False, True, True]]
        """
        scores = table[self.score].to_numpy(dtype=np.float64)
        known = table["decided"].to_numpy(dtype=bool) & np.isfinite(scores)
        if self.threshold is None or not math.isfinite(self.threshold):
            return np.zeros(scores.shape, dtype=bool), np.ones(scores.shape, dtype=bool)
        hit = known & is_rejected(scores, self.threshold)
        between = np.zeros(scores.shape, dtype=bool)
        if self.accept_below is not None:
            between = known & ~hit & (scores >= self.accept_below)
        return hit, ~known | between


def false_calls(table: pd.DataFrame, rule: Rule, confidence: float) -> dict[str, Any]:
    """Share of decided undisturbed normals that are rejected, with exact bounds, as JSON types."""
    hit, _ = rule.hits(table)
    decided = table["decided"].to_numpy(dtype=bool)
    reason = NO_THRESHOLD if rule.threshold is None else ""
    trials = 0 if reason else int(decided.sum())
    found = proportion(
        int((hit & decided).sum()), trials, confidence, reason or "there is no decided normal image"
    )
    return {
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "n": int(decided.sum()),
        "rejected": int((hit & decided).sum()),
        "undecided": int((~decided).sum()),
        "reason": found.reason,
    }


def detection(
    seeded: pd.DataFrame,
    held_out: pd.DataFrame,
    cases: pd.DataFrame,
    thresholds: dict[str, Any],
    confidence: float = 0.95,
) -> dict[str, Any]:
    """Everything that is said about probability of detection, as JSON types: detection.json.

    Args:
        seeded: seeded.parquet.
        held_out: rows of scores.parquet of the held-out normals.
        cases: the test cases, with label, defect_type and size_mm.
        thresholds: thresholds.json.
        confidence: of the one-sided bounds of curves and sizes, and of the two-sided bounds of rates.
    """
    rule = Rule.in_force(thresholds)
    calls = {
        "held_out": false_calls(held_out, rule, confidence),
        "test": false_calls(cases[cases["label"] == 0], rule, confidence),
    }
    sized = cases[(cases["label"] == 1) & np.isfinite(cases["size_mm"]) & (cases["size_mm"] > 0)]
    curves: dict[str, Any] = {"seeded": {}, "own": {}}
    unit = "mm" if len(seeded) and seeded["size_mm"].notna().all() else "px"
    for kind, part in seeded.groupby("defect", sort=True):
        table = part.assign(size=part[f"size_{unit}"])
        curves["seeded"][_slug(str(kind), curves["seeded"])] = {
            **judge(table, rule, "seeded", str(kind), unit, calls["held_out"], confidence),
            "contrast": float(part["contrast"].iloc[0]),
        }
    for kind, part in sized.groupby("defect_type", sort=True):
        table = part.assign(size=part["size_mm"])
        curves["own"][_slug(str(kind), curves["own"])] = judge(
            table, rule, "own", str(kind), "mm", calls["test"], confidence
        )
    return {
        "score": rule.score,
        "threshold": rule.threshold,
        "confidence": confidence,
        "model": "P(hit) = false-call rate + (1 - false-call rate) POD; logit(POD) = intercept + slope ln(size)",
        "minimum_inspections": MINIMUM_INSPECTIONS,
        "recommended_inspections": RECOMMENDED_INSPECTIONS,
        "extrapolation": EXTRAPOLATION,
        "poor_fit_p_value": POOR_FIT,
        "false_call_rate": calls,
        "curves": curves,
        "types": {
            source: ", ".join(found["defect"] for found in curves[source].values()) or "none"
            for source in curves
        },
        "own_reason": "" if len(sized) else "the test labels state no size of a defect",
    }


def judge(
    table: pd.DataFrame,
    rule: Rule,
    source: Source,
    kind: str,
    unit: str,
    calls: dict[str, Any],
    confidence: float,
) -> dict[str, Any]:
    """One defect type: counts, curve, sizes and goodness of fit, or the reason why there is no curve."""
    hit, undecided = rule.hits(table)
    sizes = table["size"].to_numpy(dtype=np.float64)
    images = table["image_id"].to_numpy(dtype=np.str_)
    groups = group_by_size(sizes, hit, confidence)
    found: dict[str, Any] = {
        "source": source,
        "defect": kind,
        "unit": unit,
        "n": len(table),
        "images": int(np.unique(images).size),
        "hits": int(hit.sum()),
        "undecided": int(undecided.sum()),
        "smallest_size": float(sizes.min()),
        "largest_size": float(sizes.max()),
        "enough_inspections": len(table) >= RECOMMENDED_INSPECTIONS,
        "false_call_rate": calls["value"],
        "false_call_rate_low": calls["low"],
        "false_call_rate_high": calls["high"],
        "groups": [group.as_json() for group in groups],
        "a90_95_exact": proven_size(groups, 0.9, confidence),
    }
    if rule.threshold is None:
        return found | _no_curve("no-threshold", NO_THRESHOLD)
    curve, code = fit_pod(sizes, hit, images, min(calls["value"] or 0.0, _MOST_FALSE_CALLS))
    if curve is None:
        return found | _no_curve(code, REASONS[code])
    fit = goodness_of_fit(curve, sizes, hit)
    return found | {
        "reason_code": code,
        **_sizes(curve, unit, confidence, fit),
        "intercept": curve.intercept,
        "slope": curve.slope,
        "fitted_false_call_rate": curve.false_call_rate,
        "deviance": fit.deviance,
        "degrees_of_freedom": fit.degrees_of_freedom,
        "fit_p_value": fit.p_value,
        "fit_adequate": fit.adequate,
        "curve": _points(curve, confidence),
    }


def _no_curve(code: str, reason: str) -> dict[str, Any]:
    nothing = (
        "a50",
        "a90",
        "a90_95",
        "intercept",
        "slope",
        "deviance",
        "degrees_of_freedom",
        "fit_p_value",
        "fitted_false_call_rate",
    )
    return {
        "reason_code": code,
        "reason": reason,
        "fit_adequate": None,
        "curve": [],
        **dict.fromkeys(nothing),
    }


def _sizes(curve: PodCurve, unit: str, confidence: float, fit: Fit) -> dict[str, Any]:
    """a50, a90 and a90/95; None with a reason where they lie beyond the sizes tested or the fit is poor."""
    values = {
        "a50": curve.size_at(0.5),
        "a90": curve.size_at(0.9),
        "a90_95": curve.upper_size_at(0.9, confidence),
    }
    kept: dict[str, Any] = dict(values)
    reasons = []
    for name, text in (("a50", "a50"), ("a90", "a90"), ("a90_95", "a90/95")):
        if values[name] > EXTRAPOLATION * curve.largest:
            reasons.append(f"{text} is beyond the largest size tested ({curve.largest:g} {unit})")
        elif values[name] < curve.smallest / EXTRAPOLATION:
            reasons.append(f"{text} is below the smallest size tested ({curve.smallest:g} {unit})")
        else:
            continue
        kept[name] = None
    if fit.adequate is False:
        kept["a90_95"] = None
        reasons.append(f"the curve fits poorly (p = {fit.p_value:.2g}), so it bounds no size")
    return kept | {"reason": "; ".join(reasons)}


def _points(curve: PodCurve, confidence: float) -> list[dict[str, float]]:
    sizes = np.geomspace(curve.smallest, curve.largest, POINTS)
    low, high = curve.bounds(sizes, confidence)
    columns = np.column_stack([sizes, curve.pod(sizes), low, high, curve.hit_rate(sizes)]).tolist()
    return [dict(zip(("size", *CURVE), row, strict=True)) for row in columns]


def _slug(name: str, taken: dict[str, Any]) -> str:
    """Lower-case words for a record id; a number tells names apart that would read the same."""
    base = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "not-stated"
    found, number = base, 1
    while found in taken:
        number += 1
        found = f"{base}-{number}"
    return found


def curve_table(found: dict[str, Any]) -> pd.DataFrame:
    """The curves' points, a row a point: source, defect, unit, size and `CURVE`."""
    rows = [
        {"source": item["source"], "defect": item["defect"], "unit": item["unit"], **point}
        for source in ("seeded", "own")
        for item in found["curves"][source].values()
        for point in item["curve"]
    ]
    return pd.DataFrame(rows, columns=["source", "defect", "unit", "size", *CURVE])
