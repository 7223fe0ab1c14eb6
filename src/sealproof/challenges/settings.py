"""Settings of the challenges (`params.yaml`: challenge) and the declared envelope (`inspection.yaml`: acquisition)."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from sealproof.challenges.seeded_settings import SeededSettings
from sealproof.evidence.strict import StrictModel

_Share = Annotated[float, Field(gt=0, le=0.5)]


class AcquisitionSettings(StrictModel):
    """The acquisition envelope: the largest disturbance of each kind that the line is declared to give.

    A kind that is not declared is not challenged.

    Args:
        shift: pixels of the full image, in any direction.
        tilt: degrees, about the middle of the image, either way.
        brightness: share by which the light is stronger or weaker.
        contrast: share by which distances from the mean grey value are larger or smaller.
        blur: standard deviation of a Gaussian in pixels.
        noise: standard deviation of Gaussian noise in grey values of a scale from 0 to 1.
        jpeg: lowest quality of JPEG compression (100 is the best).
    """

    shift: PositiveFloat | None = None
    tilt: Annotated[float, Field(gt=0, le=45)] | None = None
    brightness: _Share | None = None
    contrast: _Share | None = None
    blur: PositiveFloat | None = None
    noise: _Share | None = None
    jpeg: Annotated[int, Field(ge=1, le=99)] | None = None

    def limits(self) -> dict[str, float]:
        """Disturbance -> declared limit, of those that are declared.

        Example:
            >>> AcquisitionSettings(shift=4.0, jpeg=90).limits()
            {'shift': 4.0, 'jpeg': 90.0}
        """
        return {name: float(value) for name, value in self if value is not None}


class ChallengeSettings(StrictModel):
    """What the released detector is challenged with.

    Args:
        severities: multiples of the declared limits, rising; 1, the limit itself, is among them.
        images: test images that are disturbed, drawn by the seed; all of them when None.
        repeat_batch_sizes: the test set is scored once more in each of these batch sizes, each time in another
            order.
        seeded: defects of known size in held-out normals.
    """

    severities: tuple[PositiveFloat, ...] = Field(default=(0.5, 1.0, 1.5, 2.0), min_length=1)
    images: PositiveInt | None = None
    repeat_batch_sizes: tuple[PositiveInt, ...] = Field(default=(1, 16, 128), min_length=2)
    seeded: SeededSettings = SeededSettings()

    @model_validator(mode="after")
    def _severities_rise_through_the_limit(self) -> Self:
        if list(self.severities) != sorted(set(self.severities)):
            raise ValueError(f"severities {list(self.severities)} do not rise")
        if 1.0 not in self.severities:
            raise ValueError("1, the declared limit itself, is not among the severities")
        return self
