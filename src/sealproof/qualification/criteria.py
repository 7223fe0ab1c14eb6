"""`criteria.json`: the acceptance criteria as judged. A function of its inputs alone: no time, no host."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError

from sealproof.evidence.errors import EvidenceAlteredError
from sealproof.evidence.files import read_json
from sealproof.evidence.records import RecordBook
from sealproof.evidence.strict import StrictModel
from sealproof.qualification.acceptance import Acceptance, CriterionOutcome, judge


class JudgedCriteria(StrictModel):
    """The criteria, the score they were judged on and the confidence of the bounds."""

    demonstration: bool
    score: str
    method: str
    confidence: float
    acceptance_sha256: str
    criteria: tuple[CriterionOutcome, ...] = Field(min_length=1)


def judge_product(acceptance: Acceptance, acceptance_sha256: str, book: RecordBook) -> JudgedCriteria:
    """Judge the criteria of a product against the records of its release.

    Raises:
        EvidenceMissingError: the score in force, the method or the confidence is not recorded.
    """
    score, method = str(book["threshold.in_force.score"].value), str(book["threshold.in_force.method"].value)
    confidence = float(str(book["evaluate.test.confidence"].value))
    return JudgedCriteria(
        demonstration=acceptance.demonstration,
        score=score,
        method=method,
        confidence=confidence,
        acceptance_sha256=acceptance_sha256,
        criteria=tuple(judge(acceptance, book, score=score, confidence=confidence)),
    )


def read_criteria(path: Path) -> JudgedCriteria:
    """Read `criteria.json`; raises EvidenceMissingError or EvidenceAlteredError."""
    content = read_json(path)
    try:
        return JudgedCriteria.model_validate(content)
    except ValidationError as error:
        raise EvidenceAlteredError(
            "the judged criteria cannot be trusted",
            where=str(path),
            why="; ".join(str(item["msg"]) for item in error.errors()),
            mend="delete the file and run `dvc repro`",
        ) from error
