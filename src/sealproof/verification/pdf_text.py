"""Reads a PDF with PDFium: what stands under its links, its text, what is attached."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

#: Points by which the box of a link is drawn in: what touches its edge belongs to a neighbour.
_INSET = 0.7


@dataclass(frozen=True)
class Link:
    """A link to a named place: page from 1, name of the place, the text under it."""

    page: int
    target: str
    text: str


class Document:
    """An open PDF; use as a context.

    Args:
        content: its bytes.

    Raises:
        RuntimeError: it is no PDF that PDFium can read.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._read: list[tuple[str, list[Link]]] | None = None

    def __enter__(self) -> Document:
        self._pdf = pypdfium2.PdfDocument(self._content)
        return self

    def __exit__(self, *_: object) -> None:
        self._pdf.close()

    def texts(self) -> list[str]:
        """The text of each page."""
        return [text for text, _ in self._pages()]

    def links(self, prefix: str) -> list[Link]:
        """Links whose target starts with `prefix`, in the order of the pages."""
        return [link for _, links in self._pages() for link in links if link.target.startswith(prefix)]

    def _pages(self) -> list[tuple[str, list[Link]]]:
        """(text, links to named places) of each page, each page opened once."""
        if self._read is None:
            self._read = [self._page(number, page) for number, page in enumerate(self._pdf, start=1)]
        return self._read

    def _page(self, number: int, page: Any) -> tuple[str, list[Link]]:
        text = page.get_textpage()
        try:
            return str(text.get_text_bounded()), list(_links(number, page, text))
        finally:
            text.close()
            page.close()

    def attachments(self) -> list[tuple[str, bytes]]:
        """(name, content) of each embedded file, in the order of the file."""
        found = []
        for place in range(self._pdf.count_attachments()):
            item = self._pdf.get_attachment(place)
            found.append((str(item.get_name()), bytes(item.get_data())))
        return found


def _links(number: int, page: Any, text: Any) -> Iterator[Link]:
    for place in range(pdfium.FPDFPage_GetAnnotCount(page)):
        annotation = pdfium.FPDFPage_GetAnnot(page, place)
        try:
            target = _string(annotation, b"Dest")
            if target:
                yield Link(number, target, _text_under(text, annotation))
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)


def _string(annotation: Any, key: bytes) -> str:
    size = pdfium.FPDFAnnot_GetStringValue(annotation, key, None, 0)
    if size <= 2:
        return ""
    buffer = (ctypes.c_ushort * (size // 2))()
    pdfium.FPDFAnnot_GetStringValue(annotation, key, buffer, size)
    return bytes(buffer).decode("utf-16-le").rstrip("\0")


def _text_under(text: Any, annotation: Any) -> str:
    box = pdfium.FS_RECTF()
    pdfium.FPDFAnnot_GetRect(annotation, box)
    low, high = sorted((box.bottom, box.top))
    return str(text.get_text_bounded(box.left + _INSET, low + _INSET, box.right - _INSET, high - _INSET))
