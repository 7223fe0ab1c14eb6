"""What the revisions of a signed PDF change: a signature field is added and filled, nothing else.

pyHanko's own analysis reads the whole structure of a tagged document again for each signature, which takes minutes.
Here only the objects that a revision writes anew are compared with what they were, from the unsigned document on.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

from pyhanko.pdf_utils.reader import PdfFileReader

_ROOT_KEYS = {"/AcroForm", "/Extensions", "/Perms"}
_FIELD_KEYS = {"/V", "/AP"}
_FORM_KEYS = {"/Fields", "/SigFlags"}


def unpermitted_changes(reader: PdfFileReader) -> Iterator[tuple[int, str]]:
    """(revision, what it changed) of every change to an existing object that a signature does not need.

    New objects do no harm by themselves: they are seen only where an existing object leads to them.
    """
    table = reader.xrefs
    for revision in range(1, int(table.total_revisions)):
        before, after = reader.get_historical_resolver(revision - 1), reader.get_historical_resolver(revision)
        for reference in sorted(table.refs_freed_in_revision(revision), key=lambda item: int(item.idnum)):
            yield revision, f"object {reference.idnum} is gone"
        for reference in sorted(table.explicit_refs_in_revision(revision), key=lambda item: int(item.idnum)):
            if int(table.get_introducing_revision(reference)) < revision:
                wrong = _compare(before.get_object(reference), after.get_object(reference))
                if wrong:
                    yield revision, f"object {reference.idnum}: {wrong}"
        if _root(before) != _root(after):
            yield revision, "another catalog"


def _root(resolver: Any) -> bytes:
    return _bytes(resolver.trailer_view.raw_get("/Root"))


def _compare(old: Any, new: Any) -> str:
    """What is wrong with an object that was written anew; empty when nothing is."""
    if isinstance(old, list) and isinstance(new, list):  # a list of annotations or fields
        return _only_added(old, new)
    if not isinstance(old, dict) or not isinstance(new, dict) or _data(old) != _data(new):
        return "" if _bytes(old) == _bytes(new) else "its content is another one"
    changed = {str(key) for key in {*old, *new} if _entry(old, key) != _entry(new, key)}
    if str(old.get("/Type")) == "/Catalog":
        return _beyond(changed, _ROOT_KEYS)
    if str(old.get("/FT")) == "/Sig":
        return "it was signed already" if "/V" in old and changed else _beyond(changed, _FIELD_KEYS)
    if "/Fields" in old:
        return _beyond(changed, _FORM_KEYS) or _only_added(old["/Fields"], new["/Fields"])
    if str(old.get("/Type")) == "/Page" and changed == {"/Annots"}:
        return _only_added(old.get("/Annots", []), new["/Annots"])
    return f"{', '.join(sorted(changed))} changed" if changed else ""


def _beyond(changed: set[str], permitted: set[str]) -> str:
    return f"{', '.join(sorted(changed - permitted))} changed" if changed - permitted else ""


def _only_added(old: Any, new: Any) -> str:
    """Nothing taken away or replaced, and all that is new is a signature field."""
    kept = [_bytes(item) for item in _raw(old)]
    present = [_bytes(item) for item in _raw(new)]
    if present[: len(kept)] != kept:
        return "an entry of a list is another one"
    added = [new[place] for place in range(len(kept), len(new))]  # by index: references are followed
    strange = [str(item.get("/Subtype")) for item in added if str(item.get("/FT")) != "/Sig"]
    return f"{', '.join(strange)} added" if strange else ""


def _raw(items: Any) -> list[Any]:
    return [items.raw_get(place) for place in range(len(items))]


def _entry(content: Any, key: Any) -> bytes:
    return _bytes(content.raw_get(key)) if key in content else b""


def _data(content: Any) -> bytes:
    found = getattr(content, "encoded_data", b"")
    return bytes(found or b"")


def _bytes(item: Any) -> bytes:
    """An object as a PDF holds it."""
    stream = BytesIO()
    item.write_to_stream(stream, None)
    return stream.getvalue()
