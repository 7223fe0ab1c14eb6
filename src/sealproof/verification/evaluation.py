"""evaluation.json, metrics.json and predictions.parquet: derived anew from labels, scores and thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from sealproof.verification.cases import Cases, assemble, count, rates, share, verdicts
from sealproof.verification.differences import differences
from sealproof.verification.formulas import area_under_roc, delong_bounds
from sealproof.verification.resampling import area_rows
from sealproof.verification.settings import parameters
from sealproof.verification.subgroups import derive_subgroups
from sealproof.verification.tree import Tree

_NO_VALUE = {"value": None, "low": None, "high": None}
#: First part of the pointer -> code; `scores` is told apart by what follows.
_CODES = {
    "counts": "confusion-count-changed",
    "metrics": "metric-changed",
    "decided_only": "metric-changed",
    "auroc_delong": "metric-changed",
    "threshold": "threshold-changed",
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
        _check_predictions(tree, cases, thresholds)


def _compare(tree: Tree, file: str, derived: Mapping[str, Any], stated: Mapping[str, Any]) -> None:
    for pointer, expected, found in differences(derived, stated):
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
    score, method = thresholds["in_force"]["score"], thresholds["in_force"]["method"]
    threshold = thresholds["in_force"]["threshold"]
    found = verdicts(cases.values(score), cases.decided, threshold)
    rows = cases.table.assign(verdict=found, score=cases.values(score))
    rows["margin"] = rows["score"] - (np.nan if threshold is None else threshold)
    methods = _methods(cases, thresholds, confidence)
    promise = next(
        row
        for row in methods
        if (row["score"], row["method"], row["calibration"]) == (score, method, "held-out")
    )
    return {
        "in_force": {"score": score, "method": method, "threshold": threshold},
        "confidence": confidence,
        "test": _test_set(cases),
        "scores": {
            name: _score(cases, name, thresholds["scores"][name][method]["threshold"], settings)
            for name in cases.scores
        },
        "methods": methods,
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


def _test_set(cases: Cases) -> dict[str, int]:
    labels, open_ = cases.labels, ~cases.decided
    return {
        "images": int(labels.size),
        "normal": int((labels == 0).sum()),
        "defective": int((labels == 1).sum()),
        "undecided": int(open_.sum()),
        "undecided_normal": int((open_ & (labels == 0)).sum()),
        "undecided_defective": int((open_ & (labels == 1)).sum()),
    }


def _score(cases: Cases, name: str, threshold: float | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    confidence = float(settings["evaluate"]["confidence"])
    counts = count(cases.labels, verdicts(cases.values(name), cases.decided, threshold))
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
    rows = []
    for key in ("scores", "training_scores"):
        for name, methods in thresholds[key].items():
            for method, stated in methods.items():
                threshold = stated["threshold"]
                counts = count(cases.labels, verdicts(cases.values(name), cases.decided, threshold))
                wrong, right = counts["false_positive"], counts["true_negative"]
                rows.append(
                    {
                        "score": name,
                        "method": method,
                        "calibration": stated["calibration"],
                        "threshold": threshold,
                        "promised_false_reject_rate": stated["promised_false_reject_rate"],
                        "observed_false_reject_rate": _NO_VALUE
                        if threshold is None
                        else share(wrong, wrong + right, confidence),
                        "counts": counts,
                        "metrics": _rates(counts, threshold, confidence),
                    }
                )
    return rows


def _kept(row: Mapping[str, Any]) -> bool | None:
    """False where the lower bound of the observed rate lies above the promised one."""
    low, promised = row["observed_false_reject_rate"]["low"], row["promised_false_reject_rate"]
    return None if low is None or promised is None else bool(low <= promised)


def _listed(rows: pd.DataFrame, *, largest_first: bool) -> list[dict[str, Any]]:
    if largest_first:
        rows = rows.assign(distance=-rows["margin"].abs()).sort_values(["distance", "image_id"])
    columns = ["image_id", "label", "defect_type", "score", "margin", "size_mm"]
    return [{name: _plain(row[name]) for name in columns} for row in rows[columns].to_dict(orient="records")]


def _plain(value: Any) -> Any:
    item = value.item() if hasattr(value, "item") else value
    return None if isinstance(item, float) and not np.isfinite(item) else item


def _check_metrics(tree: Tree, derived: Mapping[str, Any]) -> None:
    file = tree.report("metrics.json")
    wanted = {name: row["metrics"] for name, row in derived["scores"].items()}
    for pointer, expected, found in differences(wanted, tree.dictionary(file)):
        tree.findings.add("metric-changed", file, pointer, expected=expected, found=found)


def _check_predictions(tree: Tree, cases: Cases, thresholds: Mapping[str, Any]) -> None:
    file = tree.artifact("evaluate", "predictions.parquet")
    stated = tree.table(file)
    if stated is None:
        return
    score, threshold = thresholds["in_force"]["score"], thresholds["in_force"]["threshold"]
    found = verdicts(cases.values(score), cases.decided, threshold)
    rows = stated.set_index("image_id")
    wanted = set(cases.table["image_id"])
    for image in sorted(wanted ^ set(rows.index)):
        tree.findings.add(
            "prediction-changed",
            file,
            image,
            expected="the test images, each once",
            found="missing" if image in wanted else "not a test image",
        )
    values = zip(
        cases.table["image_id"], cases.labels.tolist(), cases.values(score).tolist(), found, strict=True
    )
    for image, label, value, verdict in values:
        if image not in rows.index:
            continue
        expected = {
            "label": label,
            "score": value,
            "threshold": threshold,
            "verdict": verdict,
            "correct": verdict == ("reject" if label else "accept"),
        }
        _check_prediction(tree, file, image, expected, rows.loc[image].to_dict())
        tree.findings.count("predictions")


def _check_prediction(
    tree: Tree, file: str, image: str, expected: Mapping[str, Any], row: Mapping[str, Any]
) -> None:
    codes = {"label": "label-changed", "score": "score-changed"}
    for column, value in expected.items():
        have = _plain(row[column])
        want = _plain(value)
        if have != want:
            tree.findings.add(
                codes.get(column, "prediction-changed"), file, f"{image}, {column}", expected=want, found=have
            )
