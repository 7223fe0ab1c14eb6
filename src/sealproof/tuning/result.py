"""The result of `make tune`: `products/<name>/tuning/best.yaml` for a person to review, `trials.json` beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, NonNegativeInt, PositiveInt

from sealproof.evidence import strict
from sealproof.evidence.errors import EvidenceAlteredError, EvidenceMissingError
from sealproof.evidence.files import read_json, write_bytes, write_json
from sealproof.evidence.hashing import sha256_file, sha256_json
from sealproof.evidence.strict import StrictModel
from sealproof.evidence.workspace import Workspace
from sealproof.models.settings import TrainSettings
from sealproof.scores.settings import ScoreName
from sealproof.tuning.images import Group, ObjectiveKind
from sealproof.tuning.space import Step, with_values
from sealproof.tuning.trials import Rung, Trial

FOLDER = "tuning"
_HEADER = """\
# Written by `sealproof tune`: the best settings found by the two-step optimisation of Tables 11 and 12.
# For a person to review; nothing applies it by itself. `sealproof tune --apply` shows what it changes in params.yaml
# and asks. No test image and no image of split `calibration` had a part in it. All trials are in trials.json.
# `auroc` is the highest of many, on the images it was chosen on: new images give less. It is no claim on performance.
"""


class StepResult(StrictModel):
    """All finished trials of a step, and what they were trials of."""

    step: Step
    definition: dict[str, Any]
    trials: tuple[Trial, ...] = Field(min_length=1)

    @property
    def start(self) -> TrainSettings:
        """The settings that values were set in."""
        return TrainSettings.model_validate(self.definition["train"])

    @property
    def best(self) -> Trial | None:
        """The complete trial of the highest objective; ties go to fewer epochs, then to the earlier trial."""
        return best_trial(self.trials)

    def settings(self, trial: Trial) -> TrainSettings:
        """Settings of a trial."""
        return with_values(self.start, trial.values)


class Trials(StrictModel):
    """`trials.json`: the configured settings as measured before anything was varied, and every step."""

    product: str
    configured: Rung
    steps: tuple[StepResult, ...] = Field(min_length=1)


class StepSummary(StrictModel):
    """A step in short.

    Attributes:
        within_one_standard_error: complete trials that the objective cannot tell from the step's best, itself
            included; None where it has no standard error.
    """

    step: Step
    definition_sha256: str
    trials: PositiveInt
    complete: NonNegativeInt
    pruned: NonNegativeInt
    best: PositiveInt | None
    best_auroc: float | None
    within_one_standard_error: int | None


class Best(StrictModel):
    """`best.yaml`.

    Attributes:
        objective: which normals were told from which defects.
        score: whose AUROC it is.
        auroc, standard_error: of the best trial, mean over the seeds.
        configured: the same of params.yaml as it stood.
        found_in: step and trial number.
        images: kind of image -> count and SHA-256 of ids and patches.
        seeds: of each trial's trainings.
        versions: of what proposed and trained.
        trials_sha256: of trials.json.
        train: section `train` of params.yaml.
    """

    product: str
    objective: ObjectiveKind
    score: ScoreName
    auroc: float = Field(ge=0, le=1)
    standard_error: float | None
    configured: Rung
    found_in: dict[str, int]
    images: dict[str, Group]
    seeds: tuple[NonNegativeInt, ...]
    versions: dict[str, str]
    steps: tuple[StepSummary, ...]
    trials_sha256: str
    train: dict[str, Any]


def best_trial(trials: Sequence[Trial]) -> Trial | None:
    """The complete trial of the highest objective; ties go to fewer epochs, then to the earlier one.

    Example:
        >>> trials = [Trial(number=n, state="complete", values={}, epochs=epochs, rungs=(Rung(epochs=epochs, auroc=a,
        ...     standard_error=None),)) for n, epochs, a in ((1, 50, 0.9), (2, 30, 0.9), (3, 20, 0.8))]
        >>> best_trial(trials).number
        2
    """
    complete = [trial for trial in trials if trial.state == "complete"]
    return min(complete, key=lambda trial: (-trial.rungs[-1].auroc, trial.epochs, trial.number), default=None)


def summary(result: StepResult) -> StepSummary:
    """Counts of a step, and how many trials are as good as its best to within one standard error."""
    best = result.best
    complete = [trial for trial in result.trials if trial.state == "complete"]
    near = None
    if best is not None and (error := best.rungs[-1].standard_error) is not None:
        near = sum(trial.rungs[-1].auroc >= best.rungs[-1].auroc - error for trial in complete)
    return StepSummary(
        step=result.step,
        definition_sha256=sha256_json(result.definition),
        trials=len(result.trials),
        complete=len(complete),
        pruned=len(result.trials) - len(complete),
        best=best.number if best else None,
        best_auroc=best.rungs[-1].auroc if best else None,
        within_one_standard_error=near,
    )


def chosen(steps: Sequence[StepResult]) -> tuple[StepResult, Trial] | None:
    """The best trial of all steps; ties go to fewer epochs, then to the earlier step. None when none is complete."""
    found = [(result, best) for result in steps if (best := result.best) is not None]
    return min(found, key=lambda pair: (-pair[1].rungs[-1].auroc, pair[1].epochs, pair[0].step), default=None)


def paths(workspace: Workspace) -> tuple[Path, Path]:
    """Places of best.yaml and trials.json."""
    folder = workspace.definition / FOLDER
    return folder / "best.yaml", folder / "trials.json"


def write_result(workspace: Workspace, trials: Trials) -> Best | None:
    """Write both files; only trials.json, and no former best.yaml beside it, when no trial was completed."""
    best_path, trials_path = paths(workspace)
    if (found := chosen(trials.steps)) is None:
        best_path.unlink(missing_ok=True)
        write_json(trials_path, trials.model_dump(mode="json"))
        return None
    write_json(trials_path, trials.model_dump(mode="json"))
    best = _best(trials, *found, sha256_file(trials_path))
    text = yaml.safe_dump(best.model_dump(mode="json"), sort_keys=False, width=110, allow_unicode=True)
    write_bytes(best_path, (_HEADER + text).encode())
    return best


def _best(trials: Trials, result: StepResult, trial: Trial, trials_sha256: str) -> Best:
    definition = result.definition
    return Best(
        product=trials.product,
        objective=definition["objective"],
        score=definition["score in force"],
        auroc=trial.rungs[-1].auroc,
        standard_error=trial.rungs[-1].standard_error,
        configured=trials.configured,
        found_in={"step": result.step, "trial": trial.number},
        images={name: Group.model_validate(group) for name, group in definition["images"].items()},
        seeds=tuple(definition["seeds"]),
        versions=definition["versions"],
        steps=tuple(summary(step) for step in trials.steps),
        trials_sha256=trials_sha256,
        train=result.settings(trial).model_dump(mode="json"),
    )


def read_best(workspace: Workspace) -> Best:
    """Read best.yaml, and hold it against the trials.

    Raises:
        EvidenceMissingError: nothing was tuned.
        DefinitionError: it has unknown or missing keys.
        EvidenceAlteredError: it is not what the trials in trials.json come to.
    """
    best_path, trials_path = paths(workspace)
    if not best_path.is_file():
        raise EvidenceMissingError(
            "there is no result of a tuning",
            where=workspace.relative(best_path),
            why="the file does not exist",
            mend="run `make tune`",
        )
    best = strict.load(Best, best_path)
    trials = strict.parse(Trials, read_json(trials_path), workspace.relative(trials_path))
    found = chosen(trials.steps)
    wanted = _best(trials, *found, sha256_file(trials_path)) if found else None
    if best != wanted:
        differing = [
            name
            for name in Best.model_fields
            if wanted is None or getattr(best, name) != getattr(wanted, name)
        ]
        raise EvidenceAlteredError(
            "the result of the tuning is not what its trials come to",
            where=f"{workspace.relative(best_path)}: {', '.join(differing)}",
            why="the values differ from those of the best trial in trials.json, or one of the files was edited",
            mend="run `make tune` again: it writes both anew from the study; or edit params.yaml by hand",
        )
    return best
