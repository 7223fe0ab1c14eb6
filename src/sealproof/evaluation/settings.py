"""Settings of the evaluation (`params.yaml`: evaluate)."""

from __future__ import annotations

from pydantic import Field, PositiveInt

from sealproof.evidence.strict import StrictModel


class EvaluateSettings(StrictModel):
    """Confidence of every bound, resamples of the bootstrap ones, size of the galleries."""

    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    bootstrap: PositiveInt = 2000
    gallery: PositiveInt = 12
