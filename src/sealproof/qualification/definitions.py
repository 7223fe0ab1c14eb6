"""What a protocol file may say: requirements, risks and test cases, strict models without behaviour."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from sealproof.evidence.strict import StrictModel

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
RequirementId = Annotated[str, StringConstraints(pattern=r"^URS-\d{3}$")]
RiskId = Annotated[str, StringConstraints(pattern=r"^RC-\d{2}$")]
CaseId = Annotated[str, StringConstraints(pattern=r"^(IQ|OQ|PQ)-\d{3}$")]
ExecutedCaseId = Annotated[str, StringConstraints(pattern=r"^(IQ|OQ|PQ)-\d{3}(-AC-\d{2})?$")]
DeviationId = Annotated[str, StringConstraints(pattern=r"^DEV-(IQ|OQ|PQ)-\d{3}(-AC-\d{2})?$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
StageName = Literal["iq", "oq", "pq"]
STAGE_NAMES: tuple[StageName, ...] = ("iq", "oq", "pq")


def _as_text(value: Any) -> Any:
    """YAML reads a time without quotes as a time, not as text."""
    return value.isoformat() if isinstance(value, datetime) else value


def _dated(value: str) -> str:
    if datetime.fromisoformat(value).tzinfo is None:
        raise ValueError("a time needs its zone, as in 2026-11-21T10:00:00+00:00")
    return value


Moment = Annotated[str, BeforeValidator(_as_text), AfterValidator(_dated)]


class Requirement(StrictModel):
    """A user requirement and the clauses it answers to."""

    id: RequirementId
    text: Text
    clauses: tuple[Text, ...] = Field(min_length=1)


class Requirements(StrictModel):
    """`protocols/requirements.yaml`."""

    status: Text
    requirements: tuple[Requirement, ...] = Field(min_length=1)


class Risk(StrictModel):
    """A hazard, its cause and the control that a test case has to prove.

    `severity` and `probability` are classes of the manufacturer's own risk procedure (ISO 14971).
    """

    id: RiskId
    hazard: Text
    cause: Text
    severity: Literal["minor", "serious", "critical"]
    probability: Literal["improbable", "remote", "occasional", "probable"]
    control: Text
    requirements: tuple[RequirementId, ...] = Field(min_length=1)


class Risks(StrictModel):
    """`protocols/risks.yaml`."""

    status: Text
    risks: tuple[Risk, ...] = Field(min_length=1)


class CaseDefinition(StrictModel):
    """One test case as approved.

    `expected` is quantified. An automated case names a registered check; a manual one names none and stays
    "not run" until a person records it. `for_each` makes one executed case of each acceptance criterion.
    """

    id: CaseId
    title: Text
    requirements: tuple[RequirementId, ...] = Field(min_length=1)
    risks: tuple[RiskId, ...] = Field(min_length=1)
    clauses: tuple[Text, ...] = Field(min_length=1)
    objective: Text
    procedure: tuple[Text, ...] = Field(min_length=1)
    expected: Text
    automated: bool
    check: Text | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    for_each: Literal["acceptance-criterion"] | None = None

    @model_validator(mode="after")
    def _automated_has_a_check(self) -> Self:
        if self.automated and self.check is None:
            raise ValueError(f"{self.id} is automated but names no check")
        if not self.automated and (self.check is not None or self.parameters or self.for_each):
            raise ValueError(f"{self.id} is for people: it names no check, parameters or for_each")
        return self


class Protocol(StrictModel):
    """`protocols/iq.yaml`, `oq.yaml`, `pq.yaml`."""

    stage: StageName
    title: Text
    purpose: Text
    scope: Text
    not_covered: Text
    prerequisites: tuple[Text, ...] = Field(min_length=1)
    overall_rule: Text
    cases: tuple[CaseDefinition, ...] = Field(min_length=10)
