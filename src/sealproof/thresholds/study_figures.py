"""Figures of the simulation studies: which promise is kept where, and how many normals extreme value theory needs."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from sealproof.thresholds.drawing import DEFECTIVE, FAINT, INK, NORMAL, QUIET, colour_key, house_style
from sealproof.thresholds.figures import LABELS
from sealproof.thresholds.promises import percent
from sealproof.thresholds.studies.distributions import SHAPES
from sealproof.thresholds.studies.tail_answers import PAPER

_PALE = "#E9C9C0"
#: Verdict -> sign, colour of the sign, colour of the cell.
_SIGNS = {
    "kept": ("\u2713", "white", NORMAL),
    "refused": ("\u2013", QUIET, FAINT),
    "spared": ("\u2013", DEFECTIVE, _PALE),
    "broken": ("\u2717", "white", DEFECTIVE),
}
_KEY = (
    ("\u2713 promise kept", NORMAL),
    ("\u2013 method refused", QUIET),
    ("\u2013 refused, would have broken its promise", DEFECTIVE),
    ("\u2717 promise broken", DEFECTIVE),
)


#: Distribution -> title of its columns.
_TITLES = {
    "normal": "normal",
    "lognormal": "lognormal\nsigma 0.5",
    "gamma": "gamma\nshape 2",
    "heavy-tail": "heavy tail\nt, 4 degrees of freedom",
    "ties": "with ties\nnormal, rounded",
}
_GAP = 0.9


def guarantees_figure(table: dict[str, Any]) -> Figure:
    """A row a method, a column a number of images, grouped by distribution; sign and colour say what became of the
    promise.

    Args:
        table: content of guarantees.json.
    """
    methods = [name for name in LABELS if any(row["method"] == name for row in table["rows"])]
    shapes = [shape.name for shape in SHAPES if shape.name in table["distributions"]]
    sizes = sorted({row["n"] for row in table["rows"]})
    places = {
        (shape, n): group * (len(sizes) + _GAP) + place
        for group, shape in enumerate(shapes)
        for place, n in enumerate(sizes)
    }
    with house_style():
        figure = Figure(figsize=(7.0, 1.25 + 0.24 * len(methods)), layout="constrained")
        axes = figure.subplots()
        for row in table["rows"]:
            _draw_cell(axes, row, places[row["distribution"], row["n"]], methods.index(row["method"]))
        axes.set_xlim(-0.6, max(places.values()) + 0.6)
        axes.set_ylim(len(methods) - 0.5, -0.5)
        axes.set_xticks(list(places.values()), [f"{n}" for _, n in places], rotation=90, fontsize=6)
        axes.set_yticks(range(len(methods)), [LABELS[name] for name in methods])
        axes.tick_params(length=0)
        for side in axes.spines.values():
            side.set_visible(False)
        for shape in shapes:
            left = places[shape, sizes[0]] - 0.46
            axes.text(left, -0.6, _TITLES.get(shape, shape), fontsize=6.5, va="bottom")
        axes.set_xlabel("number of normals (of training defects: recall bound)")
        colour_key(axes, _KEY, y=1.0 + 0.95 / len(methods))
        return figure


def _draw_cell(axes: Axes, row: dict[str, Any], x: float, y: int) -> None:
    sign, colour, ground = _SIGNS[_shown(row)]
    axes.fill_between([x - 0.46, x + 0.46], y - 0.44, y + 0.44, color=ground, linewidth=0)
    axes.text(x, y, sign, color=colour, ha="center", va="center_baseline", fontsize=7)


def _shown(row: dict[str, Any]) -> str:
    spared = row["verdict"] == "refused" and row["without_rule"]["verdict"] == "broken"
    return "spared" if spared else str(row["verdict"])


def evt_sample_size_figure(study: dict[str, Any], own_n: int) -> Figure:
    """Error of the threshold against the number of normals, a panel a rate: the band from 5 % to
    95 % of the data sets on the worst distribution, a line a distribution for the median; the paper's 382 normals and
    the product's own are marked.

    Args:
        study: content of evt_sample_size.json.
        own_n: held-out normals of the product.
    """
    with house_style():
        figure = Figure(figsize=(7.0, 3.1), layout="constrained")
        every = figure.subplots(1, len(study["rates"]), sharey=True, squeeze=False)[0]
        for axes, rate in zip(every, study["rates"], strict=True):
            _draw_errors(axes, study, rate, own_n)
            axes.set_title(f"{percent(rate)} quantile", pad=16)
        every[0].set_ylabel("error of the threshold,\nshare of its distance from the median")
        every[len(every) // 2].set_xlabel("number of normals")
        colour_key(every[0], [("90 % of data sets, worst of all", NORMAL), ("medians", INK)], y=1.01)
        return figure


def _draw_errors(axes: Axes, study: dict[str, Any], rate: float, own_n: int) -> None:
    close = study["close"]
    axes.axhspan(-close, close, color=FAINT, linewidth=0, zorder=0)
    sizes = sorted({row["n"] for row in study["rows"]})
    rows = [[row for row in study["rows"] if row["rate"] == rate and row["n"] == n] for n in sizes]
    low = [min(row["error"]["low"] for row in found) for found in rows]
    high = [max(row["error"]["high"] for row in found) for found in rows]
    axes.fill_between(sizes, low, high, color=NORMAL, alpha=0.25, linewidth=0)
    axes.plot(sizes, low, color=NORMAL, linewidth=1.0)
    axes.plot(sizes, high, color=NORMAL, linewidth=1.0)
    for name in sorted(study["distributions"]):
        medians = [row["error"]["median"] for found in rows for row in found if row["distribution"] == name]
        axes.plot(sizes, medians, color=INK, linewidth=0.6)
    axes.set_xscale("log")
    axes.set_xlim(sizes[0], sizes[-1])
    axes.set_ylim(-1.0, 2.0)
    axes.xaxis.set_major_locator(FixedLocator([100, 1000, 10000]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda n, _: f"{n:.0f}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:+.0f} %" if value else "0"))
    marks = [(PAPER, f"{PAPER}: the paper", DEFECTIVE, 0.97), (own_n, f"{own_n}: held out here", INK, 0.89)]
    for n, words, colour, y in marks:
        if sizes[0] <= n <= sizes[-1]:
            axes.axvline(n, color=colour, linewidth=0.9, linestyle=(0, (4, 3)))
            axes.annotate(
                words,
                (n, y),
                xycoords=("data", "axes fraction"),
                xytext=(3, 0),
                textcoords="offset points",
                color=colour,
                fontsize=7,
                va="top",
                bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.6},
            )
