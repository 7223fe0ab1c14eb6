"""detection.json: hits, curves and sizes of seeded defects and of the data set's own, derived anew."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from sealproof.verification.cases import assemble, share, verdicts
from sealproof.verification.differences import differences
from sealproof.verification.formulas import Floats, exact_bounds
from sealproof.verification.pod import (
    Curve,
    curve_at,
    deviance,
    fit_curve,
    log_likelihood,
    proven_without_curve,
    refusal,
    size_groups,
)
from sealproof.verification.scores import image_scores
from sealproof.verification.settings import parameters
from sealproof.verification.tree import Tree

#: What follows from the coefficients may differ so much.
TOLERANCE = 1e-6
#: A size so many times beyond those tested is not stated; a worse fit bounds no size.
_BEYOND, _POOR, _MOST_FALSE_CALLS, _ENOUGH = 1.25, 0.05, 0.5, 60
#: How much more likely another curve may be before the stated one is no maximum.
_SLACK = 1e-6
_NO_CURVE = ("undetermined", "slope-not-positive")
_FITTED = ("a50", "a90", "a90_95", "intercept", "slope", "deviance", "fit_p_value")
Force = Mapping[str, Any]
Fields = dict[str, Any]


def check_detection(tree: Tree) -> None:
    """Derive detection.json from seeded.parquet, the test cases, the held-out normals and the threshold."""
    file = tree.artifact("evaluate", "detection.json")
    seeded, scored = tree.table(tree.artifact("challenge", "seeded.parquet")), image_scores(tree)
    cases, stated = assemble(tree), tree.dictionary(file)
    if seeded is None or scored is None or cases is None or not stated:
        return
    with tree.findings.guard(file):
        force = tree.dictionary(tree.artifact("threshold", "thresholds.json"))["in_force"]
        confidence = float(parameters(tree)["evaluate"]["confidence"])
        held_out = scored[scored["split"] == "calibration"]
        for pointer, expected, found in detection_problems(
            stated, seeded, held_out, cases.table, force, confidence
        ):
            tree.findings.add("detection-changed", file, pointer, expected=expected, found=found)
        tree.findings.count("curves of detection", sum(len(item) for item in stated["curves"].values()))


def detection_problems(
    stated: Mapping[str, Any],
    seeded: pd.DataFrame,
    held_out: pd.DataFrame,
    cases: pd.DataFrame,
    force: Force,
    confidence: float,
) -> Iterator[tuple[str, Any, Any]]:
    """(pointer, expected, found) of all that is wrong with detection.json.

    Args:
        stated: its content.
        seeded: seeded.parquet.
        held_out: scores of the held-out normals.
        cases: test images with labels, types, sizes and scores.
        force: `in_force` of thresholds.json.
        confidence: of the bounds.
    """
    calls = {
        "held_out": false_calls(held_out, force, confidence),
        "test": false_calls(cases[cases["label"] == 0], force, confidence),
    }
    head = {"score": force["score"], "threshold": force["threshold"], "confidence": confidence}
    yield from differences(head | {"false_call_rate": calls}, stated)
    unit = "mm" if len(seeded) and seeded["size_mm"].notna().all() else "px"
    sized = cases[(cases["label"] == 1) & np.isfinite(cases["size_mm"]) & (cases["size_mm"] > 0)]
    parts = {
        "seeded": (seeded, "defect", f"size_{unit}", unit, calls["held_out"]),
        "own": (sized, "defect_type", "size_mm", "mm", calls["test"]),
    }
    for source, (table, column, size, of_unit, rate) in parts.items():
        named = {item["defect"]: key for key, item in stated["curves"][source].items()}
        kinds = [str(kind) for kind in sorted({*table[column]})]
        yield from differences(kinds, sorted(named), f"/curves/{source}")
        for kind in (name for name in kinds if name in named):
            item, part = stated["curves"][source][named[kind]], table[table[column] == kind]
            place = f"/curves/{source}/{named[kind]}"
            sizes, hits = part[size].to_numpy(dtype=np.float64), _hits(part, force)
            fixed = {"source": source, "defect": kind, "unit": of_unit}
            yield from differences(fixed | _counted(part, sizes, hits, rate, confidence), item, place)
            yield from _curve_problems(part, sizes, hits[0], force, rate, item, place, confidence)


def false_calls(table: pd.DataFrame, force: Force, confidence: float) -> Fields:
    """Share of the normals with a score that are rejected, with exact bounds."""
    hit, _ = _hits(table, force)
    decided = table["decided"].to_numpy(dtype=bool)
    rejected, n = int((hit & decided).sum()), int(decided.sum())
    trials = 0 if force["threshold"] is None else n
    rest = {"n": n, "rejected": rejected, "undecided": int((~decided).sum())}
    return share(rejected, trials, confidence) | rest


def _hits(table: pd.DataFrame, force: Force) -> tuple[np.ndarray, np.ndarray]:
    """(rejected, undecided)."""
    scores, decided = table[force["score"]].to_numpy(dtype=np.float64), table["decided"].to_numpy(dtype=bool)
    given = np.array(verdicts(scores, decided, force["threshold"], force["accept_below"]), dtype=str)
    return given == "reject", given == "undecided"


def _counted(
    table: pd.DataFrame, sizes: Floats, found: tuple[np.ndarray, np.ndarray], calls: Fields, confidence: float
) -> Fields:
    """What needs no curve."""
    hit, undecided = found
    return {
        "n": len(table),
        "images": int(table["image_id"].nunique()),
        "hits": int(hit.sum()),
        "undecided": int(undecided.sum()),
        "smallest_size": float(sizes.min()),
        "largest_size": float(sizes.max()),
        "enough_inspections": len(table) >= _ENOUGH,
        "false_call_rate": calls["value"],
        "false_call_rate_low": calls["low"],
        "false_call_rate_high": calls["high"],
        "groups": [_group(sizes[rows], hit[rows], confidence) for rows in size_groups(sizes)],
        "a90_95_exact": proven_without_curve(sizes, hit, confidence),
    }


def _group(sizes: Floats, hits: np.ndarray, confidence: float) -> Fields:
    n, number = int(hits.size), int(hits.sum())
    low, high = exact_bounds(number, n, confidence)
    ends = {"smallest": float(sizes.min()), "largest": float(sizes.max())}
    return ends | {"n": n, "hits": number, "low": low, "high": high, "rate": number / n}


def _values(curve: Curve, sizes: Floats, hits: np.ndarray, confidence: float) -> Fields:
    total, freedom, p_value = deviance(curve, sizes, hits)
    found: Fields = {
        "a50": curve.size_at(0.5),
        "a90": curve.size_at(0.9),
        "a90_95": curve.proven_at(0.9, confidence),
    }
    smallest, largest = float(sizes.min()), float(sizes.max())
    for name, value in found.items():
        if not smallest / _BEYOND <= value <= _BEYOND * largest:
            found[name] = None
    adequate = None if p_value is None else p_value >= _POOR
    if adequate is False:
        found["a90_95"] = None
    return found | {
        "intercept": curve.intercept,
        "slope": curve.slope,
        "deviance": total,
        "degrees_of_freedom": freedom,
        "fit_p_value": p_value,
        "fit_adequate": adequate,
    }


def _curve_problems(
    table: pd.DataFrame,
    sizes: Floats,
    hits: np.ndarray,
    force: Force,
    calls: Fields,
    item: Mapping[str, Any],
    place: str,
    confidence: float,
) -> Iterator[tuple[str, Any, Any]]:
    """The stated coefficients have to be a maximum of the likelihood; what is stated of them has to follow."""
    images = table["image_id"].to_numpy(dtype=str)
    code = "no-threshold" if force["threshold"] is None else refusal(sizes, hits)
    floor = min(calls["value"] or 0.0, _MOST_FALSE_CALLS)
    best = None if code else fit_curve(sizes, hits, images, floor)
    if best is None:
        nothing: Fields = dict.fromkeys((*_FITTED, "degrees_of_freedom", "fit_adequate"))
        yield from differences(nothing | {"curve": []}, item, place)
        if item["reason_code"] != code and (code or item["reason_code"] not in _NO_CURVE):
            yield f"{place}/reason_code", code or " or ".join(_NO_CURVE), item["reason_code"]
        return
    if item["reason_code"] != "fitted":
        # Where the search finds no maximum nothing is hidden as long as the data bound no size either.
        if item["reason_code"] not in _NO_CURVE or best.proven_at(0.9, confidence) < math.inf:
            yield f"{place}/reason_code", "fitted", item["reason_code"]
        return
    curve = curve_at(item["intercept"], item["slope"], sizes, hits, images, floor)
    highest = log_likelihood(best, sizes, hits)
    if curve is None or log_likelihood(curve, sizes, hits) < highest - _SLACK:
        yield f"{place}/slope", f"{best.slope!r} with intercept {best.intercept!r}", item["slope"]
        return
    values = _values(curve, sizes, hits, confidence)
    for key, value in values.items():
        if not _near(value, item[key]):
            yield f"{place}/{key}", value, item[key]
    named = {name.replace("/", "_") for name in re.findall(r"a\d\d(?:/\d\d)?", item["reason"])}
    lacking = {key for key in ("a50", "a90", "a90_95") if values[key] is None}
    if not named <= lacking:
        yield f"{place}/reason", f"why there is no {', '.join(sorted(lacking)) or 'size'}", item["reason"]
    yield from _point_problems(curve, confidence, item, place)


def _point_problems(
    curve: Curve, confidence: float, item: Mapping[str, Any], place: str
) -> Iterator[tuple[str, Any, Any]]:
    points = item["curve"]
    sizes = np.geomspace(item["smallest_size"], item["largest_size"], len(points))
    low, high = curve.bounds(sizes, confidence)
    columns = {"size": sizes, "pod": curve.pod(sizes), "low": low, "high": high}
    for name, wanted in (columns | {"hit_rate": curve.hit_rate(sizes)}).items():
        have = np.array([point[name] for point in points])
        wrong = np.flatnonzero(~np.isclose(have, wanted, rtol=TOLERANCE, atol=TOLERANCE))
        for number in wrong[:3].tolist():
            yield f"{place}/curve/{number}/{name}", float(wanted[number]), float(have[number])


def _near(value: Any, found: Any) -> bool:
    if isinstance(value, bool) or isinstance(found, bool) or value is None or found is None:
        return value is found
    return bool(abs(value - found) <= TOLERANCE * max(1.0, abs(value)))
