"""Settings of the data checks (`products/<name>/inspection.yaml`: checks)."""

from __future__ import annotations

from typing import Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from sealproof.evidence.strict import StrictModel


class Range(StrictModel):
    """An inclusive range.

    Example:
        >>> Range(low=0.1, high=0.9).high
        0.9
    """

    low: float
    high: float

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low ({self.low}) lies above high ({self.high})")
        return self


class CheckSettings(StrictModel):
    """Limits of the data checks; what is not set keeps a wide default.

    Grey values are in [0, 1], black to white.

    Args:
        minimum_side: shortest side an image may have, pixels.
        same_size: images of several sizes are an error; when false, a warning.
        same_mode: images of several bit depths or colour modes are an error; when false, a warning.
        brightness: mean grey value an image may have.
        sharpness_minimum: smallest variance of the Laplacian.
        saturated_maximum: largest share of pixels at the top of the scale.
        blank_deviation: an image whose grey values deviate no more than this from their mean is blank. The
            default is one step of an 8-bit scale.
        near_duplicate_bits: two images are compared pixel by pixel when their 64-bit perceptual hashes differ
            in at most so many bits.
        near_duplicate_correlation: such a pair is a near-duplicate when the two correlate at least so much,
            after what all images of the data set have in common was taken out. See
            `sealproof.quality.duplicates`.
        confounding_limit: largest bias-corrected Cramer's V between a subgroup column and the class.
        neighbour_seconds: images captured this close in time must not be divided between splits.
        drift_level: chance of a false alarm that is accepted for all drift tests together.
    """

    minimum_side: PositiveInt = 32
    same_size: bool = True
    same_mode: bool = True
    brightness: Range = Range(low=0.02, high=0.98)
    sharpness_minimum: NonNegativeFloat = 0.0
    saturated_maximum: float = Field(default=0.1, ge=0, le=1)
    blank_deviation: NonNegativeFloat = 0.004
    near_duplicate_bits: NonNegativeInt = Field(default=8, le=64)
    near_duplicate_correlation: float = Field(default=0.993, gt=0, le=1)
    confounding_limit: float = Field(default=0.3, ge=0, le=1)
    neighbour_seconds: NonNegativeFloat = 60.0
    drift_level: float = Field(default=0.01, gt=0, lt=1)
