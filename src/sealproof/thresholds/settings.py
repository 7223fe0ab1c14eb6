"""Settings of the threshold (`params.yaml`: threshold)."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field, PositiveFloat, PositiveInt

from sealproof.evidence.strict import StrictModel
from sealproof.scores.settings import ScoreName

MethodName = Literal["mean_sigma", "percentile", "evt_pot", "supervised_accuracy"]
METHOD_NAMES: tuple[MethodName, ...] = get_args(MethodName)


class EvtSettings(StrictModel):
    """Peaks over threshold: tail share, wanted false-reject rate, and when the fit may be used."""

    tail_fraction: float = Field(default=0.15, gt=0, lt=0.5)
    false_reject_rate: float = Field(default=0.01, gt=0, lt=0.5)
    minimum_exceedances: PositiveInt = 30
    minimum_fit_p_value: float = Field(default=0.05, gt=0, lt=1)


class ThresholdSettings(StrictModel):
    """The score and the method in force, named before any test score exists."""

    score: ScoreName = "4-ms-ssim"
    method: MethodName = "mean_sigma"
    sigmas: PositiveFloat = 2.0
    percentile: float = Field(default=95.0, gt=0, lt=100)
    evt: EvtSettings = EvtSettings()
    bootstrap: PositiveInt = 1000
