"""CPCAE, conditional patch-based convolutional autoencoder: classifies errors of tiles; needs training defects."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from sealproof.evidence.errors import DataError
from sealproof.models.cards import Difference, ModelCard
from sealproof.models.conditional_autoencoder import ConditionalAutoencoder
from sealproof.models.data import PlainBatches, TrainingBatches
from sealproof.models.defects import image_numbers, shared_problem
from sealproof.models.detector import Device, Examination, Fitted, PatchSet, Positions, TrainingData
from sealproof.models.network_detector import NetworkDetector, weights
from sealproof.models.settings import TrainSettings
from sealproof.scores.settings import ScoreSettings

#: Patches of each kind below which nothing is fitted.
FEWEST = 2
#: Patches at a time when the classifier's errors are computed; changes nothing but memory.
BATCH = 64


class ConditionalPatchAutoencoder(NetworkDetector):
    """Score `cpcae`: logarithm of the odds that a patch's reconstruction error is that of a defect.

    The map is the absolute error. Scores of the reconstruction itself are given where they are asked for by name.

    Args:
        network: with its classifier fitted; it is put in evaluation mode.

    Example:
        >>> settings = TrainSettings(filters=(2, 2, 2), latent=3, cpcae={"tile": 16, "step": 8})
        >>> detector = ConditionalPatchAutoencoder(ConditionalAutoencoder(16, 32, settings))
        >>> list(detector.examine(torch.zeros(2, 1, 16, 32), None, ScoreSettings()).scores)
        ['cpcae']
    """

    kind = "cpcae"
    needs_defects = True

    def __init__(self, network: ConditionalAutoencoder) -> None:
        super().__init__(network)

    @classmethod
    def fit(
        cls, data: TrainingData, settings: TrainSettings, *, seed: int, device: Device, threads: int
    ) -> Fitted:
        """Train the autoencoder on most of the normals, the classifier on the others and the defects.

        Raises:
            DataError: no training defects, too few patches for autoencoder and classifier, a patch in two sets.
            DefinitionError: settings that do not fit the patches, a loss that is not finite, no such device.
        """
        from sealproof.models.learning import Reconstruction
        from sealproof.models.training import CALIBRATION_BATCH, check_rows, learn, reproducible

        shown, kept_back, defects = _parts(data, settings.cpcae.classifier_share, seed)
        check_rows(shown.rows, data.held_out.rows)
        batches = TrainingBatches(shown.patches, shown.rows, settings, seed)
        steps = settings.epochs * len(batches)
        learnt = learn(
            lambda: Reconstruction(ConditionalAutoencoder(*shown.size, settings), steps),
            batches,
            PlainBatches(data.held_out.patches, data.held_out.rows, CALIBRATION_BATCH),
            settings,
            seed=seed,
            device=device,
            threads=threads,
        )
        detector = cls(learnt.network)
        with reproducible(seed, threads):
            errors = [
                torch.cat([detector.error(b) for b, _ in part.batches(BATCH)])
                for part in (kept_back, defects)
            ]
            detector.network.classifier.fit(*errors, settings.cpcae.strength)
        facts = {"weights": weights(detector.network), **learnt.facts(settings, settings.loss)}
        return Fitted(detector, learnt.history, facts, learnt.device)

    def error(self, patches: Tensor) -> Tensor:
        """Absolute error (N, H, W) of the reconstruction of (N, 1, H, W) patches."""
        with torch.inference_mode():
            return (patches - self.reconstruct(patches)).abs()[:, 0]

    def examine(self, patches: Tensor, positions: Positions, settings: ScoreSettings) -> Examination:
        """Classify the errors of (N, 1, H, W) patches; positions in the image play no part."""
        local = self.error(patches)
        with torch.inference_mode():
            scores = {"cpcae": self.network.classifier(local)}
        return Examination(scores | self.compared(patches, settings), local)

    @classmethod
    def blank(cls, height: int, width: int, settings: TrainSettings, shapes: dict[str, Any]) -> Self:
        """A network with initial weights and no classifier; `shapes` follow from the settings."""
        return cls(ConditionalAutoencoder(height, width, settings))

    def card(self) -> ModelCard:
        """Reference, differences and limits."""
        return cpcae_card(self.settings)


def _parts(data: TrainingData, share: float, seed: int) -> tuple[PatchSet, PatchSet, PatchSet]:
    """Normals for the autoencoder, normals for the classifier, defects; an image's patches stay together."""
    normals, defects = data.normals, data.defects
    image = image_numbers(normals.positions)
    images = np.random.default_rng(seed).permutation(np.unique(image))
    chosen = np.isin(image, images[: round(share * len(images))])
    shown, kept_back = (
        PatchSet(normals.patches, normals.rows[part], normals.positions[part]) for part in (~chosen, chosen)
    )
    counts = {
        "training defects (split `tuning`)": 0 if defects is None else len(defects),
        "normals for the autoencoder": len(shown),
        "normals for the classifier": len(kept_back),
    }
    problems = [
        f"{count} {name}, at least {FEWEST} are needed" for name, count in counts.items() if count < FEWEST
    ]
    problems += shared_problem(data)
    if problems or defects is None:
        raise DataError(
            "CPCAE cannot be fitted on these patches",
            where="splits `train` and `tuning`; params.yaml, key `train.cpcae.classifier_share`",
            why="\n".join(problems),
            mend="add images, correct the splits, or choose a detector that needs no defects",
        )
    return shown, kept_back, defects


def cpcae_card(settings: TrainSettings) -> ModelCard:
    """The card of CPCAE under `settings`.

    Example:
        >>> "needs training defects" in cpcae_card(TrainSettings()).limits[0]
        True
    """
    tiles = settings.cpcae
    return ModelCard(
        name="cpcae",
        title="CPCAE: conditional patch-based convolutional autoencoder",
        reference="Saeedi and Giusti, Semi-supervised visual anomaly detection based on convolutional autoencoder and "
        "transfer learning, Machine Learning with Applications 11, 2023, 100451; the article itself was not at hand, "
        "what is built follows its description in the paper of Zanon Diaz, Siogkas and Corcoran",
        summary=f"Cuts a patch into overlapping tiles of {tiles.tile} pixels, {tiles.step} apart. A convolutional "
        "autoencoder, trained on normal parts, restores each tile and is told by a positional encoding where it lies. "
        "A logistic regression tells errors of normals from errors of training defects; the score is the logarithm "
        "of its odds, the map the absolute error.",
        pretrained="none: all weights start at random (He initialisation)",
        differences=_DIFFERENCES,
        limits=(
            "It needs training defects (split tuning): a kind of defect that is not among them may score low.",
            "Every patch of a defective image counts as defective in training, also one that shows a normal region.",
        ),
    )


_DIFFERENCES = (
    Difference(
        "errors are classified by features of a pretrained network",
        "by mean, spread and quantiles of the errors and their means over a grid of cells, in falling order",
        "no third-party weights are needed, and the few training defects carry few coefficients",
    ),
    Difference(
        "how the condition enters the autoencoder is not told in the paper that this follows",
        "sines and cosines of the tile's place, beside the input and the output of the latent layer",
        "the plainest way by which both halves of the autoencoder know the place",
    ),
    Difference(
        "encoder and decoder of its own",
        "the layers of the attention autoencoder, with the filters of the settings",
        "one architecture for all detectors that reconstruct, so that they can be compared",
    ),
    Difference(
        "which normals the classifier learns from is not told in the paper that this follows",
        "normals of split train that the autoencoder has not seen",
        "errors on the autoencoder's own training patches are too small to stand for new normals",
    ),
)
