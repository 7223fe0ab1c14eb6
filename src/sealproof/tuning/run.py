"""Both steps, one after the other: what a study is of, where it starts from, when it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import optuna
import torch

from sealproof import __version__
from sealproof.evidence.errors import DefinitionError, EvidenceMissingError
from sealproof.evidence.hashing import sha256_json
from sealproof.evidence.workspace import Workspace
from sealproof.models.settings import TrainSettings
from sealproof.repetition.detector import Images
from sealproof.settings import Params, Settings
from sealproof.tuning.images import READ_SPLITS, seeded_facts, tuning_images
from sealproof.tuning.result import StepResult, Trials
from sealproof.tuning.space import STEPS, SearchSpace, Step, load_space
from sealproof.tuning.study import Storage, Study, one_at_a_time
from sealproof.tuning.trials import Bench, Rung, Trial

#: The detector whose settings Tables 11 and 12 vary.
TUNED = "attention-autoencoder"
#: Scores that are made of others, which have to be computed as well.
_MADE_OF_OTHERS = ("fusion", "decision")
_LARGEST_SEED = 2**32
_NEEDED = ("ingest/manifest.parquet", "roi/regions.parquet", "roi/patches.npy")


class Watches(Protocol):
    """What is told how far the tuning is."""

    def configured(self, found: Rung | None) -> None:
        """The configured settings are being trained with (None), or came to this."""

    def step(self, step: Step, trials: Sequence[Trial], of: int) -> None:
        """So many trials of a step are finished, of so many wanted."""


@dataclass(frozen=True)
class Limits:
    """When a run ends.

    Attributes:
        trials: finished trials that a step shall have in all, over all runs.
        deadline: no trial begins after this time of `clock`, in seconds; None: no limit.
    """

    trials: int
    deadline: float | None = None
    clock: Callable[[], float] = time.monotonic

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return self.deadline is not None and self.clock() >= self.deadline


def tune(
    settings: Settings, steps: Sequence[Step], seeds: int, limits: Limits, watch: Watches
) -> Trials | None:
    """Run trials until every step has as many as are wanted, or the time is up.

    Args:
        settings: of the product, as it lies in the workspace.
        steps: which; step 2 starts from the best settings of step 1.
        seeds: trainings a trial; the first from the configured seed.
        limits: when to end.
        watch: told how far it is.

    Returns:
        All finished trials of all steps that have any; None when the time was up before the first was finished.

    Raises:
        EvidenceMissingError: images are missing, or step 2 is asked for and step 1 has no completed trial.
        DefinitionError: settings or search space are impossible, or the study is of another definition.
        DataError: there are too few normals.
    """
    _check(settings, seeds, limits)
    workspace, params = settings.workspace, settings.params
    space, _ = load_space(workspace)
    images = tuning_images(Images.of(workspace, READ_SPLITS), space, params.challenge.seeded, params.seed)
    draws = tuple((params.seed + place) % _LARGEST_SEED for place in range(seeds))
    bench = Bench(_scoring_one(params), images, draws)
    database = database_of(workspace)
    with one_at_a_time(database.parent), Storage(database) as storage:
        results, configured = _run_steps(storage, bench, space, steps, limits, watch)
    if not results or configured is None:
        return None
    return Trials(product=workspace.product, configured=configured, steps=tuple(results))


def _run_steps(
    storage: Storage, bench: Bench, space: SearchSpace, steps: Sequence[Step], limits: Limits, watch: Watches
) -> tuple[list[StepResult], Rung | None]:
    """Results of the steps that have trials, and what the configured settings come to."""
    results: list[StepResult] = []
    configured: Rung | None = None
    start = bench.params.train
    for step in STEPS[: max(steps)]:
        name = "step-1" if step == 1 else f"step-2 from {sha256_json(start.model_dump(mode='json'))[:16]}"
        study = Study(storage, name, definition(bench, space, step, start))
        if step in steps:
            configured = configured or _configured(study, bench, watch)
            _run_step(study, step, bench, start, space, limits, watch)
        elif configured_before := study.note("configured"):
            configured = Rung.model_validate(configured_before)
        if study.trials:
            results.append(StepResult(step=step, definition=dict(study.definition), trials=study.trials))
        best = results[-1].best if study.trials else None
        if best is None or (step in steps and len(study.trials) < limits.trials):
            _require_first_step(step, steps)
            break
        start = results[-1].settings(best)
    return results, configured


def _check(settings: Settings, seeds: int, limits: Limits) -> None:
    params, workspace = settings.params, settings.workspace
    if params.train.detector != TUNED:
        raise DefinitionError(
            "there is nothing to tune",
            where="params.yaml, key `train.detector`",
            why=f"the search space of Tables 11 and 12 is that of {TUNED}, and the key names {params.train.detector}",
            mend=f"name {TUNED}",
        )
    if seeds < 1 or limits.trials < 1:
        raise DefinitionError(
            "there is nothing to do",
            where="--trials and --seeds",
            why=f"{limits.trials} trials of {seeds} trainings each find nothing",
            mend="give 1 or more of each",
        )
    folder = workspace.artifacts("train").parent
    if missing := [name for name in _NEEDED if not (folder / name).is_file()]:
        raise EvidenceMissingError(
            "there are no images to tune on",
            where=", ".join(f"{workspace.relative(folder)}/{name}" for name in missing),
            why="the files do not exist",
            mend="run `dvc repro roi`",
        )


def _require_first_step(step: Step, steps: Sequence[Step]) -> None:
    if step == 1 and 1 not in steps:
        raise EvidenceMissingError(
            "step 2 has nothing to start from",
            where="--step 2",
            why="step 1 has no completed trial with these settings and images",
            mend="run `sealproof tune --step 1` first, or both steps without `--step`",
        )


def _run_step(
    study: Study,
    step: Step,
    bench: Bench,
    start: TrainSettings,
    space: SearchSpace,
    limits: Limits,
    watch: Watches,
) -> None:
    watch.step(step, study.trials, limits.trials)
    while len(study.trials) < limits.trials and not limits.is_over:
        study.run_next(bench, start, space.step(step), space)
        watch.step(step, study.trials, limits.trials)


def _configured(study: Study, bench: Bench, watch: Watches) -> Rung:
    """What params.yaml as it stands comes to: what a tuning has to beat. Measured once."""
    if (known := study.note("configured")) is not None:
        return Rung.model_validate(known)
    watch.configured(None)
    found = bench.measure(bench.params.train)
    epochs = bench.params.train.epochs
    rung = Rung(epochs=epochs, auroc=found.value, standard_error=found.standard_error)
    study.set_note("configured", rung.model_dump(mode="json"))
    watch.configured(rung)
    return rung


def _scoring_one(params: Params) -> Params:
    """The same parameters with the score in force alone: no time goes into scores that are not looked at."""
    if params.threshold.score in _MADE_OF_OTHERS:
        return params
    score = params.score.model_copy(update={"names": (params.threshold.score,)})
    return params.model_copy(update={"score": score})


def definition(bench: Bench, space: SearchSpace, step: Step, start: TrainSettings) -> dict[str, Any]:
    """All that decides what a trial comes to and which are proposed, as JSON types."""
    params = bench.params
    return {
        "step": step,
        "train": start.model_dump(mode="json"),
        "space": {
            name: parameter.model_dump(mode="json", exclude_none=True)
            for name, parameter in sorted(space.step(step).items())
        },
        "search": space.model_dump(mode="json", exclude={"step_1", "step_2"}),
        "objective": bench.images.objective,
        "score in force": params.threshold.score,
        "score": params.score.model_dump(mode="json"),
        "compute": params.compute.model_dump(mode="json"),
        "seeded defects": seeded_facts(params.challenge.seeded) if bench.images.paired else None,
        "images": {name: group.model_dump(mode="json") for name, group in bench.images.groups.items()},
        "seed": params.seed,
        "seeds": list(bench.seeds),
        "versions": {
            "sealproof": __version__,
            "optuna": optuna.__version__,
            "torch": str(torch.__version__),
        },
    }


def database_of(workspace: Workspace) -> Path:
    """The study's database: work in progress, not committed."""
    return workspace.artifacts("tuning") / "study.db"
