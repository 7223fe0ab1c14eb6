"""Settings of cross-fitting (`params.yaml`: cross_fit)."""

from __future__ import annotations

from pydantic import Field, field_validator

from sealproof.evidence.strict import StrictModel


class CrossFitSettings(StrictModel):
    """How many detectors are trained so that every normal is scored by one that did not see it.

    Attributes:
        folds: 0 switches cross-fitting off; otherwise 2 or more, a training each.
    """

    folds: int = Field(default=0, ge=0)

    @field_validator("folds")
    @classmethod
    def _one_fold_leaves_nothing_to_learn_from(cls, folds: int) -> int:
        if folds == 1:
            raise ValueError("one fold leaves no normal to learn from: give 0 (off), or 2 or more")
        return folds
