"""Settings of the threshold (`params.yaml`: threshold)."""

from __future__ import annotations

from typing import Literal, Self, get_args

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from sealproof.evidence.strict import StrictModel
from sealproof.scores.settings import ScoreName

MethodName = Literal["mean_sigma", "percentile", "evt_pot", "conformal", "supervised_accuracy"]
METHOD_NAMES: tuple[MethodName, ...] = get_args(MethodName)


class EvtSettings(StrictModel):
    """Peaks over threshold: tail share, wanted false-reject rate, and when the fit may be used."""

    tail_fraction: float = Field(default=0.15, gt=0, lt=0.5)
    false_reject_rate: float = Field(default=0.01, gt=0, lt=0.5)
    minimum_exceedances: PositiveInt = 30
    minimum_fit_p_value: float = Field(default=0.05, gt=0, lt=1)

    @model_validator(mode="after")
    def _quantile_lies_in_the_tail(self) -> Self:
        if self.false_reject_rate >= self.tail_fraction:
            raise ValueError(
                f"the rate {self.false_reject_rate} is not below tail_fraction {self.tail_fraction}: "
                "the threshold has to lie in the tail that is fitted"
            )
        return self


class ConformalSettings(StrictModel):
    """Split conformal prediction: the false-reject rate that is promised in finite samples."""

    false_reject_rate: float = Field(default=0.05, gt=0, lt=0.5)


class ThresholdSettings(StrictModel):
    """The score and the method in force, named before any test score exists.

    `require_normality` makes `mean_sigma` ineligible when its normality test fails; otherwise the failure is
    reported.
    """

    score: ScoreName = "4-ms-ssim"
    method: MethodName = "mean_sigma"
    sigmas: PositiveFloat = 2.0
    require_normality: bool = False
    percentile: float = Field(default=95.0, gt=0, lt=100)
    evt: EvtSettings = EvtSettings()
    conformal: ConformalSettings = ConformalSettings()
    minimum_normals: int = Field(default=20, ge=8)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    bootstrap: PositiveInt = 1000
