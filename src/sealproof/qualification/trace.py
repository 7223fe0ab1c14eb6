"""The trace matrix requirement - risk - test - evidence: built from executed protocols, never written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.strict import StrictModel
from sealproof.qualification.catalogue import Catalogue
from sealproof.qualification.outcome import Evidence, ExecutedCase, ExecutedProtocol, Verdict


class TracedCase(StrictModel):
    """A test case that answers to a requirement, with its verdict and evidence."""

    id: str
    risks: tuple[str, ...]
    verdict: Verdict
    evidence: tuple[Evidence, ...]


class TraceRow(StrictModel):
    """One requirement: the clauses it comes from, the risks it controls, the cases that test it."""

    requirement: str
    text: str
    clauses: tuple[str, ...]
    risks: tuple[str, ...]
    cases: tuple[TracedCase, ...]


def trace_matrix(catalogue: Catalogue, protocols: Iterable[ExecutedProtocol]) -> list[TraceRow]:
    """One row a requirement, in the order of the file.

    Raises:
        DefinitionError: a requirement or a risk was tested by no executed case, a case answers to an unknown
            requirement or risk, or an automated case left no evidence; every broken link is listed.
    """
    cases = [case for protocol in protocols for case in protocol.cases]
    broken = [*_untraced(catalogue, cases), *_unknown(catalogue, cases), *_without_evidence(cases)]
    if broken:
        raise DefinitionError(
            "the trace from requirements to evidence is broken",
            where="protocols/ and the protocols as executed",
            why="\n".join(broken),
            mend="give each requirement and each risk a test case, and run `dvc repro`",
        )
    return [
        TraceRow(
            requirement=requirement.id,
            text=requirement.text,
            clauses=requirement.clauses,
            risks=tuple(
                sorted(risk.id for risk in catalogue.risks.values() if requirement.id in risk.requirements)
            ),
            cases=tuple(_traced(case) for case in cases if requirement.id in case.requirements),
        )
        for requirement in catalogue.requirements.values()
    ]


def _traced(case: ExecutedCase) -> TracedCase:
    return TracedCase(id=case.id, risks=case.risks, verdict=case.verdict, evidence=case.evidence)


def _untraced(catalogue: Catalogue, cases: list[ExecutedCase]) -> list[str]:
    tested = {name for case in cases for name in (*case.requirements, *case.risks)}
    return [
        f"{name}: no executed case"
        for name in (*catalogue.requirements, *catalogue.risks)
        if name not in tested
    ]


def _unknown(catalogue: Catalogue, cases: list[ExecutedCase]) -> list[str]:
    known: Mapping[str, object] = {**catalogue.requirements, **catalogue.risks}
    return [
        f"{case.id}: unknown {name}"
        for case in cases
        for name in (*case.requirements, *case.risks)
        if name not in known
    ]


def _without_evidence(cases: list[ExecutedCase]) -> list[str]:
    return [f"{case.id}: no evidence" for case in cases if case.automated and not case.evidence]
