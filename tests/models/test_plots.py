from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from sealproof.models.autoencoder import AttentionAutoencoder
from sealproof.models.plots import draw_learning_curves, draw_reconstructions
from sealproof.models.settings import TrainSettings

HISTORY = pd.DataFrame(
    {"epoch": [1, 2, 3], "train_loss": [0.3, 0.2, 0.1], "calibration_loss": [0.3, 0.15, 0.2]}
)


def test_the_curves_name_axes_units_and_the_kept_epoch(tmp_path: Path) -> None:
    draw_learning_curves(HISTORY, 2, tmp_path / "curves.svg")
    text = " ".join(ET.parse(tmp_path / "curves.svg").getroot().itertext())  # noqa: S314 - our own file
    for words in ("epoch", "mean squared error", "training patches", "calibration patches", "kept: epoch 2"):
        assert words in text


def test_the_same_figures_have_the_same_bytes(tmp_path: Path, patches: np.ndarray) -> None:
    torch.manual_seed(0)
    model = AttentionAutoencoder(32, 48, TrainSettings(filters=(4, 4, 8, 8), latent=6)).eval()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        draw_learning_curves(HISTORY, 2, tmp_path / name / "curves.svg")
        draw_reconstructions(model, patches, np.arange(48), tmp_path / name / "panels.png")
    for file in ("curves.svg", "panels.png"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize("count", [1, 3, 48])
def test_few_patches_are_enough_for_the_panels(tmp_path: Path, patches: np.ndarray, count: int) -> None:
    model = AttentionAutoencoder(32, 48, TrainSettings(filters=(4, 4, 8, 8), latent=6)).eval()
    draw_reconstructions(model, patches, np.arange(count), tmp_path / "panels.png")
    with Image.open(tmp_path / "panels.png") as image:
        pixels = np.asarray(image.convert("L"))
    assert pixels.shape[0] > 300
    assert pixels.std() > 10
