"""The detector as it was released: weights, feature distance and threshold, for checks to challenge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from sealproof.evaluation.cases import verdicts
from sealproof.models.data import VALUE_SCALE, open_patches
from sealproof.models.storage import load_model
from sealproof.qualification.context import Context
from sealproof.scores.distance import FeatureDistance, load_distance
from sealproof.scores.patches import Reconstructs, reconstruct, reconstruction_scores
from sealproof.scores.settings import ScoreSettings

Patches = NDArray[np.float32]
Positions = NDArray[np.int64]
Scores = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Detector:
    """Weights, feature distance and threshold of a release.

    Attributes:
        score: name of the score in force.
        threshold: None when there is no valid one.
        device: torch device, chosen as the score stage chooses it.
    """

    model: Reconstructs
    distance: FeatureDistance
    settings: ScoreSettings
    score: str
    threshold: float | None
    device: str

    @classmethod
    def released(cls, context: Context) -> Detector:
        """The detector of the artefacts on record.

        Raises:
            EvidenceMissingError, EvidenceAlteredError: weights or feature distance are not there, or not those
                that were saved.
        """
        force, device = context.thresholds["in_force"], context.settings.params.compute.device
        chosen = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
        return cls(
            model=load_model(context.workspace.artifacts("train")).to(chosen),
            distance=load_distance(context.artefact("score", "feature_distance.npz")),
            settings=context.settings.params.score,
            score=str(force["score"]),
            threshold=force["threshold"],
            device=chosen,
        )

    def score_patches(self, patches: Patches, positions: Positions, batch_size: int | None = None) -> Scores:
        """Every score of every patch.

        Args:
            patches: (N, H, W), values in [0, 1].
            positions: (N,) patch numbers.
            batch_size: patches at a time; all at once when None.

        Returns:
            score name -> (N,).
        """
        size = batch_size or max(1, len(patches))
        parts = [self._batch(patches[at : at + size]) for at in range(0, len(patches), size)]
        scores = {name: np.concatenate([part[0][name] for part in parts]) for name in parts[0][0]}
        scores["mahalanobis"] = self.distance.distance(np.concatenate([part[1] for part in parts]), positions)
        return scores

    def _batch(self, patches: Patches) -> tuple[Scores, NDArray[np.float64]]:
        batch = torch.from_numpy(patches.copy()).to(
            self.device
        )  # a reversed view of one patch keeps its negative stride
        scores, _ = reconstruction_scores(batch, reconstruct(self.model, batch))
        with torch.inference_mode():
            layer = self.model.features(batch[:, None], self.settings.mahalanobis.layer).cpu().numpy()
        features = layer[:, self.distance.selected].astype(np.float64)
        return {name: value.cpu().numpy() for name, value in scores.items()}, features

    def verdicts(self, scores: NDArray[np.float64]) -> NDArray[np.str_]:
        """Verdicts on scores in force, all of decided images."""
        return verdicts(scores, np.ones(scores.shape, dtype=bool), self.threshold)


@dataclass(frozen=True)
class Sample:
    """Patches of some calibration normals, all patches of each image.

    Attributes:
        images: (N,) image_id of each patch.
        positions: (N,) patch numbers.
        patches: (N, H, W), values in [0, 1].
    """

    images: list[str]
    positions: Positions
    patches: Patches


def draw_sample(context: Context, images: int) -> Sample:
    """Draw decided calibration normals by the seed of the run; all when there are fewer.

    Raises:
        ValueError: there is no decided calibration image.
    """
    regions, manifest = context.regions, context.manifest
    calibration = set(manifest.loc[manifest["split"] == "calibration", "image_id"])
    undecided = set(regions.loc[~regions["decided"], "image_id"])
    known = sorted(calibration - undecided)
    if not known:
        raise ValueError("there is no calibration image with a region of interest")
    random = np.random.default_rng(context.settings.params.seed)
    chosen = sorted(random.choice(known, size=min(images, len(known)), replace=False).tolist())
    rows = regions[regions["image_id"].isin(chosen)].sort_values(["image_id", "patch"])
    stored = open_patches(context.artefact("roi", "patches.npy"))
    patches = stored[rows["row"].to_numpy()].astype(np.float32) / np.float32(VALUE_SCALE)
    return Sample(rows["image_id"].tolist(), rows["patch"].to_numpy(dtype=np.int64), patches)


def relative_difference(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Largest |a - b| / |a| of two score vectors; infinite where one has a value and the other none.

    Example:
        >>> relative_difference(np.array([1.0, 2.0]), np.array([1.0, 2.5]))
        0.25
        >>> relative_difference(np.array([1.0]), np.array([float("nan")]))
        inf
    """
    if not np.array_equal(np.isfinite(first), np.isfinite(second)):
        return float("inf")
    known = np.isfinite(first)
    if not known.any():
        return 0.0
    scale = np.maximum(np.abs(first[known]), 1e-12)
    return float((np.abs(first[known] - second[known]) / scale).max())
