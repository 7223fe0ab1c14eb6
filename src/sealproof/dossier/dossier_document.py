"""dossier.pdf: verdict, Annex IV clause by clause, evidence, and the index of every record that was printed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sealproof.dossier.answers import ClauseReport, Supplied
from sealproof.dossier.clauses import Clause, Instrument
from sealproof.dossier.index import index_hashes
from sealproof.dossier.inputs import DossierInputs
from sealproof.dossier.outline import Section
from sealproof.dossier.result_tables import result_context
from sealproof.dossier.verdict import protocol_headline, release_headline
from sealproof.qualification.release import Release
from sealproof.qualification.trace import trace_matrix

SECTIONS = (
    Section(
        "annex-iv",
        "Technical documentation, Annex IV",
        (
            Section("annex-iv-point-1", "Point 1: general description"),
            Section("annex-iv-point-2", "Point 2: elements and development"),
            Section("annex-iv-point-3", "Point 3: monitoring, functioning and control"),
            Section("annex-iv-points-4-9", "Points 4 to 9"),
        ),
    ),
    Section("classification", "Classification under Article 6(1)"),
    Section(
        "data",
        "Data",
        (Section("splits", "Counts and splits"), Section("findings", "Findings of the checks")),
    ),
    Section("regions", "Regions of interest"),
    Section("model", "Detector", (Section("learning", "Training"),)),
    Section("scores", "Anomaly scores"),
    Section("thresholds", "Thresholds"),
    Section(
        "evaluation",
        "Evaluation of the test split",
        (Section("all-scores", "All scores"), Section("subgroups", "Subgroups"), Section("errors", "Errors")),
    ),
    Section("ledger", "Openings of the test set"),
    Section("qualification", "Qualification", (Section("deviations", "Deviations"),)),
    Section("risks", "Risks", (Section("trace", "Trace from requirement to evidence"),)),
    Section(
        "frames",
        "Other frames",
        (
            Section("instruments", "Instruments, as of a date"),
            Section("annex-22", "EU GMP Annex 22, draft: a benchmark"),
            Section("part-11", "21 CFR Part 11: technical and procedural controls"),
        ),
    ),
    Section(
        "runs",
        "Execution",
        (Section("parameters", "Parameters"), Section("revisions", "Revision history")),
    ),
    Section("records", "Index of records"),
    Section("hashes", "Hashes"),
)


@dataclass(frozen=True)
class ClauseGroup:
    """Clauses that stand under one heading."""

    id: str
    items: tuple[ClauseReport, ...]


@dataclass(frozen=True)
class MatrixRow:
    """A clause of another frame with what this release supplies."""

    clause: Clause
    supplied: Supplied


@dataclass(frozen=True)
class LegalStatus:
    """An instrument with its status as of a date."""

    instrument: str
    status: str
    as_of: str


def dossier_context(inputs: DossierInputs, release: Release) -> dict[str, Any]:
    """What the dossier template needs beside the frame.

    Args:
        inputs: what the documents are made from.
        release: decision, criteria and hashes.
    """
    protocols = list(inputs.protocols.values())
    titles = {item.id: item.title for item in release.criteria}
    return {
        **result_context(inputs),
        "decision": release_headline(release.decision, release.reasons, titles),
        "legal": legal_status(inputs),
        "annex_iv": inputs.annex_iv,
        "annex_iv_meta": inputs.instruments["annex-iv"].meta,
        "annex_iv_groups": group_clauses(inputs.annex_iv),
        "test": inputs.test,
        "classification": inputs.classification,
        "annex_22": matrix(inputs.instruments["annex-22"], inputs.supplied["annex-22"]),
        "annex_22_meta": inputs.instruments["annex-22"].meta,
        "part_11": matrix(inputs.instruments["part-11"], inputs.supplied["part-11"]),
        "part_11_meta": inputs.instruments["part-11"].meta,
        "documents": {kind: inputs.product.document_number(kind) for kind in ("iq", "oq", "pq", "dossier")},
        "protocols": protocols,
        "protocol_results": {item.stage: protocol_headline(item.counts) for item in protocols},
        "deviations": release.deviations,
        "catalogue": inputs.catalogue,
        "risks": list(inputs.catalogue.risks.values()),
        "trace": trace_matrix(inputs.catalogue, protocols),
        "openings": inputs.openings,
        "runs": list(inputs.runs.items()),
        "parameters": parameters(inputs),
        "hashes": index_hashes(release.evidence.items()),
    }


def group_clauses(reports: Sequence[ClauseReport]) -> list[ClauseGroup]:
    """The clauses under the four headings of the outline, in the order of the annex."""
    heads = {"1": "annex-iv-point-1", "2": "annex-iv-point-2", "3": "annex-iv-point-3"}
    groups: dict[str, list[ClauseReport]] = {}
    for item in reports:
        point = item.clause.id.split("/")[1]
        groups.setdefault(heads.get(point, "annex-iv-points-4-9"), []).append(item)
    return [ClauseGroup(name, tuple(items)) for name, items in groups.items()]


def matrix(instrument: Instrument, supplied: Mapping[str, Supplied]) -> list[MatrixRow]:
    """The clauses of a frame in their order."""
    return [MatrixRow(clause, supplied[clause.id]) for clause in instrument.clauses]


def legal_status(inputs: DossierInputs) -> list[LegalStatus]:
    """The instruments with their status, from the heads of the clause files."""
    ai_act, gmp, part_11 = (inputs.instruments[name].meta for name in ("annex-iv", "annex-22", "part-11"))
    return [
        LegalStatus(
            f"{ai_act['instrument']}; {ai_act['official_journal']}",
            f"Amended by {ai_act['amended_by']}. Applies from {ai_act['applies_from']}.",
            ai_act["as_of"],
        ),
        LegalStatus(
            f"{gmp['instrument']}; {gmp['version_digested']}",
            f"DRAFT, not in force. {gmp['applies_to']}",
            gmp["as_of"],
        ),
        LegalStatus(f"{part_11['instrument']}; {part_11['url']}", part_11["claim_rule"], part_11["as_of"]),
    ]


def parameters(inputs: DossierInputs) -> list[tuple[str, str]]:
    """(section, settings) of params.yaml and of the product's inspection.yaml, as they were in force."""
    return list(_settings(inputs))


def _settings(inputs: DossierInputs) -> Iterator[tuple[str, str]]:
    settings = inputs.settings
    for model in (settings.params, settings.inspection):
        for name, value in model.model_dump(mode="json").items():
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield name, text.replace('"', "")
