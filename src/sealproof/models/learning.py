"""How a network learns: loss, optimiser and schedule, as Lightning wants them, and which epoch's weights stay.

Apart from the networks themselves, so that whoever only scores images does not wait for Lightning to load.
"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytorch_lightning as lightning
import torch
from torch import Tensor, nn

from sealproof.evidence.errors import DefinitionError
from sealproof.models.autoencoder import AttentionAutoencoder
from sealproof.models.conditional_autoencoder import ConditionalAutoencoder
from sealproof.models.losses import reconstruction_loss
from sealproof.models.settings import TrainSettings

#: How far the one-cycle schedule moves Adam's first decay rate, and where it stops.
SWING, HIGHEST_BETA = 0.05, 0.999


class Learner(lightning.LightningModule):  # type: ignore[misc]  # Lightning is not typed for us
    """A network, its loss (given by the subclass), and the optimiser and schedule of the settings.

    Args:
        network: it is trained in place.
        settings: optimiser and schedule.
        steps: optimiser steps of the whole training; the one-cycle schedule needs it.
    """

    def __init__(self, network: nn.Module, settings: TrainSettings, steps: int) -> None:
        super().__init__()
        self.network, self.settings, self.steps = network, settings, steps

    def loss(self, given: Tensor, wanted: Tensor) -> Tensor:
        """What training lowers: a number for a batch."""
        raise NotImplementedError

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        """The loss between the patch and what is made of its (possibly damaged) copy."""
        return self.loss(*batch)

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        """Log the loss over undamaged calibration patches."""
        self.log(
            "calibration_loss", self.loss(*batch), on_epoch=True, prog_bar=True, batch_size=len(batch[0])
        )

    def configure_optimizers(self) -> Any:
        """The optimiser, with the schedule the settings name."""
        settings = self.settings
        optimiser = self._optimiser()
        if settings.schedule == "constant":
            return optimiser
        lowest, highest = (round(settings.betas[0] + step, 10) for step in (-SWING, SWING))
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser,
            max_lr=settings.learning_rate,
            total_steps=self.steps,
            cycle_momentum=settings.optimiser == "adam",
            base_momentum=max(0.0, lowest),
            max_momentum=min(HIGHEST_BETA, highest),
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _optimiser(self) -> torch.optim.Optimizer:
        settings, weights = self.settings, list(self.parameters())
        if settings.optimiser == "sgd":
            return torch.optim.SGD(weights, lr=settings.learning_rate)
        if settings.optimiser == "rmsprop":
            return torch.optim.RMSprop(weights, lr=settings.learning_rate, eps=settings.epsilon)
        return torch.optim.Adam(
            weights, lr=settings.learning_rate, betas=settings.betas, eps=settings.epsilon
        )


class Reconstruction(Learner):
    """Difference between patches and what is restored from (possibly damaged) copies of them.

    Source: the paper's section III and the training its authors published.

    Args:
        autoencoder: the network; it is trained in place.
        steps: optimiser steps of the whole training.

    Example:
        >>> network = AttentionAutoencoder(32, 48, TrainSettings(filters=(4, 4, 8, 8), latent=8))
        >>> Reconstruction(network, steps=5).autoencoder is network
        True
    """

    def __init__(self, autoencoder: AttentionAutoencoder | ConditionalAutoencoder, steps: int) -> None:
        super().__init__(autoencoder, autoencoder.settings, steps)

    @property
    def autoencoder(self) -> nn.Module:
        """The network."""
        return self.network

    def loss(self, given: Tensor, wanted: Tensor) -> Tensor:
        """The loss that the settings name."""
        return reconstruction_loss(self.network(given), wanted, self.settings)


class Keeper(lightning.Callback):  # type: ignore[misc]  # Lightning is not typed for us: mypy skips its imports
    """Keeps losses and the weights of one epoch in memory; stops at a loss that is not finite."""

    def __init__(self, settings: TrainSettings) -> None:
        self._settings = settings
        self._batch_losses: list[float] = []
        self._rows: list[tuple[int, float, float]] = []
        self._lowest = math.inf
        self.kept_epoch = 0
        self.state: dict[str, torch.Tensor] = {}

    @property
    def history(self) -> pd.DataFrame:
        """One row an epoch: epoch (from 1), train_loss, calibration_loss."""
        return pd.DataFrame(self._rows, columns=["epoch", "train_loss", "calibration_loss"])

    def on_train_batch_end(self, trainer: Any, _model: Any, outputs: Any, *_: Any) -> None:
        """Note a batch's loss."""
        loss = float(outputs["loss"])
        self._refuse_unless_finite(loss, trainer.current_epoch + 1, "training")
        self._batch_losses.append(loss)

    def on_validation_epoch_end(self, trainer: Any, learner: Any) -> None:
        """Note the epoch's losses, and its weights where they are to be kept."""
        epoch, loss = trainer.current_epoch + 1, float(trainer.callback_metrics["calibration_loss"])
        self._refuse_unless_finite(loss, epoch, "calibration")
        self._rows.append((epoch, math.fsum(self._batch_losses) / len(self._batch_losses), loss))
        self._batch_losses.clear()
        if loss < self._lowest or self._settings.keep == "last":
            self._lowest, self.kept_epoch = loss, epoch
            weights = learner.network.state_dict().items()
            self.state = {name: value.detach().cpu().clone() for name, value in weights}

    def _refuse_unless_finite(self, loss: float, epoch: int, kind: str) -> None:
        if not math.isfinite(loss):
            raise DefinitionError(
                f"training diverged: the {kind} loss is {loss} in epoch {epoch}",
                where="params.yaml, key `train.learning_rate`",
                why=f"a learning rate of {self._settings.learning_rate:g} is too large for these patches",
                mend="give a smaller learning rate, for instance a tenth of it",
            )
