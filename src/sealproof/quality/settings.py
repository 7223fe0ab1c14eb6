"""Settings of the data checks (`products/<name>/inspection.yaml`: checks)."""

from __future__ import annotations

from pydantic import Field, NonNegativeInt, PositiveInt

from sealproof.evidence.strict import StrictModel


class Range(StrictModel):
    """An inclusive range."""

    low: float
    high: float


class CheckSettings(StrictModel):
    """Limits of the data checks; what is not set keeps a wide default."""

    minimum_side: PositiveInt = 32
    same_size: bool = True
    brightness: Range = Range(low=0.02, high=0.98)
    sharpness_minimum: float = Field(default=0.0, ge=0)
    blank_deviation: float = Field(default=0.004, ge=0)
    near_duplicate_bits: NonNegativeInt = 2
    confounding_limit: float = Field(default=0.3, ge=0, le=1)
    neighbour_seconds: float = Field(default=60.0, ge=0)
