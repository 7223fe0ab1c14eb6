"""Figures of training: learning curves, and what the autoencoder makes of held-out normal patches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sealproof.models.autoencoder import AttentionAutoencoder
from sealproof.models.data import Patches, Rows, as_tensor

_DARK, _ACCENT, _GREY = "#1f3a5f", "#c0562f", "#8a8f98"
#: Columns of the reconstruction panel.
SHOWN = 6


def draw_learning_curves(history: pd.DataFrame, kept_epoch: int, path: Path) -> None:
    """Both losses against the epoch as SVG, the kept epoch marked.

    Args:
        history: columns epoch, train_loss, calibration_loss.
        kept_epoch: the epoch whose weights were kept.
        path: file to write; same inputs, same bytes.
    """
    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(history["epoch"], history["train_loss"], color=_GREY, label="training patches")
    axes.plot(
        history["epoch"], history["calibration_loss"], color=_DARK, label="calibration patches (held out)"
    )
    axes.axvline(kept_epoch, color=_ACCENT, linewidth=1, linestyle="--", label=f"kept: epoch {kept_epoch}")
    axes.set(xlabel="epoch", ylabel="mean squared error (grey values 0 to 1)", yscale="log")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    _save_svg(figure, path)


def draw_reconstructions(model: AttentionAutoencoder, patches: Patches, rows: Rows, path: Path) -> None:
    """A few calibration patches, their reconstructions and the absolute residuals, as PNG.

    Args:
        model: in evaluation mode, on the CPU.
        patches: (rows, height, width) uint16.
        rows: calibration rows; some, evenly spread, are shown.
        path: file to write; same inputs, same bytes.
    """
    chosen = rows[np.unique(np.linspace(0, len(rows) - 1, SHOWN).round().astype(int))]
    given = as_tensor(patches[chosen])
    with torch.no_grad():
        made = model(given)
    residual = (given - made).abs()
    figure = Figure(figsize=(1.35 * len(chosen) + 0.6, 4.4), layout="constrained")
    panels = figure.subplots(3, len(chosen), squeeze=False)
    bright = max(float(residual.max()), 1e-6)
    for row, (title, images, top) in enumerate(
        (
            ("patch", given, 1.0),
            ("reconstruction", made, 1.0),
            (f"residual (white: {bright:.2f})", residual, bright),
        )
    ):
        for column, axes in enumerate(panels[row]):
            axes.imshow(images[column, 0].numpy(), cmap="gray", vmin=0, vmax=top)
            axes.set(xticks=[], yticks=[])
            if column == 0:
                axes.set_ylabel(title, fontsize=8)
    FigureCanvasAgg(figure)
    figure.savefig(path, format="png", dpi=120, metadata={"Software": None})


def _save_svg(figure: Figure, path: Path) -> None:
    import matplotlib as mpl

    with mpl.rc_context({"svg.hashsalt": path.name, "svg.fonttype": "none"}):
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
