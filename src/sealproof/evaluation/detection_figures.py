"""Figure of the probability of detection: a panel a defect type."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sealproof.thresholds.drawing import DEFECTIVE, INK, NORMAL, QUIET, colour_key, house_style

_COLUMNS = 3
_SOURCES = {"seeded": " (seeded)", "own": ""}


def detection_figure(found: dict[str, Any]) -> Figure:
    """Curves with bounds, rates by size with exact bounds, a90/95 and the false-call rate.

    Args:
        found: detection.json.
    """
    items = [item for source in _SOURCES for item in found["curves"][source].values()]
    with house_style():
        rows = max(1, -(-len(items) // _COLUMNS))
        height = 0.3 + 2.15 * rows
        figure = Figure(figsize=(7.0, height))
        figure.set_layout_engine("constrained", rect=(0, 0, 1, 1 - 0.3 / height))  # the key stands above
        panels = figure.subplots(rows, _COLUMNS, squeeze=False).ravel().tolist()
        for axes, item in zip(panels, items, strict=False):
            _panel(axes, item)
        for axes in panels[len(items) :]:
            axes.set_axis_off()
        for number, axes in enumerate(panels[: len(items)]):
            if number % _COLUMNS == 0:
                axes.set_ylabel("probability of detection")
        if not items:
            panels[0].annotate("no defect of known size", (0, 0.5), xycoords="axes fraction", color=QUIET)
        sure = f"{found['confidence']:.0%}"
        key = [
            (f"curve, lower and upper bound at {sure} each", NORMAL),
            (f"share rejected, exact {sure} bounds", QUIET),
            ("false calls", DEFECTIVE),
        ]
        if items:
            colour_key(panels[0], key, y=1.14)
        for axes in panels:
            for text in axes.texts:
                text.set_in_layout(False)  # words may reach over the neighbour; panels stay equally wide
        return figure


def _panel(axes: Axes, item: dict[str, Any]) -> None:
    """One defect type; sizes on a logarithmic axis."""
    axes.set_title(f"{item['defect']}{_SOURCES[item['source']]}", fontsize=8)
    axes.set_xscale("log")
    axes.set_ylim(-0.03, 1.06)
    axes.set_xlim(item["smallest_size"] / 1.25, item["largest_size"] * 1.3)
    axes.set_xlabel(f"size ({item['unit']})")
    ticks = _ticks(item["smallest_size"], item["largest_size"])
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.axhline(0.9, color=QUIET, linewidth=0.5, linestyle=(0, (1, 2)))
    for group in item["groups"]:
        middle = (group["smallest"] * group["largest"]) ** 0.5
        axes.plot([middle, middle], [group["low"], group["high"]], color=QUIET, linewidth=0.7, zorder=2)
        axes.plot([middle], [group["rate"]], "o", color=QUIET, markersize=3, zorder=3)
    if item["false_call_rate"] is not None:
        axes.axhline(item["false_call_rate"], color=DEFECTIVE, linewidth=0.7, linestyle=(0, (4, 2)))
    _draw_curve(axes, item)


def _draw_curve(axes: Axes, item: dict[str, Any]) -> None:
    curve, unit = item["curve"], item["unit"]
    if not curve:
        _say(axes, f"no curve: {item['reason_code'].replace('-', ' ')}")
        return
    sizes = [point["size"] for point in curve]
    low, high = [point["low"] for point in curve], [point["high"] for point in curve]
    axes.fill_between(sizes, low, high, color=NORMAL, alpha=0.18, linewidth=0)
    axes.plot(sizes, [point["pod"] for point in curve], color=NORMAL, zorder=4)
    if item["a90_95"] is None:
        text = "poor fit: no a90/95" if item["fit_adequate"] is False else "a90/95 beyond the sizes tested"
        _say(axes, text)
        return
    axes.axvline(item["a90_95"], color=INK, linewidth=0.8)
    left = item["a90_95"] ** 2 > item["smallest_size"] * item["largest_size"]
    axes.annotate(
        f"a90/95\n{item['a90_95']:.3g} {unit}",
        (item["a90_95"], 0.45),
        xytext=(-4 if left else 4, 0),
        textcoords="offset points",
        ha="right" if left else "left",
        fontsize=7,
    )


def _say(axes: Axes, text: str) -> None:
    paper = {"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 1}
    axes.annotate(
        text, (0.04, 0.97), xycoords="axes fraction", fontsize=7, color=INK, va="top", bbox=paper, zorder=5
    )


def _ticks(low: float, high: float) -> list[float]:
    """Round sizes inside [low, high] on a logarithmic axis: 1, 2 and 5 times powers of ten."""
    found = [
        digit * 10.0**power
        for power in range(-4, 6)
        for digit in (1, 2, 5)
        if low <= digit * 10.0**power <= high
    ]
    return found[:: 1 + len(found) // 7] or [low]
