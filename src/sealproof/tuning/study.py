"""A study: trials in an SQLite database, so that one that was interrupted goes on where it stopped.

Values are proposed by the tree-structured Parzen estimator (TPE) of Optuna: Bergstra et al., Algorithms for
Hyper-Parameter Optimization, NeurIPS 2011; Akiba et al., KDD 2019. What it proposes follows from the seed and the
finished trials alone, so an interrupted study and one in a single run come to the same trials.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import optuna
from optuna.trial import FrozenTrial, TrialState
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from sealproof.evidence.errors import DefinitionError, EvidenceAlteredError, OutputError
from sealproof.evidence.files import unwritable
from sealproof.evidence.hashing import canonical_json
from sealproof.evidence.strict import problem_lines
from sealproof.models.settings import TrainSettings
from sealproof.thresholds.resampling import generator
from sealproof.tuning.space import Parameter, SearchSpace, with_values
from sealproof.tuning.trials import Bench, Rung, Trial, run_trial

_FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold the folder of a study; a second process is refused, because both would propose the same trials.

    Raises:
        OutputError: another process tunes this product, or the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise OutputError(
            "another process tunes this product at this moment",
            where=str(folder),
            why="one at a time, so that each trial knows the ones before it",
            mend="wait until it has finished",
        ) from error
    finally:
        os.close(handle)


class Storage:
    """The database of a product's studies; use it as a context.

    Args:
        database: the SQLite file; made when it is not there.

    Raises:
        EvidenceAlteredError: the file is no database of studies.
    """

    def __init__(self, database: Path) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.database = database
        with self._readable():
            self._storage = optuna.storages.RDBStorage(
                f"sqlite:///{database.resolve()}",
                engine_kwargs={"creator": lambda: _connect(database)},
                skip_compatibility_check=True,  # the definition of a study names its Optuna, and no other goes on
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._storage.scoped_session.remove()
        self._storage.engine.dispose()

    def study(self, name: str) -> optuna.Study:
        """The study of this name, made when it is not there."""
        with self._readable():
            return optuna.create_study(
                storage=self._storage, study_name=name, direction="maximize", load_if_exists=True
            )

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.DatabaseError, SQLAlchemyError, optuna.exceptions.OptunaError) as error:
            raise EvidenceAlteredError(
                "the study's database cannot be read",
                where=str(self.database),
                why=str(error).splitlines()[0],
                mend="move its folder away to begin anew",
            ) from error


class Study:
    """The trials of one step.

    Args:
        storage: the database it is kept in.
        name: of the study in it.
        definition: all that decides what a trial comes to; JSON types.

    Raises:
        DefinitionError: the database holds a study of this name and another definition.
    """

    def __init__(self, storage: Storage, name: str, definition: Mapping[str, Any]) -> None:
        self.name, self.definition, self._database = name, definition, storage.database
        self._study = storage.study(name)
        self._require_same_definition()
        self._stopped: list[FrozenTrial] = []
        self._trials: list[Trial] = []
        for trial in self._study.get_trials(deepcopy=False):
            if trial.state in _FINISHED:
                self._trials.append(_trial(len(self._trials) + 1, trial))
            else:
                self._stopped.append(trial)
            if trial.state == TrialState.RUNNING:  # whoever ran it is gone: the folder is ours
                self._study.tell(trial.number, state=TrialState.FAIL)

    @property
    def trials(self) -> tuple[Trial, ...]:
        """The finished trials, in order."""
        return tuple(self._trials)

    def note(self, name: str) -> Any:
        """What was noted about the study; None when nothing was."""
        return self._study.user_attrs.get(name)

    def set_note(self, name: str, value: Any) -> None:
        """Note something about the study, in JSON types."""
        self._study.set_user_attr(name, value)

    def run_next(
        self, bench: Bench, base: TrainSettings, parameters: Mapping[str, Parameter], space: SearchSpace
    ) -> Trial:
        """Propose the next values, train with them, keep what they came to.

        Args:
            bench: what is trained on and judged.
            base: settings that values are set in.
            parameters: what is varied.
            space: how it is searched.
        """
        done = self.trials
        trial, values, known = self._ask(parameters, space.startup_trials, len(done), bench)
        asked = {"values": values, "epochs": 0}
        try:
            settings = with_values(base, values)
        except ValidationError as error:
            reason = "; ".join(problem_lines(error, "train"))
            trial.set_user_attr("asked", asked)
            return self._tell(trial, [], reason)
        trial.set_user_attr("asked", asked | {"epochs": settings.epochs})
        rungs, reason = run_trial(
            bench,
            settings,
            space.halving.epochs(settings.epochs),
            lambda place: [one.rungs[place].auroc for one in done if len(one.rungs) > place],
            space.halving.factor,
            known,
            lambda rungs: trial.set_user_attr("rungs", [rung.model_dump(mode="json") for rung in rungs]),
        )
        return self._tell(trial, rungs, reason)

    def _ask(
        self, parameters: Mapping[str, Parameter], startup: int, done: int, bench: Bench
    ) -> tuple[optuna.Trial, dict[str, Any], list[Rung]]:
        """The next trial, its values, and the rungs of it that an interrupted run has trained already."""
        seed = int(generator(bench.params.seed, "tuning", self.name, f"{done}").integers(2**32))
        self._study.sampler = optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=startup, multivariate=True, constant_liar=False
        )
        trial = self._study.ask()
        values = {name: parameter.suggest(trial, name) for name, parameter in sorted(parameters.items())}
        trained = [_rungs(stopped) for stopped in self._stopped if stopped.params == trial.params]
        return trial, values, max(trained, key=len, default=[])

    def _tell(self, trial: optuna.Trial, rungs: Sequence[Rung], reason: str) -> Trial:
        trial.set_user_attr("reason", reason)
        if reason and rungs:  # how far it came, and to what, is how TPE ranks what was given up
            trial.report(rungs[-1].auroc, len(rungs))
        outcome: dict[str, Any] = {"state": TrialState.PRUNED} if reason else {"values": rungs[-1].auroc}
        found = _trial(len(self._trials) + 1, self._study.tell(trial, **outcome))
        self._trials.append(found)
        return found

    def _require_same_definition(self) -> None:
        known = self.note("definition")
        if known is None:
            self.set_note("definition", canonical_json(self.definition))
            return
        before = json.loads(known)
        now = json.loads(canonical_json(self.definition))
        differing = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
        if differing:
            raise DefinitionError(
                f"the study {self.name!r} is of another definition",
                where=f"{self._database}: {', '.join(differing)}",
                why="\n".join(
                    f"{name}: {_short(before.get(name))} there, {_short(now.get(name))} now"
                    for name in differing
                ),
                mend="restore what differs to go on with it, or move the folder away to begin anew",
            )


def _connect(database: Path) -> sqlite3.Connection:
    """A connection with a write-ahead log: a commit outlives a killed process, and costs no wait for the disk."""
    connection = sqlite3.connect(database, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _trial(number: int, trial: FrozenTrial) -> Trial:
    return Trial(
        number=number,
        state="complete" if trial.state == TrialState.COMPLETE else "pruned",
        values=trial.user_attrs["asked"]["values"],
        epochs=trial.user_attrs["asked"]["epochs"],
        rungs=tuple(_rungs(trial)),
        reason=trial.user_attrs["reason"],
    )


def _rungs(trial: FrozenTrial) -> list[Rung]:
    return [Rung.model_validate(rung) for rung in trial.user_attrs.get("rungs", [])]


def _short(value: Any) -> str:
    text = canonical_json(value)
    return text if len(text) <= 160 else f"{text[:157]}..."
