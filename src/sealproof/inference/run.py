"""Scores of all patches of a data set, streamed in batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from rich.progress import track

from sealproof.models.data import VALUE_SCALE
from sealproof.scores.distance import FeatureDistance, draw_features, fit_distance
from sealproof.scores.images import image_scores
from sealproof.scores.patches import Reconstructs, reconstruct, reconstruction_scores
from sealproof.scores.settings import SCORE_NAMES, ScoreSettings


@dataclass(frozen=True)
class Scored:
    """What the score stage writes.

    Attributes:
        patches: a row a patch: image_id, patch, split, decided, one column a score.
        images: a row an image: image_id, split, decided, one column a score.
        distance: the fitted feature distance.
        features_available: features of the layer before the random draw.
    """

    patches: pd.DataFrame
    images: pd.DataFrame
    distance: FeatureDistance
    features_available: int


def score_all(
    model: Reconstructs,
    patches: NDArray[np.uint16],
    rows: pd.DataFrame,
    settings: ScoreSettings,
    *,
    seed: int,
    maps: Path | None,
    device: str = "cpu",
) -> Scored:
    """Score every patch of `rows`; fit the feature distance on training normals alone.

    Args:
        model: in evaluation mode, on `device`.
        patches: (R, H, W), values x 65535; may be memory-mapped. Only those that `rows` names are read.
        rows: image_id, patch, split, decided, row; a row a patch, sorted by image_id and patch.
        settings: batch size and feature distance.
        seed: draws the features.
        maps: where the local anomaly maps go: (R, H, W) float16, aligned with `patches`, 0 where `rows` names no
            patch; None when nobody wants them.
        device: torch device.

    Raises:
        DataError: the feature distance cannot be fitted.
    """
    stored = np.unique(rows.loc[rows["row"] >= 0, "row"].to_numpy(dtype=np.int64))
    columns, features, available = _stream(model, patches, stored, settings, seed, maps, device)
    decided = rows[rows["decided"]]
    where = np.searchsorted(stored, decided["row"].to_numpy())
    position = np.zeros(len(stored), dtype=np.int64)
    position[where] = decided["patch"].to_numpy()
    train = where[(decided["split"] == "train").to_numpy()]
    distance = fit_distance(features[train], position[train], available[1], settings.mahalanobis)
    columns["mahalanobis"] = distance.distance(features, position)
    table = rows[["image_id", "patch", "split", "decided"]].reset_index(drop=True)
    for name in SCORE_NAMES:
        values = np.full(len(rows), np.nan)
        values[rows["decided"].to_numpy()] = columns[name][where]
        table[name] = values
    return Scored(table, image_scores(table, SCORE_NAMES), distance, available[0])


def _stream(
    model: Reconstructs,
    patches: NDArray[np.uint16],
    stored: NDArray[np.int64],
    settings: ScoreSettings,
    seed: int,
    maps: Path | None,
    device: str,
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.float64], tuple[int, NDArray[np.int64]]]:
    """Reconstruction scores (S,) each, the drawn features (S, F), and (features available, which were drawn).

    Args:
        model, patches, settings, seed, maps, device: of `score_all`.
        stored: (S,) rows of `patches` to read, ascending.
    """
    count = len(stored)
    columns: dict[str, NDArray[np.float64]] = {
        name: np.empty(count) for name in SCORE_NAMES if name != "mahalanobis"
    }
    target = None
    if maps is not None:
        target = np.lib.format.open_memmap(maps, mode="w+", dtype=np.float16, shape=patches.shape)
    drawn: NDArray[np.int64] | None = None
    available = 0
    features: NDArray[np.float64] = np.empty((count, 0))
    for part in _batches(count, settings.batch_size):
        batch = torch.from_numpy(patches[stored[part]].astype(np.float32) / VALUE_SCALE).to(device)
        scores, local = reconstruction_scores(batch, reconstruct(model, batch))
        for name, column in columns.items():
            column[part] = scores[name].cpu().numpy()
        if target is not None:
            target[stored[part]] = local.cpu().numpy()
        with torch.inference_mode():
            layer = model.features(batch[:, None], settings.mahalanobis.layer).cpu().numpy()
        if drawn is None:
            available = layer.shape[1]
            drawn = draw_features(available, settings.mahalanobis.features, seed)
            features = np.empty((count, drawn.size))
        features[part] = layer[:, drawn]
    if target is not None:
        target.flush()
    if drawn is None:
        drawn = np.empty(0, dtype=np.int64)
    return columns, features, (available, drawn)


def _batches(count: int, size: int) -> Iterator[slice]:
    starts = range(0, count, size)
    yield from (slice(start, min(start + size, count)) for start in track(starts, description="scoring"))
