from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from sealproof.models.attention_autoencoder import AttentionAutoencoderDetector
from sealproof.models.autoencoder import AttentionAutoencoder
from sealproof.models.detector import Examination, PatchSet
from sealproof.models.plots import draw_examples, draw_learning_curves
from sealproof.models.settings import TrainSettings

HISTORY = pd.DataFrame(
    {"epoch": [1, 2, 3], "train_loss": [0.3, 0.2, 0.1], "calibration_loss": [0.3, 0.15, 0.2]}
)


def build() -> AttentionAutoencoderDetector:
    settings = TrainSettings(filters=(4, 4, 8, 8), latent=6)
    return AttentionAutoencoderDetector(AttentionAutoencoder(32, 48, settings))


def held_out(patches: np.ndarray, count: int) -> PatchSet:
    return PatchSet(patches, np.arange(count), np.zeros(count, dtype=np.int64))


def test_a_detector_that_restores_nothing_shows_its_maps(
    tmp_path: Path, patches: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build()
    draw_examples(model, held_out(patches, 6), tmp_path / "three_rows.png")
    monkeypatch.setattr(model, "reconstruct", lambda _: None)
    monkeypatch.setattr(
        model,
        "examine",
        lambda given, positions, settings: Examination({}, given[:, 0] * torch.as_tensor(positions + 1.0)[0]),
    )
    draw_examples(model, held_out(patches, 6), tmp_path / "two_rows.png")
    heights = []
    for name in ("three_rows.png", "two_rows.png"):
        with Image.open(tmp_path / name) as image:
            heights.append(image.height)
    assert heights[0] > heights[1] > 100


def test_the_curves_name_axes_units_and_the_kept_epoch(tmp_path: Path) -> None:
    draw_learning_curves(HISTORY, 2, "mse", tmp_path / "curves.svg")
    text = " ".join(ET.parse(tmp_path / "curves.svg").getroot().itertext())  # noqa: S314 - our own file
    for words in ("epoch", "mean squared error", "training patches", "calibration patches", "kept: epoch 2"):
        assert words in text


def test_the_same_figures_have_the_same_bytes(tmp_path: Path, patches: np.ndarray) -> None:
    torch.manual_seed(0)
    model = build()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        draw_learning_curves(HISTORY, 2, "mse", tmp_path / name / "curves.svg")
        draw_examples(model, held_out(patches, 48), tmp_path / name / "panels.png")
    for file in ("curves.svg", "panels.png"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize("count", [1, 3, 48])
def test_few_patches_are_enough_for_the_panels(tmp_path: Path, patches: np.ndarray, count: int) -> None:
    draw_examples(build(), held_out(patches, count), tmp_path / "panels.png")
    with Image.open(tmp_path / "panels.png") as image:
        pixels = np.asarray(image.convert("L"))
    assert pixels.shape[0] > 300
    assert pixels.std() > 10
