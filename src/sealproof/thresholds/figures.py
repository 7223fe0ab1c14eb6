"""Figures of the threshold stage."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from sealproof.thresholds.compare import Comparison
from sealproof.thresholds.drawing import DEFECTIVE, FAINT, INK, NORMAL, QUIET, colour_key, house_style
from sealproof.thresholds.evt_pot import split_tail
from sealproof.thresholds.generalised_pareto import Tail, log_survival
from sealproof.thresholds.result import Floats, ThresholdResult
from sealproof.thresholds.settings import METHOD_NAMES
from sealproof.thresholds.tables import estimate, held_out_rate

#: How figures name the methods.
LABELS = {
    "mean_sigma": "mean + k sigma",
    "percentile": "percentile",
    "evt_pot": "extreme value theory",
    "conformal": "conformal",
    "tolerance_normal": "tolerance, normal",
    "tolerance_order": "tolerance, any shape",
    "supervised_accuracy": "supervised accuracy",
    "supervised_balanced": "supervised balanced",
    "cost": "lowest cost",
    "recall_bound": "recall bound",
}


def thresholds_figure(comparison: Comparison) -> Figure:
    """Scores of normals and defects, and below them every method with its interval, on one axis.

    Above: empirical distribution functions of held-out normals, training normals and training defects for the
    score in force. Below: a row a method; filled = from held-out normals, open = from training scores (the
    paper's way), a cross = may not be used. The threshold in force runs through both.
    """
    with house_style():
        figure = Figure(figsize=(7.0, 7.2), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1, 1.9))
        _draw_distributions(above, comparison)
        _draw_methods(below, comparison)
        for axes in (above, below):
            if comparison.in_force.threshold is not None:
                axes.axvline(comparison.in_force.threshold, color=INK, linewidth=0.9, zorder=1)
        below.set_xlim(*_limits(comparison))
        below.set_xlabel(f"anomaly score {comparison.score} (no unit; higher = more anomalous)")
        return figure


def _draw_distributions(axes: Axes, comparison: Comparison) -> None:
    scores, name = comparison.scores, comparison.score
    groups = [
        (scores.training[name], f"training normals ({scores.training[name].size})", QUIET, 0.8),
        (scores.held_out[name], f"held-out normals ({scores.held_out[name].size})", NORMAL, 1.6),
        (scores.defects[name], f"training defects ({scores.defects[name].size})", DEFECTIVE, 1.6),
    ]
    for values, label, colour, width in groups:
        if values.size:
            axes.ecdf(values, color=colour, linewidth=width, label=label)
    axes.set_ylabel("share of images\nat or below the score")
    axes.set_ylim(0, 1.02)
    colour_key(axes, [(label, colour) for _, label, colour, _ in groups])
    beyond = int((scores.defects[name] > _limits(comparison)[1]).sum())
    if beyond:
        text = f"{beyond} defects score higher still"
        axes.annotate(text, (1, 0.02), xycoords="axes fraction", ha="right", fontsize=7, color=DEFECTIVE)


def _draw_methods(axes: Axes, comparison: Comparison) -> None:
    right = _limits(comparison)[1]
    for row, method in enumerate(METHOD_NAMES):
        held_out = comparison.held_out[comparison.score][method]
        training = comparison.training[comparison.score][method]
        _draw_interval(axes, row - 0.13, held_out, NORMAL, right)
        _draw_interval(axes, row + 0.17, training, QUIET, right)
        axes.annotate(
            _remark(held_out),
            xy=(1.01, row),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=7,
            color=INK if held_out.eligible else DEFECTIVE,
            annotation_clip=False,
        )
        if row:
            axes.axhline(row - 0.5, color=FAINT, linewidth=0.4, zorder=0)
    axes.set_yticks(range(len(METHOD_NAMES)), [LABELS[name] for name in METHOD_NAMES])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(METHOD_NAMES) - 0.5, -0.6)
    key = [
        ("\u25cf calibrated on held-out normals", NORMAL),
        ("\u25cb on training normals", QUIET),
        ("\u00d7 may not be used", DEFECTIVE),
    ]
    colour_key(axes, key)
    in_force = axes.get_yticklabels()[METHOD_NAMES.index(comparison.method)]
    in_force.set_fontweight("bold")


def _draw_interval(axes: Axes, row: float, result: ThresholdResult, colour: str, right: float) -> None:
    found = estimate(result)
    if found is None:
        return
    filled = result.calibration == "held-out"
    if not result.eligible:
        if found <= right:
            axes.plot([found], [row], "x", markersize=4.5, color=DEFECTIVE if filled else QUIET, zorder=3)
        return
    ends = [found if end is None else end for end in (result.low, result.high)]
    axes.plot(ends, [row, row], color=colour, linewidth=1.2 if filled else 0.8, solid_capstyle="butt")
    axes.plot(
        [found],
        [row],
        marker="o",
        markersize=4.5,
        color=colour,
        markerfacecolor=colour if filled else "white",
        zorder=3,
    )


def _remark(result: ThresholdResult) -> str:
    if result.threshold is None:
        return f"no valid threshold:\n{result.reason_code.replace('-', ' ')}"
    return f"{_promise(result)}\nheld-out rejects {held_out_rate(result):.1%}"


def _promise(result: ThresholdResult) -> str:
    rate, confidence = result.promised_false_reject_rate, result.promise_confidence
    if "promised_recall" in result.details:
        return f"recall {result.details['promised_recall']:.1%} at {confidence:.0%}"
    if rate is None:
        return "promises no rate"
    return f"promised {rate:.1%}" + ("" if confidence is None else f" at {confidence:.0%}")


def _limits(comparison: Comparison) -> tuple[float, float]:
    """Wide enough for normals, thresholds and most defects; a few extreme defects may lie outside."""
    name = comparison.score
    marks = [
        value
        for results in (comparison.held_out, comparison.training)
        for result in results[name].values()
        for value in (result.threshold, result.low, result.high)
        if value is not None
    ]
    normals = np.concatenate([comparison.scores.held_out[name], comparison.scores.training[name]])
    defects = comparison.scores.defects[name]
    left, inner = min([*normals, *marks]), max([*normals, *marks])
    right = min(2 * inner - left, max(inner, defects[-1])) if defects.size else inner
    margin = 0.03 * (right - left) or 1.0
    return float(left - margin), float(right + margin)


def evt_figure(comparison: Comparison) -> Figure:
    """Diagnostics of extreme value theory for the score in force: mean residual life and the tail fit."""
    with house_style():
        figure = Figure(figsize=(7.0, 2.9), layout="constrained")
        left, right = figure.subplots(1, 2)
        scores = comparison.scores.held_out[comparison.score]
        result = comparison.held_out[comparison.score]["evt_pot"]
        _draw_residual_life(left, scores, result)
        _draw_tail(right, scores, result)
        for axes in (left, right):
            axes.set_xlabel(f"anomaly score {comparison.score} (no unit)")
        return figure


def mean_residual_life(scores: Floats, least: int = 5) -> tuple[Floats, Floats, Floats]:
    """Mean excess over each score that at least `least` scores exceed, and its standard error.

    A generalised Pareto tail shows as a straight line (Coles 2001, section 4.3.1).

    Args:
        scores: (n,) sorted.
        least: excesses that are needed for a mean.

    Returns:
        levels, means and standard errors, equally long.

    Example:
        >>> mean_residual_life(np.array([0.0, 1.0, 2.0, 3.0]), least=2)[1].tolist()
        [2.0, 1.5]
    """
    levels = np.unique(scores)
    kept = [(u, scores[scores > u] - u) for u in levels if (scores > u).sum() >= least]
    means = np.array([excess.mean() for _, excess in kept])
    errors = np.array([excess.std(ddof=1) / np.sqrt(excess.size) for _, excess in kept])
    return np.array([u for u, _ in kept]), means, errors


def _draw_residual_life(axes: Axes, scores: Floats, result: ThresholdResult) -> None:
    axes.set_title("Mean residual life")
    axes.set_ylabel("mean excess over the level")
    levels, means, errors = mean_residual_life(scores[scores >= np.quantile(scores, 0.4)])
    z = stats.norm.ppf(0.975)
    axes.fill_between(levels, means - z * errors, means + z * errors, color=FAINT, linewidth=0)
    axes.plot(levels, means, color=NORMAL)
    level = split_tail(scores, result.details["tail_fraction"])[0]
    axes.axvline(level, color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.annotate(
        f"level: {result.details['exceedances']} of {scores.size} above",
        xy=(level, 0.97),
        xycoords=("data", "axes fraction"),
        xytext=(3, 0),
        textcoords="offset points",
        fontsize=7,
        va="top",
    )


def _draw_tail(axes: Axes, scores: Floats, result: ThresholdResult) -> None:
    axes.set_title("Tail fit")
    axes.set_ylabel("share of normals above the score")
    level, excesses = split_tail(scores, result.details["tail_fraction"])
    shares = (excesses.size - np.arange(excesses.size) - 0.5) / scores.size
    axes.semilogy(level + excesses, shares, "o", color=NORMAL, markersize=3)
    if "shape" in result.details:
        _draw_fit(axes, scores, result, excesses)
    verdict = "eligible" if result.eligible else "not eligible: " + result.reason_code.replace("-", " ")
    colour = INK if result.eligible else DEFECTIVE
    lines = [verdict, *_fit_figures(result)]
    axes.annotate(
        "\n".join(lines),
        (0.98, 0.97),
        xycoords="axes fraction",
        ha="right",
        va="top",
        fontsize=7,
        color=colour,
    )


def _draw_fit(axes: Axes, scores: Floats, result: ThresholdResult, excesses: Floats) -> None:
    details = result.details
    tail = Tail(np.array(details["shape"]), np.array(details["scale"]))
    reach = max(excesses[-1], details["estimate"] - details["level"]) * 1.15
    grid = np.linspace(0, reach, 200)
    survival = np.exp(log_survival(grid, tail)) * excesses.size / scores.size
    visible = survival > 0.2 * min(details["false_reject_rate"], 1 / scores.size)
    axes.semilogy(details["level"] + grid[visible], survival[visible], color=INK, linewidth=1.0)
    ends: Iterable[float | None] = (details["estimate_low"], details["estimate_high"])
    low, high = (details["estimate"] if end is None else end for end in ends)
    rate = details["false_reject_rate"]
    axes.plot([low, high], [rate, rate], color=DEFECTIVE, linewidth=1.2)
    axes.plot([details["estimate"]], [rate], "D", color=DEFECTIVE, markersize=4)


def _fit_figures(result: ThresholdResult) -> list[str]:
    if "shape" not in result.details:
        return ["the tail is not fitted"]
    return [
        f"shape {result.details['shape']:.2f}, fit p = {result.details['fit_p_value']:.2f}",
        f"{result.details['exceedances']} exceedances, {result.details['minimum_exceedances']} needed",
    ]
