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
    """The anchor of a record in the index of a document.

    Example:
        >>> anchor("evaluate.4-ms-ssim.recall")
        'record-evaluate.4-ms-ssim.recall'
    """
    return f"record-{record_id}"


class Quotes:
    """Prints records and remembers which were printed, so that the document can index them.

    Args:
        book: all records of the release.
    """

    def __init__(self, book: RecordBook) -> None:
        self._book = book
        self._used: dict[str, Record] = {}

    def value(self, record_id: str, spec: str = "", *, unit: bool = True, most: int | None = None) -> Markup:
        """The value of a record as HTML, linked to its row in the index; of a long text the first `most` characters.

        Raises:
            EvidenceMissingError: there is no such record: a document never prints a blank for it.
        """
        record = self._book[record_id]
        self._used[record_id] = record
        kind = "not-evaluable" if record.value is None else "value"
        text = format_value(record, spec, unit=unit)
        text = text if most is None else limit(text, most)
        return Markup('<a class="{}" href="#{}">{}</a>').format(kind, anchor(record_id), text)

    def cell(self, record_id: str, spec: str = "", *, none: str = "not evaluable") -> Markup:
        """The value without its unit, for a narrow cell: of a None value only `none`; its reason must stand nearby.

        Raises:
            EvidenceMissingError: there is no such record.
        """
        if self._book[record_id].value is not None:
            return self.value(record_id, spec, unit=False)
        self._used[record_id] = self._book[record_id]
        return Markup('<a class="not-evaluable" href="#{}">{}</a>').format(anchor(record_id), none)

    def interval(self, stem: str, spec: str = ".3f") -> Markup:
        """`<stem>` with its bounds `<stem>.low` and `<stem>.high`, as `0.912 (0.861 to 0.948)`."""
        low, high = (self.value(f"{stem}.{end}", spec) for end in ("low", "high"))
        return Markup("{} ({} to {})").format(self.value(stem, spec), low, high)

    def record(self, record_id: str) -> Record:
        """The record itself, counted as used; for comparisons in templates, not for printing."""
        self._used[record_id] = self._book[record_id]
        return self._used[record_id]

    def has(self, record_id: str) -> bool:
        """Whether a record exists."""
        return record_id in self._book

    def under(self, prefix: str) -> list[Record]:
        """Records whose id starts with `prefix`."""
        return self._book.under(prefix)

    @property
    def used(self) -> Sequence[Record]:
        """The records that were printed, sorted by id."""
        return [self._used[key] for key in sorted(self._used)]
