"""Settings of the conditional patch-based autoencoder (`params.yaml`: train.cpcae)."""

from __future__ import annotations

from typing import Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from sealproof.evidence.strict import StrictModel


class CpcaeSettings(StrictModel):
    """Tiles and classifier; the autoencoder itself is set up by the keys beside this section.

    Attributes:
        tile: side of a tile in pixels; a patch is cut into tiles that overlap.
        step: pixels from one tile to the next, at most `tile`.
        frequencies: of the encoding of a tile's place: sine and cosine of so many octaves along each axis.
        classifier_share: share of the training normals that the autoencoder does not see; the classifier learns
            from their errors, which are those of new normals.
        cells: the error of a patch is averaged over a grid of so many cells along each axis.
        strength: inverse of the classifier's penalty on large coefficients.
    """

    tile: PositiveInt = 32
    step: PositiveInt = 16
    frequencies: PositiveInt = 2
    classifier_share: float = Field(default=0.2, gt=0, lt=1)
    cells: PositiveInt = 4
    strength: PositiveFloat = 1.0

    @model_validator(mode="after")
    def _leaves_no_gap(self) -> Self:
        if self.step > self.tile:
            raise ValueError(f"step: {self.step} pixels would leave gaps between tiles of {self.tile}")
        return self
