"""The attention autoencoder as a detector: what it cannot reconstruct is anomalous (paper, section III.A)."""

from __future__ import annotations

from typing import Any, Self

from torch import Tensor

from sealproof.models.autoencoder import AttentionAutoencoder
from sealproof.models.cards import ModelCard, attention_autoencoder_card
from sealproof.models.detector import Device, Examination, Fitted, Positions, TrainingData
from sealproof.models.network_detector import NetworkDetector, layer_features, weights
from sealproof.models.settings import TrainSettings
from sealproof.scores.settings import BOTTLENECK, ScoreSettings


class AttentionAutoencoderDetector(NetworkDetector):
    """Reconstruction scores of an attention autoencoder, and its features for the feature distance.

    Args:
        network: the autoencoder; it is put in evaluation mode.

    Example:
        >>> import torch
        >>> settings = TrainSettings(filters=(4, 4, 8, 8), latent=8)
        >>> detector = AttentionAutoencoderDetector(AttentionAutoencoder(32, 48, settings))
        >>> detector.feature_layers, tuple(detector.features(torch.zeros(2, 1, 32, 48), 0).shape)
        ((0, 1, 2, 3, 4), (2, 8))
    """

    kind = "attention-autoencoder"
    map_of = "4-ms-ssim"

    def __init__(self, network: AttentionAutoencoder) -> None:
        super().__init__(network)
        self.feature_layers = (BOTTLENECK, *range(1, len(network.encoder) + 1))

    @classmethod
    def fit(
        cls, data: TrainingData, settings: TrainSettings, *, seed: int, device: Device, threads: int
    ) -> Fitted:
        """Train on the normals; the held-out loss is watched, defects are not looked at.

        Raises:
            DataError: fewer than two training patches, no calibration patch, or a row in both.
            DefinitionError: the loss is not finite, the device does not exist, or the patch size does not fit.
        """
        # Lightning takes seconds to load: whoever only examines patches does not wait for it.
        from sealproof.models.training import fit_patches

        fitted = fit_patches(data.normals, data.held_out, settings, seed=seed, device=device, threads=threads)
        facts: dict[str, float | int | str] = {
            "weights": weights(fitted.model),
            "epochs": len(fitted.history),
            "kept_epoch": fitted.kept_epoch,
            "keep": settings.keep,
            "loss": settings.loss,
            **fitted.losses,
        }
        if fitted.model.principal is not None:
            facts["principal_components"] = int(fitted.model.principal.components.shape[0])
        return Fitted(cls(fitted.model), fitted.history, facts, fitted.device)

    def examine(self, patches: Tensor, positions: Positions, settings: ScoreSettings) -> Examination:
        """Reconstruct (N, 1, H, W) patches and compare; positions and other patches play no part.

        Scores agree over batch sizes but for the last bits, as float32 products of matrices do.
        """
        return Examination(*self.compare(patches, settings))

    def features(self, patches: Tensor, layer: int) -> Tensor:
        """Flat output of encoder layer 1, 2, ... of (N, 1, H, W) patches, or of the bottleneck, layer 0.

        Raises:
            DefinitionError: there is no such layer.
        """
        return layer_features(self.network, patches, layer)

    @classmethod
    def blank(cls, height: int, width: int, settings: TrainSettings, shapes: dict[str, Any]) -> Self:
        """A network with initial weights; only the number of principal components is not in the settings."""
        network = AttentionAutoencoder(height, width, settings)
        if network.principal is not None:
            network.principal.resize(shapes["principal.components"][0])
        return cls(network)

    def card(self) -> ModelCard:
        """Reference and departures from the paper under its settings."""
        return attention_autoencoder_card(self.settings)
