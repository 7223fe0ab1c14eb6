"""The classification under Article 6(1): the software asks the questions and prints the manufacturer's answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from sealproof.evidence import strict
from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.strict import StrictModel

Mark = Literal["A", "B", "C"]


class OpenPoint(StrictModel):
    """Something about the law that was not settled on the date of the file."""

    text: str
    mark: Mark


class Question(StrictModel):
    """One step of the test, with the provision it stands in."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    provision: str
    title: str
    question: str
    mark: Mark


class ClassificationMeta(StrictModel):
    """Instrument, amendment and dates, as of a date."""

    instrument: str
    amended_by: str
    as_of: str
    applies_from: str
    position: str
    negative_result: str
    open_points: tuple[OpenPoint, ...]


class ClassificationTest(StrictModel):
    """`protocols/classification.yaml`."""

    meta: ClassificationMeta
    questions: tuple[Question, ...] = Field(min_length=1)


@dataclass(frozen=True)
class AnsweredQuestion:
    """A question and what the manufacturer answered; None when nothing was provided."""

    question: Question
    answer: str | None


def load_classification(path: Path) -> ClassificationTest:
    """Read the questions; raises DefinitionError when the file is missing or wrong."""
    return strict.load(ClassificationTest, path)


def answer(test: ClassificationTest, answers: Mapping[str, Any]) -> tuple[AnsweredQuestion, ...]:
    """Put the manufacturer's answers beside the questions, in the order of the questions.

    Raises:
        DefinitionError: an answer to a question that is not asked, which would otherwise vanish from the file.
    """
    unknown = sorted(set(answers) - {question.id for question in test.questions})
    if unknown:
        raise DefinitionError(
            "the classification answers questions that are not asked",
            where="product.yaml, key `classification`",
            why=f"unknown ids: {', '.join(unknown)}",
            mend="use the ids of protocols/classification.yaml",
        )
    return tuple(AnsweredQuestion(question, answers.get(question.id)) for question in test.questions)
