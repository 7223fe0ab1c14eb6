"""Settings of the threshold (`params.yaml`: threshold)."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from sealproof.evidence.strict import StrictModel
from sealproof.scores.settings import ScoreName

MethodName = Literal[
    "mean_sigma",
    "percentile",
    "evt_pot",
    "conformal",
    "tolerance_normal",
    "tolerance_order",
    "supervised_accuracy",
    "supervised_balanced",
    "cost",
    "recall_bound",
]
METHOD_NAMES: tuple[MethodName, ...] = get_args(MethodName)


class EvtSettings(StrictModel):
    """Peaks over threshold: where the tail begins, the wanted false-reject rate, and when the fit may be used.

    `level` is `sequential` (the lowest of the `candidates`, shares of the normals, that tests of fit do not
    reject) or `fraction` (the share `tail_fraction`). `maximum_relative_width` bounds the interval's width in
    units of the threshold's distance from the median normal.
    """

    level: Literal["sequential", "fraction"] = "sequential"
    candidates: Annotated[tuple[Annotated[float, Field(gt=0, lt=0.5)], ...], Field(min_length=1)] = (
        0.3,
        0.25,
        0.2,
        0.15,
        0.1,
        0.05,
    )
    false_discovery_rate: float = Field(default=0.1, gt=0, lt=1)
    tail_fraction: float = Field(default=0.15, gt=0, lt=0.5)
    false_reject_rate: float = Field(default=0.01, gt=0, lt=0.5)
    minimum_exceedances: PositiveInt = 60
    minimum_fit_p_value: float = Field(default=0.05, gt=0, lt=1)
    maximum_relative_width: PositiveFloat = 2.0

    @model_validator(mode="after")
    def _quantile_lies_in_the_tail(self) -> Self:
        if self.false_reject_rate >= self.tail_fraction:
            raise ValueError(
                f"the rate {self.false_reject_rate} is not below tail_fraction {self.tail_fraction}: "
                "the threshold has to lie in the tail that is fitted"
            )
        if self.false_reject_rate >= self.candidates[0]:
            raise ValueError(
                f"the rate {self.false_reject_rate} is not below the largest of candidates, {self.candidates[0]}: "
                "the threshold has to lie in the tail that is fitted"
            )
        if any(later >= earlier for earlier, later in pairwise(self.candidates)):
            raise ValueError(f"candidates {self.candidates} have to fall: the lowest level is tried first")
        return self


class ConformalSettings(StrictModel):
    """Split conformal prediction: the false-reject rate that is promised in finite samples."""

    false_reject_rate: float = Field(default=0.05, gt=0, lt=0.5)


class ToleranceSettings(StrictModel):
    """One-sided tolerance limits: share of new normal parts below the threshold, and confidence in it."""

    content: float = Field(default=0.95, gt=0.5, lt=1)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)


class CostSettings(StrictModel):
    """What a missed defect and a false reject cost, in one unit, and how many parts are defective in the field.

    Without a prevalence the method `cost` is not eligible.
    """

    false_negative: PositiveFloat = 10.0
    false_positive: PositiveFloat = 1.0
    prevalence: float | None = Field(default=0.1, gt=0, lt=1)


class RecallBoundSettings(StrictModel):
    """Share of defective parts that the threshold has to reject, with the confidence of all intervals."""

    recall: float = Field(default=0.9, gt=0, lt=1)


_Rates = Annotated[tuple[Annotated[float, Field(gt=0, lt=0.5)], ...], Field(min_length=1)]


class ThreeWaySettings(StrictModel):
    """Accept, reject or undecided: rates that are reported, and the pair that decides when it is in force."""

    in_force: bool = False
    false_reject_rates: _Rates = (0.01, 0.02, 0.05, 0.1)
    missed_defect_rates: _Rates = (0.05, 0.1, 0.2)
    false_reject_rate: float = Field(default=0.05, gt=0, lt=0.5)
    missed_defect_rate: float = Field(default=0.1, gt=0, lt=0.5)


class ThresholdSettings(StrictModel):
    """The score and the method in force, named before any test score exists.

    `require_normality` makes `mean_sigma` and `tolerance_normal` ineligible when the normality test fails;
    otherwise the failure is reported. Fewer than `normality_minimum` normals make them ineligible anyway: a
    test on so few finds no departure from normality.
    """

    score: ScoreName = "4-ms-ssim"
    method: MethodName = "conformal"
    calibration: Literal["held-out", "cross-fit"] = "held-out"
    sigmas: PositiveFloat = 2.0
    require_normality: bool = True
    normality_minimum: int = Field(default=200, ge=8)
    percentile: float = Field(default=95.0, gt=0, lt=100)
    conformal: ConformalSettings = ConformalSettings()
    tolerance: ToleranceSettings = ToleranceSettings()
    cost: CostSettings = CostSettings()
    recall_bound: RecallBoundSettings = RecallBoundSettings()
    three_way: ThreeWaySettings = ThreeWaySettings()
    evt: EvtSettings = EvtSettings()
    minimum_normals: int = Field(default=20, ge=8)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    bootstrap: PositiveInt = 1000
