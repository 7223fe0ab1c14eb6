"""iq.pdf, oq.pdf and pq.pdf: one protocol as approved and as executed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sealproof import __version__
from sealproof.dossier.evaluation_tables import shared_context
from sealproof.dossier.index import index_hashes
from sealproof.dossier.inputs import DossierInputs
from sealproof.dossier.outline import Section
from sealproof.dossier.settled import case_record, settled_headline
from sealproof.dossier.threshold_tables import study_context
from sealproof.qualification.definitions import StageName
from sealproof.qualification.outcome import ExecutedProtocol
from sealproof.qualification.trace import TraceRow, trace_matrix

_SECTIONS = (
    Section("purpose", "Purpose and scope"),
    Section("references", "References"),
    Section("responsibilities", "Responsibilities"),
    Section("prerequisites", "Prerequisites"),
    Section("environment", "Test environment"),
    Section("method", "Method and overall rule"),
    Section("approvals", "Approval before execution"),
    Section("summary", "Results at a glance"),
    Section("cases", "Test cases as executed"),
    Section("deviations", "Deviations"),
    Section("conclusion", "Conclusion"),
    Section("trace", "Requirement trace matrix"),
    Section("revisions", "Revision history"),
    Section("hashes", "Hashes of definitions and evidence"),
    Section("records", "Index of records"),
)
FIGURES = Section("figures", "Figures and tables of the cases")
"""Stands behind the cases of the protocols that have any: operation and performance."""
ENVIRONMENT_CHECKS = ("operating-system", "interpreter", "packages", "arithmetic", "pdf-engine", "clock")
"""Checks of the installation qualification whose observations describe the test environment."""
FRONT_ROWS = 6


def sections(stage: StageName) -> tuple[Section, ...]:
    """The outline of a protocol.

    Example:
        >>> "figures" in [item.id for item in sections("oq")], "figures" in [item.id for item in sections("iq")]
        (True, False)
    """
    if stage == "iq":
        return _SECTIONS
    after = next(place for place, item in enumerate(_SECTIONS) if item.id == "cases") + 1
    return (*_SECTIONS[:after], FIGURES, *_SECTIONS[after:])


def protocol_context(inputs: DossierInputs, stage: StageName) -> dict[str, Any]:
    """What the protocol template needs beside the frame.

    Args:
        inputs: what the documents are made from.
        stage: `iq`, `oq` or `pq`.
    """
    protocol = inputs.protocols[stage]
    return {
        "protocol": protocol,
        "definition": inputs.catalogue.protocols[stage],
        "decision": settled_headline(protocol),
        "references": references(inputs),
        "responsibilities": responsibilities(),
        "environment": environment(inputs),
        "deviation_counts": f"dossier.{stage}.deviations",
        "trace": _own_rows(trace_matrix(inputs.catalogue, inputs.protocols.values()), protocol),
        "hashes": index_hashes(protocol_hashes(protocol)),
        "front_rows": FRONT_ROWS,
        **study_context(inputs),
        **shared_context(inputs),
    }


def environment(inputs: DossierInputs) -> list[tuple[str, str]]:
    """(title, id of the observation's record) of the cases that describe machine and software."""
    cases = inputs.protocols["iq"].cases
    return [(case.title, case_record(inputs, case)) for case in cases if case.check in ENVIRONMENT_CHECKS]


def references(inputs: DossierInputs) -> list[tuple[str, str]]:
    """(document, status) of what the protocols refer to; instruments with their date come from the clause files."""
    instruments = [
        (str(item.meta["instrument"]), f"digest as of {item.meta['as_of']}")
        for item in inputs.instruments.values()
    ]
    catalogue = inputs.catalogue
    return [
        ("protocols/requirements.yaml: user requirements", catalogue.requirements_status),
        ("protocols/risks.yaml: risks and their controls", catalogue.risks_status),
        (f"products/{inputs.workspace.product}/acceptance.yaml: acceptance criteria", "as judged, by hash"),
        *instruments,
    ]


def responsibilities() -> list[tuple[str, str, str | None]]:
    """(function, task, name): the tool is named as a tool; people are never invented."""
    return [
        (
            "Execution tool",
            "executes automated cases, records observations and evidence",
            f"sealproof {__version__}",
        ),
        (
            "Executor",
            "starts the execution, records the cases for people, takes responsibility for the result",
            None,
        ),
        ("Process owner", "owns intended use, requirements and acceptance limits", None),
        ("Reviewer", "reviews content and evidence; is not the only executor", None),
        ("Quality assurance", "approves protocol, deviations and conclusion", None),
    ]


def protocol_hashes(protocol: ExecutedProtocol) -> list[tuple[str, str]]:
    """(path, SHA-256) of the definitions as approved and of the evidence of the cases, sorted by path."""
    evidence = {(item.path, item.sha256) for case in protocol.cases for item in case.evidence}
    return sorted(evidence | set(protocol.approved.items()))


def _own_rows(rows: Sequence[TraceRow], protocol: ExecutedProtocol) -> list[TraceRow]:
    """Rows of the matrix that this protocol has cases for, with these cases alone."""
    own = {case.id for case in protocol.cases}
    narrowed = [
        row.model_copy(update={"cases": tuple(case for case in row.cases if case.id in own)}) for row in rows
    ]
    return [row for row in narrowed if row.cases]
