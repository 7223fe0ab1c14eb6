"""Settings of the seeded defects (`params.yaml`: challenge.seeded)."""

from __future__ import annotations

from typing import Self

from pydantic import Field, PositiveInt, model_validator

from sealproof.evidence.strict import StrictModel


class SeededSettings(StrictModel):
    """Held-out normals a type and size, the series of sizes, and how the defects look.

    `smallest`, `largest` and `line_width` are shares of the shorter side of the smallest region of interest,
    so that one setting fits every product; sizes become pixels of the full image, `sizes` of them in a
    geometric series. `contrast` is the share of the light that a dark defect takes, or of the missing light
    that a bright one adds.
    """

    images: PositiveInt = 60
    sizes: int = Field(default=8, ge=3, le=40)
    smallest: float = Field(default=0.02, gt=0, lt=1)
    largest: float = Field(default=0.5, gt=0, le=0.8)
    line_width: float = Field(default=0.01, gt=0, le=0.2)
    contrast: float = Field(default=0.6, gt=0, le=1)

    @model_validator(mode="after")
    def _sizes_rise(self) -> Self:
        if self.smallest >= self.largest:
            raise ValueError(f"smallest {self.smallest} is not below largest {self.largest}")
        return self
