"""The comparison of thresholds as a table: for the terminal and for a CSV file."""

from __future__ import annotations

import pandas as pd
from rich import box
from rich.table import Table

from sealproof.thresholds.compare import Comparison
from sealproof.thresholds.result import ThresholdResult


def threshold_table(comparison: Comparison) -> pd.DataFrame:
    """One row a score, calibration and method.

    Columns: score, method, calibration, n, threshold, low, high, promised_false_reject_rate,
    calibration_false_reject_rate, held_out_false_reject_rate, eligible, in_force, reason_code, reason.
    """
    rows = []
    for score, result in comparison.rows():
        rows.append(
            {
                "score": score,
                "method": result.method,
                "calibration": result.calibration,
                "n": result.n,
                "threshold": result.threshold,
                "low": result.low,
                "high": result.high,
                "promised_false_reject_rate": result.promised_false_reject_rate,
                "calibration_false_reject_rate": observed_rate(result, "calibration_false_rejects"),
                "held_out_false_reject_rate": held_out_rate(result),
                "eligible": result.eligible,
                "in_force": result is comparison.in_force,
                "reason_code": result.reason_code,
                "reason": result.reason,
            }
        )
    return pd.DataFrame(rows)


def tracked_metrics(comparison: Comparison) -> dict[str, float]:
    """Valid thresholds from held-out normals, for experiment tracking: `<score>.<method>` -> threshold."""
    return {
        f"{score}.{method}": result.threshold
        for score, methods in comparison.held_out.items()
        for method, result in methods.items()
        if result.threshold is not None
    }


def observed_rate(result: ThresholdResult, key: str) -> float | None:
    """A false-reject rate from a result's details; None without a threshold."""
    found = result.details.get(key) if result.eligible else None
    return None if found is None else float(found["rate"])


def held_out_rate(result: ThresholdResult) -> float | None:
    """Share of held-out normals that the threshold rejects, whichever normals it was calibrated on."""
    key = "calibration_false_rejects" if result.calibration == "held-out" else "held_out_false_rejects"
    return observed_rate(result, key)


def terminal_table(comparison: Comparison) -> Table:
    """Every method for the score in force, and what both calibrations do to held-out normals."""
    table = Table(
        box=box.SIMPLE,
        padding=(0, 1, 0, 0),
        title=f"Thresholds of {comparison.score}: a score at or above is rejected",
        caption="rejects: share of held-out normals; naive: if calibrated on training scores",
    )
    table.add_column("method", no_wrap=True)
    for name in ("threshold", "low", "high", "promise", "rejects", "naive"):
        table.add_column(name, justify="right", no_wrap=True)
    trained = comparison.training[comparison.score]
    for method, result in comparison.held_out[comparison.score].items():
        in_force = result is comparison.in_force
        table.add_row(*_cells(result, trained[method], in_force=in_force), style="bold" if in_force else "")
    return table


def _cells(held_out: ThresholdResult, training: ThresholdResult, *, in_force: bool) -> list[str]:
    return [
        ("> " if in_force else "  ") + held_out.method,
        _number(held_out.threshold),
        _number(held_out.low),
        _number(held_out.high),
        _percent(held_out.promised_false_reject_rate),
        _percent(held_out_rate(held_out)),
        _percent(held_out_rate(training)),
    ]


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3g}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
