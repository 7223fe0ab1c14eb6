"""The search space: what each step of the optimisation may vary, and between which values."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol, Self

from pydantic import Field, PositiveInt, ValidationError, model_validator

from sealproof.evidence import strict
from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.hashing import canonical_json
from sealproof.evidence.strict import StrictModel
from sealproof.evidence.workspace import Workspace
from sealproof.models.settings import TrainSettings

Step = Literal[1, 2]
STEPS: tuple[Step, ...] = (1, 2)
#: The space of the paper's Tables 11 and 12; a product's own is looked for first.
DEFAULT = Path(__file__).with_name("space.yaml")

#: Significant digits of a number: what is written is what was trained with, and a person can read it.
DIGITS = 6


class Suggests(Protocol):
    """What draws values: an Optuna trial."""

    def suggest_categorical(self, name: str, choices: list[str]) -> Any:
        """One of the choices."""

    def suggest_int(self, name: str, low: int, high: int, *, log: bool) -> int:
        """An integer from low to high, both included."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool) -> float:
        """A number from low to high."""


class Parameter(StrictModel):
    """One key of `train`: a list of choices, or a range from `low` to `high`, of integers where both are."""

    choices: tuple[Any, ...] | None = Field(default=None, min_length=1)
    low: int | float | None = None
    high: int | float | None = None
    scale: Literal["linear", "log"] = "linear"

    @model_validator(mode="after")
    def _is_choices_or_a_range(self) -> Self:
        if (self.choices is None) == (self.low is None or self.high is None):
            raise ValueError("give either `choices`, or `low` and `high`")
        if self.choices is not None:
            if len({canonical_json(choice) for choice in self.choices}) < len(self.choices):
                raise ValueError("a choice is named twice")
            if self.low is not None or self.high is not None or self.scale != "linear":
                raise ValueError("`low`, `high` and `scale` do not go with `choices`")
        elif not self._bounds[0] <= self._bounds[1]:
            raise ValueError(f"low {self.low} is above high {self.high}")
        elif self.scale == "log" and self._bounds[0] <= 0:
            raise ValueError("a range on a log scale begins above 0")
        return self

    @property
    def _bounds(self) -> tuple[float, float]:
        return float(self.low or 0), float(self.high or 0)

    def ends(self) -> tuple[Any, ...]:
        """Values that have to be possible for all to be: every choice, or both ends of the range."""
        return (self.low, self.high) if self.choices is None else self.choices

    def suggest(self, trial: Suggests, name: str) -> Any:
        """The value that `trial` draws. Choices pass through the study's database as JSON text."""
        if self.choices is not None:
            return json.loads(trial.suggest_categorical(name, [canonical_json(one) for one in self.choices]))
        log = self.scale == "log"
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(name, self.low, self.high, log=log)
        low, high = self._bounds
        drawn = float(f"{trial.suggest_float(name, low, high, log=log):.{DIGITS}g}")
        return min(max(drawn, low), high)


class Halving(StrictModel):
    """Successive halving: `rungs` trainings of a trial, each of `factor` times the epochs of the one before."""

    rungs: int = Field(default=3, ge=1, le=6)
    factor: int = Field(default=3, ge=2, le=10)

    def epochs(self, full: int) -> tuple[int, ...]:
        """Epochs of each rung, rising; the last has them all.

        Example:
            >>> Halving().epochs(90), Halving().epochs(1), Halving(rungs=1).epochs(90)
            ((10, 30, 90), (1, 1, 1), (90,))
        """
        shares = [self.factor**place for place in reversed(range(self.rungs))]
        return tuple(max(1, math.floor(full / share + 0.5)) for share in shares)


class SearchSpace(StrictModel):
    """`space.yaml`."""

    held_out_share: float = Field(default=0.3, gt=0, lt=1)
    minimum_defects: PositiveInt = 20
    startup_trials: PositiveInt = 10
    halving: Halving = Halving()
    step_1: dict[str, Parameter] = Field(min_length=1)
    step_2: dict[str, Parameter] = Field(min_length=1)

    def step(self, number: Step) -> dict[str, Parameter]:
        """Parameters of a step by key."""
        return self.step_1 if number == 1 else self.step_2


def load_space(workspace: Workspace) -> tuple[SearchSpace, str]:
    """The product's own search space, or the one of Tables 11 and 12; and the name of its file.

    Raises:
        DefinitionError: a key that `train` in params.yaml does not have, or a value that it refuses.
    """
    own = workspace.definition / "tuning" / "space.yaml"
    path, name = (own, workspace.relative(own)) if own.is_file() else (DEFAULT, "sealproof/tuning/space.yaml")
    space = strict.load(SearchSpace, path)
    problems = [
        f"step_{number}.{key}: {problem}"
        for number in STEPS
        for key, parameter in space.step(number).items()
        for problem in _problems(key, parameter)
    ]
    if problems:
        raise DefinitionError(
            f"{len(problems)} value{'s' if len(problems) > 1 else ''} of the search space cannot be",
            where=name,
            why="\n".join(problems),
            mend="correct the keys named above; they are those of `train` in params.yaml",
        )
    return space, name


def _problems(key: str, parameter: Parameter) -> list[str]:
    name, _, place = key.partition(".")
    found = getattr(TrainSettings(), name, None)
    if name not in TrainSettings.model_fields or (place and not _has_place(found, place)):
        return ["unknown key"]
    problems = []
    for value in parameter.ends():
        try:
            with_values(TrainSettings(), {key: value})
        except ValidationError as error:
            problems += [f"{problem['msg']}, got {value!r}" for problem in error.errors()]
    return problems


def _has_place(found: object, place: str) -> bool:
    return isinstance(found, tuple) and place.isdigit() and int(place) < len(found)


def with_values(base: TrainSettings, values: Mapping[str, Any]) -> TrainSettings:
    """`base` with other values, checked as params.yaml is; `key.0` is the first of a list.

    Raises:
        pydantic.ValidationError: a value, or values together, are impossible.

    Example:
        >>> with_values(TrainSettings(), {"epochs": 7, "filters.0": 8}).filters
        (8, 64, 96, 128)
    """
    content = base.model_dump(mode="json")
    for key, value in sorted(values.items()):  # a whole list comes before its parts
        name, _, place = key.partition(".")
        if place:
            content[name][int(place)] = value
        else:
            content[name] = value
    return TrainSettings.model_validate(content)
