"""Settings of the data set and its splits (`products/<name>/inspection.yaml`: dataset, split)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from sealproof.evidence.strict import StrictModel


class DatasetSettings(StrictModel):
    """Which adapter reads `data/<product>/`, and its options."""

    adapter: Literal["elpv", "ssi", "folder", "mvtec", "seal_sim"]
    options: dict[str, Any] = Field(default_factory=dict)
    source: str = ""
    licence: str = ""


class ClassCounts(StrictModel):
    """Images of each class."""

    normal: PositiveInt
    defective: NonNegativeInt


class SplitSettings(StrictModel):
    """How images are divided; drawn by seed unless the data set publishes its own lists."""

    source: Literal["seed", "published"] = "seed"
    subset: str = "all"
    subsets: dict[str, ClassCounts] = Field(default_factory=dict)
    test: ClassCounts | None = None
    test_fraction: float = Field(default=0.3, gt=0, lt=1)
    calibration_fraction: float = Field(default=0.3, gt=0, lt=1)
