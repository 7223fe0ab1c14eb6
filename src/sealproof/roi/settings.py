"""Settings of the regions of interest (`products/<name>/inspection.yaml`: roi)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, PositiveInt

from sealproof.evidence.strict import StrictModel


class RoiSettings(StrictModel):
    """Which mask function finds the patches, and the size each patch is resized to."""

    method: Literal["full_frame", "fixed", "grid", "sobel_transition"]
    options: dict[str, Any] = Field(default_factory=dict)
    patch_height: PositiveInt = Field(default=128, multiple_of=16)
    patch_width: PositiveInt = Field(default=128, multiple_of=16)
    minimum_confidence: float = Field(default=0.0, ge=0, le=1)
