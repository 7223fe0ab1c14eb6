"""The only way for a figure into a document: by the id of its record, which is then listed in the document's index."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markupsafe import Markup

from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.records import Record, RecordBook

NARROW = "\N{NARROW NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
_NO_UNIT = {"", "1"}


def format_value(record: Record, spec: str = "", *, unit: bool = True) -> str:
    """The printed form of a record's value.

    Args:
        record: what is printed.
        spec: a format specification of Python for numbers: `.3f`, `d`, `.1%`, `,d`; `words` prints the
            underscores of a text as spaces; empty prints the value as it is.
        unit: whether the unit follows the number; ratios and texts have none.

    Returns:
        the text; `not evaluable: <reason>` when the value is None; `yes` or `no` for truth values.

    Raises:
        DefinitionError: `spec` does not fit the value, which is a mistake in a template.

    Example:
        >>> record = Record("a.b", 0.91234, "1", "share of found defects", "m.json", "/x", "0" * 64, "a")
        >>> format_value(record, ".3f")
        '0.912'
    """
    value = record.value
    if value is None:
        return f"not evaluable: {record.definition}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value.replace("_", " ") if spec == "words" else value
    try:
        text = format(value, spec)
    except ValueError as error:
        raise DefinitionError(
            f"record {record.id!r} cannot be printed as {spec!r}",
            where="a template of the documents",
            why=str(error),
            mend="correct the format in the template",
        ) from error
    text = text.replace("-", MINUS) if re.match(r"-\d", text) else text
    tail = "" if not unit or record.unit in _NO_UNIT or text.endswith("%") else f"{NARROW}{record.unit}"
    return f"{text}{tail}"


def limit(text: str, most: int) -> str:
    """At most `most` characters, cut at a word; what follows is marked by an ellipsis.

    Example:
        >>> limit("one two three", 9)
        'one two …'
    """
    return text if len(text) <= most else f"{text[: most - 1].rsplit(' ', 1)[0]} …"


def anchor(record_id: str) -> str:
    """The anchor of a record: a link to it lies over the printed value.

    Example:
        >>> anchor("evaluate.4-ms-ssim.recall")
        'record-evaluate.4-ms-ssim.recall'
    """
    return f"record-{record_id}"


def index_anchor(record_id: str) -> str:
    """The anchor of a record's row in the index: a link to it lies over the small number behind the value.

    Example:
        >>> index_anchor("evaluate.4-ms-ssim.recall")
        'index-evaluate.4-ms-ssim.recall'
    """
    return f"index-{record_id}"


class Quotes:
    """Prints records, numbers them in the order in which a document prints them, and remembers them for its index.

    A printed value is a link to its record; a small number behind it leads to its row in the index at the end.

    Args:
        book: all records of the release.
    """

    def __init__(self, book: RecordBook) -> None:
        self._book = book
        self._used: dict[str, Record] = {}
        self._numbers: dict[str, int] = {}

    def value(self, record_id: str, spec: str = "", *, unit: bool = True, most: int | None = None) -> Markup:
        """The value of a record as HTML, linked to record and index; of a long text the first `most` characters.

        Raises:
            EvidenceMissingError: there is no such record: a document never prints a blank for it.
        """
        record = self._book[record_id]
        kind = "not-evaluable" if record.value is None else "value"
        text = format_value(record, spec, unit=unit)
        return self._print(record, kind, text if most is None else limit(text, most))

    def cell(self, record_id: str, spec: str = "", *, none: str = "not evaluable") -> Markup:
        """The value without its unit, for a narrow cell: of a None value only `none`; its reason must stand nearby.

        Raises:
            EvidenceMissingError: there is no such record.
        """
        if self._book[record_id].value is not None:
            return self.value(record_id, spec, unit=False)
        return self._print(self._book[record_id], "not-evaluable", none)

    def interval(self, stem: str, spec: str = ".3f") -> Markup:
        """`<stem>` with its bounds `<stem>.low` and `<stem>.high`, as `0.912 (0.861 to 0.948)`."""
        value, low, high = (self.value(f"{stem}{end}", spec) for end in ("", ".low", ".high"))
        return Markup("{} ({} to {})").format(value, low, high)

    def record(self, record_id: str) -> Record:
        """The record itself: for comparisons and definitions in templates, never to print its value."""
        return self._book[record_id]

    def has(self, record_id: str) -> bool:
        """Whether a record exists."""
        return record_id in self._book

    def under(self, prefix: str) -> list[Record]:
        """Records whose id starts with `prefix`."""
        return self._book.under(prefix)

    @property
    def used(self) -> Sequence[Record]:
        """The records that were printed, in the order of their numbers, 1 first."""
        return list(self._used.values())

    def _print(self, record: Record, kind: str, text: str) -> Markup:
        self._used.setdefault(record.id, record)
        number = self._numbers.setdefault(record.id, len(self._used))
        # The narrow space keeps the value and its number apart for whoever copies the text or has it read aloud.
        return Markup('<a class="{}" href="#{}">{}</a>{}<a class="ix" href="#{}">{}</a>').format(
            kind, anchor(record.id), text, NARROW, index_anchor(record.id), number
        )
