"""The evaluation in the terminal."""

from __future__ import annotations

from rich import box
from rich.table import Table

from sealproof.evaluation.claims import Plan, PlannedClaim
from sealproof.evaluation.evaluate import METRICS, Evaluation
from sealproof.evaluation.figures import estimate_text
from sealproof.evaluation.methods import MethodEvaluation


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


def methods_table(evaluation: Evaluation) -> Table:
    """Every method and calibration for the score in force: what it promised, and what the test split says."""
    table = Table(
        box=box.SIMPLE,
        padding=(0, 1, 0, 0),
        title=f"All methods, score {evaluation.score}: promised and observed",
        caption=f"bounds at {evaluation.confidence:.0%}; in brackets: not eligible, judged at its estimate",
    )
    for name in ("method", "normals"):
        table.add_column(name, no_wrap=True)
    for name in ("threshold", "promised", "false rejects", "recall"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in evaluation.methods:
        if row.score == evaluation.score:
            in_force = (row.method, row.calibration) == (evaluation.method, evaluation.calibration)
            style = "bold" if in_force else "" if row.eligible else "dim"
            table.add_row(*_method_cells(row, in_force=in_force), style=style)
    return table


def _method_cells(row: MethodEvaluation, *, in_force: bool) -> list[str]:
    limit = "none" if row.judged_at is None else f"{row.judged_at:.4g}"
    return [
        ("> " if in_force else "  ") + row.method,
        row.calibration,
        limit if row.eligible or row.judged_at is None else f"({limit})",
        "-" if row.promised is None or not row.eligible else f"{row.promised:.3f}",
        estimate_text(row.false_rejects),
        estimate_text(row.metrics["recall"]),
    ]


def plan_table(plan: Plan) -> Table:
    """What the test set can prove of each acceptance criterion at most, told before it is opened."""
    table = Table(
        box=box.SIMPLE,
        title="What the test set can carry",
        caption=(
            f"the criteria act on bounds at {plan.confidence:.0%} two-sided confidence: "
            f"one side holds with {100 * plan.one_sided:g} %"
        ),
    )
    table.add_column("criterion", no_wrap=True)
    for name in ("limit", "units", "provable", "failures allowed", "units needed", "carried"):
        table.add_column(name, justify="right")
    for item in plan.claims:
        table.add_row(item.claim.id, *_plan_cells(item))
    return table


def _plan_cells(item: PlannedClaim) -> list[str]:
    sign = ">=" if item.claim.bound == "low" else "<="
    carried = {True: "yes", False: "[red]NO[/]", None: "-" if item.claim.units is None else "not known"}
    return [
        f"{sign} {item.claim.limit:g}",
        _or_dash(item.units),
        "-" if item.strongest is None else f"{sign} {item.strongest:.4f}",
        _or_dash(item.failures_allowed),
        _or_dash(item.units_needed),
        carried[item.carried],
    ]


def _or_dash(value: int | None) -> str:
    return "-" if value is None else str(value)
