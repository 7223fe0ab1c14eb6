"""What a forger can do to a PDF without a key."""

import io

from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, NameObject, TextStringObject


def rewrite(content: bytes, change) -> bytes:
    """The PDF written anew by another program, with `change` applied to it."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(content)))
    change(writer)
    stream = io.BytesIO()
    writer.write(stream)
    return stream.getvalue()


def update(content: bytes, change) -> bytes:
    """The PDF with `change` in an incremental update behind it: every earlier byte stays."""
    writer = PdfWriter(io.BytesIO(content), incremental=True)
    change(writer)
    stream = io.BytesIO()
    writer.write(stream)
    return stream.getvalue()


def attach(name: str, content: bytes):
    """A change that attaches a file, in the place of one of that name."""

    def change(writer: PdfWriter) -> None:
        names = writer._root_object["/Names"]["/EmbeddedFiles"]["/Names"]
        for place in range(0, len(names), 2):
            if str(names[place]) == name:
                stream = names[place + 1].get_object()["/EF"]["/F"].get_object()
                stream.set_data(content)
                return
        writer.add_attachment(name, content)

    return change


def detach(name: str):
    """A change that takes an attachment out."""

    def change(writer: PdfWriter) -> None:
        tree = writer._root_object["/Names"]["/EmbeddedFiles"]
        names = tree["/Names"]
        kept = [
            item
            for place in range(0, len(names), 2)
            if str(names[place]) != name
            for item in names[place : place + 2]
        ]
        tree[NameObject("/Names")] = ArrayObject(kept)

    return change


def attached(content: bytes, name: str) -> bytes:
    names = PdfReader(io.BytesIO(content)).trailer["/Root"]["/Names"]["/EmbeddedFiles"]["/Names"]
    for place in range(0, len(names), 2):
        if str(names[place]) == name:
            return names[place + 1].get_object()["/EF"]["/F"].get_object().get_data()
    raise KeyError(name)


def point_link(old: str, new: str):
    """A change that lets the first link to one record lead to another: the number printed is not that of its record."""

    def change(writer: PdfWriter) -> None:
        for page in writer.pages:
            for item in page.get("/Annots", []):
                link = item.get_object()
                if str(link.get("/Dest", "")) == old:
                    link[NameObject("/Dest")] = TextStringObject(new)
                    return
        raise KeyError(old)

    return change


def note(text: str):
    """A change that adds a text note to the first page."""

    def change(writer: PdfWriter) -> None:
        from pypdf.annotations import FreeText

        writer.add_annotation(0, FreeText(text=text, rect=(50, 550, 200, 650)))

    return change
