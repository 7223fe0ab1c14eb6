"""How figures look and how they are saved: the same inputs give the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

NORMAL, DEFECTIVE, UNDECIDED = "#3B6E8F", "#B4503A", "#8A7A3B"
INK, QUIET, FAINT = "#222222", "#7A7A7A", "#D9D9D9"

_STYLE = {
    "font.family": "DejaVu Sans",  # it ships with matplotlib, so every machine draws the same letters
    "font.size": 8.0,
    "axes.titlesize": 9.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "text.color": INK,
    "lines.linewidth": 1.4,
    "legend.frameon": False,
    "svg.hashsalt": "sealproof",
    "svg.fonttype": "path",
}


@contextmanager
def house_style() -> Iterator[None]:
    """Matplotlib settings of all our figures, restored afterwards."""
    with mpl.rc_context({"backend": "agg"}), mpl.rc_context(_STYLE):  # type: ignore[arg-type]  # stubs want literals
        yield


def save(figure: Figure, path: Path) -> None:
    """Write a figure as SVG or PNG, by the path's ending, without date or program version.

    Raises:
        ValueError: any other ending.
    """
    if path.suffix not in (".svg", ".png"):
        raise ValueError(f"figures are saved as .svg or .png, not as {path.name!r}")
    with house_style():  # the salt of element ids is read while saving
        if path.suffix == ".svg":
            figure.savefig(path, metadata={"Date": None, "Creator": None})
        else:
            figure.savefig(path, dpi=200, metadata={"Software": None})


def colour_key(axes: Axes, entries: Sequence[tuple[str, str]], *, y: float = 1.02) -> None:
    """A line of coloured words above the axes, in place of a legend box.

    Args:
        axes: where.
        entries: (text, colour), from left to right.
        y: height in axes coordinates.
    """
    place = axes.annotate("", xy=(0, y), xycoords="axes fraction")
    for text, colour in entries:
        # Each word starts where the one before it ends, measured in points.
        place = axes.annotate(
            text,
            xy=(1, 0) if place.get_text() else (0, y),
            xycoords=place if place.get_text() else "axes fraction",
            xytext=(10, 0) if place.get_text() else (0, 0),
            textcoords="offset points",
            color=colour,
            va="bottom",
            annotation_clip=False,
        )
