"""How the attention autoencoder learns: loss, optimiser and schedule, as Lightning wants them.

Apart from the network itself, so that whoever only scores images does not wait for Lightning to load.
"""

from __future__ import annotations

from typing import Any

import pytorch_lightning as lightning
import torch
from torch import Tensor, nn

from sealproof.models.autoencoder import AttentionAutoencoder


class Reconstruction(lightning.LightningModule):  # type: ignore[misc]  # Lightning is not typed for us
    """Mean squared error of what is restored from (possibly damaged) patches, minimised by Adam.

    Source: the paper's section III and the training its authors published.

    Args:
        autoencoder: the network; it is trained in place.
        steps: optimiser steps of the whole training; the one-cycle schedule needs it.

    Example:
        >>> from sealproof.models.settings import TrainSettings
        >>> network = AttentionAutoencoder(32, 48, TrainSettings(filters=(4, 4, 8, 8), latent=8))
        >>> Reconstruction(network, steps=5).autoencoder is network
        True
    """

    def __init__(self, autoencoder: AttentionAutoencoder, steps: int) -> None:
        super().__init__()
        self.autoencoder, self.steps = autoencoder, steps

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        """Mean squared error between the patch and what is made of its (possibly damaged) copy."""
        return self._loss(*batch)

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        """Log the loss over undamaged calibration patches."""
        self.log(
            "calibration_loss", self._loss(*batch), on_epoch=True, prog_bar=True, batch_size=len(batch[0])
        )

    def configure_optimizers(self) -> Any:
        """Adam, with the schedule the settings name."""
        settings = self.autoencoder.settings
        optimiser = torch.optim.Adam(self.parameters(), lr=settings.learning_rate)
        if settings.schedule == "constant":
            return optimiser
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, max_lr=settings.learning_rate, total_steps=self.steps
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _loss(self, given: Tensor, wanted: Tensor) -> Tensor:
        return nn.functional.mse_loss(self.autoencoder(given), wanted)
