"""How MOCCA learns: first to reconstruct, then to reconstruct and to bring normal patches together."""

from __future__ import annotations

from torch import Tensor

from sealproof.models.data import Batches
from sealproof.models.learning import Learner
from sealproof.models.losses import reconstruction_loss
from sealproof.models.mocca_network import MoccaNetwork


class OneClass(Learner):
    """Reconstruction loss; from the end of pretraining on, plus `weight` x the distances to the centres.

    Centres are set once, from the training patches, and stay. Radii of a soft boundary are set anew at the
    beginning of each epoch.

    Args:
        network: it is trained in place.
        steps: optimiser steps of the whole training.
        normals: the training patches, untouched.
    """

    def __init__(self, network: MoccaNetwork, steps: int, normals: Batches) -> None:
        super().__init__(network, network.settings, steps)
        self._mocca, self._normals = [network], normals  # in a list: not a second submodule
        epochs = network.settings.epochs
        self.pretraining = min(max(1, round(network.settings.mocca.pretraining * epochs)), epochs - 1)

    def on_train_epoch_start(self) -> None:
        """Set centres at the end of pretraining, and radii in each epoch from there on."""
        if self.current_epoch == self.pretraining:
            self._mocca[0].set_centres(self._normals)
        if self.current_epoch >= self.pretraining and self.settings.mocca.boundary == "soft":
            self._mocca[0].set_radii(self._normals)

    def loss(self, given: Tensor, wanted: Tensor) -> Tensor:
        """The loss of the phase that training is in; distances are those of the undamaged patch."""
        reconstruction = reconstruction_loss(self.network(given), wanted, self.settings)
        if self.current_epoch < self.pretraining:
            return reconstruction
        return reconstruction + self.settings.mocca.weight * self._mocca[0].one_class_loss(wanted)
