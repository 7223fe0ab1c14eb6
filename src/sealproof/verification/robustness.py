"""robustness.json: verdicts of the disturbed images, what they lose, and how far the criteria hold, derived anew."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from sealproof.verification.cases import share, verdicts
from sealproof.verification.challenge import UNDISTURBED
from sealproof.verification.differences import differences
from sealproof.verification.formulas import area_under_roc, delong_bounds, exact_bounds
from sealproof.verification.images import sealed_labels
from sealproof.verification.settings import parameters
from sealproof.verification.tree import Tree

_METRICS = ("recall", "specificity", "auroc")
_NOTHING: dict[str, Any] = {"value": None, "low": None, "high": None}
Fields = dict[str, Any]


@dataclass(frozen=True)
class Rule:
    """What verdicts are given by, the confidence of bounds, and the criteria on recall, specificity and AUROC."""

    score: str
    threshold: float | None
    limit: float | None
    confidence: float
    criteria: tuple[Mapping[str, Any], ...]


def check_robustness(tree: Tree) -> None:
    """Derive robustness.json from disturbed.parquet, labels, threshold and criteria."""
    table = tree.table(tree.artifact("challenge", "disturbed.parquet"))
    labels, file = sealed_labels(tree), tree.artifact("evaluate", "robustness.json")
    stated = tree.dictionary(file)
    if table is None or labels is None or not stated:
        return
    with tree.findings.guard(file):
        rule = _rule(tree)
        declared = tree.dictionary(tree.artifact("challenge", "challenge.json"))["disturbed"]
        derived = derive_robustness(table, labels, rule, declared)
        wrong = [*differences(derived, stated), *_statement_problems(stated, derived)]
        for pointer, expected, found in wrong:
            tree.findings.add("robustness-changed", file, pointer, expected=expected, found=found)
        tree.findings.count("disturbances judged", len(derived["disturbances"]))


def _rule(tree: Tree) -> Rule:
    force = tree.dictionary(tree.artifact("threshold", "thresholds.json"))["in_force"]
    confidence = float(parameters(tree)["evaluate"]["confidence"])
    wanted = {f"evaluate.{force['score']}.{metric}" for metric in _METRICS}
    rows = [
        row | {"metric": row["metric"].replace("{score}", force["score"])}
        for row in tree.yaml(tree.definition("acceptance.yaml"))["criteria"]
    ]
    criteria = tuple(row for row in rows if row["metric"] in wanted)
    return Rule(force["score"], force["threshold"], force["accept_below"], confidence, criteria)


def derive_robustness(
    table: pd.DataFrame, labels: pd.DataFrame, rule: Rule, declared: Mapping[str, Any]
) -> Fields:
    """robustness.json, but for sentences.

    Args:
        table: disturbed.parquet.
        labels: image_id and label of the test images.
        rule: what is judged by.
        declared: `disturbed` of challenge.json.
    """
    truth = labels.set_index("image_id")["label"].astype("int64")
    groups = {
        (str(name), float(str(step))): rows.set_index("image_id").sort_index()
        for (name, step), rows in table.groupby(["disturbance", "severity"])
    }
    base = groups.get((UNDISTURBED, 0.0))
    first = None if base is None else _cell(base, base, truth, rule, 0.0, 0.0)
    series: dict[str, Any] = {}
    for name, item in declared["envelope"].items():
        if base is None or first is None:
            break
        steps = zip(declared["severities"], item["amounts"], strict=True)
        cells = [_cell(groups[name, float(s)], base, truth, rule, float(s), float(a)) for s, a in steps]
        series[name] = {
            **{key: item[key] for key in ("unit", "limit", "meaning")},
            "cells": {str(float(cell["severity"])).replace(".", "_"): cell for cell in cells},
            "criteria_hold_up_to": _criteria_reach(first, cells),
            "no_loss_up_to": _loss_reach(cells, rule),
        }
    lost = [] if first is None else list(_lost(first, series))
    return {
        "declared": first is not None,
        "confidence": rule.confidence,
        "score": rule.score,
        "threshold": rule.threshold,
        "accept_below": rule.limit,
        "images": 0 if base is None else len(base),
        "test_images": len(labels),
        "criteria": [
            {key: row[key] for key in ("id", "title", "metric", "bound", "limit")} for row in rule.criteria
        ],
        "undisturbed": first,
        "disturbances": series,
        "lost_inside": lost,
        "criteria_lost_inside": len({row["criterion"] for row in lost}),
    }


def _cell(
    rows: pd.DataFrame, base: pd.DataFrame, truth: pd.Series[int], rule: Rule, severity: float, amount: float
) -> Fields:
    labels = truth.loc[rows.index].to_numpy(dtype=np.int64)
    given, before = _verdicts(rows, rule), _verdicts(base.loc[rows.index], rule)
    metrics = _metrics(rows, labels, given, rule)
    losses = {} if severity == 0 or rule.threshold is None else _losses(labels, before, given)
    holds = {row["id"]: _holds(row, metrics) for row in rule.criteria}
    return {"severity": severity, "amount": amount, "metrics": metrics, "holds": holds, "loss": losses}


def _verdicts(rows: pd.DataFrame, rule: Rule) -> np.ndarray[Any, np.dtype[np.str_]]:
    scores = rows[rule.score].to_numpy(dtype=np.float64)
    return np.array(verdicts(scores, rows["decided"].to_numpy(dtype=bool), rule.threshold, rule.limit))


def _metrics(rows: pd.DataFrame, labels: np.ndarray, given: np.ndarray, rule: Rule) -> Fields:
    worst = np.where(labels == 1, -np.inf, np.inf)
    ranked = np.where(
        rows["decided"].to_numpy(dtype=bool), rows[rule.score].to_numpy(dtype=np.float64), worst
    )
    found = {"auroc": _auroc(labels, ranked, rule.confidence)}
    if rule.threshold is None:
        return dict.fromkeys(("recall", "specificity", "undecided"), _NOTHING) | found
    right = np.where(labels == 1, "reject", "accept") == given
    return found | {
        "recall": share(int(right[labels == 1].sum()), int((labels == 1).sum()), rule.confidence),
        "specificity": share(int(right[labels == 0].sum()), int((labels == 0).sum()), rule.confidence),
        "undecided": share(int((given == "undecided").sum()), len(given), rule.confidence),
    }


def _auroc(labels: np.ndarray, ranked: np.ndarray, confidence: float) -> Fields:
    fewest = int(min((labels == 0).sum(), (labels == 1).sum()))
    if not fewest:
        return _NOTHING
    value = area_under_roc(labels, ranked)
    if value == 1:
        low, high = exact_bounds(fewest, fewest, confidence)
        return {"value": 1.0, "low": low, "high": high}
    bounds = delong_bounds(labels, ranked, confidence) or (None, None)
    return {"value": value, "low": bounds[0], "high": bounds[1]}


def _holds(criterion: Mapping[str, Any], metrics: Fields) -> bool | None:
    found = metrics[criterion["metric"].rsplit(".", 1)[1]][criterion["bound"]]
    if found is None:
        return None
    return bool(found >= criterion["limit"] if criterion["bound"] == "low" else found <= criterion["limit"])


def _losses(labels: np.ndarray, before: np.ndarray, after: np.ndarray) -> Fields:
    """Images judged rightly undisturbed and not disturbed, the reverse, and the exact one-sided McNemar test."""
    found = {}
    for label, name, right in ((0, "normal", "accept"), (1, "defective", "reject")):
        one, two = before[labels == label] == right, after[labels == label] == right
        lost, gained = int((one & ~two).sum()), int((~one & two).sum())
        found[name] = {"lost": lost, "gained": gained, "p_value": mcnemar(lost, gained)}
    return found


def mcnemar(lost: int, gained: int) -> float:
    """Chance of so many lost or more, when either way is equally likely.

    Example:
        >>> round(mcnemar(5, 1), 9), mcnemar(0, 3)
        (0.109375, 1.0)
    """
    return 1.0 if lost == 0 else float(special.bdtrc(lost - 1, lost + gained, 0.5))


def _criteria_reach(first: Fields, cells: list[Fields]) -> Fields:
    if not first["holds"] or any(met is not True for met in first["holds"].values()):
        return {"severity": None, "amount": None}
    return _reach(cells, [all(met is True for met in cell["holds"].values()) for cell in cells])


def _loss_reach(cells: list[Fields], rule: Rule) -> Fields:
    if rule.threshold is None:
        return {"severity": None, "amount": None}
    level = 1 - rule.confidence
    return _reach(cells, [all(loss["p_value"] > level for loss in cell["loss"].values()) for cell in cells])


def _reach(cells: list[Fields], fine: list[bool]) -> Fields:
    """The last cell before the first that is not fine."""
    number = fine.index(False) if False in fine else len(fine)
    if not number:
        return {"severity": 0.0, "amount": None}
    return {key: cells[number - 1][key] for key in ("severity", "amount")}


def _lost(first: Fields, series: Fields) -> Iterator[Fields]:
    """Criteria that hold undisturbed, and not at a severity inside the declared envelope."""
    held = {name for name, met in first["holds"].items() if met is True}
    for disturbance, item in series.items():
        for cell in item["cells"].values():
            for name, met in cell["holds"].items():
                if cell["severity"] <= 1 and met is not True and name in held:
                    yield {
                        "criterion": name,
                        "disturbance": disturbance,
                        "severity": cell["severity"],
                        "amount": cell["amount"],
                    }


def _statement_problems(stated: Mapping[str, Any], derived: Fields) -> Iterator[tuple[str, Any, Any]]:
    """The sentence names, in their order, the amounts that the criteria hold up to, or the criteria that fail."""
    text, first = stated["statement"], derived["undisturbed"]
    if first is None or not first["holds"]:
        if text.startswith("every criterion"):
            yield "/statement", "that nothing can be stated", text
        return
    failing = [name for name, met in first["holds"].items() if met is not True]
    if failing:
        named = re.search(r"not met without disturbance \(([^)]*)\)", text)
        if named is None or named[1].split(", ") != failing:
            yield "/statement", f"not met without disturbance: {', '.join(failing)}", text
        return
    told = []
    for name, item in derived["disturbances"].items():
        reach, cells = item["criteria_hold_up_to"], list(item["cells"].values())
        amount = reach["amount"]
        way = "not even at" if amount is None else "down to" if name == "jpeg" else "up to"
        told.append(f"{name} {way} {cells[0]['amount'] if amount is None else amount:g} {item['unit']}")
    if not text.startswith("every criterion") or any(part not in text for part in told):
        yield "/statement", ", ".join(told), text
