"""Stability of the generalised Pareto fit: its parameters against the level from which the tail is fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sealproof.thresholds.compare import Comparison
from sealproof.thresholds.drawing import DEFECTIVE, FAINT, INK, NORMAL, QUIET, colour_key, house_style
from sealproof.thresholds.generalised_pareto import bootstrap_fit, fit
from sealproof.thresholds.resampling import generator
from sealproof.thresholds.result import Floats
from sealproof.thresholds.tail_level import FITTABLE, split_tail

#: Shares of the normals above the levels that are drawn, and refits behind each interval.
_SHARES = np.round(np.arange(0.5, 0.04, -0.02), 2)
_RESAMPLES = 199


@dataclass(frozen=True)
class Stability:
    """Tail parameters at rising levels: (m,) levels, and (m, 3) estimate, low and high of each parameter."""

    levels: Floats
    shape: Floats
    modified_scale: Floats


def stability(scores: Floats, seed: int = 0, confidence: float = 0.95) -> Stability:
    """Shape and modified scale (scale less shape times level) with intervals from a parametric bootstrap.

    Above a level from which the tail is generalised Pareto both are constant. Reference: Coles (2001), section 4.3.4.

    Args:
        scores: (n,) sorted.
        seed: of the bootstrap.
        confidence: of the intervals, percentiles of the refitted parameters.

    Example:
        >>> found = stability(-np.log1p(-(np.arange(400) + 0.5) / 400))  # exponential: shape 0 at each level
        >>> bool((np.abs(found.shape[:, 0]) < 0.15).all())
        True
    """
    levels: list[float] = []
    shapes, scales = [], []
    for share in _SHARES:
        level, excesses = split_tail(scores, float(share))
        if np.unique(excesses).size < FITTABLE or (levels and level == levels[-1]):
            continue
        tail = fit(excesses)
        random = generator(seed, "stability", f"{share:g}")
        refitted = bootstrap_fit(excesses, tail, random, _RESAMPLES).refitted
        levels.append(level)
        shapes.append(_interval(float(tail.shape), refitted.shape, confidence))
        modified = float(tail.scale - tail.shape * level)
        scales.append(_interval(modified, refitted.scale - refitted.shape * level, confidence))
    return Stability(np.array(levels), np.array(shapes).reshape(-1, 3), np.array(scales).reshape(-1, 3))


def _interval(estimate: float, refitted: Floats, confidence: float) -> tuple[float, float, float]:
    low, high = np.quantile(refitted, [(1 - confidence) / 2, (1 + confidence) / 2])
    return estimate, float(low), float(high)


def evt_stability_figure(comparison: Comparison) -> Figure:
    """Shape and modified scale against the level, with intervals, and the p-value of the fit at each candidate, for the
    score in force; the chosen level is marked."""
    scores = comparison.scores.held_out[comparison.score]
    details = comparison.held_out[comparison.score]["evt_pot"].details
    with house_style():
        figure = Figure(figsize=(7.0, 2.7), layout="constrained")
        left, middle, right = figure.subplots(1, 3)
        found = stability(scores)
        _draw_parameter(left, found.levels, found.shape, "shape")
        _draw_parameter(middle, found.levels, found.modified_scale, "modified scale")
        _draw_tests(right, details)
        level = split_tail(scores, details["tail_fraction"])[0]
        for axes in (left, middle, right):
            axes.axvline(level, color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)))
            axes.set_xlim(left.get_xlim())
        chosen = f"level: {details['exceedances']} of {scores.size} above"
        colour_key(left, [(chosen, QUIET)], y=1.0)
        middle.set_xlabel(f"level (anomaly score {comparison.score}, no unit)")
        return figure


def _draw_parameter(axes: Axes, levels: Floats, values: Floats, name: str) -> None:
    axes.set_title(name[0].upper() + name[1:], pad=14)
    axes.set_ylabel(name)
    if levels.size:
        axes.fill_between(levels, values[:, 1], values[:, 2], color=FAINT, linewidth=0)
        axes.plot(levels, values[:, 0], color=NORMAL, marker="o", markersize=2.5)


def _draw_tests(axes: Axes, details: dict[str, Any]) -> None:
    axes.set_title("Test of fit", pad=14)
    axes.set_ylabel("p-value at each candidate level")
    axes.set_ylim(-0.03, 1.03)
    candidates = details["candidates"]
    if not candidates:
        why = "fixed share" if details["level_rule"] == "fraction" else "no candidate has\nenough exceedances"
        axes.annotate(why, (0.5, 0.5), xycoords="axes fraction", ha="center", fontsize=7)
        return
    for place, candidate in enumerate(candidates):
        rejected = place < details["candidates_rejected"]
        axes.plot(
            [candidate["level"]],
            [candidate["p_value"]],
            marker="x" if rejected else "o",
            markersize=4.5,
            color=DEFECTIVE if rejected else INK,
        )
    colour_key(axes, [("\u25cf not rejected", INK), ("\u00d7 rejected", DEFECTIVE)], y=1.0)
