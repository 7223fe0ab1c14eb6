"""The comparison of thresholds as a table: for the terminal and for a CSV file."""

from __future__ import annotations

import pandas as pd
from rich import box
from rich.table import Table

from sealproof.thresholds.compare import Comparison
from sealproof.thresholds.result import ThresholdResult


def threshold_table(comparison: Comparison) -> pd.DataFrame:
    """One row a score, calibration and method.

    Columns: score, method, calibration, n, threshold, low, high, estimate (the threshold as computed, whether or
    not it may be used), promised_false_reject_rate, promise_confidence, calibration_false_reject_rate,
    held_out_false_reject_rate, eligible, in_force, reason_code, reason, promise.
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
                "estimate": estimate(result),
                "promised_false_reject_rate": result.promised_false_reject_rate,
                "promise_confidence": result.promise_confidence,
                "calibration_false_reject_rate": observed_rate(result, "calibration_false_rejects"),
                "held_out_false_reject_rate": held_out_rate(result),
                "eligible": result.eligible,
                "in_force": comparison.decides(score, result),
                "reason_code": result.reason_code,
                "reason": result.reason,
                "promise": result.promise,
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


def estimate(result: ThresholdResult) -> float | None:
    """The threshold as computed, whether or not it may be used; None when it could not be computed."""
    found = result.details.get("estimate") if result.threshold is None else result.threshold
    return None if found is None else float(found)


def estimated_held_out_rate(result: ThresholdResult) -> float | None:
    """Share of held-out normals that the threshold rejects, or would reject if it might be used."""
    found = result.details.get(_rate_key(result))
    return None if found is None else float(found["rate"])


def held_out_rate(result: ThresholdResult) -> float | None:
    """Share of held-out normals that the threshold rejects, whichever normals it was calibrated on."""
    return observed_rate(result, _rate_key(result))


def _rate_key(result: ThresholdResult) -> str:
    return "calibration_false_rejects" if result.calibration == "held-out" else "held_out_false_rejects"


def terminal_table(comparison: Comparison) -> Table:
    """Every method for the score in force, and what both calibrations do to held-out normals."""
    table = Table(
        box=box.SIMPLE,
        padding=(0, 1, 0, 0),
        title=f"Thresholds of {comparison.score}: a score at or above is rejected",
        caption="(in brackets: may not be used)  rejects: share of held-out normals; naive: if calibrated on "
        "training scores; promise: on average, or with a confidence",
    )
    table.add_column("method", no_wrap=True)
    for name in ("threshold", "low", "high", "promise", "rejects", "naive"):
        table.add_column(name, justify="right", no_wrap=True)
    score = comparison.score
    decides = comparison.cross_fit if comparison.calibration == "cross-fit" else comparison.held_out
    for method, result in decides[score].items():
        in_force = comparison.decides(score, result)
        cells = _cells(result, comparison.training[score][method], in_force=in_force)
        table.add_row(*cells, style="bold" if in_force else "")
    return table


def _cells(result: ThresholdResult, training: ThresholdResult, *, in_force: bool) -> list[str]:
    return [
        ("> " if in_force else "  ") + result.method,
        _threshold(result),
        _number(result.low),
        _number(result.high),
        _promise(result),
        _percent(held_out_rate(result)),
        _percent(held_out_rate(training)),
    ]


def _threshold(result: ThresholdResult) -> str:
    found = estimate(result)
    return _number(found) if result.eligible or found is None else f"({_number(found)})"


def _promise(result: ThresholdResult) -> str:
    if not result.eligible:
        return "-"
    rate, confidence = result.promised_false_reject_rate, result.promise_confidence
    return _percent(rate) if confidence is None or rate is None else f"{rate:.1%} at {confidence:.0%}"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3g}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
