"""One trial: the values are trained with for a share of their epochs first, and in full only while they stay ahead."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, NonNegativeInt, PositiveInt
from threadpoolctl import threadpool_limits

from sealproof.evidence.errors import DataError, DefinitionError, SealproofError
from sealproof.evidence.strict import StrictModel
from sealproof.models.autoencoder import AttentionAutoencoder
from sealproof.models.settings import TrainSettings
from sealproof.repetition.detector import train_and_score
from sealproof.settings import Params
from sealproof.tuning.images import TuningImages
from sealproof.tuning.objective import Area, goes_on, mean_area, table_area


class Rung(StrictModel):
    """One training of a trial: its epochs, the AUROC that it came to, and the standard error of it."""

    epochs: PositiveInt
    auroc: float = Field(ge=0, le=1)
    standard_error: float | None = Field(ge=0)

    @property
    def area(self) -> Area:
        """The objective."""
        return Area(self.auroc, self.standard_error)


class Trial(StrictModel):
    """A finished trial.

    Attributes:
        number: from 1, in the order of the study.
        state: `complete`: trained in full; `pruned`: given up, `reason` says why.
        values: what was varied.
        epochs: of the training in full.
        rungs: its trainings, each of more epochs than the one before.
        reason: empty for a complete trial.
    """

    number: PositiveInt
    state: Literal["complete", "pruned"]
    values: dict[str, Any]
    epochs: NonNegativeInt
    rungs: tuple[Rung, ...]
    reason: str = ""


class Infeasible(Exception):  # noqa: N818 - a finding about a trial, not an error
    """The values of a trial cannot be trained with; the text says why."""


@dataclass(frozen=True)
class Bench:
    """What all trials of a study share.

    Attributes:
        params: params.yaml; a trial has a section `train` of its own.
        images: what is trained on and judged.
        seeds: of the trainings; the objective is their mean.
    """

    params: Params
    images: TuningImages
    seeds: tuple[int, ...]

    def measure(self, settings: TrainSettings) -> Area:
        """Train once for each seed and judge the score in force.

        Raises:
            DefinitionError, DataError: it cannot be trained with these settings.
        """
        score = self.params.threshold.score
        params = self.params.model_copy(update={"train": settings})
        areas = []
        for seed in self.seeds:
            with threadpool_limits(limits=params.compute.threads), _silent():
                table = train_and_score(
                    self.images.images, ("calibration", "tuning"), params, seed=seed
                ).scored.images
            try:
                areas.append(table_area(table, score, paired=self.images.paired))
            except ValueError as error:
                raise DataError(
                    f"the score {score} says nothing",
                    where="params.yaml, section `train`",
                    why=str(error),
                    mend="give settings that a network learns with",
                ) from error
        return mean_area(areas)

    def check(self, settings: TrainSettings) -> None:
        """Refuse an architecture that the patches do not fit, before anything is trained.

        Raises:
            Infeasible: with the reason.
        """
        try:
            AttentionAutoencoder(*self.images.patch_size, settings)
        except DefinitionError as error:
            raise Infeasible(f"{error.what}: {error.why}") from error


def run_trial(
    bench: Bench,
    settings: TrainSettings,
    epochs: Sequence[int],
    others: Callable[[int], list[float]],
    factor: int,
    known: Sequence[Rung],
    report: Callable[[list[Rung]], None],
) -> tuple[list[Rung], str]:
    """Train rung by rung until all epochs are trained or the trial falls behind.

    Args:
        bench: what is trained on and judged.
        settings: of the trial, with all its epochs.
        epochs: of each rung, rising; the last are those of `settings`.
        others: rung (from 0) -> the objective of the finished trials that came to it.
        factor: one in so many goes on.
        known: rungs that were trained before the study was interrupted.
        report: told after each rung of all rungs so far.

    Returns:
        The rungs, and why the trial was given up; empty when it was trained in full.
    """
    rungs: list[Rung] = []
    try:
        bench.check(settings)
        for place, count in enumerate(epochs):  # of few epochs, rungs can be of equal length
            rungs.append(_rung(bench, settings, count, [*known, *rungs]))
            report(rungs)
            if count < epochs[-1] and not goes_on(rungs[-1].auroc, others(place), factor):
                return rungs, f"not among the best one in {factor} after {count} of {epochs[-1]} epochs"
    except Infeasible as reason:
        return rungs, str(reason)
    return rungs, ""


def _rung(bench: Bench, settings: TrainSettings, epochs: int, known: Sequence[Rung]) -> Rung:
    """The training of so many epochs; one that is known is not repeated, since it would come to the same."""
    for rung in known:
        if rung.epochs == epochs:
            return rung
    try:
        found = bench.measure(settings.model_copy(update={"epochs": epochs}))
    except (DefinitionError, DataError) as error:
        if _is_not_the_trials_fault(error):
            raise
        raise Infeasible(f"{error.what}: {error.why}") from error
    return Rung(epochs=epochs, auroc=found.value, standard_error=found.standard_error)


def _is_not_the_trials_fault(error: SealproofError) -> bool:
    """Everything else was seen to work: the configured settings are trained with first."""
    return "`compute." in error.where


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """The bars of a single training would break up the one of the study."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
