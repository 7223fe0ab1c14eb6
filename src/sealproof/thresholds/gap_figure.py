"""The gap between calibration on training scores and on held-out normals, in one figure."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from sealproof.thresholds.compare import Comparison
from sealproof.thresholds.drawing import DEFECTIVE, FAINT, INK, NORMAL, QUIET, colour_key, house_style
from sealproof.thresholds.figures import LABELS
from sealproof.thresholds.result import ThresholdResult
from sealproof.thresholds.settings import METHOD_NAMES
from sealproof.thresholds.tables import estimated_held_out_rate


def gap_figure(comparison: Comparison) -> Figure:
    """A row a method: share of held-out normals rejected for both calibrations, beside the promise.

    The thin line is the exact interval of that share for the threshold from training scores, in which the
    held-out normals had no part. A method that may not be used is drawn as its estimate, its name in red.
    """
    with house_style():
        figure = Figure(figsize=(7.0, 3.9), layout="constrained")
        axes = figure.subplots()
        held_out, training = (
            results[comparison.score] for results in (comparison.held_out, comparison.training)
        )
        for row, method in enumerate(METHOD_NAMES):
            _draw_row(axes, row, held_out[method], training[method])
        axes.set_yticks(range(len(METHOD_NAMES)), [LABELS[name] for name in METHOD_NAMES])
        for label, method in zip(axes.get_yticklabels(), METHOD_NAMES, strict=True):
            label.set_color(INK if held_out[method].eligible else DEFECTIVE)
            label.set_fontweight("bold" if method == comparison.method else "normal")
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(METHOD_NAMES) - 0.5, -0.6)
        axes.set_xlim(left=-0.01)  # so that a dot at 0 is whole
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        count = comparison.scores.held_out[comparison.score].size
        axes.set_xlabel(f"share of {count} held-out normals rejected by {comparison.score}")
        key = [
            ("\u25cf calibrated on held-out normals", NORMAL),
            ("\u25cb on training normals, with interval", QUIET),
        ]
        colour_key(axes, key, y=1.07)
        colour_key(axes, [("| promised at most", INK), ("red name: may not be used", DEFECTIVE)])
        return figure


def _draw_row(axes: Axes, row: int, held_out: ThresholdResult, training: ThresholdResult) -> None:
    own, other = estimated_held_out_rate(held_out), estimated_held_out_rate(training)
    axes.axhline(row, color=FAINT, linewidth=0.5, zorder=0)
    if other is not None:
        found = training.details["held_out_false_rejects"]
        axes.plot([found["low"], found["high"]], [row + 0.12] * 2, color=QUIET, linewidth=0.8)
        axes.plot([other], [row + 0.12], "o", markersize=4.5, color=QUIET, markerfacecolor="white", zorder=3)
    if own is not None:
        axes.plot([own], [row - 0.12], "o", markersize=4.5, color=NORMAL, zorder=3)
    promised = held_out.promised_false_reject_rate
    if promised is not None:
        axes.plot([promised] * 2, [row - 0.34, row + 0.34], color=INK, linewidth=1.4, zorder=2)
