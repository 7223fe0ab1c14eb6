"""Executes a protocol: each case gives a verdict, what was observed, evidence and time; none is dropped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sealproof import __version__
from sealproof.evidence.errors import SealproofError
from sealproof.evidence.files import write_json
from sealproof.evidence.hashing import canonical_json, sha256_file
from sealproof.qualification.acceptance import Criterion
from sealproof.qualification.context import Context
from sealproof.qualification.definitions import CaseDefinition, Protocol
from sealproof.qualification.outcome import (
    NOT_RUN,
    Counts,
    Deviation,
    Evidence,
    ExecutedCase,
    ExecutedProtocol,
    Verdict,
)
from sealproof.qualification.registry import CHECKS, Check, Finding

#: The runner is a tool, not a signature: a person takes responsibility for what it recorded.
EXECUTOR = f"sealproof {__version__} (automated)"
_VERDICTS: dict[bool | None, Verdict] = {True: "pass", False: "fail", None: "not evaluable"}


def utc_now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Runner:
    """How cases are run.

    Args:
        observations: folder the observation files are written to.
        printed: the path of that folder in evidence, relative to the root.
        now: clock, ISO 8601 with zone.
        checks: register of checks.
    """

    observations: Path
    printed: str
    now: Callable[[], str] = utc_now
    checks: Mapping[str, Check] = field(default_factory=lambda: CHECKS)


def execute(protocol: Protocol, context: Context, runner: Runner) -> ExecutedProtocol:
    """Execute every case of `protocol` in order; a check that raises is a failed case with the reason.

    Args:
        protocol: as approved.
        context: what checks look at.
        runner: where observations go, clock and register.
    """
    started = runner.now()
    cases = tuple(_run(case, context, runner) for case in expand(protocol, context.acceptance.criteria))
    return ExecutedProtocol(
        stage=protocol.stage,
        title=protocol.title,
        product=context.workspace.product,
        approved=dict(context.approved),
        approval=context.approval,
        started_at=started,
        finished_at=runner.now(),
        executed_by=EXECUTOR,
        counts=Counts.of(case.verdict for case in cases),
        cases=cases,
        deviations=tuple(_deviation(case) for case in cases if case.deviation),
    )


@dataclass(frozen=True)
class PlannedCase:
    """A case as it will be executed: one of each criterion where the definition says so."""

    id: str
    definition: CaseDefinition
    parameters: dict[str, Any]


def expand(protocol: Protocol, criteria: Sequence[Criterion]) -> Iterator[PlannedCase]:
    """The cases to execute.

    `for_each: acceptance-criterion` gives one a criterion: its id is added to the case's id and parameters, its
    title and limit are spelled out, its requirement and risk are traced.
    """
    for case in protocol.cases:
        if case.for_each is None:
            yield PlannedCase(case.id, case, dict(case.parameters))
            continue
        for criterion in criteria:
            spelled = case.model_copy(
                update={
                    "title": f"{criterion.title} ({criterion.id})",
                    "expected": f"{criterion.bound} confidence bound {criterion.comparison} {criterion.limit:g}",
                    "requirements": tuple(dict.fromkeys((*case.requirements, criterion.requirement))),
                    "risks": tuple(dict.fromkeys((*case.risks, criterion.risk))),
                }
            )
            parameters = {**case.parameters, "criterion": criterion.id}
            yield PlannedCase(f"{case.id}-{criterion.id}", spelled, parameters)


def _run(planned: PlannedCase, context: Context, runner: Runner) -> ExecutedCase:
    definition = planned.definition
    common: dict[str, Any] = {
        "id": planned.id,
        **definition.model_dump(exclude={"id", "parameters", "for_each"}),
        "parameters": planned.parameters,
        "execution_no": 1,
    }
    if not definition.automated:
        return ExecutedCase(
            **common,
            actual=NOT_RUN,
            verdict="not run",
            evidence=(),
            executed_at=None,
            seconds=None,
            executed_by="",
            deviation=None,
        )
    at, clock = runner.now(), time.perf_counter()
    finding, evidence = _observe(planned, context, runner)
    verdict = _VERDICTS[finding.passed]
    return ExecutedCase(
        **common,
        actual=finding.actual,
        verdict=verdict,
        evidence=evidence,
        executed_at=at,
        seconds=round(time.perf_counter() - clock, 3),
        executed_by=EXECUTOR,
        deviation=f"DEV-{planned.id}" if verdict == "fail" else None,
    )


def _observe(planned: PlannedCase, context: Context, runner: Runner) -> tuple[Finding, tuple[Evidence, ...]]:
    """The finding of a case and its evidence; whatever goes wrong on the way is a failed finding."""
    try:
        entry = runner.checks[planned.definition.check or ""]
        finding = entry.function(context, entry.parameters.model_validate(planned.parameters))
        _reject_unusable(finding)
        cited = [context.evidence_of_record(name) for name in finding.records]
        cited += [context.evidence_of_file(path) for path in finding.files]
    except SealproofError as error:
        finding, cited = _stopped(context, f"{error.what}: {error.where}: {error.why}"), []
    except Exception as error:  # a check may fail in any way; each of them is a failed case, none a crash
        finding, cited = _stopped(context, f"{type(error).__name__}: {error}"), []
    observation = _write_observation(planned, finding, runner)
    return finding, (observation, *dict.fromkeys(cited))


def _reject_unusable(finding: Finding) -> None:
    if not finding.actual.strip() or finding.actual.strip().lower() == "as expected":
        raise ValueError("the check recorded no observed value")
    canonical_json(dict(finding.values))  # raises for what JSON cannot hold, NaN included


def _stopped(context: Context, reason: str) -> Finding:
    return Finding(passed=False, actual=f"the check stopped: {context.without_root(reason)}")


def _write_observation(planned: PlannedCase, finding: Finding, runner: Runner) -> Evidence:
    path = runner.observations / f"{planned.id}.json"
    content = {
        "case": planned.id,
        "check": planned.definition.check,
        "parameters": planned.parameters,
        "verdict": _VERDICTS[finding.passed],
        "actual": finding.actual,
        "values": dict(finding.values),
    }
    write_json(path, content)
    record = f"qualify.{planned.id.lower()}.actual"
    return Evidence(path=f"{runner.printed}/{path.name}", sha256=sha256_file(path), record=record)


def _deviation(case: ExecutedCase) -> Deviation:
    return Deviation(
        id=case.deviation or "", case=case.id, title=case.title, expected=case.expected, actual=case.actual
    )
