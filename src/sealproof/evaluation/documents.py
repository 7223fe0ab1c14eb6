"""What the evaluation stage writes for machines: evaluation.json, metrics.json, predictions and curves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sealproof.evaluation.cases import worst_case
from sealproof.evaluation.counts import ACCEPT, REJECT, UNDECIDED
from sealproof.evaluation.evaluate import METRICS, Evaluation
from sealproof.evaluation.methods import promise_kept
from sealproof.evaluation.noninferiority import noninferiority_json
from sealproof.evaluation.predictive import predictive_values
from sealproof.evaluation.ranking import Curves, curves
from sealproof.evaluation.reliability import reliability_json
from sealproof.evaluation.subgroups import smallest, without_images
from sealproof.evaluation.three_way import three_way_json


def metrics_json(evaluation: Evaluation) -> dict[str, Any]:
    """metrics.json: score -> metric -> value, low, high; null where it cannot be evaluated."""
    return {
        name: {
            metric: {"value": found.value, "low": found.low, "high": found.high}
            for metric, found in ((metric, result.metrics[metric]) for metric in METRICS)
        }
        for name, result in evaluation.scores.items()
    }


def evaluation_json(evaluation: Evaluation) -> dict[str, Any]:
    """evaluation.json: counts, both ways to treat undecided images, every method, subgroups, errors, and what
    follows from the counts in force: predictive values, reliabilities, the comparison with human inspection.
    """
    promise = evaluation.promise
    return {
        "in_force": {
            "score": evaluation.score,
            "method": evaluation.method,
            "calibration": evaluation.calibration,
            "threshold": evaluation.in_force.threshold,
            "accept_below": evaluation.accept_below,
        },
        "confidence": evaluation.confidence,
        "test": _test_set(evaluation),
        "scores": {name: _score(evaluation, name) for name in evaluation.scores},
        "methods": [row.as_json() for row in evaluation.methods],
        "promise": promise.as_json() | {"kept": promise_kept(promise)},
        "subgroups": _subgroups(evaluation),
        "false_negatives": _listed(evaluation.errors(1), evaluation.score),
        "false_positives": _listed(evaluation.errors(0), evaluation.score),
        "undecided": _listed(evaluation.undecided(), evaluation.score),
        **_consequences(evaluation),
    }


def _consequences(evaluation: Evaluation) -> dict[str, Any]:
    """Sections that follow from the verdicts in force and from what was known before the opening."""
    known, counts, confidence = evaluation.beforehand, evaluation.in_force.counts, evaluation.confidence
    return {
        "plan": None if known.plan is None else known.plan.as_json(),
        "predictive": _predictive(evaluation),
        "reliability": reliability_json(counts, evaluation.subgroups, confidence, evaluation.reason),
        "three_way": three_way_json(evaluation.cases, evaluation.score, evaluation.three_way, confidence),
        "non_inferiority": noninferiority_json(counts, known.human, confidence, evaluation.reason),
    }


def _predictive(evaluation: Evaluation) -> dict[str, Any]:
    prevalence = evaluation.beforehand.prevalence
    found = predictive_values(
        evaluation.in_force.counts.conservative(), prevalence, evaluation.confidence, evaluation.reason
    )
    return {
        "provided": prevalence is not None,
        "field_prevalence": prevalence,
        **{name: value.as_json() for name, value in found.items()},
    }


def _test_set(evaluation: Evaluation) -> dict[str, int]:
    cases = evaluation.cases
    # Without any valid threshold nobody is helped by counting all: the images without a score are told apart.
    undecided = ~cases["decided"]
    if evaluation.accept_below is not None and evaluation.in_force.threshold is not None:
        undecided = cases["verdict"] == UNDECIDED
    return {
        "images": len(cases),
        "normal": int((cases["label"] == 0).sum()),
        "defective": int((cases["label"] == 1).sum()),
        "undecided": int(undecided.sum()),
        "undecided_normal": int((undecided & (cases["label"] == 0)).sum()),
        "undecided_defective": int((undecided & (cases["label"] == 1)).sum()),
    }


def _score(evaluation: Evaluation, name: str) -> dict[str, Any]:
    found = evaluation.scores[name]
    return {
        "threshold": found.threshold,
        "counts": found.counts.as_json(),
        "metrics": {metric: found.metrics[metric].as_json() for metric in METRICS},
        "decided_only": {metric: found.decided_only[metric].as_json() for metric in METRICS},
        "auroc_delong": found.delong.as_json(),
    }


def _subgroups(evaluation: Evaluation) -> dict[str, Any]:
    groups = list(evaluation.subgroups)
    least = smallest(groups)
    return {
        "all": [group.as_json() for group in groups],
        "smallest": None if least is None else least.as_json(),
        "not_evaluable": [{"column": group.column, "value": group.value} for group in without_images(groups)],
    }


def _listed(cases: pd.DataFrame, score: str) -> list[dict[str, Any]]:
    """Images as JSON rows; a missing number is null."""
    columns = ["image_id", "label", "defect_type", "score", "margin", "size_mm"]
    rows = cases.assign(score=cases[score])[columns].to_dict(orient="records")
    return [{str(name): _plain(value) for name, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def predictions(evaluation: Evaluation) -> pd.DataFrame:
    """predictions.parquet: image_id, label, score, threshold, verdict, correct, one row a test image.

    An undecided image is not correct: nobody has decided rightly.
    """
    cases = evaluation.cases
    right = np.where(cases["label"] == 1, REJECT, ACCEPT)
    threshold = evaluation.in_force.threshold
    return pd.DataFrame(
        {
            "image_id": cases["image_id"],
            "label": cases["label"],
            "score": cases[evaluation.score],
            "threshold": np.full(len(cases), np.nan if threshold is None else threshold),
            "verdict": cases["verdict"].astype("str"),
            "correct": cases["verdict"] == right,
        }
    )


def score_curves(evaluation: Evaluation, name: str) -> Curves | None:
    """Operating points of a score, undecided images counting against it; None when a class is missing."""
    cases = evaluation.cases
    if cases["label"].nunique() < 2:
        return None
    return curves(cases["label"], worst_case(cases[name], cases["decided"], cases["label"]))


def roc_table(found: Curves | None) -> pd.DataFrame:
    """roc.csv: false_positive_rate, recall, threshold (empty at the start and where it is infinite)."""
    if found is None:
        return pd.DataFrame({"false_positive_rate": [], "recall": [], "threshold": []})
    return pd.DataFrame(
        {
            "false_positive_rate": np.append(0.0, found.false_positive_rate),
            "recall": np.append(0.0, found.recall),
            "threshold": np.append(np.nan, np.where(np.isfinite(found.thresholds), found.thresholds, np.nan)),
        }
    )


def precision_recall_table(found: Curves | None) -> pd.DataFrame:
    """pr.csv: recall, precision and the threshold."""
    if found is None:
        return pd.DataFrame({"recall": [], "precision": [], "threshold": []})
    thresholds = np.where(np.isfinite(found.thresholds), found.thresholds, np.nan)
    return pd.DataFrame({"recall": found.recall, "precision": found.precision, "threshold": thresholds})


def histogram_table(evaluation: Evaluation, bins: int = 40) -> pd.DataFrame:
    """histogram.csv: from, to, normal, defective: decided test images by score in force, in equal bins."""
    decided = evaluation.cases[evaluation.cases["decided"]]
    scores = decided[evaluation.score].to_numpy()
    edges = np.histogram_bin_edges(scores, bins) if scores.size else np.linspace(0, 1, bins + 1)
    counts = [np.histogram(scores[decided["label"].to_numpy() == label], edges)[0] for label in (0, 1)]
    return pd.DataFrame({"from": edges[:-1], "to": edges[1:], "normal": counts[0], "defective": counts[1]})
