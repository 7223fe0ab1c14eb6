"""Galleries: missed defects, false rejects and examples, each image beside its anomaly map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Rectangle

from sealproof.evaluation.evaluate import NO_THRESHOLD, Evaluation
from sealproof.evaluation.panels import Panel, PanelSource
from sealproof.thresholds.drawing import DEFECTIVE, INK, NORMAL, QUIET, house_style

_HEAT = LinearSegmentedColormap.from_list("anomaly", ["#F6C445", "#E4572E", "#9B1D3A"])
_WIDTH, _ACROSS = 7.0, 3
_WIDE = 1.6  # from this ratio of width to height on, map and image stand one above the other
_ID_LENGTH = 30


@dataclass(frozen=True)
class Gallery:
    """Images to show, with the words around them.

    Args:
        title: what they have in common.
        cases: the images, in order.
        found: how many there are in all, shown or not.
        empty: what is said when there is none.
        colour: of the captions' first line.
    """

    title: str
    cases: pd.DataFrame
    found: int
    empty: str
    colour: str


def galleries(evaluation: Evaluation, most: int) -> dict[str, Gallery]:
    """File name -> gallery: missed defects and false rejects by margin, and typical right decisions."""
    missed, rejected = evaluation.errors(1), evaluation.errors(0)
    counts = evaluation.in_force.counts
    empty = {
        "missed": f"No missed defect: all {counts.tp} decided defective test images were rejected.",
        "rejected": f"No falsely rejected image: all {counts.tn} decided normal test images were accepted.",
        "right": "No right decision: every decided test image was judged wrongly.",
    }
    if evaluation.in_force.threshold is None:
        empty = dict.fromkeys(empty, f"Nothing to show: {NO_THRESHOLD}.")
    examples = pd.concat([_typical(evaluation.correct(1), 3), _typical(evaluation.correct(0), 3)])
    return {
        "false_negatives.png": Gallery(
            "Missed defects, farthest below the threshold first",
            missed.head(most),
            len(missed),
            empty["missed"],
            DEFECTIVE,
        ),
        "false_positives.png": Gallery(
            "Falsely rejected normal images, farthest above the threshold first",
            rejected.head(most),
            len(rejected),
            empty["rejected"],
            DEFECTIVE,
        ),
        "examples.png": Gallery(
            "Right decisions of typical margin: defects rejected, normal images accepted",
            examples,
            len(evaluation.correct(1)) + len(evaluation.correct(0)),
            empty["right"],
            NORMAL,
        ),
    }


def _typical(cases: pd.DataFrame, count: int) -> pd.DataFrame:
    """The images around the median margin."""
    start = max(0, (len(cases) - count) // 2)
    return cases.iloc[start : start + count]


def gallery_figure(
    gallery: Gallery, evaluation: Evaluation, source: PanelSource, heat_range: tuple[float, float]
) -> Figure:
    """Draw a gallery: each image with its regions of interest, and the same under its anomaly map.

    Args:
        gallery: what to show.
        evaluation: gives score and threshold of the captions.
        source: reads the images one by one.
        heat_range: local anomaly at which the colour begins, and at which it is full.
    """
    with house_style():
        if gallery.cases.empty:
            return _words(gallery)
        rows = [dict(row) for row in gallery.cases.to_dict(orient="records")]
        panels = [source.panel(row["image_id"], row["path"]) for row in rows]
        captions = [_caption(row, evaluation) for row in rows]
        return _draw(gallery, panels, captions, heat_range)


def _words(gallery: Gallery) -> Figure:
    figure = Figure(figsize=(_WIDTH, 0.6))
    figure.text(0.01, 0.5, gallery.empty, va="center", fontsize=9, color=INK)
    return figure


def _draw(
    gallery: Gallery, panels: Sequence[Panel], captions: Sequence[str], heat_range: tuple[float, float]
) -> Figure:
    ratio = float(np.median([panel.image.shape[1] / panel.image.shape[0] for panel in panels]))
    stacked = ratio >= _WIDE
    each = _WIDTH / _ACROSS - 0.1
    height = 2 * each / ratio if stacked else each / 2 / ratio
    lines = -(-len(panels) // _ACROSS)
    head, foot, caption = 0.3, 0.36, 0.27
    figure = Figure(figsize=(_WIDTH, head + foot + lines * (height + caption + 0.1)))
    total = figure.get_figheight()
    figure.text(0.005, 1 - 0.1 / total, gallery.title, va="top", fontsize=9, fontweight="bold")
    figure.text(0.005, 0.05 / total, _footnote(gallery), va="bottom", fontsize=6.5, color=QUIET)
    for index, (panel, text) in enumerate(zip(panels, captions, strict=True)):
        line, place = divmod(index, _ACROSS)
        top = total - head - line * (height + caption + 0.1)
        left = place * _WIDTH / _ACROSS
        _draw_caption(figure, left / _WIDTH, top / total, text, gallery.colour)
        below = (left, top - caption - height, each, height)
        _draw_panel(figure, panel, below, heat_range, stacked=stacked)
    return figure


def _footnote(gallery: Gallery) -> str:
    shown = f"{len(gallery.cases)} of {gallery.found} shown. "
    return (
        f"{shown}Captions: score and threshold. Box: region of interest.\n"
        "Colour: local anomaly, from the 95 % point of held-out normals (clear) to the 99.9 % point of test images "
        "(full), root scale."
    )


def _caption(row: dict[Any, Any], evaluation: Evaluation) -> str:
    """Image id; score and threshold; defect type where it is known."""
    name = str(row["image_id"])
    name = name if len(name) <= _ID_LENGTH else "\u2026" + name[-_ID_LENGTH + 1 :]
    kind = str(row["defect_type"]).replace("_", " ") if row["label"] == 1 else "normal"
    relation = "\u2265" if row["verdict"] == "reject" else "<"
    threshold = evaluation.in_force.threshold
    score = f"score {row[evaluation.score]:.4g} {relation} {threshold:.4g}"
    return f"{name}\n{kind or 'defective'}, {score}"


def _draw_caption(figure: Figure | SubFigure, x: float, y: float, text: str, colour: str) -> None:
    name, rest = text.split("\n", 1)
    height = figure.get_figheight() if isinstance(figure, Figure) else 1.0
    figure.text(x + 0.005, y, name, va="top", fontsize=6.5, fontweight="bold", color=colour)
    figure.text(x + 0.005, y - 0.13 / height, rest, va="top", fontsize=6.5)


def _draw_panel(
    figure: Figure,
    panel: Panel,
    place: tuple[float, float, float, float],
    heat_range: tuple[float, float],
    *,
    stacked: bool,
) -> None:
    """`place` is left, bottom, width, height in inches for both pictures together."""
    left, bottom, width, height = place
    size = (width, height / 2) if stacked else (width / 2, height)
    second = (left, bottom) if stacked else (left + size[0], bottom)
    first = (left, bottom + size[1]) if stacked else (left, bottom)
    total = figure.get_figheight()
    for corner, overlay in ((first, False), (second, True)):
        gap = 0.015
        axes = figure.add_axes(
            (
                (corner[0] + gap) / _WIDTH,
                (corner[1] + gap) / total,
                (size[0] - 2 * gap) / _WIDTH,
                (size[1] - 2 * gap) / total,
            )
        )
        axes.imshow(panel.image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        if overlay:
            axes.imshow(_coloured(panel.heat, heat_range), interpolation="nearest")
        else:
            for x0, y0, x1, y1 in panel.boxes:
                box = Rectangle(
                    (x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0, fill=False, edgecolor="#F6C445", linewidth=0.8
                )
                axes.add_patch(box)
        axes.set_axis_off()


def _coloured(heat: np.ndarray[Any, np.dtype[np.float32]], heat_range: tuple[float, float]) -> Any:
    """RGBA of the local anomaly: clear at the low end of the range, strong at the high end."""
    low, high = heat_range
    strength = np.sqrt(np.clip((heat - low) / (high - low), 0, 1))  # faint anomalies are what a miss is about
    colours = _HEAT(strength)
    colours[..., 3] = 0.75 * strength
    return colours
