"""Robustness: what disturbances of acquisition do to recall, specificity and AUROC, and where criteria stop to hold.

The disturbed test images were scored without their labels (stage `challenge`); here they meet them. Undecided
counts against the detector. Bounds: Clopper-Pearson for shares, DeLong for AUROC.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from sealproof.evaluation.cases import verdicts, worst_case
from sealproof.evaluation.counts import ACCEPT, REJECT, UNDECIDED, count_verdicts
from sealproof.evaluation.intervals import Estimate, not_evaluable, proportion
from sealproof.evaluation.ranking import delong
from sealproof.evaluation.robustness_result import NO_THRESHOLD, Cell, Loss, Reach, Robustness, Rule, Series
from sealproof.evidence.errors import EvidenceAlteredError
from sealproof.thresholds.bounds import clopper_pearson

CLASSES = {0: "normal", 1: "defective"}
UNDISTURBED = "none"


def evaluate_robustness(
    disturbed: pd.DataFrame, challenge: Mapping[str, Any], labels: pd.DataFrame, rule: Rule
) -> Robustness:
    """Judge the disturbed test images.

    Args:
        disturbed: disturbed.parquet.
        challenge: `disturbed` of challenge.json.
        labels: image_id and label (0 normal, 1 defective) of the test images.
        rule: threshold, confidence and criteria.

    Raises:
        EvidenceAlteredError: disturbed.parquet does not hold, for each severity that challenge.json names, the
            same images, each once and each with a label.
    """
    images, test = int(challenge["images"]["disturbed"]), int(challenge["images"]["test"])
    if not challenge["declared"]:
        return Robustness(rule, 0, test, None, ())
    groups = _groups(disturbed, challenge, set(labels["image_id"]), images)
    truth = labels.set_index("image_id")["label"].astype("int64")
    base = groups[UNDISTURBED, 0.0]
    undisturbed = _cell(base, base, truth, rule, (0.0, 0.0))
    series = []
    for name, declared in challenge["envelope"].items():
        steps = zip(challenge["severities"], declared["amounts"], strict=True)
        cells = tuple(_cell(groups[name, step[0]], base, truth, rule, step) for step in steps)
        series.append(
            Series(
                name,
                declared["unit"],
                declared["limit"],
                declared["meaning"],
                cells,
                _criteria_reach(undisturbed, cells),
                _loss_reach(cells, rule),
            )
        )
    return Robustness(rule, images, test, undisturbed, tuple(series))


def _groups(
    disturbed: pd.DataFrame, challenge: Mapping[str, Any], known: set[str], images: int
) -> dict[tuple[str, float], pd.DataFrame]:
    """(disturbance, severity) -> its rows by image_id, all of the same images."""
    wanted = {(UNDISTURBED, 0.0)}
    wanted |= {(name, float(step)) for name in challenge["envelope"] for step in challenge["severities"]}
    found = {
        (str(name), float(str(severity))): rows.set_index("image_id").sort_index()
        for (name, severity), rows in disturbed.groupby(["disturbance", "severity"])
    }
    ids = found[UNDISTURBED, 0.0].index if (UNDISTURBED, 0.0) in found else pd.Index([])
    problems = [f"{name} at severity {step:g} is missing" for name, step in sorted(wanted - found.keys())]
    problems += [
        f"{name} at severity {step:g} is not declared" for name, step in sorted(found.keys() - wanted)
    ]
    problems += [
        f"{name} at severity {step:g} holds other images"
        for (name, step), rows in found.items()
        if not rows.index.equals(ids) or not rows.index.is_unique
    ]
    if len(ids) != images or not set(ids) <= known:
        problems.append(
            f"{len(ids)} images instead of {images}, {len(set(ids) - known)} of them without a label"
        )
    if problems:
        raise EvidenceAlteredError(
            "the disturbed images are not those that were planned",
            where="disturbed.parquet, challenge.json",
            why="\n".join(problems[:20]),
            mend="delete the artifacts of the stage challenge and run `dvc repro`",
        )
    return found


def _cell(
    rows: pd.DataFrame, base: pd.DataFrame, truth: pd.Series[int], rule: Rule, step: tuple[float, float]
) -> Cell:
    labels = np.asarray(truth.loc[rows.index], dtype=np.int64)
    given, before = _verdicts(rows, rule), _verdicts(base, rule)
    metrics = _metrics(rows, labels, given, rule)
    compared = {} if step[0] == 0 or rule.threshold is None else _losses(labels, before, given)
    return Cell(step[0], step[1], metrics, _holds(metrics, rule), compared)


def _verdicts(rows: pd.DataFrame, rule: Rule) -> NDArray[np.str_]:
    return verdicts(rows[rule.score], rows["decided"], rule.threshold, rule.accept_below)


def _metrics(
    rows: pd.DataFrame, labels: NDArray[np.int64], given: NDArray[np.str_], rule: Rule
) -> dict[str, Estimate]:
    ranked = worst_case(rows[rule.score], rows["decided"], labels)
    found = {"auroc": auroc(labels, ranked, rule.confidence)}
    if rule.threshold is None:
        return dict.fromkeys(("recall", "specificity", "undecided"), not_evaluable(NO_THRESHOLD)) | found
    counts = count_verdicts(labels, given)
    sure = rule.confidence
    return found | {
        "recall": proportion(counts.tp, counts.defective, sure, "there is no defective image"),
        "specificity": proportion(counts.tn, counts.normal, sure, "there is no normal image"),
        "undecided": proportion(int((given == UNDECIDED).sum()), given.size, sure, "there is no image"),
    }


def auroc(labels: ArrayLike, scores: ArrayLike, confidence: float) -> Estimate:
    """AUROC with DeLong's bounds, or, with perfect separation, the exact bound of min(P, N) independent pairs.

    Example:
        >>> found = auroc([0] * 10 + [1] * 10, [0.0] * 10 + [1.0] * 10, 0.95)
        >>> found.value, round(found.low, 4), found.interval
        (1.0, 0.6915, 'Clopper-Pearson of independent pairs')
    """
    found = delong(labels, scores, confidence)
    if found.value != 1:
        return found
    pairs = int(np.bincount(np.asarray(labels, dtype=np.int64), minlength=2).min())
    return Estimate(1.0, *clopper_pearson(pairs, pairs, confidence), "Clopper-Pearson of independent pairs")


def _holds(metrics: Mapping[str, Estimate], rule: Rule) -> dict[str, bool | None]:
    found: dict[str, bool | None] = {}
    for claim in rule.criteria:
        metric = metrics[claim.metric.rsplit(".", 1)[1]]
        bound = metric.low if claim.bound == "low" else metric.high
        above = (
            None if bound is None else bound >= claim.limit if claim.bound == "low" else bound <= claim.limit
        )
        found[claim.id] = above
    return found


def _losses(labels: NDArray[np.int64], before: NDArray[np.str_], after: NDArray[np.str_]) -> dict[str, Loss]:
    right = np.where(labels == 1, REJECT, ACCEPT)
    return {
        name: paired_loss((before == right)[labels == label], (after == right)[labels == label])
        for label, name in CLASSES.items()
    }


def paired_loss(before: ArrayLike, after: ArrayLike) -> Loss:
    """Exact one-sided McNemar test of whether images that were judged rightly are judged wrongly more often.

    Reference: McNemar, Psychometrika 12 (1947) 153-157, with the binomial distribution in place of the limit.

    Args:
        before, after: (n,) whether each image was judged rightly.

    Example:
        >>> paired_loss([True] * 6 + [False], [False] * 5 + [True, True])
        Loss(lost=5, gained=1, p_value=0.109375)
    """
    first, second = np.asarray(before, dtype=bool), np.asarray(after, dtype=bool)
    lost, gained = int((first & ~second).sum()), int((~first & second).sum())
    return Loss(lost, gained, float(stats.binom.sf(lost - 1, lost + gained, 0.5)))


def _criteria_reach(undisturbed: Cell, cells: tuple[Cell, ...]) -> Reach:
    if not undisturbed.holds:
        return Reach(None, None, "no acceptance criterion is on recall, specificity or AUROC")
    failing = [name for name, met in undisturbed.holds.items() if met is not True]
    if failing:
        text = (
            f"criteria are not met without disturbance ({', '.join(failing)}), so no envelope can be stated"
        )
        return Reach(None, None, text)
    return _reach(
        cells,
        {
            cell.severity: [f"{name} is not met" for name, met in cell.holds.items() if met is not True]
            for cell in cells
        },
    )


def _loss_reach(cells: tuple[Cell, ...], rule: Rule) -> Reach:
    if rule.threshold is None:
        return Reach(None, None, NO_THRESHOLD)
    level = 1 - rule.confidence
    return _reach(
        cells,
        {
            cell.severity: [
                f"{loss.lost} {name} images lost and {loss.gained} gained (p = {loss.p_value:.2g})"
                for name, loss in cell.loss.items()
                if loss.p_value <= level
            ]
            for cell in cells
        },
    )


def _reach(cells: tuple[Cell, ...], faults: Mapping[float, list[str]]) -> Reach:
    """Up to the last severity before the first with a fault."""
    last: Cell | None = None
    for cell in cells:
        if faults[cell.severity]:
            reason = f"at {cell.amount:g}: {', '.join(faults[cell.severity])}"
            return Reach(0.0, None, reason) if last is None else Reach(last.severity, last.amount, reason)
        last = cell
    return Reach(cells[-1].severity, cells[-1].amount, "the largest amount tested")
