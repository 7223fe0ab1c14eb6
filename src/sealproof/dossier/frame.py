"""What every document carries: number, revision, status, release, marks and the functions that templates call."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sealproof import __version__
from sealproof.dossier.figures import Figures
from sealproof.dossier.index import index_heads, index_records
from sealproof.dossier.inputs import DossierInputs
from sealproof.dossier.outline import Outline, Section
from sealproof.dossier.render import document_time
from sealproof.dossier.settled import case_record
from sealproof.dossier.values import Quotes, anchor, index_anchor
from sealproof.evidence.records import Record, RecordBook
from sealproof.evidence.trail import Entry
from sealproof.qualification.acceptance import CriterionOutcome
from sealproof.qualification.approval import approved_files as covered_files
from sealproof.qualification.release import Release

SIMULATED_MARK = "simulated images - not evidence about a real product"
STATUS = "executed · unsigned unless signed on page 1"
"""True before and after signing: a signature goes into a copy and does not render it anew."""
TITLES = {
    "iq": "Installation qualification",
    "oq": "Operational qualification",
    "pq": "Performance qualification",
    "dossier": "Dossier",
}
LONGEST_REASON = 76
"""Letters of a reason on the first page, so that the signatures stay on it; release.json has all of them."""
MOST_CRITERIA = 6
"""Criteria that the first page has room for; all of them are in the protocol of the performance qualification."""
_SIDES = {"low": "lower", "high": "upper"}
_SIGNS = {">=": "≥", "<=": "≤"}


@dataclass(frozen=True)
class DocumentIdentity:
    """Number, revision and status of one document; `created` is the end of the execution it reports."""

    kind: str
    title: str
    number: str
    revision: str
    author: str
    status: str
    created: str


@dataclass(frozen=True)
class ReleaseIdentity:
    """What is documented, and what may not be missing on any page."""

    id: str
    product: str
    simulated: bool
    simulated_mark: str
    licence_note: str
    executed: str
    score: str
    method: str

    @property
    def short(self) -> str:
        """The first 12 digits of the id."""
        return self.id[:12]

    @property
    def data_note(self) -> str:
        """Origin and licence of the images in one line."""
        return f"Data: {self.simulated_mark}. {self.licence_note}" if self.simulated else self.licence_note


def identity(inputs: DossierInputs, kind: str) -> DocumentIdentity:
    """The identity of document `kind`: `iq`, `oq`, `pq` or `dossier`."""
    finished = {str(stage): protocol.finished_at for stage, protocol in inputs.protocols.items()}
    recorded = finished.get(kind) or executed(inputs)
    return DocumentIdentity(
        kind=kind,
        title=TITLES[kind],
        number=inputs.product.document_number(kind),
        revision=inputs.product.revision,
        author=f"sealproof {__version__} (automated)",
        status=STATUS,
        created=document_time(recorded),
    )


def executed(inputs: DossierInputs) -> str:
    """End of the last executed protocol, ISO 8601: the time that the dossier reports."""
    return max(protocol.finished_at for protocol in inputs.protocols.values())


def release_identity(inputs: DossierInputs, release_id: str) -> ReleaseIdentity:
    """The identity of the release."""
    licence = inputs.book["ingest.licence"].value
    return ReleaseIdentity(
        id=release_id,
        product=inputs.workspace.product,
        simulated=inputs.simulated,
        simulated_mark=SIMULATED_MARK,
        licence_note=licence_note(str(licence) if licence else ""),
        executed=executed(inputs),
        score=inputs.judged.score,
        method=inputs.judged.method.replace("_", " "),
    )


def licence_note(licence: str) -> str:
    """What the licence of the images means for whoever passes the document on.

    Example:
        >>> licence_note("CC BY-NC-SA 4.0")
        'Images under CC BY-NC-SA 4.0: naming the source, no commercial use, same licence for what is made from them.'
        >>> licence_note("")
        'Licence of the images: not stated.'
    """
    if not licence:
        return "Licence of the images: not stated."
    if re.search(r"\bNC\b", licence):
        return f"Images under {licence}: naming the source, no commercial use, same licence for what is made from them."
    return f"Images under {licence}."


@dataclass(frozen=True)
class CriterionRow:
    """A criterion with the ids of the records that hold its figures; None where there is no such figure."""

    id: str
    title: str
    met: bool | None
    reason: str
    side: str
    sign: str
    value_record: str
    bound_record: str
    limit_record: str
    n_record: str


def criterion_rows(criteria: Sequence[CriterionOutcome]) -> list[CriterionRow]:
    """The acceptance criteria as the templates print them."""
    return [
        CriterionRow(
            id=item.id,
            title=item.title,
            met=item.met,
            reason=item.reason,
            side=_SIDES[item.bound],
            sign=_SIGNS[item.comparison],
            value_record=f"qualify.criteria.{item.id.lower()}.value",
            bound_record=f"qualify.criteria.{item.id.lower()}.bound",
            limit_record=f"qualify.criteria.{item.id.lower()}.limit",
            n_record=f"qualify.criteria.{item.id.lower()}.n",
        )
        for item in criteria
    ]


def _gravity(item: CriterionOutcome) -> int:
    """Criteria that are not met first, then those that could not be evaluated: what has to be seen is never cut off."""
    return {False: 0, None: 1, True: 2}[item.met]


def frame_context(
    inputs: DossierInputs,
    release: Release,
    facts: Sequence[Record],
    kind: str,
    sections: Sequence[Section],
    figures: Figures,
    changes: Sequence[tuple[str, str]] | None = None,
) -> dict[str, Any]:
    """The part of a template's context that all documents share.

    Args:
        inputs: what the documents are made from.
        release: decision and hashes.
        facts: the dossier's own records.
        kind: `iq`, `oq`, `pq` or `dossier`.
        sections: outline of the document.
        figures: images below the reports.
        changes: (what, class) of each change since the last release; None when there is none to compare with.
    """
    quotes = Quotes(RecordBook([*inputs.book, *facts]))
    ids: Mapping[str, Record] = {record.id: record for record in facts}
    return {
        "document": identity(inputs, kind),
        "product": inputs.product,
        "release": release_identity(inputs, str(ids["dossier.release-id"].value)),
        "software_version": __version__,
        "outline": Outline(sections),
        "figures": figures,
        "quotes": quotes,
        "value": quotes.value,
        "cell": quotes.cell,
        "interval": quotes.interval,
        "anchor": anchor,
        "index_anchor": index_anchor,
        "index_heads": index_heads,
        "index_records": index_records,
        "observed": lambda case, most=None: quotes.value(case_record(inputs, case), most=most),
        "reasons": lambda prefix: [
            quotes.value(record.id, most=LONGEST_REASON)
            for record in _numbered(quotes.under(f"{prefix}.reason."))
        ],
        "cases": {case.id: case for item in inputs.protocols.values() for case in item.cases},
        "approval": release.approval,
        "approved_files": approved_files(inputs),
        "changes": changes,
        "earlier": earlier_release(inputs.trail),
        "criteria": criterion_rows(release.criteria),
        "front_criteria": criterion_rows(sorted(release.criteria, key=_gravity)[:MOST_CRITERIA]),
    }


def earlier_release(trail: Sequence[Entry]) -> str | None:
    """Id of the release that was published last, None when none was."""
    published = [entry.details["release_id"] for entry in trail if entry.event == "release.published"]
    return str(published[-1]) if published else None


@dataclass(frozen=True)
class ApprovedFile:
    """A definition file, whether it is the one that was approved, and its hash as executed."""

    path: str
    sha256: str
    approved: bool


def approved_files(inputs: DossierInputs) -> list[ApprovedFile]:
    """The definition files that an approval covers, as they were executed."""
    approved = inputs.approval.files if inputs.approval else {}
    executed = {path: digest for item in inputs.executed.values() for path, digest in item.approved.items()}
    covered = [inputs.workspace.relative(path) for path in covered_files(inputs.workspace)]
    return [
        ApprovedFile(path, executed[path], approved.get(path) == executed[path])
        for path in sorted(covered)
        if path in executed
    ]


def _numbered(records: Sequence[Record]) -> list[Record]:
    """Records of a numbered list in the order of their numbers."""
    return sorted(records, key=lambda record: int(record.id.rpartition(".")[2]))
