"""The two figures of the report: ranking of the detectors, and ranking against time."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sealproof.benchmark.summary import Overview
from sealproof.thresholds.drawing import DEFECTIVE, FAINT, INK, NORMAL, QUIET, colour_key, house_style, save

#: Between numbers above each other, in AUROC; how near in time points share a column, as a logarithm; their distance.
_STEP, _NEAR, _ASIDE = 0.024, 0.12, 1.02
FIGURES = ("auroc.svg", "auroc_time.svg")


def draw(overviews: Sequence[Overview], reference: str, folder: Path) -> dict[str, Path]:
    """Draw both figures; the same results give the same bytes. Returns name -> file."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {name: folder / name for name in FIGURES}
    save(area_figure(overviews, reference), paths["auroc.svg"])
    save(time_figure(overviews, reference), paths["auroc_time.svg"])
    return paths


def area_figure(overviews: Sequence[Overview], reference: str) -> Figure:
    """AUROC of each cell's headline: range over seeds as a bar, each seed as a dot, the mean as a tick."""
    with house_style():
        figure = Figure(figsize=(7.0, 0.65 + 0.21 * len(overviews)), layout="constrained")
        axes = figure.subplots()
        for place, item in enumerate(overviews):
            colour = _colour(item, reference)
            axes.plot(
                [item.auroc.smallest, item.auroc.largest], [place] * 2, color=colour, linewidth=3, alpha=0.3
            )
            axes.plot(item.auroc.values, [place] * len(item.auroc.values), "o", color=colour, markersize=4)
            axes.plot([item.auroc.mean], [place], "|", color=INK, markersize=11)
            axes.annotate(
                f"{item.auroc.mean:.3f}",
                (1.01, place),
                xycoords=("axes fraction", "data"),
                va="center",
                fontsize=7.5,
            )
        labels = [
            f"{textwrap.shorten(item.title, 44, placeholder=' ...')} ({item.score})" for item in overviews
        ]
        axes.set_yticks(range(len(overviews)), labels, fontsize=7)
        axes.set_ylim(len(overviews) - 0.5, -0.6)
        figure.supxlabel("AUROC of the test split: a dot a seed, a tick at the mean", fontsize=8)
        axes.grid(axis="x", color=FAINT, linewidth=0.5)
        axes.set_axisbelow(True)
        _limits(axes, overviews, horizontal=True)
        colour_key(axes, [("reference", DEFECTIVE), ("other detectors", NORMAL)])
        return figure


def time_figure(overviews: Sequence[Overview], reference: str) -> Figure:
    """Mean AUROC against milliseconds an image, one image at a time."""
    with house_style():
        figure = Figure(figsize=(7.0, 3.6), layout="constrained")
        axes = figure.subplots()
        axes.set_xscale("log")
        for item in overviews:
            at = (item.ms_batch_1.mean, item.auroc.mean)
            axes.plot(
                [at[0]] * 2, [item.auroc.smallest, item.auroc.largest], color=FAINT, linewidth=2, zorder=1
            )
            axes.plot(*at, "o", color=_colour(item, reference), markersize=5)
        axes.set_xlabel("milliseconds an image, one at a time (logarithmic)")
        axes.set_ylabel("AUROC, mean and range over seeds")
        _numbers(axes, [(item.ms_batch_1.mean, item.auroc.mean) for item in overviews])
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_formatter(lambda value, _: "")
        axes.grid(color=FAINT, linewidth=0.5)
        axes.set_axisbelow(True)
        _limits(axes, overviews, horizontal=False)
        figure.supxlabel("numbers: rows of the table of detectors", fontsize=7, color=QUIET)
        return figure


def _numbers(axes: Axes, points: Sequence[tuple[float, float]]) -> None:
    """The number of each point beside it; where points lie close together, in a column below them with a line."""
    taken: list[tuple[float, float]] = []
    for place in sorted(range(len(points)), key=lambda index: -points[index][1]):
        time, area = points[place]
        above = [y - _STEP for x, y in taken if abs(math.log(x / time)) < _NEAR]
        wanted = min([area, *(y for y in above if y < area)])
        taken.append((time, wanted))
        far = wanted < area - _STEP / 2
        axes.annotate(
            str(place + 1),
            (time, area),
            xytext=(time * _ASIDE, wanted),
            fontsize=7.5,
            color=INK,
            va="center",
            arrowprops={"arrowstyle": "-", "color": QUIET, "linewidth": 0.4} if far else None,
        )


def _colour(item: Overview, reference: str) -> str:
    return DEFECTIVE if item.name == reference else NORMAL


def _limits(axes: Axes, overviews: Sequence[Overview], *, horizontal: bool) -> None:
    """From a little below the lowest area to 1."""
    low = min(item.auroc.smallest for item in overviews)
    limits = (max(0.0, low - 0.03), 1.005)
    if horizontal:
        axes.set_xlim(*limits)
    else:
        axes.set_ylim(*limits)
