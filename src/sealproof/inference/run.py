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

from sealproof.inference.combined import CombinedScores
from sealproof.inference.features import FeatureDistances
from sealproof.inference.images import image_scores
from sealproof.inference.names import COMBINED_SCORES, FEATURE_SCORES, chosen_scores
from sealproof.models.data import VALUE_SCALE
from sealproof.models.detector import Detector, Positions
from sealproof.scores.settings import ScoreSettings

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scored:
    """What the score stage writes.

    Attributes:
        names: scores, in the order of the columns.
        patches: a row a patch: image_id, patch, split, decided, one column a score.
        images: a row an image: image_id, split, decided, one column a score.
        distances: the fitted feature distances; none where no score asks for them.
        combined: fusion and decision, where they are asked for.
    """

    names: tuple[str, ...]
    patches: pd.DataFrame
    images: pd.DataFrame
    distances: FeatureDistances
    combined: CombinedScores


def score_all(
    detector: Detector,
    patches: NDArray[np.uint16],
    rows: pd.DataFrame,
    settings: ScoreSettings,
    *,
    seed: int,
    maps: Path | None,
    device: str = "cpu",
) -> Scored:
    """Score every patch of `rows`; fit the feature distances on training normals alone.

    Args:
        detector: on `device`.
        patches: (R, H, W), values x 65535; may be memory-mapped. Only those that `rows` names are read.
        rows: image_id, patch, split, decided, row; a row a patch, sorted by image_id and patch.
        settings: names of the scores, batch size, pooling and feature distances.
        seed: draws the features.
        maps: where the local anomaly maps go: (R, H, W) float16, aligned with `patches`, 0 where `rows` names no
            patch; None when nobody wants them.
        device: torch device.

    Raises:
        DataError: a feature distance or a combined score cannot be fitted.
        DefinitionError: a score is asked for that the detector does not give.
    """
    names = chosen_scores(detector, settings)
    stored = np.unique(rows.loc[rows["row"] >= 0, "row"].to_numpy(dtype=np.int64))
    decided = rows[rows["decided"]]
    where = np.searchsorted(stored, decided["row"].to_numpy())
    position = np.zeros(len(stored), dtype=np.int64)
    position[where] = decided["patch"].to_numpy()
    stream = _Stream(detector, patches, settings, device)
    train = np.sort(where[(decided["split"] == "train").to_numpy()])
    distances = FeatureDistances.fit(
        detector, settings, names, lambda: stream.batches(stored[train], position[train]), seed
    )
    plain = tuple(name for name in names if name not in COMBINED_SCORES)
    columns = stream.score(stored, position, plain, distances, maps)
    splits = np.full(len(stored), "", dtype=object)
    splits[where] = decided["split"].to_numpy(dtype=object)
    combined = CombinedScores.fit(
        settings, names, columns, splits.astype(str), lambda chosen: stream.raw(stored[chosen]), seed
    )
    columns |= stream.combine(stored, columns, combined)
    table = rows[["image_id", "patch", "split", "decided"]].reset_index(drop=True)
    for name in names:
        values = np.full(len(rows), np.nan)
        values[rows["decided"].to_numpy()] = columns[name][where]
        table[name] = values
    return Scored(names, table, image_scores(table, names), distances, combined)


class _Stream:
    """Stored patches on their way through a detector, a batch at a time."""

    def __init__(
        self, detector: Detector, patches: NDArray[np.uint16], settings: ScoreSettings, device: str
    ) -> None:
        self._detector, self._patches, self._settings, self._device = detector, patches, settings, device

    def batches(
        self, stored: NDArray[np.int64], position: Positions
    ) -> Iterator[tuple[torch.Tensor, Positions]]:
        """Batches of the rows `stored`, (N, 1, H, W) in [0, 1] on the device, with their positions."""
        for part in _parts(len(stored), self._settings.batch_size):
            yield torch.from_numpy(self.raw(stored[part]))[:, None].to(self._device), position[part]

    def raw(self, stored: NDArray[np.int64]) -> NDArray[np.float32]:
        """Patches of the rows `stored`, (N, H, W) in [0, 1]."""
        return self._patches[stored].astype(np.float32) / np.float32(VALUE_SCALE)

    def combine(
        self, stored: NDArray[np.int64], columns: dict[str, Floats], combined: CombinedScores
    ) -> dict[str, Floats]:
        """Columns (S,) of the scores that are made of others."""
        found: dict[str, list[Floats]] = {}
        for part in _parts(len(stored), self._settings.batch_size) if combined.asked_for else ():
            some = {name: column[part] for name, column in columns.items()}
            for name, values in combined.scores(some, self.raw(stored[part])).items():
                found.setdefault(name, []).append(values)
        return {name: np.concatenate(parts) for name, parts in found.items()}

    def score(
        self,
        stored: NDArray[np.int64],
        position: Positions,
        names: tuple[str, ...],
        distances: FeatureDistances,
        maps: Path | None,
    ) -> dict[str, Floats]:
        """Columns (S,) of the scores of the rows `stored`; writes the maps where they are wanted."""
        columns: dict[str, Floats] = {name: np.empty(len(stored)) for name in names}
        target = None
        if maps is not None:
            target = np.lib.format.open_memmap(maps, mode="w+", dtype=np.float16, shape=self._patches.shape)
        parts = list(_parts(len(stored), self._settings.batch_size))
        batches = self.batches(stored, position)
        for part, (batch, where) in track(
            zip(parts, batches, strict=True), description="scoring", total=len(parts)
        ):
            found = self._detector.examine(batch, where, self._settings)
            own = {name: found.scores[name].cpu().numpy() for name in names if name not in FEATURE_SCORES}
            for name, values in (own | distances.scores(self._detector, batch, where)).items():
                columns[name][part] = values
            if target is not None:
                target[stored[part]] = found.local.cpu().numpy()
        if target is not None:
            target.flush()
        return columns


def _parts(count: int, size: int) -> Iterator[slice]:
    yield from (slice(start, min(start + size, count)) for start in range(0, count, size))
