"""All four documents and the release file of one product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from sealproof.dossier import dossier_document, protocol_document
from sealproof.dossier.answers import missing_inputs
from sealproof.dossier.figures import Figures
from sealproof.dossier.frame import frame_context
from sealproof.dossier.inputs import DossierInputs
from sealproof.dossier.outline import Section
from sealproof.dossier.render import render_html, render_pdf
from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.hashing import sha256_bytes, sha256_json
from sealproof.evidence.records import Record
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.definitions import StageName
from sealproof.qualification.release import Release, make_release

KINDS = (*get_args(StageName), "dossier")


@dataclass(frozen=True)
class Filled:
    """A document before its layout: HTML, the figures it shows, the ids of the records it prints."""

    name: str
    html: str
    figures: Mapping[str, Path]
    printed: tuple[str, ...]
    identifier: str


@dataclass(frozen=True)
class Rendered:
    """A document and the ids of the records it prints."""

    name: str
    content: bytes
    printed: tuple[str, ...]


def draft_release(inputs: DossierInputs) -> Release:
    """The release without its documents: decision, criteria, open points and hashes of the evidence.

    Raises:
        EvidenceMissingError: a file that every verdict needs does not exist.
    """
    missing = missing_inputs(inputs.annex_iv)
    unanswered = [item.question.title for item in inputs.classification if item.answer is None]
    if unanswered:
        missing.append(f"classification under Article 6(1): {', '.join(unanswered)}")
    return make_release(inputs.workspace, demonstration=inputs.product.demonstration, missing_inputs=missing)


def finish_release(release: Release, workspace: Workspace, documents: Sequence[Rendered]) -> Release:
    """The release with the hash of each document.

    Args:
        release: without documents.
        workspace: where the documents will lie.
        documents: as rendered.
    """
    hashes = {
        workspace.relative(workspace.reports / document.name): sha256_bytes(document.content)
        for document in documents
    }
    return release.model_copy(update={"documents": hashes})


def fill_document(
    kind: str, inputs: DossierInputs, release: Release, facts: Sequence[Record], templates: Path
) -> Filled:
    """Fill the template of one document.

    Args:
        kind: `iq`, `oq`, `pq` or `dossier`.
        inputs: what the documents are made from.
        release: decision, criteria and hashes.
        facts: the dossier's own records.
        templates: folder of templates, style sheet and fonts.

    Raises:
        EvidenceMissingError: the template asks for a record or figure that does not exist.
        DefinitionError: the template is wrong, or its headings differ from the outline.
    """
    figures = Figures(inputs.workspace.reports)
    name, sections, own = _template(kind, inputs, release)
    context = frame_context(inputs, release, facts, kind, sections, figures) | own
    html = render_html(templates, name, context)
    _all_headings(context["outline"].unused, name)
    identifier = sha256_json([release.evidence, context["document"].number, context["document"].revision])
    printed = tuple(record.id for record in context["quotes"].used)
    return Filled(f"{kind}.pdf", html, figures.files, printed, identifier)


def render_document(
    kind: str, inputs: DossierInputs, release: Release, facts: Sequence[Record], templates: Path
) -> Rendered:
    """Fill and lay out one document; arguments and errors as `fill_document`."""
    filled = fill_document(kind, inputs, release, facts, templates)
    content = render_pdf(filled.html, templates, filled.figures, identifier=filled.identifier)
    return Rendered(filled.name, content, filled.printed)


def _template(
    kind: str, inputs: DossierInputs, release: Release
) -> tuple[str, tuple[Section, ...], dict[str, Any]]:
    if kind == "dossier":
        return "dossier.html", dossier_document.SECTIONS, dossier_document.dossier_context(inputs, release)
    stage = next(name for name in get_args(StageName) if name == kind)
    return "protocol.html", protocol_document.SECTIONS, protocol_document.protocol_context(inputs, stage)


def _all_headings(unused: Sequence[str], template: str) -> None:
    if unused:
        raise DefinitionError(
            "the contents promise sections that the document does not hold",
            where=f"templates/{template}",
            why=", ".join(unused),
            mend="print the headings, or take the sections out of the outline",
        )
