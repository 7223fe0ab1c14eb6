"""What an executed protocol looks like in JSON: cases with verdicts and evidence, counts, deviations."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from sealproof.evidence.errors import EvidenceAlteredError
from sealproof.evidence.files import read_json
from sealproof.evidence.strict import StrictModel
from sealproof.qualification.approval import ApprovalInForce
from sealproof.qualification.definitions import StageName
from sealproof.qualification.disposition import Disposition, failure_sha256

Verdict = Literal["pass", "fail", "not run", "not evaluable"]
DeviationStatus = Literal["open", "accepted", "rejected"]
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
        if self.verdict == "pass" and not (self.executed_by and self.evidence and self.executed_at):
            raise ValueError(f"{self.id}: a pass needs who executed it, the time and evidence")
        if (self.verdict == "fail") != (self.deviation is not None):
            raise ValueError(f"{self.id}: each failed case, and no other, has a deviation")
        return self


class Deviation(StrictModel):
    """Opened by a failed case; only a disposition of QA, about this very failure, closes it.

    Args:
        failure_sha256: hash of case, expected and actual; filled in when it is not given.
        status: as the disposition says; open without one.
        disposition: what QA decided, or None.
    """

    id: str
    case: str
    title: str
    expected: str
    actual: str
    failure_sha256: str = ""
    status: DeviationStatus = "open"
    disposition: Disposition | None = None

    @model_validator(mode="before")
    @classmethod
    def _hash_the_failure(cls, content: Any) -> Any:
        if not isinstance(content, dict) or content.get("failure_sha256"):
            return content
        parts = [content.get(name) for name in ("case", "expected", "actual")]
        texts = [part for part in parts if isinstance(part, str)]
        if len(texts) < len(parts):
            return content  # what is missing is reported then
        return {**content, "failure_sha256": failure_sha256(*texts)}

    @model_validator(mode="after")
    def _is_closed_by_its_disposition_alone(self) -> Self:
        if self.failure_sha256 != failure_sha256(self.case, self.expected, self.actual):
            raise ValueError(f"{self.id}: the hash is not that of the failure")
        found = self.disposition
        if self.status != (found.decision if found else "open"):
            raise ValueError(f"{self.id}: {self.status}, but the disposition does not say so")
        if found and (found.deviation, found.case, found.failure_sha256) != (
            self.id,
            self.case,
            self.failure_sha256,
        ):
            raise ValueError(f"{self.id}: the disposition is about another failure")
        return self


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

    Args:
        approved: every definition file that was executed, with its hash.
        approval: who approved definitions and when; None when nobody did.
    """

    stage: StageName
    title: str
    product: str
    approved: dict[str, str]
    approval: ApprovalInForce | None = None
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


class _AsWritten(ExecutedProtocol):
    """A protocol in the pipeline's file: what people enter stands in files of their own."""

    @model_validator(mode="after")
    def _states_nothing_for_people(self) -> Self:
        for case in self.cases:
            if not case.automated and case.verdict != "not run":
                raise ValueError(f"{case.id}: a case for people has the verdict {case.verdict}")
        for item in self.deviations:
            if item.status != "open":
                raise ValueError(f"{item.id}: {item.status} in the protocol as executed")
        return self


def read_protocol(path: Path) -> ExecutedProtocol:
    """Read an executed protocol as the pipeline wrote it, before anybody's record or disposition.

    Raises:
        EvidenceMissingError: the file does not exist.
        EvidenceAlteredError: it is not an executed protocol, contradicts itself, or states what only people can.
    """
    content = read_json(path)
    try:
        return ExecutedProtocol(**dict(_AsWritten.model_validate(content)))
    except ValidationError as error:
        raise EvidenceAlteredError(
            "an executed protocol cannot be trusted",
            where=str(path),
            why="; ".join(str(problem["msg"]) for problem in error.errors()),
            mend="delete it and run `dvc repro`",
        ) from error
