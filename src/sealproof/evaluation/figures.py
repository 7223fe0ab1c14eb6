"""Figures of the evaluation: ROC, precision-recall, histogram, confusion matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sealproof.evaluation.counts import ConfusionCounts, rates
from sealproof.evaluation.documents import histogram_table, score_curves
from sealproof.evaluation.evaluate import Evaluation
from sealproof.evaluation.intervals import Estimate
from sealproof.thresholds.drawing import (
    DEFECTIVE,
    FAINT,
    INK,
    NORMAL,
    QUIET,
    UNDECIDED,
    colour_key,
    house_style,
)


def estimate_text(found: Estimate) -> str:
    """`0.901 (0.868 to 0.931)`, or that it cannot be evaluated.

    Example:
        >>> estimate_text(Estimate(0.9, 0.8, 0.95)), estimate_text(Estimate(None, None, None))
        ('0.900 (0.800 to 0.950)', 'not evaluable')
    """
    if found.value is None:
        return "not evaluable"
    if found.low is None or found.high is None:
        return f"{found.value:.3f} (no bounds)"
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def roc_figure(evaluation: Evaluation) -> Figure:
    """Recall against false-positive rate; the score in force stands out, the dot is its threshold."""
    with house_style():
        figure, axes = _square("share of normal images rejected (1 - specificity)", "recall")
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8, zorder=0)
        for name in _in_force_last(evaluation):
            found = score_curves(evaluation, name)
            if found is not None:
                x, y = np.append(0, found.false_positive_rate), np.append(0, found.recall)
                axes.plot(x, y, **_line(evaluation, name))
        now = rates(evaluation.in_force.counts.conservative())
        recall, specificity = now["recall"], now["specificity"]
        if evaluation.in_force.threshold is not None and recall is not None and specificity is not None:
            axes.plot([1 - specificity], [recall], "o", color=INK, markersize=5, zorder=4)
        _legend(axes, evaluation, "auroc", "AUROC", 0.12)
        return figure


def precision_recall_figure(evaluation: Evaluation) -> Figure:
    """Precision against recall at the test split's share of defects; the dot is the threshold in force."""
    with house_style():
        figure, axes = _square("recall", "precision")
        share = float(evaluation.cases["label"].mean())
        axes.axhline(share, color=FAINT, linewidth=0.8, zorder=0)
        for name in _in_force_last(evaluation):
            found = score_curves(evaluation, name)
            if found is not None:
                axes.plot(found.recall, found.precision, **_line(evaluation, name))
        now = rates(evaluation.in_force.counts.conservative())
        recall, precision = now["recall"], now["precision"]
        if evaluation.in_force.threshold is not None and recall is not None and precision is not None:
            axes.plot([recall], [precision], "o", color=INK, markersize=5, zorder=4)
        _legend(axes, evaluation, "auprc", "AUPRC", 0.12)
        return figure


def _square(x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(3.4, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02), xlabel=x, ylabel=y, aspect="equal")
    return figure, axes


def _in_force_last(evaluation: Evaluation) -> list[str]:
    return [*(name for name in evaluation.scores if name != evaluation.score), evaluation.score]


def _line(evaluation: Evaluation, name: str) -> dict[str, Any]:
    if name == evaluation.score:
        return {"color": NORMAL, "linewidth": 1.8, "zorder": 3}
    return {"color": QUIET, "linewidth": 0.6, "alpha": 0.6}


def _legend(axes: Axes, evaluation: Evaluation, metric: str, title: str, y: float) -> None:
    text = f"{evaluation.score}\n{title} {estimate_text(evaluation.in_force.metrics[metric])}"
    axes.annotate(text, (0.97, y), xycoords="axes fraction", ha="right", color=NORMAL, fontsize=7.5)
    axes.annotate(
        "other scores", (0.97, y - 0.05), xycoords="axes fraction", ha="right", color=QUIET, fontsize=7
    )


def histogram_figure(evaluation: Evaluation) -> Figure:
    """Test images by score, normal ones upwards, defective ones downwards, with the threshold in force."""
    with house_style():
        figure = Figure(figsize=(7.0, 2.9), layout="constrained")
        axes = figure.subplots()
        table = histogram_table(evaluation)
        edges = np.append(table["from"], table["to"].iloc[-1])
        axes.stairs(table["normal"], edges, fill=True, color=NORMAL)
        axes.stairs(-table["defective"], edges, fill=True, color=DEFECTIVE)
        axes.axhline(0, color="white", linewidth=0.8)
        axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
        axes.set_xlabel(f"anomaly score {evaluation.score} (no unit; higher = more anomalous)")
        axes.set_ylabel("test images")
        counts = evaluation.in_force.counts
        key = [(f"normal ({counts.normal})", NORMAL), (f"defective ({counts.defective})", DEFECTIVE)]
        unscored = int((~evaluation.cases["decided"]).sum())
        if unscored:
            key.append((f"undecided, without a score ({unscored})", UNDECIDED))
        colour_key(axes, key)
        _mark_threshold(axes, evaluation.in_force.threshold)
        if evaluation.accept_below is not None:
            axes.axvline(evaluation.accept_below, color=INK, linewidth=1.0, linestyle=(0, (4, 2)))
            at = (evaluation.accept_below, 0.88)
            text = f"accepted below {evaluation.accept_below:.4g} "
            axes.annotate(text, at, xycoords=("data", "axes fraction"), ha="right", fontsize=7.5)
        return figure


def _mark_threshold(axes: Axes, threshold: float | None) -> None:
    if threshold is None:
        axes.annotate(
            "no valid threshold", (0.99, 0.95), xycoords="axes fraction", ha="right", color=DEFECTIVE
        )
        return
    axes.axvline(threshold, color=INK, linewidth=1.0)
    axes.annotate(
        f" rejected at or above {threshold:.4g}",
        (threshold, 0.95),
        xycoords=("data", "axes fraction"),
        fontsize=7.5,
    )


def confusion_figure(evaluation: Evaluation) -> Figure:
    """Counts by truth (rows) and verdict (columns); the share of the row gives the shade."""
    with house_style():
        counts = evaluation.in_force.counts
        table, columns = _confusion_table(counts)
        figure = Figure(figsize=(1.1 + 0.95 * len(columns), 1.9), layout="constrained")
        axes = figure.subplots()
        right = {(0, 0), (1, 1)}
        for row, values in enumerate(table):
            for column, value in enumerate(values):
                share = value / max(1, sum(values))
                colour = UNDECIDED if column == 2 else (NORMAL if (row, column) in right else DEFECTIVE)
                _draw_cell(axes, (column, row), value, share, colour)
        axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(1.5, -0.5))
        axes.set_xticks(range(len(columns)), columns)
        axes.set_yticks([0, 1], [f"normal\n({counts.normal})", f"defective\n({counts.defective})"])
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        return figure


def _confusion_table(counts: ConfusionCounts) -> tuple[list[list[int]], list[str]]:
    table = [[counts.tn, counts.fp], [counts.fn, counts.tp]]
    if not counts.undecided:
        return table, ["accepted", "rejected"]
    table[0].append(counts.undecided_normal)
    table[1].append(counts.undecided_defective)
    return table, ["accepted", "rejected", "undecided"]


def _draw_cell(axes: Axes, place: tuple[int, int], value: int, share: float, colour: str) -> None:
    x, y = place
    across = [x - 0.47, x + 0.47]
    axes.fill_between(across, y - 0.45, y + 0.45, color=colour, alpha=0.12 + 0.75 * share, linewidth=0)
    ink = "white" if share > 0.45 else INK
    axes.text(x, y - 0.08, str(value), ha="center", va="center", fontsize=12, fontweight="bold", color=ink)
    axes.text(x, y + 0.25, f"{share:.1%}", ha="center", va="center", fontsize=7, color=ink)
