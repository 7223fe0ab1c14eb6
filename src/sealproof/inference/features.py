"""Feature distances of a detector: fitted on training normals, stored beside the scores, applied batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sealproof.evidence.errors import DefinitionError
from sealproof.inference.names import FEATURE_SCORES
from sealproof.models.detector import Detector, Positions
from sealproof.scores.clusters import ClusterDistance
from sealproof.scores.distance import (
    FeatureDistance,
    fit_distance,
    load_distance,
    needed_features,
    save_distance,
)
from sealproof.scores.settings import KMeansSettings, MahalanobisSettings, ScoreSettings

Floats = NDArray[np.float64]
Fitted = FeatureDistance | ClusterDistance
#: Batches of patches (N, 1, H, W) on the detector's device, with their positions (N,).
Batches = Callable[[], Iterator[tuple[torch.Tensor, Positions]]]

#: File of each feature score, below the folder of the score stage.
FILES = {"mahalanobis": "feature_distance.npz", "k-means": "feature_clusters.npz"}


class FeatureDistances:
    """The feature scores of a run.

    Attributes:
        fitted: score name -> fitted distance.
        available: score name -> features of the layers before any were left out; empty when loaded from files.
    """

    def __init__(
        self, settings: ScoreSettings, fitted: dict[str, Fitted], available: dict[str, int] | None = None
    ) -> None:
        self._settings, self.fitted, self.available = settings, fitted, available or {}

    @classmethod
    def fit(
        cls, detector: Detector, settings: ScoreSettings, names: tuple[str, ...], normals: Batches, seed: int
    ) -> FeatureDistances:
        """Fit every feature score in `names` on training normals alone.

        Args:
            detector: with `feature_layers`.
            settings: of the distances.
            names: scores of the run; those of features are fitted.
            normals: gives the patches of the training normals, anew at each call.
            seed: of what is drawn.

        Raises:
            DataError, DefinitionError: a distance cannot be fitted; see `scores.distance.fit_distance`.
        """
        fitted: dict[str, Fitted] = {}
        available: dict[str, int] = {}
        for name in (name for name in names if name in FEATURE_SCORES):
            chosen = section(settings, name)
            parts, positions, selected = [], [], np.empty(0, dtype=np.int64)
            for batch, where in normals():
                features = layer_features(detector, batch, chosen)
                if name not in available:
                    available[name] = features.shape[1]
                    selected = needed_features(features.shape[1], chosen, seed)
                parts.append(features[:, selected].astype(np.float64))
                positions.append(where)
            points = np.concatenate(parts) if parts else np.empty((0, 0))
            where = np.concatenate(positions) if positions else np.empty(0, dtype=np.int64)
            fitted[name] = fit_distance(points, where, selected, chosen, seed)
        return cls(settings, fitted, available)

    @classmethod
    def load(cls, folder: Path, settings: ScoreSettings, names: tuple[str, ...]) -> FeatureDistances:
        """Read the fits that `save` wrote, of the feature scores in `names`.

        Raises:
            EvidenceMissingError, EvidenceAlteredError: see `scores.distance.load_distance`.
        """
        wanted = [name for name in names if name in FEATURE_SCORES]
        return cls(settings, {name: load_distance(folder / FILES[name]) for name in wanted})

    def save(self, place: Callable[[str], Path]) -> dict[str, Path]:
        """Write each fit into its file; score name -> file.

        Args:
            place: file name -> where it goes.
        """
        paths = {name: place(FILES[name]) for name in self.fitted}
        for name, path in paths.items():
            save_distance(self.fitted[name], path)
        return paths

    def scores(self, detector: Detector, patches: torch.Tensor, positions: Positions) -> dict[str, Floats]:
        """Score name -> (N,), 0 or more.

        Args:
            detector: as in `fit`.
            patches: (N, 1, H, W) on its device.
            positions: (N,) number of the region within its image.
        """
        found: dict[str, Floats] = {}
        layers: dict[tuple[str | int, ...], NDArray[np.float32]] = {}
        for name, distance in self.fitted.items():
            chosen = section(self._settings, name)
            key = (chosen.of, *chosen.layers)
            if key not in layers:
                layers[key] = layer_features(detector, patches, chosen)
            chosen_features = layers[key][:, distance.selected].astype(np.float64)
            found[name] = distance.distance(chosen_features, positions)
        return found


def section(settings: ScoreSettings, name: str) -> MahalanobisSettings | KMeansSettings:
    """The settings of a feature score.

    Example:
        >>> section(ScoreSettings(), "mahalanobis").layer
        2
    """
    return settings.mahalanobis if name == "mahalanobis" else settings.k_means


def layer_features(
    detector: Detector, patches: torch.Tensor, settings: MahalanobisSettings | KMeansSettings
) -> NDArray[np.float32]:
    """(N, F) features of the layers that the settings name, side by side; of the patch, or of the residual.

    Args:
        detector: with these layers; for residuals one that reconstructs.
        patches: (N, 1, H, W) on its device.
        settings: which layers.
    """
    with torch.inference_mode():
        made = _restored(detector, patches) if settings.of == "residual" else None
        parts = [detector.features(patches, layer).flatten(1) for layer in settings.layers]
        if made is not None:
            others = [detector.features(made, layer).flatten(1) for layer in settings.layers]
            parts = [given - restored for given, restored in zip(parts, others, strict=True)]
        features: NDArray[np.float32] = torch.cat([part.cpu() for part in parts], dim=1).numpy()
    return features


def _restored(detector: Detector, patches: torch.Tensor) -> torch.Tensor:
    made = detector.reconstruct(patches)
    if made is None:
        raise DefinitionError(
            f"the detector {detector.kind!r} restores nothing, so there is no residual",
            where="params.yaml, section `score`, key `of`",
            why="`of: residual` compares the features of a patch with those of its reconstruction",
            mend="write `of: patch`, or choose a detector that reconstructs",
        )
    return made
