"""The result of `make repeatability`: `products/<name>/repeatability/seeds.json`, checked whenever it is read."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from pydantic import Field, NonNegativeInt, PositiveInt, ValidationError, model_validator

from sealproof.evidence.errors import EvidenceAlteredError
from sealproof.evidence.files import read_json
from sealproof.evidence.hashing import sha256_file, sha256_json
from sealproof.evidence.strict import StrictModel, problem_lines
from sealproof.evidence.workspace import Workspace
from sealproof.settings import Settings

FOLDER = "repeatability"
_SHA256 = r"^[0-9a-f]{64}$"
#: Sections of params.yaml that decide what a training, its scores and its threshold come to.
_SECTIONS = ("seed", "compute", "train", "score", "cross_fit", "threshold")


class Share(StrictModel):
    """So many of so many; no rate where there are none."""

    count: NonNegativeInt
    of: NonNegativeInt
    rate: float | None

    @classmethod
    def made(cls, count: int, of: int) -> Self:
        """The share with its rate.

        Example:
            >>> Share.made(1, 4).rate
            0.25
        """
        return cls(count=count, of=of, rate=count / of if of else None)

    @model_validator(mode="after")
    def _rate_is_that_of_the_counts(self) -> Self:
        if self.count > self.of or self.rate != (self.count / self.of if self.of else None):
            raise ValueError(f"{self.count} of {self.of} is not a rate of {self.rate}")
        return self


class Development(StrictModel):
    """What a detector makes of the images it was developed with; none of it is a claim on performance.

    Attributes:
        seed: of its training.
        kept_epoch: the epoch whose weights were kept; None where a detector is fitted in one pass.
        threshold: None when the configured method gives no valid one; `reason` says why or why not.
        accept_below: lower end of the range that goes to a person; None where there is no such range.
        false_rejects: held-out normals that are rejected. The threshold was computed from their scores.
        detected: training defects that are rejected.
        auroc: chance that a training defect scores above a held-out normal; None where either is missing.
    """

    seed: NonNegativeInt
    kept_epoch: PositiveInt | None
    threshold: float | None
    accept_below: float | None
    reason: str
    false_rejects: Share
    detected: Share
    auroc: float | None = Field(ge=0, le=1)


class Run(Development):
    """One training from another seed, and how its verdicts agree with those of the released detector.

    Attributes:
        equal: test images with the same verdict, of those whose region was found; no label is read.
        kappa: Cohen's kappa of these verdicts; None where both give one verdict throughout.
    """

    equal: Share
    kappa: float | None = Field(ge=-1, le=1)


class Spread(StrictModel):
    """Mean, lowest and highest over the seeds."""

    mean: float
    low: float
    high: float


class Summary(StrictModel):
    """Spread of each figure over the seeds; None where a seed has no such figure."""

    threshold: Spread | None
    false_reject_rate: Spread | None
    recall: Spread | None
    auroc: Spread | None
    agreement: Spread | None
    kappa: Spread | None


_FIGURES: dict[str, Callable[[Run], float | None]] = {
    "threshold": lambda run: run.threshold,
    "false_reject_rate": lambda run: run.false_rejects.rate,
    "recall": lambda run: run.detected.rate,
    "auroc": lambda run: run.auroc,
    "agreement": lambda run: run.equal.rate,
    "kappa": lambda run: run.kappa,
}


def summarise(runs: Sequence[Run]) -> Summary:
    """Mean, lowest and highest of each figure over the runs."""
    return Summary(**{name: _spread([of(run) for run in runs]) for name, of in _FIGURES.items()})


def _spread(values: Sequence[float | None]) -> Spread | None:
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    return Spread(mean=math.fsum(known) / len(known), low=min(known), high=max(known))


class BelongsTo(StrictModel):
    """SHA-256 of what a result is about: released weights, scores and thresholds, and the parameters they rest on."""

    weights: str = Field(pattern=_SHA256)
    scores: str = Field(pattern=_SHA256)
    thresholds: str = Field(pattern=_SHA256)
    params: str = Field(pattern=_SHA256)


class SeedStudy(StrictModel):
    """The same training from other seeds.

    Attributes:
        product: its name.
        score, method: in force.
        belongs_to: the system whose verdicts the runs were held against.
        released: the same development figures of that system.
        runs: a training each.
        summary: over the runs.
    """

    product: str
    score: str
    method: str
    belongs_to: BelongsTo
    released: Development
    runs: tuple[Run, ...] = Field(min_length=1)
    summary: Summary

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        seeds = [self.released.seed, *(run.seed for run in self.runs)]
        if len(set(seeds)) < len(seeds):
            raise ValueError(f"a seed is given twice among {seeds}; the first is the released one")
        if len({run.equal.of for run in self.runs}) > 1:
            raise ValueError("the runs judged different numbers of test images")
        if self.summary != summarise(self.runs):
            raise ValueError("the summary is not that of the runs")
        return self


def study_path(workspace: Workspace) -> Path:
    """`products/<name>/repeatability/seeds.json`."""
    return workspace.definition / FOLDER / "seeds.json"


def read_study(workspace: Workspace) -> SeedStudy | None:
    """The result of the last `make repeatability`; None when there is none.

    Raises:
        EvidenceAlteredError: the file is not what the command writes; every problem is named.
    """
    path = study_path(workspace)
    if not path.exists():
        return None
    try:
        study = SeedStudy.model_validate(read_json(path))
        problems = [] if study.product == workspace.product else [f"it is about product {study.product!r}"]
    except ValidationError as error:
        problems = problem_lines(error)
    if problems:
        raise EvidenceAlteredError(
            "the result of the repeatability study cannot be trusted",
            where=workspace.relative(path),
            why="\n".join(problems),
            mend="delete it and run `make repeatability`",
        )
    return study


def belongs_to(settings: Settings) -> BelongsTo:
    """The system as it lies in the workspace now.

    Raises:
        OSError: weights, scores or thresholds cannot be read.
    """
    params = settings.params.model_dump(mode="json")
    place = settings.workspace.artifacts
    return BelongsTo(
        weights=sha256_file(place("train") / "model.safetensors"),
        scores=sha256_file(place("score") / "scores.parquet"),
        thresholds=sha256_file(place("threshold") / "thresholds.json"),
        params=sha256_json({name: params[name] for name in _SECTIONS}),
    )


def outdated(study: SeedStudy, settings: Settings) -> tuple[str, ...]:
    """What the study is about that is no longer so: any of `weights`, `scores`, `thresholds`, `params`; empty if
    nothing."""
    now = belongs_to(settings).model_dump()
    return tuple(name for name, digest in study.belongs_to.model_dump().items() if now[name] != digest)
