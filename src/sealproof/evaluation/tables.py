"""The evaluation in the terminal."""

from __future__ import annotations

from rich import box
from rich.table import Table

from sealproof.evaluation.evaluate import METRICS, Evaluation
from sealproof.evaluation.figures import estimate_text


def metrics_table(evaluation: Evaluation) -> Table:
    """Metrics of the score in force, undecided counting against it, and over decided images alone."""
    counts = evaluation.in_force.counts
    table = Table(
        box=box.SIMPLE,
        title=f"Test split: {counts.normal} normal, {counts.defective} defective; {evaluation.score}",
        caption=f"bounds at {evaluation.confidence:.0%}; {counts.undecided} undecided",
    )
    table.add_column("metric", no_wrap=True)
    table.add_column("value (bounds)", no_wrap=True)
    if counts.undecided:
        table.add_column("decided images only", no_wrap=True)
    for name in METRICS:
        cells = [name.replace("_", " "), estimate_text(evaluation.in_force.metrics[name])]
        if counts.undecided:
            cells.append(estimate_text(evaluation.in_force.decided_only[name]))
        table.add_row(*cells)
    return table


def scores_table(evaluation: Evaluation) -> Table:
    """Every score with its own threshold of the method in force."""
    table = Table(box=box.SIMPLE, title=f"All scores, threshold by {evaluation.method}")
    table.add_column("score", no_wrap=True)
    for name in ("recall", "specificity", "AUROC", "AUPRC"):
        table.add_column(name, justify="right")
    for name, found in evaluation.scores.items():
        values = [found.metrics[metric].value for metric in ("recall", "specificity", "auroc", "auprc")]
        cells = ["-" if value is None else f"{value:.3f}" for value in values]
        table.add_row(name, *cells, style="bold" if name == evaluation.score else "")
    return table
