"""Templates to PDF: nothing is fetched from outside, nothing undefined is printed, same input, same bytes."""

from __future__ import annotations

import gc
import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError
from markupsafe import Markup, escape

from sealproof.dossier.pdf_archive import VARIANT, conform, embedded
from sealproof.dossier.result_tables import metric_name
from sealproof.dossier.signature_boxes import SignatureBox, find_boxes
from sealproof.dossier.values import limit
from sealproof.evidence.errors import DefinitionError


def environment(templates: Path) -> Environment:
    """The Jinja2 environment of all documents: escaping on, an undefined name is an error."""
    found = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.do"],
    )
    found.filters["short"] = short_hash
    found.filters["moment"] = moment
    found.filters["limit"] = limit
    found.filters["slug"] = slug
    found.filters["breakable"] = breakable
    found.filters["metric_name"] = metric_name
    found.filters["detail"] = detail
    found.filters["before"] = lambda text, mark: text.split(mark, 1)[0]
    found.filters["after"] = lambda text, mark: text.split(mark, 1)[-1]
    return found


def short_hash(digest: str) -> Markup:
    """The first 12 of 64 digits, as tables print them; the whole digest stands in the appendix.

    Example:
        >>> print(short_hash("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"))
        <code class="hash">ba7816bf8f01</code>
    """
    return Markup('<code class="hash">{}</code>').format(digest[:12])


def breakable(text: str) -> Markup:
    """An id that may go on in the next line behind a slash, a dot or an underscore.

    Example:
        >>> print(breakable("a.b_c/d"))
        a.<wbr>b_<wbr>c/<wbr>d
    """
    return Markup(re.sub(r"([._/])", r"\1<wbr>", str(escape(text))))  # noqa: S704 - escaped just before


def slug(text: str) -> str:
    """An anchor from an id.

    Example:
        >>> slug("annex-iv/1/b")
        'annex-iv-1-b'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def detail(details: Mapping[str, Any]) -> Markup:
    """The details of an event of the audit trail in one line; hashes are shortened, lists of files are counted.

    Example:
        >>> print(detail({"stage": "train", "fingerprint": "0" * 64, "commit": "", "files": {"a": "b"}}))
        stage train; fingerprint <code class="hash">000000000000</code>; 1 files
    """
    parts = []
    for name, value in details.items():
        if isinstance(value, Mapping):
            parts.append(Markup("{} {}").format(len(value), name))
        elif re.fullmatch(r"[0-9a-f]{32,64}", str(value)):
            parts.append(Markup("{} {}").format(name.removesuffix("_sha256"), short_hash(str(value))))
        elif value != "":
            parts.append(Markup("{} {}").format(name, value))
    return Markup("; ").join(parts)


def moment(text: str) -> str:
    """A recorded ISO 8601 time as documents print it, in UTC.

    Example:
        >>> moment("2026-11-21T21:40:05+00:00")
        '2026-11-21 21:40:05 UTC'
    """
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def document_time(recorded: str) -> str:
    """The time that goes into the metadata of a document, ISO 8601 in UTC.

    Args:
        recorded: end of the execution that the document reports, never the time of rendering.

    Returns:
        `SOURCE_DATE_EPOCH` (https://reproducible-builds.org/specs/source-date-epoch/) when set, else `recorded`.

    Raises:
        DefinitionError: `SOURCE_DATE_EPOCH` is no whole number.

    Example:
        >>> document_time("2026-11-21T22:40:05+01:00")
        '2026-11-21T21:40:05Z'
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch and not epoch.isdecimal():
        raise DefinitionError(
            "SOURCE_DATE_EPOCH is not a time",
            where="environment variable SOURCE_DATE_EPOCH",
            why=f"it is {epoch!r}; it has to be whole seconds since 1970-01-01 UTC",
            mend="correct it, or unset it",
        )
    when = (
        datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.fromisoformat(recorded).astimezone(UTC)
    )
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def render_html(templates: Path, name: str, context: Mapping[str, Any]) -> str:
    """Fill a template.

    Raises:
        DefinitionError: the template names something that does not exist, or is not valid.
        EvidenceMissingError: it asks for a record that does not exist.
    """
    try:
        return environment(templates).get_template(name).render(**context)
    except TemplateError as error:
        raise DefinitionError(
            "a template of the documents cannot be filled",
            where=str(templates / name),
            why=f"{type(error).__name__}: {error}",
            mend="correct the template; every name it uses has to be handed to it",
        ) from error


@dataclass(frozen=True)
class LaidOut:
    """A PDF, and where on it people sign."""

    content: bytes
    boxes: Mapping[str, SignatureBox]


@dataclass(frozen=True)
class Embedded:
    """Files to embed: name -> content, the names that supplement the others, and the time that all carry."""

    files: Mapping[str, bytes]
    supplements: tuple[str, ...]
    created: str


def lay_out(
    html: str,
    templates: Path,
    figures: Mapping[str, Path],
    *,
    identifier: str,
    attached: Embedded | None = None,
) -> LaidOut:
    """Lay out HTML as a tagged PDF/A-3.

    Args:
        html: a whole document.
        templates: folder of style sheet and fonts.
        figures: name -> image file; the HTML refers to them as `figure:NAME`.
        identifier: the PDF's file identifier; the same for the same content.
        attached: files to embed.

    Raises:
        DefinitionError: a style rule, link target, font or image that the layout needs does not exist, or the
            signature boxes do not stand on the first page.
    """
    from weasyprint import HTML  # opens native libraries: only where a document is made
    from weasyprint.urls import FatalURLFetchingError

    from sealproof.dossier.sources import LocalSources

    sources = LocalSources(templates, figures)
    files = embedded(attached.files, attached.supplements, attached.created) if attached else []
    content, boxes = b"", {}
    with _Complaints() as complaints, _no_collection():
        try:
            page = HTML(string=html, base_url=templates.resolve().as_uri() + "/", url_fetcher=sources)
            document = page.render(pdf_variant=VARIANT, pdf_tags=True)
            boxes = find_boxes(document.pages)
            content = document.write_pdf(
                finisher=conform,
                pdf_variant=VARIANT,
                pdf_tags=True,
                pdf_identifier=identifier.encode(),
                attachments=files,
            )
        except FatalURLFetchingError as error:
            complaints.messages.append(f"{error}: {error.__cause__}")
    if complaints.messages:
        raise DefinitionError(
            "a document cannot be laid out as it is meant",
            where=str(templates),
            why="\n".join(sorted(set(complaints.messages))),
            mend="correct the template or the style sheet",
        )
    return LaidOut(content, boxes)


def render_pdf(html: str, templates: Path, figures: Mapping[str, Path], *, identifier: str) -> bytes:
    """The bytes alone of a document without embedded files; arguments and errors as `lay_out`."""
    return lay_out(html, templates, figures, identifier=identifier).content


@contextmanager
def _no_collection() -> Iterator[None]:
    """No search for unreachable cycles: a layout keeps nearly all it makes, and a fifth of its time went there."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


class _Complaints(logging.Handler):
    """WeasyPrint logs a missing link target or an unknown rule and goes on; here they stop the run."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []
        self._logger = logging.getLogger("weasyprint")

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())

    def __enter__(self) -> _Complaints:
        self._logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)
