"""All settings of a run: `params.yaml` (how) and `products/<name>/inspection.yaml` (what)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from sealproof.challenges.settings import AcquisitionSettings, ChallengeSettings
from sealproof.datasets.settings import DatasetSettings, SplitSettings
from sealproof.evaluation.settings import EvaluateSettings
from sealproof.evidence import strict
from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.strict import StrictModel
from sealproof.evidence.workspace import Workspace
from sealproof.models.settings import TrainSettings
from sealproof.quality.settings import CheckSettings
from sealproof.repetition.settings import CrossFitSettings
from sealproof.roi.settings import RoiSettings
from sealproof.scores.settings import ScoreSettings, standard_scores
from sealproof.thresholds.settings import ThresholdSettings


class ComputeSettings(StrictModel):
    """Threads are fixed because the order of a sum changes its last bits."""

    threads: PositiveInt = 1
    device: Literal["auto", "cpu", "cuda"] = "auto"


class Params(StrictModel):
    """`params.yaml`."""

    product: str
    seed: NonNegativeInt = Field(le=2**32 - 1)
    compute: ComputeSettings
    train: TrainSettings
    score: ScoreSettings
    cross_fit: CrossFitSettings = CrossFitSettings()
    threshold: ThresholdSettings
    challenge: ChallengeSettings = ChallengeSettings()
    evaluate: EvaluateSettings

    @field_validator("product")
    @classmethod
    def _is_a_folder_name(cls, name: str) -> str:
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
            raise ValueError("a product name is lower-case words joined by '-'")
        return name

    @model_validator(mode="after")
    def _score_in_force_is_computed(self) -> Self:
        names = self.score.names or standard_scores(self.train.detector)
        if self.threshold.score not in names:
            raise ValueError(
                f"threshold.score is {self.threshold.score}, and the scores that are computed are {', '.join(names)} "
                f"(train.detector is {self.train.detector}; score.names)"
            )
        return self


class Inspection(StrictModel):
    """`products/<name>/inspection.yaml`."""

    dataset: DatasetSettings
    split: SplitSettings
    checks: CheckSettings
    roi: RoiSettings
    acquisition: AcquisitionSettings | None = None


@dataclass(frozen=True)
class Settings:
    """Everything a stage may ask for."""

    params: Params
    inspection: Inspection
    workspace: Workspace


def load_settings(root: Path) -> Settings:
    """Read params.yaml below `root` and the inspection.yaml of the product it names.

    Raises:
        DefinitionError: a file is missing, a key unknown, a value impossible, or the product does not exist.
    """
    params = strict.load(Params, root / "params.yaml")
    workspace = Workspace(root, params.product)
    if not workspace.definition.is_dir():
        known = sorted(path.name for path in (root / "products").glob("*") if path.is_dir())
        raise DefinitionError(
            f"product {params.product!r} is not defined",
            where="params.yaml, key `product`",
            why=f"there is no folder {workspace.definition}",
            mend=f"name one of {', '.join(known)}, or create it with `sealproof init {params.product}`",
        )
    inspection = strict.load(Inspection, workspace.definition / "inspection.yaml")
    return Settings(params, inspection, workspace)
