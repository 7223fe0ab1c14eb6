"""Settings of MOCCA (`params.yaml`: train.mocca)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from sealproof.evidence.strict import StrictModel


class MoccaSettings(StrictModel):
    """Centres of the encoder's outputs; the autoencoder itself is set up by the keys beside this section.

    Attributes:
        layers: encoder layers that are looked at, from 1; 0 is the bottleneck. None: all of them.
        cells: each layer's output is averaged over a grid of so many cells along each axis.
        boundary: `hard`: every normal patch is pulled to the centres; `soft`: only those outside a sphere that
            holds all but the share `nu` of the training patches.
        nu: that share.
        pretraining: share of the epochs that only reconstruct; then the centres are set.
        weight: of the distances in the loss, beside the reconstruction.
    """

    layers: Annotated[tuple[int, ...], Field(min_length=1)] | None = None
    cells: PositiveInt = 4
    boundary: Literal["hard", "soft"] = "hard"
    nu: float = Field(default=0.1, gt=0, lt=1)
    pretraining: float = Field(default=0.5, gt=0, lt=1)
    weight: PositiveFloat = 0.01
