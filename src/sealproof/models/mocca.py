"""MOCCA, multilayer one-class classification: how far a patch is from the normal ones at several layers."""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor

from sealproof.evidence.errors import DefinitionError
from sealproof.models.cards import Difference, ModelCard
from sealproof.models.data import PlainBatches, TrainingBatches
from sealproof.models.detector import Device, Examination, Fitted, Positions, TrainingData
from sealproof.models.mocca_network import MoccaNetwork
from sealproof.models.network_detector import NetworkDetector, layer_features, weights
from sealproof.models.settings import TrainSettings
from sealproof.scores.settings import ScoreSettings


class Mocca(NetworkDetector):
    """Score `mocca`: mean over layers of the distance to the centre of the training normals.

    The map is the absolute error of the reconstruction. Scores of the reconstruction itself are given where they
    are asked for by name.

    Args:
        network: with its centres set; it is put in evaluation mode.

    Example:
        >>> from sealproof.models.settings import TrainSettings
        >>> settings = TrainSettings(detector="mocca", filters=(2, 2, 2, 2), latent=3)
        >>> detector = Mocca(MoccaNetwork(16, 16, settings))
        >>> list(detector.examine(torch.zeros(2, 1, 16, 16), None, ScoreSettings()).scores)
        ['mocca']
    """

    kind = "mocca"

    def __init__(self, network: MoccaNetwork) -> None:
        super().__init__(network)
        self.feature_layers = tuple(range(len(network.settings.filters) + 1))

    @classmethod
    def fit(
        cls, data: TrainingData, settings: TrainSettings, *, seed: int, device: Device, threads: int
    ) -> Fitted:
        """Reconstruct for a share of the epochs, set the centres, then pull the normals to them as well.

        Raises:
            DataError: fewer than two training patches, no calibration patch, or a row in both.
            DefinitionError: `keep: best`, fewer than two epochs, a layer that is not there, a patch size that does
                not fit, a loss that is not finite, a device that does not exist.
        """
        from sealproof.models.mocca_learning import OneClass
        from sealproof.models.training import CALIBRATION_BATCH, check_rows, learn, reproducible

        _check(settings)
        check_rows(data.normals.rows, data.held_out.rows)
        batches = TrainingBatches(data.normals.patches, data.normals.rows, settings, seed)
        plain = PlainBatches(data.normals.patches, data.normals.rows, CALIBRATION_BATCH)
        steps = settings.epochs * len(batches)
        learnt = learn(
            lambda: OneClass(MoccaNetwork(*data.normals.size, settings), steps, plain),
            batches,
            PlainBatches(data.held_out.patches, data.held_out.rows, CALIBRATION_BATCH),
            settings,
            seed=seed,
            device=device,
            threads=threads,
        )
        network: MoccaNetwork = learnt.network
        with reproducible(seed, threads):
            network.set_radii(plain)
        facts = learnt.facts(
            settings, f"{settings.loss}, then with {settings.mocca.weight:g} x one-class loss"
        )
        return Fitted(cls(network), learnt.history, {"weights": weights(network), **facts}, learnt.device)

    def examine(self, patches: Tensor, positions: Positions, settings: ScoreSettings) -> Examination:
        """Distances of (N, 1, H, W) patches, and the absolute error of their reconstructions as map."""
        with torch.inference_mode():
            local = (patches - self.reconstruct(patches)).abs()[:, 0]
            scores = {"mocca": self.network.distance(patches).double()}
        return Examination(scores | self.compared(patches, settings), local)

    def features(self, patches: Tensor, layer: int) -> Tensor:
        """Flat output of encoder layer 1, 2, ... or of the bottleneck, layer 0, as of the attention autoencoder.

        Raises:
            DefinitionError: there is no such layer.
        """
        return layer_features(self.network.autoencoder, patches, layer)

    @classmethod
    def blank(cls, height: int, width: int, settings: TrainSettings, shapes: dict[str, Any]) -> Self:
        """A network with initial weights and no centres; `shapes` follow from the settings."""
        return cls(MoccaNetwork(height, width, settings))

    def card(self) -> ModelCard:
        """Reference, differences and limits."""
        return mocca_card(self.settings)


def _check(settings: TrainSettings) -> None:
    problems = [
        text
        for text, wrong in (
            (
                "keep: best, but the loss changes its meaning when the centres are set",
                settings.keep == "best",
            ),
            (f"epochs: {settings.epochs}, but two phases need two at least", settings.epochs < 2),
        )
        if wrong
    ]
    if problems:
        raise DefinitionError(
            "MOCCA cannot be trained under these settings",
            where="params.yaml, section `train`",
            why="\n".join(problems),
            mend="write `keep: last`, and two epochs or more",
        )


def mocca_card(settings: TrainSettings) -> ModelCard:
    """The card of MOCCA under `settings`.

    Example:
        >>> mocca_card(TrainSettings()).name
        'mocca'
    """
    pretrained = f"{settings.mocca.pretraining:.0%} of the epochs"
    return ModelCard(
        name="mocca",
        title="MOCCA: multilayer one-class classification",
        reference="Massoli, Falchi, Kantarci, Akti, Ekenel and Amato, MOCCA: Multilayer One-Class Classification for "
        "Anomaly Detection, IEEE Transactions on Neural Networks and Learning Systems 33(6), 2022, arXiv 2012.12111",
        summary="Convolutional autoencoder, trained on patches of normal parts alone: first to give back what it is "
        f"shown ({pretrained}), then also to bring the outputs of its encoder's layers close to their mean over the "
        f"training patches (boundary: {settings.mocca.boundary}). The score is the mean over layers of the distance "
        "to that mean; the map is the error of the reconstruction.",
        pretrained="none: all weights start at random (He initialisation)",
        differences=_DIFFERENCES,
        limits=(
            "The map comes from the reconstruction and the score from the encoder, so the two may disagree.",
            "One centre a layer: several kinds of normal patches that look different lie far from it all alike.",
        ),
    )


_DIFFERENCES = (
    Difference(
        "a residual encoder of its own for each data set",
        "the encoder and decoder of the attention autoencoder, with the filters of the settings",
        "one architecture for all detectors that reconstruct, so that they can be compared",
    ),
    Difference(
        "small trained networks (selectors) or the mean over a whole layer reduce its output",
        "means over a grid of cells, nothing trained",
        "a mean over the whole layer hides small defects; a trained reduction can shrink all patches to one point",
    ),
    Difference(
        "after pretraining the decoder is dropped and the encoder learns the one-class loss alone",
        "the reconstruction stays in the loss beside the distances",
        "it keeps the encoder from mapping all patches to one point, and the map needs the decoder",
    ),
    Difference(
        "distances of the layers are added as they are",
        "each layer's distance is in units of its value among the training patches when the centres were set",
        "a layer does not count more because it has more or larger numbers",
    ),
    Difference(
        "radii of the soft boundary are set from each batch",
        "they are set from all training patches, once an epoch and once at the end",
        "they do not hang on the last batch that happened to come",
    ),
)
