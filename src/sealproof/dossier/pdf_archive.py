"""PDF/A-3 (ISO 19005-3), level A: what is embedded, and what the layout engine leaves to be put right.

Three things are: images must not ask for interpolation (6.2.8), each embedded file is associated once (6.8), and page
headers and footers, which the engine tags but leaves out of the structure tree, are marked as artifacts (6.7).
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

VARIANT = "pdf/a-3a"
SUPPLEMENT = "Supplement"
_TYPES = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".py": "text/x-python",
    ".yaml": "application/yaml",
}


def media_type(name: str) -> str:
    """Type of an embedded file, from a table of our own: that of the operating system differs between machines.

    Example:
        >>> media_type("records.json"), media_type("unknown.bin")
        ('application/json', 'application/octet-stream')
    """
    return _TYPES.get(PurePosixPath(name).suffix, "application/octet-stream")


def embedded(files: Mapping[str, bytes], supplements: Iterable[str], created: str) -> list[Any]:
    """The files to embed, sorted by name.

    Args:
        files: name -> content.
        supplements: names with the relationship Supplement; all others are Data.
        created: time that each carries, ISO 8601 in UTC: that of the document, so that the bytes are the same.

    Returns:
        WeasyPrint attachments.
    """
    from weasyprint import Attachment  # opens native libraries: only where a document is made

    when = datetime.fromisoformat(created)
    extra = set(supplements)
    return [
        Attachment(
            file_obj=io.BytesIO(content),
            name=name,
            description="verifies the other attachments" if name in extra else "evidence of the dossier",
            created=when,
            modified=when,
            relationship=SUPPLEMENT if name in extra else "Data",
        )
        for name, content in sorted(files.items())
    ]


def conform(document: Any, pdf: Any) -> None:
    """Put right what PDF/A-3a asks for; WeasyPrint calls this just before the file is written.

    Args:
        document: the laid-out document; not used.
        pdf: the PDF's objects, which are changed.
    """
    del document
    for item in _extras(pdf.objects):
        if item.get("Subtype") == "/Image":
            item["Interpolate"] = "false"
    _associate_once(pdf)
    _mark_artifacts(pdf)


def _extras(objects: Iterable[Any]) -> Iterator[Any]:
    """Dictionaries of the streams, and those of masks inside them."""
    for item in objects:
        extra = getattr(item, "extra", None)
        if extra is not None:
            yield extra


def _associate_once(pdf: Any) -> None:
    files: list[Any] = [
        item for item in pdf.objects if isinstance(item, dict) and item.get("Type") == "/Filespec"
    ]
    for item in files:
        stream = pdf.objects[_number(item["EF"]["F"])]
        kind = media_type(item["UF"].string)
        stream.extra["Subtype"] = f"/{kind.replace('/', '#2f')}"
    if files:
        del pdf.catalog["AF"][:]
        pdf.catalog["AF"].extend(item.reference for item in files)


def _mark_artifacts(pdf: Any) -> None:
    """Marked content that no part of the structure tree holds is a running header or footer: an artifact."""
    root = pdf.objects[_number(pdf.catalog["StructTreeRoot"])]
    held = set(_reachable(pdf, root["K"]))
    numbers = pdf.objects[_number(root["ParentTree"])]["Nums"]
    parents = dict(zip(numbers[::2], numbers[1::2], strict=True))
    pages = [item for item in pdf.objects if isinstance(item, dict) and item.get("Type") == "/Page"]
    for page in pages:
        owners = parents[page["StructParents"]]
        loose = {place for place, owner in enumerate(owners) if owner not in held}
        for place in loose:
            owners[place] = "null"
        _rename(pdf.objects[_number(page["Contents"])].stream, loose)


def _reachable(pdf: Any, kids: Iterable[Any]) -> Iterator[bytes]:
    waiting = [kid for kid in kids if isinstance(kid, bytes)]
    while waiting:
        reference = waiting.pop()
        yield reference
        element = pdf.objects[_number(reference)]
        waiting += [kid for kid in element.get("K", ()) if isinstance(kid, bytes)]


def _rename(stream: list[Any], loose: set[int]) -> None:
    """`/Span <</MCID n>> BDC` becomes an artifact of the page's furniture, for the `n` of `loose`."""
    for place, item in enumerate(stream):
        if isinstance(item, dict) and item.get("MCID") in loose:
            stream[place - 1] = "/Artifact"
            item.clear()
            item["Type"] = "/Pagination"


def _number(reference: bytes) -> int:
    return int(reference.split()[0])
