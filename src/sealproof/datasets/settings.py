"""Settings of the data set and its splits (`products/<name>/inspection.yaml`: dataset, split)."""

from __future__ import annotations

import re
from typing import Any, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from sealproof.evidence.strict import StrictModel

#: Name that stands for "every image that is not in the test split".
WHOLE = "all"


class DatasetSettings(StrictModel):
    """Which adapter reads `data/<product>/`, its options, and what is printed as source and licence.

    `source` and `licence` replace what the adapter says by itself; for your own images they are the only word
    on it.
    """

    adapter: Literal["elpv", "ssi", "folder", "mvtec", "seal_sim"]
    options: dict[str, Any] = Field(default_factory=dict)
    source: str = ""
    licence: str = ""


class ClassCounts(StrictModel):
    """Images of each class that are wanted.

    `at_most: true` declares that the data may hold fewer: what is there is taken and the shortfall goes on
    record. Without it a shortfall stops the run.
    """

    normal: PositiveInt
    defective: NonNegativeInt
    at_most: bool = False


class SplitSettings(StrictModel):
    """How images are divided; drawn by seed unless the data set publishes its own lists.

    `group_by` keeps images that belong together in one split: it names a subgroup column (`group_lot`: images
    that share its value) or `captured_at` (images taken in one session, that is, without a pause longer than
    `session_gap_seconds`). `test_fraction` counts only where `test` gives no numbers.
    """

    source: Literal["seed", "published"] = "seed"
    subset: str = WHOLE
    subsets: dict[str, ClassCounts] = Field(default_factory=dict)
    test: ClassCounts | None = None
    test_fraction: float = Field(default=0.3, gt=0, lt=1)
    calibration_fraction: float = Field(default=0.3, gt=0, lt=1)
    group_by: str = ""
    session_gap_seconds: float = Field(default=1800.0, gt=0)

    @field_validator("group_by")
    @classmethod
    def _is_a_subgroup_column(cls, name: str) -> str:
        if not re.fullmatch(r"(captured_at|group_[a-z0-9_]+)?", name):
            raise ValueError(
                "it names a subgroup column of the manifest, such as group_setup, or captured_at"
            )
        return name

    @model_validator(mode="after")
    def _names_a_subset(self) -> Self:
        if "test" in self.subsets:
            raise ValueError("`test` is not a training subset; its counts stand under split.test")
        if self.source == "seed" and self.subset != WHOLE and self.subset not in self.subsets:
            known = ", ".join([WHOLE, *self.subsets])
            raise ValueError(f"subset {self.subset!r} is not among split.subsets; name one of {known}")
        if self.source == "published" and self.group_by:
            raise ValueError("published lists cannot be regrouped; group_by needs `source: seed`")
        return self
