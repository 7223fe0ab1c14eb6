"""evaluation.json, metrics.json and predictions.parquet: derived anew from labels, scores and thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from sealproof.verification.cases import Cases, assemble, count, rates, share, verdicts
from sealproof.verification.consequences import (
    non_inferiority,
    predictive,
    reliability,
    statement_problems,
    three_way,
)
from sealproof.verification.differences import differences
from sealproof.verification.formulas import area_under_roc, delong_bounds
from sealproof.verification.planned import plan, units_of
from sealproof.verification.predictions import check_predictions, plain
from sealproof.verification.resampling import area_rows
from sealproof.verification.settings import parameters
from sealproof.verification.subgroups import derive_subgroups
from sealproof.verification.threshold_scores import CALIBRATIONS
from sealproof.verification.thresholds import IN_FORCE
from sealproof.verification.tree import Tree

_NO_VALUE = {"value": None, "low": None, "high": None}
#: First part of the pointer -> code; `scores` is told apart by what follows.
_CODES = {
    "counts": "confusion-count-changed",
    "metrics": "metric-changed",
    "decided_only": "metric-changed",
    "auroc_delong": "metric-changed",
    "threshold": "threshold-changed",
    "plan": "plan-changed",
    "predictive": "consequence-changed",
    "reliability": "consequence-changed",
    "non_inferiority": "consequence-changed",
    "three_way": "three-way-changed",
    "subgroups": "subgroup-changed",
    "promise": "promise-changed",
    "false_negatives": "error-list-changed",
    "false_positives": "error-list-changed",
    "undecided": "error-list-changed",
    "observed_false_reject_rate": "metric-changed",
}


def check_evaluation(tree: Tree) -> None:
    """Derive the evaluation anew and name every figure that is another one."""
    cases = assemble(tree)
    thresholds = tree.dictionary(tree.artifact("threshold", "thresholds.json"))
    if cases is None or not thresholds:
        return
    file = tree.artifact("evaluate", "evaluation.json")
    stated = tree.dictionary(file)
    with tree.findings.guard(file):
        derived = derive(tree, cases, thresholds)
        _compare(tree, file, derived, stated)
        _check_metrics(tree, derived)
    with tree.findings.guard(tree.artifact("evaluate", "predictions.parquet")):
        check_predictions(tree, cases, thresholds)


def _compare(tree: Tree, file: str, derived: Mapping[str, Any], stated: Mapping[str, Any]) -> None:
    wrong = [*differences(derived, stated), *statement_problems(stated["reliability"])]
    for pointer, expected, found in wrong:
        parts = pointer.split("/")
        code = next((_CODES[part] for part in parts if part in _CODES), "evaluation-changed")
        tree.findings.add(code, file, pointer, expected=expected, found=found)
    tree.findings.count("figures of the evaluation", sum(1 for _ in _leaves(derived)))


def _leaves(value: Any) -> Any:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def derive(tree: Tree, cases: Cases, thresholds: Mapping[str, Any]) -> dict[str, Any]:
    """All figures of evaluation.json, as far as they follow from labels, scores, thresholds and parameters."""
    settings = parameters(tree)
    confidence = float(settings["evaluate"]["confidence"])
    force = {
        key: thresholds["in_force"][key]
        for key in ("score", "method", "calibration", "threshold", "accept_below")
    }
    score, method, threshold, limit = (force[key] for key in ("score", "method", "threshold", "accept_below"))
    results = thresholds[IN_FORCE[force["calibration"]]]
    found = verdicts(cases.values(score), cases.decided, threshold, limit)
    rows = cases.table.assign(verdict=found, score=cases.values(score))
    rows["margin"] = rows["score"] - (np.nan if threshold is None else threshold)
    promise = _method(cases, score, method, results[score][method], threshold, confidence)
    three_way = limit is not None and threshold is not None
    derived = {
        "in_force": force,
        "confidence": confidence,
        "test": _test_set(cases, rows["verdict"].eq("undecided").to_numpy() if three_way else ~cases.decided),
        "scores": {
            name: _score(
                cases,
                name,
                threshold if name == score else results[name][method]["threshold"],
                limit if name == score else None,
                settings,
            )
            for name in cases.scores
        },
        "methods": _methods(cases, thresholds, confidence),
        "promise": promise | {"kept": _kept(promise)},
        "subgroups": derive_subgroups(tree, rows, confidence),
        "false_negatives": _listed(
            rows[(rows["label"] == 1) & (rows["verdict"] == "accept")], largest_first=True
        ),
        "false_positives": _listed(
            rows[(rows["label"] == 0) & (rows["verdict"] == "reject")], largest_first=True
        ),
        "undecided": _listed(rows[rows["verdict"] == "undecided"], largest_first=False),
    }
    return derived | _consequences(tree, cases, thresholds, derived)


def _consequences(
    tree: Tree, cases: Cases, thresholds: Mapping[str, Any], derived: Mapping[str, Any]
) -> dict[str, Any]:
    """What follows from the counts in force, from the criteria and from what the manufacturer states."""
    score, confidence = derived["in_force"]["score"], derived["confidence"]
    counts, groups = derived["scores"][score]["counts"], derived["subgroups"]["all"]
    decided = derived["in_force"]["threshold"] is not None
    product = tree.yaml(tree.definition("product.yaml"), optional=True) or {}
    acceptance = tree.yaml(tree.definition("acceptance.yaml"))
    units = units_of(derived["test"], groups)
    return {
        "plan": plan(acceptance, score, units, confidence),
        "predictive": predictive(counts, product.get("field_prevalence"), confidence, decided=decided),
        "reliability": reliability(counts, groups, confidence, decided=decided),
        "three_way": three_way(cases, score, thresholds["three_way"][score], confidence),
        "non_inferiority": non_inferiority(
            counts, product.get("human_inspection"), confidence, decided=decided
        ),
    }


def _test_set(cases: Cases, open_: np.ndarray[Any, np.dtype[np.bool_]]) -> dict[str, int]:
    labels = cases.labels
    return {
        "images": int(labels.size),
        "normal": int((labels == 0).sum()),
        "defective": int((labels == 1).sum()),
        "undecided": int(open_.sum()),
        "undecided_normal": int((open_ & (labels == 0)).sum()),
        "undecided_defective": int((open_ & (labels == 1)).sum()),
    }


def _score(
    cases: Cases, name: str, threshold: float | None, limit: float | None, settings: Mapping[str, Any]
) -> dict[str, Any]:
    confidence = float(settings["evaluate"]["confidence"])
    counts = count(cases.labels, verdicts(cases.values(name), cases.decided, threshold, limit))
    decided, ranked = cases.decided, cases.ranked(name)
    draws = {
        "confidence": confidence,
        "resamples": settings["evaluate"]["bootstrap"],
        "seed": settings["seed"],
    }
    whole = area_rows(cases.labels, ranked, **draws)
    part = whole if decided.all() else area_rows(cases.labels[decided], cases.values(name)[decided], **draws)
    return {
        "threshold": threshold,
        "counts": counts,
        "metrics": _rates(counts, threshold, confidence) | whole,
        "decided_only": _rates(counts, threshold, confidence, conservative=False) | part,
        "auroc_delong": _delong(cases, ranked, confidence),
    }


def _rates(
    counts: dict[str, int], threshold: float | None, confidence: float, *, conservative: bool = True
) -> dict[str, Any]:
    found = rates(counts, confidence, conservative=conservative)
    return dict.fromkeys(found, _NO_VALUE) if threshold is None else found


def _delong(cases: Cases, ranked: np.ndarray[Any, np.dtype[np.float64]], confidence: float) -> dict[str, Any]:
    if not ((cases.labels == 0).any() and (cases.labels == 1).any()):
        return _NO_VALUE
    bounds = delong_bounds(cases.labels, ranked, confidence) or (None, None)
    return {"value": area_under_roc(cases.labels, ranked), "low": bounds[0], "high": bounds[1]}


def _methods(cases: Cases, thresholds: Mapping[str, Any], confidence: float) -> list[dict[str, Any]]:
    """Every score, calibration and method, judged at its threshold or else at its estimate."""
    return [
        _method(cases, name, method, stated, _judged_at(stated), confidence)
        for key in CALIBRATIONS
        for name, methods in thresholds.get(key, {}).items()
        for method, stated in methods.items()
    ]


def _judged_at(stated: Mapping[str, Any]) -> float | None:
    threshold: float | None = stated["threshold"]
    return stated["details"].get("estimate") if threshold is None else threshold


def _method(
    cases: Cases, score: str, method: str, stated: Mapping[str, Any], at: float | None, confidence: float
) -> dict[str, Any]:
    """One result with two verdicts at a limit: a three-way verdict is no matter of a method."""
    counts = count(cases.labels, verdicts(cases.values(score), cases.decided, at))
    wrong, right = counts["false_positive"], counts["true_negative"]
    copied = ("calibration", "threshold", "promised_false_reject_rate", "promise", "promise_confidence")
    return {
        "score": score,
        "method": method,
        **{key: stated[key] for key in copied},
        "eligible": stated["threshold"] is not None,
        "judged_at": at,
        "observed_false_reject_rate": _NO_VALUE if at is None else share(wrong, wrong + right, confidence),
        "counts": counts,
        "metrics": _rates(counts, at, confidence),
    }


def _kept(row: Mapping[str, Any]) -> bool | None:
    """False where the lower bound of the observed rate lies above the promised one."""
    low, promised = row["observed_false_reject_rate"]["low"], row["promised_false_reject_rate"]
    return None if not row["eligible"] or low is None or promised is None else bool(low <= promised)


def _listed(rows: pd.DataFrame, *, largest_first: bool) -> list[dict[str, Any]]:
    if largest_first:
        rows = rows.assign(distance=-rows["margin"].abs()).sort_values(["distance", "image_id"])
    columns = ["image_id", "label", "defect_type", "score", "margin", "size_mm"]
    return [{name: plain(row[name]) for name in columns} for row in rows[columns].to_dict(orient="records")]


def _check_metrics(tree: Tree, derived: Mapping[str, Any]) -> None:
    file = tree.report("metrics.json")
    wanted = {name: row["metrics"] for name, row in derived["scores"].items()}
    for pointer, expected, found in differences(wanted, tree.dictionary(file)):
        tree.findings.add("metric-changed", file, pointer, expected=expected, found=found)
