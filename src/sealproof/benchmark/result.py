"""The result of a cell as a file: what it holds, and how a reader knows that it is what the cell wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from sealproof.benchmark.cells import Cell
from sealproof.benchmark.workspace import CellWorkspace
from sealproof.evaluation.counts import ConfusionCounts
from sealproof.evidence import strict
from sealproof.evidence.errors import (
    DefinitionError,
    EvidenceAlteredError,
    EvidenceMissingError,
    SealproofError,
)
from sealproof.evidence.files import read_json, write_json
from sealproof.evidence.hashing import sha256_json
from sealproof.evidence.strict import StrictModel


class Area(StrictModel):
    """An area under the ROC curve with DeLong bounds; no value, or no bounds, with the reason."""

    value: float | None = Field(ge=0, le=1)
    low: float | None = None
    high: float | None = None
    reason: str = ""


class ScoreRow(StrictModel):
    """One score of one scoring: ranking of the test split, and of the development images.

    Attributes:
        auroc: test split; an undecided image counts against the detector.
        development: held-out normals against training defects.
        refused: why the score could not be computed; then there are no areas and no `verdicts` of it.
    """

    scoring: str
    score: str
    auroc: Area | None = None
    development: Area | None = None
    refused: str = ""


class VerdictRow(StrictModel):
    """Verdicts on the test split at the threshold of one method and calibration.

    Attributes:
        judged_at: the threshold, or what the method would give if it were eligible; None where there is neither.
        counts: names of `ConfusionCounts`.
    """

    scoring: str
    score: str
    method: str
    calibration: Literal["held-out", "training"]
    judged_at: float | None
    eligible: bool
    reason: str = ""
    counts: dict[str, NonNegativeInt]

    @property
    def confusion(self) -> ConfusionCounts:
        """The counts, an undecided image counted against the detector."""
        return ConfusionCounts(**self.counts).conservative()


class Placements(StrictModel):
    """Structural components of the headline's AUROC, for paired tests without a score or a label an image.

    Attributes:
        defective: a defective image each, by image_id: twice the normals below it, plus the ties.
        normal: a normal image each, by image_id: twice the defects above it, plus the ties.
    """

    defective: tuple[NonNegativeInt, ...]
    normal: tuple[NonNegativeInt, ...]


class Images(StrictModel):
    """How many images there were, and which: hashes over image_id and split of all, and over the test image ids."""

    train: NonNegativeInt
    calibration: NonNegativeInt
    tuning: NonNegativeInt
    test_normal: NonNegativeInt
    test_defective: NonNegativeInt
    undecided: NonNegativeInt
    patches_per_image: PositiveInt
    split_sha256: str
    test_sha256: str
    simulated: bool
    source: str
    licence: str


class ScoringTime(StrictModel):
    """Milliseconds an image from patches in memory to all scores of a scoring, median of the repeats."""

    batch_1_ms: NonNegativeFloat
    batch_ms: NonNegativeFloat


class Measured(StrictModel):
    """What differs from run to run: nothing here is part of the definition or of the content's hash."""

    fit_seconds: NonNegativeFloat
    times: dict[str, ScoringTime]
    batch: PositiveInt
    peak_memory_mib: NonNegativeFloat
    model_bytes: PositiveInt
    threads: PositiveInt
    device: str
    processor: str
    command: str
    commit: str
    modified: bool


class Body(StrictModel):
    """What a cell found; the same definition, images and code give the same."""

    format: Literal[1]
    product: str
    cell: str
    seed: int
    title: str
    definition_sha256: str
    definition: dict[str, Any]
    images: Images
    scores: tuple[ScoreRow, ...]
    verdicts: tuple[VerdictRow, ...]
    placements: Placements
    model_sha256: str


class Result(Body):
    """`benchmark/results/<product>/<cell>-<seed>.json`."""

    content_sha256: str
    measured: Measured

    @model_validator(mode="after")
    def _is_what_was_written(self) -> Self:
        found = content_hash(self.model_dump(mode="json"))
        if found != self.content_sha256:
            raise ValueError(f"its content has the hash {found}, it says {self.content_sha256}")
        if sha256_json(self.definition) != self.definition_sha256:
            raise ValueError("its definition does not have the hash that it says")
        for row in self.verdicts:
            self._check_total(row)
        return self

    def _check_total(self, row: VerdictRow) -> None:
        counts = row.confusion
        images = (self.images.test_normal, self.images.test_defective)
        if (counts.normal, counts.defective) != images:
            raise ValueError(f"{row.score} by {row.method}: the counts are not those of {images} test images")

    def score(self, scoring: str, score: str) -> ScoreRow | None:
        """The row of a score; None when it was not computed."""
        rows = (row for row in self.scores if (row.scoring, row.score) == (scoring, score))
        return next(rows, None)

    def verdict(self, scoring: str, score: str, method: str, calibration: str) -> VerdictRow | None:
        """The row of a threshold; None when there is none."""
        wanted = (scoring, score, method, calibration)
        rows = (
            row for row in self.verdicts if (row.scoring, row.score, row.method, row.calibration) == wanted
        )
        return next(rows, None)


def content_hash(content: Mapping[str, Any]) -> str:
    """SHA-256 of a result without `measured` and without the hash itself.

    Example:
        >>> content_hash({"a": 1, "measured": {"x": 2}}) == content_hash({"a": 1, "measured": {"x": 3}})
        True
    """
    return sha256_json(
        {key: value for key, value in content.items() if key not in {"measured", "content_sha256"}}
    )


def write_result(path: Path, body: Body, measured: Measured) -> Result:
    """Write a result; the same body and measurements give the same bytes.

    Raises:
        OutputError: the place cannot be written.
    """
    content = body.model_dump(mode="json")
    sealed = content | {"content_sha256": content_hash(content), "measured": measured.model_dump(mode="json")}
    result = Result.model_validate(sealed)
    write_json(path, result.model_dump(mode="json"))
    return result


@dataclass(frozen=True)
class _Problem:
    kind: type[SealproofError]
    line: str


#: Worst first: what a reader has to look into before anything else.
_KINDS: Mapping[type[SealproofError], tuple[str, str]] = {
    EvidenceAlteredError: ("results were altered", "restore them, or delete them and run the cells again"),
    DefinitionError: (
        "results belong to another definition than the declared one",
        "run the cells again, or restore the definition they were made with",
    ),
    EvidenceMissingError: ("results are missing", "run the cells"),
}


def read_results(root: Path, cells: list[Cell]) -> dict[str, Result]:
    """The results of all these cells, by `Cell.id`.

    Raises:
        EvidenceAlteredError: a file is not what a cell wrote. All problems of all files are named, also in:
        DefinitionError: a file was made with another definition than the declared one (stale).
        EvidenceMissingError: a file is not there.
    """
    found: dict[str, Result] = {}
    problems: list[_Problem] = []
    for cell in cells:
        path = CellWorkspace.of(root, cell).result
        try:
            result = strict.parse(Result, read_json(path), str(path))
        except EvidenceMissingError:
            problems.append(_Problem(EvidenceMissingError, f"{cell.id}: missing, there is no {path}"))
            continue
        except (EvidenceAlteredError, DefinitionError) as error:
            problems.append(_Problem(EvidenceAlteredError, f"{cell.id}: altered, {error.why}"))
            continue
        problems += _mismatches(cell, result)
        found[cell.id] = result
    if problems:
        raise _error(root, cells, problems)
    return found


def _mismatches(cell: Cell, result: Result) -> Iterator[_Problem]:
    named = f"{result.product}/{result.cell}-{result.seed}"
    if named != cell.id:
        yield _Problem(EvidenceAlteredError, f"{cell.id}: altered, the file is that of {named}")
    elif result.definition_sha256 != cell.sha256:
        now, then = cell.definition, result.definition
        parts = ", ".join(key for key in sorted(now.keys() | then.keys()) if now.get(key) != then.get(key))
        yield _Problem(DefinitionError, f"{cell.id}: stale, made with another definition of {parts}")


def _error(root: Path, cells: list[Cell], problems: list[_Problem]) -> SealproofError:
    kind = next(kind for kind in _KINDS if any(problem.kind is kind for problem in problems))
    what, mend = _KINDS[kind]
    return kind(
        what,
        where=str(CellWorkspace.of(root, cells[0]).result.parent),
        why="\n".join(problem.line for problem in problems),
        mend=f"{mend}: `sealproof benchmark {cells[0].product}`",
    )
