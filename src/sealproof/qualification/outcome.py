"""What an executed protocol looks like in JSON: cases with verdicts and evidence, counts, deviations."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from sealproof.evidence.errors import EvidenceAlteredError
from sealproof.evidence.files import read_json
from sealproof.evidence.strict import StrictModel
from sealproof.qualification.definitions import StageName

Verdict = Literal["pass", "fail", "not run", "not evaluable"]
NOT_RUN = "not run - to be recorded by a person"


class Evidence(StrictModel):
    """A file that a verdict rests on, and the record read from it where there is one."""

    path: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    record: str = ""


class ExecutedCase(StrictModel):
    """One test case as executed; `expected` is what was approved, `actual` what was observed."""

    id: str
    title: str
    requirements: tuple[str, ...]
    risks: tuple[str, ...]
    clauses: tuple[str, ...]
    objective: str
    procedure: tuple[str, ...]
    expected: str
    actual: str = Field(min_length=1)
    verdict: Verdict
    automated: bool
    check: str | None
    parameters: dict[str, Any]
    evidence: tuple[Evidence, ...]
    executed_at: str | None
    seconds: float | None
    executed_by: str
    execution_no: int
    deviation: str | None

    @model_validator(mode="after")
    def _fails_closed(self) -> Self:
        if self.verdict == "pass" and not (self.automated and self.evidence and self.executed_at):
            raise ValueError(f"{self.id}: a pass needs an execution, its time and evidence")
        if (self.verdict == "fail") != (self.deviation is not None):
            raise ValueError(f"{self.id}: each failed case, and no other, has a deviation")
        return self


class Deviation(StrictModel):
    """Opened by a failed case; only QA closes it."""

    id: str
    case: str
    title: str
    expected: str
    actual: str
    status: Literal["open"] = "open"


class Counts(StrictModel):
    """Cases of a protocol by verdict."""

    total: int
    passed: int
    failed: int
    not_run: int
    not_evaluable: int

    @classmethod
    def of(cls, verdicts: Iterable[Verdict]) -> Self:
        """Count verdicts.

        Example:
            >>> Counts.of(["pass", "fail", "not run"]).failed
            1
        """
        found = list(verdicts)
        return cls(
            total=len(found),
            passed=found.count("pass"),
            failed=found.count("fail"),
            not_run=found.count("not run"),
            not_evaluable=found.count("not evaluable"),
        )


class ExecutedProtocol(StrictModel):
    """One protocol as executed: `artifacts/<product>/qualify/{iq,oq,pq}.json`.

    `approved` names every definition file with its hash: what was executed is what was approved.
    """

    stage: StageName
    title: str
    product: str
    approved: dict[str, str]
    started_at: str
    finished_at: str
    executed_by: str
    counts: Counts
    cases: tuple[ExecutedCase, ...] = Field(min_length=1)
    deviations: tuple[Deviation, ...]

    @model_validator(mode="after")
    def _counts_are_of_these_cases(self) -> Self:
        if self.counts != Counts.of(case.verdict for case in self.cases):
            raise ValueError(f"{self.stage}: the counts are not those of the cases")
        if [item.id for item in self.deviations] != [case.deviation for case in self.cases if case.deviation]:
            raise ValueError(f"{self.stage}: the deviations are not those of the failed cases")
        return self


def read_protocol(path: Path) -> ExecutedProtocol:
    """Read an executed protocol.

    Raises:
        EvidenceMissingError: the file does not exist.
        EvidenceAlteredError: it is not an executed protocol, or contradicts itself.
    """
    content = read_json(path)
    try:
        return ExecutedProtocol.model_validate(content)
    except ValidationError as error:
        raise EvidenceAlteredError(
            "an executed protocol cannot be trusted",
            where=str(path),
            why="; ".join(str(problem["msg"]) for problem in error.errors()),
            mend="delete it and run `dvc repro`",
        ) from error
