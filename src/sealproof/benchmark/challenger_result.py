"""A comparison on record: `artifacts/<product>/challengers/<file>.json`, and how many there were before it.

Every record carries the list of all challengers that were compared in this project, also of those whose file was
overwritten since: many trials on the same images have to stay visible.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, ValidationError, model_validator

from sealproof.evidence.errors import EvidenceAlteredError
from sealproof.evidence.files import read_json, write_json
from sealproof.evidence.hashing import sha256_json
from sealproof.evidence.strict import StrictModel, problem_lines
from sealproof.evidence.workspace import Workspace
from sealproof.repetition.result import Share

Outcome = Literal["better", "worse", "no difference shown"]
Requirement = Literal["better", "not-worse"]
Sha256 = str
_SHA256 = r"^[0-9a-f]{64}$"


class Counts(StrictModel):
    """Numbers of development images."""

    normals: NonNegativeInt
    defects: NonNegativeInt


class Side(StrictModel):
    """One of the two.

    Attributes:
        detector, score: names.
        scores_sha256: of its scores of the development images.
        undecided: images without a score; they count against it.
        threshold: conformal, from its own held-out normals; None where there is no valid one.
        detected: training defects at or above it.
        model_sha256, model_bytes: of the weights' file.
    """

    detector: str
    score: str
    scores_sha256: str = Field(pattern=_SHA256)
    undecided: Counts
    threshold: float | None
    detected: Share | None
    model_sha256: str = Field(pattern=_SHA256)
    model_bytes: NonNegativeInt


class Trial(StrictModel):
    """A challenger that was compared: its number in this project, what it was, and with which champion."""

    number: PositiveInt
    file: str
    definition_sha256: str = Field(pattern=_SHA256)
    champion_sha256: str = Field(pattern=_SHA256)


class Result(StrictModel):
    """A challenger compared with the champion on development images; none of it is a claim on performance.

    Attributes:
        file: stem of the challenger's file.
        definition: its settings, resolved; `definition_sha256` is their hash.
        champion_sha256: of the champion's weights, its scores of the development images, their name, and the split.
        split_sha256: of [image_id, split] of training normals, held-out normals and training defects.
        images: that are compared on.
        confidence: of the bounds.
        false_reject_rate: that both conformal thresholds promise.
        champion_auroc, challenger_auroc: chance that a training defect scores above a held-out normal.
        difference: challenger less champion, with bounds `low` and `high`; None where it has no variance.
        p_value: of the paired DeLong test, two-sided.
        trials: all challengers on record, this one among them.
        remarks: what else a reader has to know.
    """

    format: Literal[1]
    product: str
    file: str
    definition: dict[str, Any]
    definition_sha256: str = Field(pattern=_SHA256)
    champion_sha256: str = Field(pattern=_SHA256)
    split_sha256: str = Field(pattern=_SHA256)
    images: Counts
    confidence: float = Field(gt=0, lt=1)
    false_reject_rate: float = Field(gt=0, lt=1)
    champion: Side
    challenger: Side
    champion_auroc: float = Field(ge=0, le=1)
    challenger_auroc: float = Field(ge=0, le=1)
    difference: float
    low: float | None
    high: float | None
    p_value: float | None
    trials: tuple[Trial, ...] = Field(min_length=1)
    remarks: tuple[str, ...]

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        problems = []
        if sha256_json(self.definition) != self.definition_sha256:
            problems.append("definition_sha256 is not the hash of the definition")
        if (self.low is None) != (self.high is None) or not self._difference_is_within():
            problems.append("the difference is not between its bounds")
        if abs(self.challenger_auroc - self.champion_auroc - self.difference) > 1e-9:
            problems.append("the difference is not that of the areas")
        if self._own not in {(trial.definition_sha256, trial.champion_sha256) for trial in self.trials}:
            problems.append("the challenger is not among the trials")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _difference_is_within(self) -> bool:
        return self.low is None or self.high is None or self.low <= self.difference <= self.high

    @property
    def _own(self) -> tuple[str, str]:
        return self.definition_sha256, self.champion_sha256

    @property
    def outcome(self) -> Outcome:
        """Better or worse only where both bounds lie on one side of zero."""
        if self.low is None or self.high is None:
            return "no difference shown"
        return "better" if self.low > 0 else "worse" if self.high < 0 else "no difference shown"

    @property
    def challengers(self) -> int:
        """How many challengers were compared with this champion, this one among them."""
        return sum(trial.champion_sha256 == self.champion_sha256 for trial in self.trials)

    def meets(self, requirement: Requirement, margin: float) -> bool:
        """Whether the lower bound of the difference shows what is required; without bounds nothing is shown.

        Args:
            requirement: `better`: above zero; `not-worse`: above -margin.
            margin: loss of AUROC that does not matter, 0 or more.
        """
        return self.low is not None and self.low > (0.0 if requirement == "better" else -margin)


def records_folder(workspace: Workspace) -> Path:
    """Where comparisons lie; not committed."""
    return workspace.artifacts("challengers")


def write_result(workspace: Workspace, result: Result) -> Path:
    """Write a comparison into its place, over an earlier one of the same file name."""
    path = records_folder(workspace) / f"{result.file}.json"
    write_json(
        path, result.model_dump(mode="json") | {"outcome": result.outcome, "challengers": result.challengers}
    )
    return path


def read_results(workspace: Workspace) -> Iterator[Result]:
    """All comparisons on record, by file name.

    Raises:
        EvidenceAlteredError: a file is not what the command writes.
    """
    for path in sorted(records_folder(workspace).glob("*.json")):
        content = read_json(path)
        stated = (
            {name: content.pop(name, None) for name in ("outcome", "challengers")}
            if isinstance(content, dict)
            else {}
        )
        try:
            found = Result.model_validate(content)
        except ValidationError as error:
            problems = problem_lines(error)
        else:
            derived = {"outcome": found.outcome, "challengers": found.challengers}
            problems = [
                f"{name}: not what follows from the rest" for name in derived if derived[name] != stated[name]
            ]
        if problems:
            raise EvidenceAlteredError(
                "a comparison on record cannot be trusted, so challengers cannot be counted",
                where=workspace.relative(path),
                why="\n".join(problems),
                mend="restore the file",
            )
        yield found


def trials_with(workspace: Workspace, file: str, definition: str, champion: str) -> tuple[Trial, ...]:
    """All trials on record in their order, and this one; the same challenger and champion count once.

    Args:
        workspace: of the product.
        file: stem of the challenger's file.
        definition, champion: their hashes.

    Raises:
        EvidenceAlteredError: a comparison on record is not what the command writes.
    """
    known = sorted(
        (trial for result in read_results(workspace) for trial in result.trials),
        key=lambda trial: (trial.number, trial.definition_sha256),
    )
    found = {(trial.definition_sha256, trial.champion_sha256): trial for trial in reversed(known)}
    if (definition, champion) not in found:
        number = max((trial.number for trial in known), default=0) + 1
        found[definition, champion] = Trial(
            number=number, file=file, definition_sha256=definition, champion_sha256=champion
        )
    return tuple(sorted(found.values(), key=lambda trial: (trial.number, trial.definition_sha256)))
