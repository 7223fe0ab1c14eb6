"""Settings of training (`params.yaml`: train)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt

from sealproof.evidence.strict import StrictModel


class TrainSettings(StrictModel):
    """The attention autoencoder and its training."""

    filters: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = (32, 64, 96, 128)
    bottleneck: Literal["dense", "convolutional"] = "dense"
    latent: PositiveInt = 128
    dropout: float = Field(default=0.11228, ge=0, lt=1)
    loss: Literal["mse"] = "mse"
    epochs: PositiveInt = 60
    batch_size: PositiveInt = 16
    learning_rate: PositiveFloat = Field(default=0.001, le=1)
