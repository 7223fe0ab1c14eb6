"""Figure of robustness: a panel a disturbance, metrics with bounds against its amount."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sealproof.evaluation.robustness_result import JUDGED, Robustness, Series
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

_COLOURS = {"recall": DEFECTIVE, "specificity": NORMAL, "auroc": UNDECIDED}
_NAMES = {"recall": "recall", "specificity": "specificity", "auroc": "AUROC"}
_COLUMNS = 4


def robustness_figure(found: Robustness) -> Figure:
    """Recall, specificity and AUROC with bounds against the amount of each disturbance.

    The first point of each panel is undisturbed; the vertical line is the declared limit, dashed lines are the
    limits of the acceptance criteria.
    """
    with house_style():
        if not found.declared:
            return _nothing(found.statement)
        rows = -(-len(found.series) // _COLUMNS)
        height = 0.35 + 1.9 * rows
        figure = Figure(figsize=(7.0, height))
        figure.set_layout_engine("constrained", rect=(0, 0, 1, 1 - 0.35 / height))  # the key stands above
        panels = figure.subplots(rows, _COLUMNS, squeeze=False, sharey=True).ravel().tolist()
        for number, axes in enumerate(panels):
            if number >= len(found.series):
                axes.set_axis_off()
                continue
            _panel(axes, found, found.series[number])
            if number % _COLUMNS == 0:
                axes.set_ylabel("rate (no unit)")
        sure = f"{found.rule.confidence:.0%}"
        key = [(_NAMES[metric], _COLOURS[metric]) for metric in JUDGED]
        key.append((f"bars: two-sided {sure} bounds   |  declared limit   - -  acceptance limits", QUIET))
        colour_key(panels[0], key, y=1.2)
        for text in panels[0].texts:
            text.set_in_layout(False)  # the key may reach over the neighbours
        return figure


def _panel(axes: Axes, found: Robustness, series: Series) -> None:
    cells = [*((found.undisturbed,) if found.undisturbed else ()), *series.cells]
    places = [cell.severity for cell in cells]
    axes.set_title(series.name, fontsize=8)
    axes.axvline(1.0, color=FAINT, linewidth=2.5, zorder=0)
    for limit in sorted({claim.limit for claim in found.rule.criteria}):
        axes.axhline(limit, color=INK, linewidth=0.6, linestyle=(0, (4, 3)), zorder=1)
    for offset, metric in zip((-0.03, 0.0, 0.03), JUDGED, strict=True):
        drawn = [
            (place + offset * places[-1], cell.metrics[metric])
            for place, cell in zip(places, cells, strict=True)
        ]
        known = [(x, item.value) for x, item in drawn if item.value is not None]
        axes.plot(
            [x for x, _ in known],
            [y for _, y in known],
            ".-",
            color=_COLOURS[metric],
            markersize=4,
            linewidth=1,
        )
        for x, item in drawn:
            if item.low is not None and item.high is not None:
                axes.plot([x, x], [item.low, item.high], color=_COLOURS[metric], linewidth=0.8)
    labels = ["none", *(f"{cell.amount:g}" for cell in series.cells)]
    axes.set_xticks(places, labels, fontsize=6.5)
    unit = "no unit" if series.name == "jpeg" else series.unit
    axes.set_xlabel(f"{_axis(series)} ({unit})", fontsize=7.5)
    axes.set_ylim(-0.03, 1.03)


def _axis(series: Series) -> str:
    """What the amount is, for the axis."""
    words = {
        "blur": "standard deviation",
        "noise": "standard deviation",
        "jpeg": "JPEG quality",
        "tilt": "angle",
    }
    return words.get(series.name, "change" if series.unit == "share" else "distance")


def _nothing(statement: str) -> Figure:
    figure = Figure(figsize=(7.0, 0.6), layout="constrained")
    axes = figure.subplots()
    axes.set_axis_off()
    axes.annotate(f"robustness is {statement}", (0, 0.5), xycoords="axes fraction", color=QUIET)
    return figure
