"""The detector as it was released: weights, feature distance and threshold, for checks to challenge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sealproof.evaluation.cases import verdicts
from sealproof.inference.released import Patches, Positions, ReleasedDetector, Scores
from sealproof.models.data import VALUE_SCALE, open_patches
from sealproof.qualification.context import Context

__all__ = ["Detector", "Patches", "Sample", "Scores", "draw_sample", "relative_difference"]


@dataclass(frozen=True)
class Detector(ReleasedDetector):
    """The released detector with the score and threshold in force.

    Attributes:
        score: name of the score in force.
        threshold: None when there is no valid one.
        accept_below: with a three-way verdict in force, the score below which is accepted; None otherwise.
    """

    score: str
    threshold: float | None
    accept_below: float | None = None

    @classmethod
    def released(cls, context: Context) -> Detector:
        """The detector of the artefacts on record.

        Raises:
            EvidenceMissingError, EvidenceAlteredError: weights or feature distance are not there, or not those
                that were saved.
        """
        force, params = context.thresholds["in_force"], context.settings.params
        found = ReleasedDetector.load(
            context.workspace.artifacts("train"),
            context.workspace.artifacts("score"),
            params.score,
            params.compute.device,
        )
        return cls(
            model=found.model,
            distances=found.distances,
            combined=found.combined,
            settings=found.settings,
            device=found.device,
            score=str(force["score"]),
            threshold=force["threshold"],
            accept_below=force.get("accept_below"),
        )

    def verdicts(self, scores: NDArray[np.float64]) -> NDArray[np.str_]:
        """Verdicts on scores in force, all of decided images."""
        return verdicts(scores, np.ones(scores.shape, dtype=bool), self.threshold, self.accept_below)

    def changes(
        self, first: NDArray[np.float64], again: NDArray[np.float64], tolerance: float
    ) -> tuple[int, int]:
        """(changed verdicts, those of them at a limit) when scores in force are computed a second time.

        At a limit is a score that lies no farther from it than the relative `tolerance` within which the two
        scores count as the same: a conformal threshold is the next number above a calibration score, so the
        last bit of that image's score decides.
        """
        changed = self.verdicts(first) != self.verdicts(again)
        limits = [limit for limit in (self.threshold, self.accept_below) if limit is not None]
        near = np.zeros(first.shape, dtype=bool)
        for limit in limits:
            near |= np.abs(first - limit) <= tolerance * abs(limit)
        return int((changed & ~near).sum()), int((changed & near).sum())


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
