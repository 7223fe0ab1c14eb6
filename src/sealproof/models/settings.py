"""Settings of training (`params.yaml`: train)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt

from sealproof.evidence.strict import StrictModel


class TrainSettings(StrictModel):
    """The attention autoencoder and its training.

    Attributes:
        filters: output channels of the four stride-2 convolution layers.
        bottleneck: `dense` (a fully connected latent layer) or `convolutional` (a 1 x 1 convolution).
        latent: size of the dense latent layer, or channels of the convolutional one.
        brightness: `kept`, or `levelled`: each patch is brought to one mean grey value in front of the
            network, and its reconstruction is brought back to the patch's own.
        dropout: rate behind every hidden layer; 0 switches it off.
        loss: what training lowers.
        epochs: passes over the training patches.
        batch_size: patches a step.
        learning_rate: Adam's step size, or its peak under the `one-cycle` schedule.
        schedule: `constant`, or `one-cycle`: up to the learning rate, then down to nearly nothing.
        keep: the weights of the `last` epoch, so that held-out normals have no part in training and thresholds
            from their scores keep their promises to the letter; or of the `best` one by held-out loss, which
            makes these normals fit a little better than new ones.
        augment: which mirrored copies of a normal patch are normal patches too.
        shift: largest random shift of a training patch in pixels, edges repeated.
        damage: `none`, or `repair`: patches are damaged by coherent occlusions and noise and must be
            restored.
    """

    filters: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = (32, 64, 96, 128)
    bottleneck: Literal["dense", "convolutional"] = "dense"
    latent: PositiveInt = 128
    brightness: Literal["kept", "levelled"] = "kept"
    dropout: float = Field(default=0.11228, ge=0, lt=1)
    loss: Literal["mse"] = "mse"
    epochs: PositiveInt = 60
    batch_size: PositiveInt = 16
    learning_rate: PositiveFloat = Field(default=0.001, le=1)
    schedule: Literal["constant", "one-cycle"] = "constant"
    keep: Literal["last", "best"] = "last"
    augment: Literal["none", "flip-horizontal", "flip-vertical", "flip-both"] = "none"
    shift: int = Field(default=0, ge=0, le=64)
    damage: Literal["none", "repair"] = "none"
