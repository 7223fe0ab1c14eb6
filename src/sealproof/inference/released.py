"""The detector as it was released, at work on other patches and images: weights, feature distance, settings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sealproof.inference.combined import CombinedScores
from sealproof.inference.features import FeatureDistances
from sealproof.inference.names import chosen_scores
from sealproof.models.data import VALUE_SCALE
from sealproof.models.detector import Detector, Device, Examination, chosen_device
from sealproof.models.storage import load_detector
from sealproof.roi.patches import cut
from sealproof.roi.propose import propose
from sealproof.roi.settings import RoiSettings
from sealproof.scores.settings import ScoreSettings

Image = NDArray[np.float32]
Patches = NDArray[np.float32]
Positions = NDArray[np.int64]
Scores = dict[str, NDArray[np.float64]]
#: Every score of an image by name; None where the image is undecided.
ImageScores = dict[str, float] | None


@dataclass(frozen=True)
class ReleasedDetector:
    """What a release learned, and its feature distance.

    Attributes:
        model: the detector, on `device`.
        distances: the fitted feature distances; none where no score asks for them.
        combined: fusion and decision, where they are asked for.
        settings: names of the scores, batch size, and the layer the features come from.
        device: torch device.
    """

    model: Detector
    distances: FeatureDistances
    combined: CombinedScores
    settings: ScoreSettings
    device: str

    @classmethod
    def load(
        cls,
        train_folder: Path,
        score_folder: Path,
        settings: ScoreSettings,
        device: Device = "auto",
    ) -> ReleasedDetector:
        """The detector of the artefacts on record, on the device that the score stage chooses.

        Args:
            train_folder: with `model.json` and `model.safetensors`.
            score_folder: with feature distances, fusion and decision, where a score asks for them.
            settings: as the scores were computed.
            device: `compute.device` of params.yaml.

        Raises:
            EvidenceMissingError, EvidenceAlteredError: weights or feature distance are not there, or not those
                that were saved.
            DefinitionError: the model is of another format than this version knows.
        """
        chosen = chosen_device(device)
        model = load_detector(train_folder)
        names = chosen_scores(model, settings)
        return cls(
            model.to(chosen),
            FeatureDistances.load(score_folder, settings, names),
            CombinedScores.load(score_folder, settings, names),
            settings,
            chosen,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The scores, in the order of the tables."""
        return chosen_scores(self.model, self.settings)

    def score_patches(self, patches: Patches, positions: Positions, batch_size: int | None = None) -> Scores:
        """Every score of every patch.

        Args:
            patches: (N, H, W), values in [0, 1].
            positions: (N,) patch numbers.
            batch_size: patches at a time; all at once when None.

        Returns:
            score name -> (N,), higher = more anomalous.
        """
        size = batch_size or max(1, len(patches))
        parts = [
            self._batch(patches[at : at + size], positions[at : at + size])
            for at in range(0, len(patches), size)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in self.names}

    def examine(self, patches: Patches, positions: Positions) -> Examination:
        """Scores of the detector itself (no feature distance) and the map of each patch, all in one batch."""
        return self.model.examine(self._tensor(patches), positions, self.settings)

    def _batch(self, patches: Patches, positions: Positions) -> Scores:
        batch = self._tensor(patches)
        found = self.model.examine(batch, positions, self.settings).scores
        own = {name: value.cpu().numpy() for name, value in found.items()}
        own |= self.distances.scores(self.model, batch, positions)
        return own | self.combined.scores(own, np.ascontiguousarray(patches))

    def _tensor(self, patches: Patches) -> Tensor:
        # a reversed view of one patch keeps its negative stride
        return torch.from_numpy(patches.copy())[:, None].to(self.device)

    def score_images(self, images: Iterable[Image], roi: RoiSettings) -> list[ImageScores]:
        """Every score of full images: regions, patches, the most anomalous patch decides.

        An image of which any region is undecided is undecided as a whole. Images are taken one by one, patches
        are scored in batches, so memory does not grow with the number of images.

        Args:
            images: (H, W) each, grey values in [0, 1].
            roi: mask function and patch size.

        Returns:
            One entry an image, in order; None where undecided.
        """
        found: list[ImageScores] = []
        waiting: list[Patches | None] = []
        for image in images:
            waiting.append(image_patches(image, roi))
            if sum(0 if item is None else len(item) for item in waiting) >= self.settings.batch_size:
                found += self._score_waiting(waiting)
                waiting = []
        return found + self._score_waiting(waiting)

    def _score_waiting(self, waiting: list[Patches | None]) -> list[ImageScores]:
        """Scores of the images whose patches are waiting, in order."""
        known = [item for item in waiting if item is not None]
        if not known:
            return [None] * len(waiting)
        counts = [len(item) for item in known]
        positions = np.concatenate([np.arange(count) for count in counts])
        scores = self.score_patches(np.concatenate(known), positions, self.settings.batch_size)
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        highest = {name: np.maximum.reduceat(values, starts) for name, values in scores.items()}
        rows = iter(
            [{name: float(values[at]) for name, values in highest.items()} for at in range(len(known))]
        )
        return [None if item is None else next(rows) for item in waiting]


@dataclass(frozen=True)
class ImageScorer:
    """A released detector together with the regions of interest it was released with: full image -> scores."""

    detector: ReleasedDetector
    roi: RoiSettings

    def score_images(self, images: Iterable[Image]) -> list[ImageScores]:
        """As `ReleasedDetector.score_images`."""
        return self.detector.score_images(images, self.roi)


def image_patches(image: Image, roi: RoiSettings) -> Patches | None:
    """The patches of one image as they would be stored; None when any region is undecided.

    Args:
        image: (H, W), grey values in [0, 1].
        roi: mask function and patch size.

    Returns:
        (regions, patch_height, patch_width), values in [0, 1] on the 16-bit grid of `patches.npy`.

    Example:
        >>> roi = RoiSettings(method="full_frame", patch_height=16, patch_width=16)
        >>> image_patches(np.full((32, 32), 0.5, np.float32), roi).shape
        (1, 16, 16)
    """
    regions = propose(image, roi)
    if not regions or not all(region.decided for region in regions):
        return None
    return stored_values(cut(image, regions, roi))


def stored_values(patches: Patches) -> Patches:
    """Patches as they come back from `patches.npy`, which holds value x 65535, rounded.

    Example:
        >>> (stored_values(np.array([0.3], np.float32)) * 65535).tolist()
        [19661.0]
    """
    stored = np.rint(patches * np.float64(VALUE_SCALE)).astype(np.uint16)
    return stored.astype(np.float32) / np.float32(VALUE_SCALE)
