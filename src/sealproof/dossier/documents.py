"""All four documents and the release file of one product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Any, get_args

from sealproof.dossier import dossier_document, protocol_document
from sealproof.dossier.answers import missing_inputs
from sealproof.dossier.attachments import SCRIPT
from sealproof.dossier.figures import Figures
from sealproof.dossier.frame import frame_context
from sealproof.dossier.inputs import DossierInputs
from sealproof.dossier.outline import Section
from sealproof.dossier.render import Embedded, lay_out, render_html
from sealproof.dossier.signature_boxes import SignatureBox
from sealproof.evidence.errors import DefinitionError, OutputError, SealproofError
from sealproof.evidence.hashing import sha256_bytes, sha256_json
from sealproof.evidence.records import Record
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.definitions import StageName
from sealproof.qualification.release import Release, make_release

KINDS = (*get_args(StageName), "dossier")

Changes = Sequence[tuple[str, str]]
"""(what, class) of each change since the last release."""


@dataclass(frozen=True)
class Filled:
    """A document before its layout: HTML, the figures it shows, the ids of the records it prints, what is embedded."""

    name: str
    html: str
    figures: Mapping[str, Path]
    printed: tuple[str, ...]
    identifier: str
    attached: Embedded | None


@dataclass(frozen=True)
class Rendered:
    """A document, the ids of the records it prints in the order of their numbers, and where people sign."""

    name: str
    content: bytes
    printed: tuple[str, ...]
    boxes: Mapping[str, SignatureBox]


@dataclass(frozen=True)
class Contents:
    """What all documents of a release are filled with.

    Args:
        inputs: what they are made from.
        release: decision, criteria and hashes.
        facts: the dossier's own records.
        attached: name -> content of the files embedded in the dossier.
        changes: since the last release; None when there is none to compare with.
    """

    inputs: DossierInputs
    release: Release
    facts: Sequence[Record]
    attached: Mapping[str, bytes]
    changes: Changes | None = None


def draft_release(inputs: DossierInputs) -> Release:
    """The release without its documents: decision, criteria, open points and hashes of the evidence.

    Raises:
        EvidenceMissingError: a file that every verdict needs does not exist.
    """
    missing = missing_inputs(inputs.annex_iv)
    unanswered = [item.question.title for item in inputs.classification if item.answer is None]
    if unanswered:
        missing.append(f"classification under Article 6(1): {', '.join(unanswered)}")
    return make_release(
        inputs.workspace,
        demonstration=inputs.product.demonstration,
        missing_inputs=missing,
        trail_head=inputs.trail_head if inputs.trail else "",
    )


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


def fill_document(kind: str, contents: Contents, templates: Path) -> Filled:
    """Fill the template of one document.

    Args:
        kind: `iq`, `oq`, `pq` or `dossier`.
        contents: what it is filled with.
        templates: folder of templates, style sheet and fonts.

    Raises:
        EvidenceMissingError: the template asks for a record or figure that does not exist.
        DefinitionError: the template is wrong, or its headings differ from the outline.
    """
    inputs, release = contents.inputs, contents.release
    figures = Figures(inputs.workspace.reports)
    name, sections, own = _template(kind, contents)
    context = frame_context(inputs, release, contents.facts, kind, sections, figures, contents.changes) | own
    html = render_html(templates, name, context)
    _all_headings(context["outline"].unused, name)
    identity = context["document"]
    return Filled(
        name=f"{kind}.pdf",
        html=html,
        figures=figures.files,
        printed=tuple(record.id for record in context["quotes"].used),
        identifier=sha256_json([release.evidence, identity.number, identity.revision]),
        attached=Embedded(contents.attached, (SCRIPT,), identity.created) if kind == "dossier" else None,
    )


def lay_out_document(filled: Filled, templates: Path) -> Rendered:
    """Lay out one document; raises as `render.lay_out`."""
    done = lay_out(
        filled.html, templates, filled.figures, identifier=filled.identifier, attached=filled.attached
    )
    return Rendered(filled.name, done.content, filled.printed, done.boxes)


def render_document(kind: str, contents: Contents, templates: Path) -> Rendered:
    """Fill and lay out one document; arguments and errors as `fill_document`."""
    return lay_out_document(fill_document(kind, contents, templates), templates)


def render_all(contents: Contents, templates: Path) -> list[Rendered]:
    """All four documents, in the order of `KINDS`; the three protocols in a second process beside the dossier.

    The bytes are those of `render_document`: nothing depends on the process that lays a document out.

    Raises:
        EvidenceMissingError, DefinitionError: as `fill_document` and `lay_out_document`.
        OutputError: the second process ended before its work was done.
    """
    context = get_context("spawn")
    here, there = context.Pipe()
    # It ends with its work, or with the end of this process: a kill leaves none behind that waits for more.
    second = context.Process(target=_lay_out_and_send, args=(templates, there), daemon=True)
    second.start()  # first, because it has to import everything anew, which goes on while the templates are filled
    there.close()
    try:
        filled = [fill_document(kind, contents, templates) for kind in KINDS]
        # In a thread: a pipe holds less than the protocols, and nobody reads at the other end yet.
        Thread(target=_send, args=(here, filled[:-1]), daemon=True).start()
        last = lay_out_document(filled[-1], templates)
        return [*_received(here), last]
    finally:
        second.terminate()
        second.join()
        here.close()


def _send(connection: Connection, item: object) -> None:
    with suppress(OSError):  # nobody waits for it any more
        connection.send(item)


def _lay_out_and_send(templates: Path, connection: Connection) -> None:
    """What the second process does: send the documents, or the error that a user has to see."""
    try:
        filled: Sequence[Filled] = connection.recv()
    except (EOFError, OSError):  # the first process has an error of its own to tell
        return
    try:
        done: list[Rendered] | SealproofError = [lay_out_document(item, templates) for item in filled]
    except SealproofError as error:
        done = error
    _send(connection, done)


def _received(receiver: Connection) -> list[Rendered]:
    try:
        done: list[Rendered] | SealproofError = receiver.recv()
    except (EOFError, ConnectionError) as error:
        raise OutputError(
            "the protocols were not laid out",
            where="the process that lays them out beside the dossier",
            why="it ended before its work was done; what it printed stands above",
            mend="run the stage again; it needs about 1 GiB of memory",
        ) from error
    if isinstance(done, SealproofError):
        raise done
    return done


def _template(kind: str, contents: Contents) -> tuple[str, tuple[Section, ...], dict[str, Any]]:
    if kind == "dossier":
        own = dossier_document.dossier_context(contents.inputs, contents.release, contents.attached)
        return "dossier.html", dossier_document.SECTIONS, own
    stage = next(name for name in get_args(StageName) if name == kind)
    return (
        "protocol.html",
        protocol_document.sections(stage),
        protocol_document.protocol_context(contents.inputs, stage),
    )


def _all_headings(unused: Sequence[str], template: str) -> None:
    if unused:
        raise DefinitionError(
            "the contents promise sections that the document does not hold",
            where=f"templates/{template}",
            why=", ".join(unused),
            mend="print the headings, or take the sections out of the outline",
        )
