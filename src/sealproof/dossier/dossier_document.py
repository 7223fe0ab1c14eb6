"""dossier.pdf: verdict, Annex IV clause by clause, evidence, and the index of every record that was printed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sealproof.dossier.answers import FRAMES, ClauseReport, FrameReport, report_frame
from sealproof.dossier.attachments import SCRIPT
from sealproof.dossier.clauses import Instrument
from sealproof.dossier.facts import headline_of
from sealproof.dossier.index import index_hashes
from sealproof.dossier.inputs import DossierInputs
from sealproof.dossier.outline import Section
from sealproof.dossier.pdf_archive import SUPPLEMENT
from sealproof.dossier.result_tables import result_context
from sealproof.dossier.settled import settled_headline
from sealproof.evidence.hashing import sha256_bytes
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
    Section(
        "thresholds",
        "Thresholds",
        (
            Section("promise", "Promise and assumptions"),
            Section("three-way", "Three-way verdict"),
            Section("extreme-values", "Extreme value theory"),
            Section("guarantees", "Promises in simulation"),
        ),
    ),
    Section(
        "evaluation",
        "Evaluation of the test split",
        (
            Section("test-methods", "Threshold methods: promised and observed"),
            Section("all-scores", "All scores"),
            Section("subgroups", "Subgroups"),
            Section("robustness", "Robustness"),
            Section("detection", "Probability of detection"),
            Section("localisation", "Localisation"),
            Section("repeatability", "Repeatability"),
            Section("errors", "Errors"),
        ),
    ),
    Section("qualification", "Qualification", (Section("deviations", "Deviations"),)),
    Section(
        "custody",
        "Approval, test set and audit trail",
        (
            Section("approvals", "Approval of criteria and protocols"),
            Section("ledger", "Openings of the test set"),
            Section("trail", "Audit trail"),
        ),
    ),
    Section("changes", "Change since the last release"),
    Section("risks", "Risks", (Section("trace", "Trace from requirement to evidence"),)),
    Section(
        "frames",
        "Other frames",
        (
            Section("instruments", "Instruments, as of a date"),
            Section("iso-13485", "ISO 13485: software and process validation"),
            Section("part-11", "21 CFR Part 11: electronic records and signatures"),
            Section("annex-22", "EU GMP Annex 22, draft: a benchmark"),
        ),
    ),
    Section(
        "runs",
        "Execution",
        (Section("parameters", "Parameters"), Section("revisions", "Revision history")),
    ),
    Section("attachments", "Attachments"),
    Section("hashes", "Hashes"),
    Section("records", "Index of records"),
)
TRAIL_SHOWN = 12
"""Last lines of the audit trail that are printed; all of them are attached."""


@dataclass(frozen=True)
class ClauseGroup:
    """Clauses that stand under one heading."""

    id: str
    items: tuple[ClauseReport, ...]


@dataclass(frozen=True)
class Frame:
    """A frame beside Annex IV: heading, what its file says about it, and its clauses."""

    id: str
    meta: Mapping[str, Any]
    notes: tuple[str, ...]
    draft: bool
    rows: tuple[FrameReport, ...]


@dataclass(frozen=True)
class LegalStatus:
    """An instrument with its status as of a date."""

    instrument: str
    status: str
    as_of: str


@dataclass(frozen=True)
class Attached:
    """A file that is embedded in the dossier."""

    name: str
    relation: str
    size: int
    sha256: str


def dossier_context(inputs: DossierInputs, release: Release, attached: Mapping[str, bytes]) -> dict[str, Any]:
    """What the dossier template needs beside the frame.

    Args:
        inputs: what the documents are made from.
        release: decision, criteria and hashes.
        attached: name -> content of the embedded files.
    """
    protocols = list(inputs.protocols.values())
    return {
        **result_context(inputs),
        "decision": headline_of(release),
        "legal": [legal_status(inputs.instruments[name]) for name in ("annex-iv", *FRAMES)],
        "annex_iv": inputs.annex_iv,
        "annex_iv_meta": inputs.instruments["annex-iv"].meta,
        "annex_iv_groups": group_clauses(inputs.annex_iv),
        "test": inputs.test,
        "classification": inputs.classification,
        "frames": [frame(inputs, name) for name in FRAMES],
        "documents": {kind: inputs.product.document_number(kind) for kind in ("iq", "oq", "pq", "dossier")},
        "protocols": protocols,
        "protocol_results": {item.stage: settled_headline(item) for item in protocols},
        "deviations": release.deviations,
        "stale": release.stale,
        "notes": release.notes,
        "catalogue": inputs.catalogue,
        "risks": list(inputs.catalogue.risks.values()),
        "trace": trace_matrix(inputs.catalogue, protocols),
        "openings": inputs.openings,
        "trail": inputs.trail[-TRAIL_SHOWN:],
        "runs": list(inputs.runs.items()),
        "parameters": parameters(inputs),
        "attached": list_attached(attached),
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


def frame(inputs: DossierInputs, name: str) -> Frame:
    """One frame beside Annex IV with its clauses in their order.

    Args:
        inputs: what the documents are made from.
        name: one of `answers.FRAMES`.
    """
    instrument = inputs.instruments[name]
    cases = [case for protocol in inputs.protocols.values() for case in protocol.cases]
    rows = report_frame(instrument, inputs.supplied[name], inputs.product, cases)
    fields = ("applies_to", "predicate_rules", "open_or_closed", "incorporated_by", "guidance", "claim_rule")
    notes = tuple(str(instrument.meta[field]) for field in fields if field in instrument.meta)
    draft = instrument.meta.get("binding_today") is False
    return Frame(name, instrument.meta, notes, draft, rows)


def legal_status(instrument: Instrument) -> LegalStatus:
    """An instrument with its status, from the head of its clause file."""
    meta = instrument.meta
    source = next(
        str(meta[key]) for key in ("official_journal", "version_digested", "url", "edition") if key in meta
    )
    parts = []
    if meta.get("binding_today") is False:
        parts.append("DRAFT, not in force.")
    if "amended_by" in meta:
        parts.append(f"Amended by {meta['amended_by']}. Applies from {meta['applies_from']}.")
    parts += [str(meta[key]) for key in ("status", "last_change_known") if isinstance(meta.get(key), str)]
    if isinstance(meta.get("status"), dict):
        parts.append(str(meta["status"]["confirmed"][2]))
    return LegalStatus(f"{meta['instrument']}; {source}", " ".join(parts), str(meta["as_of"]))


def list_attached(files: Mapping[str, bytes]) -> list[Attached]:
    """The embedded files as the dossier lists them.

    Example:
        >>> [(item.name, item.relation, item.size) for item in list_attached({"verify_dossier.py": b"", "a.csv": b"x"})]
        [('a.csv', 'Data', 1), ('verify_dossier.py', 'Supplement', 0)]
    """
    return [
        Attached(name, SUPPLEMENT if name == SCRIPT else "Data", len(content), sha256_bytes(content))
        for name, content in sorted(files.items())
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
