"""Figures of training: learning curves, and what the detector makes of held-out normal patches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sealproof.models.data import as_tensor
from sealproof.models.detector import Detector, PatchSet, Positions
from sealproof.scores.settings import ScoreSettings

_DARK, _ACCENT, _GREY = "#1f3a5f", "#c0562f", "#8a8f98"
#: What the axis of the learning curves says of each loss.
LOSSES = {
    "mse": "mean squared error (grey values 0 to 1)",
    "mae": "mean absolute error (grey values 0 to 1)",
    "ssim": "1 - SSIM",
    "hybrid": "weighted mean squared error and 1 - SSIM",
}
#: Columns of the panel of examples.
SHOWN = 6


def draw_learning_curves(history: pd.DataFrame, kept_epoch: int, loss: str, path: Path) -> None:
    """Both losses against the epoch as SVG, the kept epoch marked.

    Args:
        history: columns epoch, train_loss, calibration_loss.
        kept_epoch: the epoch whose weights were kept.
        loss: what was lowered; the axis names it in words where `LOSSES` knows it.
        path: file to write; same inputs, same bytes.
    """
    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(history["epoch"], history["train_loss"], color=_GREY, label="training patches")
    axes.plot(
        history["epoch"], history["calibration_loss"], color=_DARK, label="calibration patches (held out)"
    )
    axes.axvline(kept_epoch, color=_ACCENT, linewidth=1, linestyle="--", label=f"kept: epoch {kept_epoch}")
    axes.set(xlabel="epoch", ylabel=LOSSES.get(loss, loss), yscale="log")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    _save_svg(figure, path)


def draw_examples(detector: Detector, held_out: PatchSet, path: Path) -> None:
    """A few calibration patches and what the detector makes of them, as PNG.

    Shown are the reconstructions and the absolute residuals, or the anomaly maps of a detector that restores
    nothing.

    Args:
        detector: on the CPU.
        held_out: calibration patches; some, evenly spread, are shown.
        path: file to write; same inputs, same bytes.
    """
    chosen = np.unique(np.linspace(0, len(held_out) - 1, SHOWN).round().astype(int))
    given = as_tensor(held_out.patches[held_out.rows[chosen]])
    rows = [("patch", given[:, 0], 1.0), *_made(detector, given, held_out.positions[chosen])]
    figure = Figure(figsize=(1.35 * len(chosen) + 0.6, 0.2 + 1.4 * len(rows)), layout="constrained")
    panels = figure.subplots(len(rows), len(chosen), squeeze=False)
    for row, (title, images, top) in enumerate(rows):
        for column, axes in enumerate(panels[row]):
            axes.imshow(images[column].numpy(), cmap="gray", vmin=0, vmax=top)
            axes.set(xticks=[], yticks=[])
            if column == 0:
                axes.set_ylabel(title, fontsize=8)
    FigureCanvasAgg(figure)
    figure.savefig(path, format="png", dpi=120, metadata={"Software": None})


def _made(
    detector: Detector, given: torch.Tensor, positions: Positions
) -> list[tuple[str, torch.Tensor, float]]:
    """(title, images (N, H, W), value that is white) of each row below the patches."""
    made = detector.reconstruct(given)
    if made is None:
        local = detector.examine(given, positions, ScoreSettings()).local
        bright = max(float(local.max()), 1e-6)
        return [(f"anomaly map (white: {bright:.2f})", local, bright)]
    residual = (given - made).abs()[:, 0]
    bright = max(float(residual.max()), 1e-6)
    return [("reconstruction", made[:, 0], 1.0), (f"residual (white: {bright:.2f})", residual, bright)]


def _save_svg(figure: Figure, path: Path) -> None:
    import matplotlib as mpl

    with mpl.rc_context({"svg.hashsalt": path.name, "svg.fonttype": "none"}):
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
