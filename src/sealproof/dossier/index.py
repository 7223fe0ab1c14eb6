"""The end of a document: every record that was printed, by its number, and every hash, by folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from pathlib import PurePosixPath

from sealproof.dossier.values import format_value
from sealproof.evidence.records import Record

_LONGEST = 25
_SPEC = ".8g"
_UPPER = {"number": 4, "id": 88, "text": 26, "unit": 10}
_LOWER = {"indent": 4, "artefact": 36, "pointer": 72, "sha256": 12, "stage": 9}
"""Letters of equal width that a column has; a row of the index is an upper and a lower line."""
_HEADS = {"number": "No.", "id": "Record", "text": "Value", "unit": "Unit"}
_LOWER_HEADS = {"artefact": "File", "pointer": "Place in the file", "sha256": "SHA-256", "stage": "Stage"}
_RIGHT = {"number", "text"}


@dataclass(frozen=True)
class IndexRow:
    """A row of the index, in letters of equal width.

    A table of eight columns and hundreds of rows takes the layout ten times as long as one column of such lines.

    Args:
        id: of the record.
        number: the small number behind the printed value, padded.
        record: id of the record as far as the first line holds it, padded.
        value: value and unit, with the further lines of a long id.
        source: file, place in the file, SHA-256 and stage.
    """

    id: str
    number: str
    record: str
    value: str
    source: str


def index_records(records: Sequence[Record], product: str) -> list[IndexRow]:
    """The rows of the index, in the order of their numbers.

    Args:
        records: in the order in which the document prints them, 1 first.
        product: files below its folders are named without them: `train/model.json`.

    Example:
        >>> record = Record("a.b", 0.5, "1", "d", "artifacts/p/a/x.json", "/y", "0" * 64, "a")
        >>> row = index_records([record], "p")[0]
        >>> row.number, row.record.strip(), row.value.strip(), row.source.split()
        ('   1', 'a.b', '0.5', ['a/x.json', '/y', '000000000000', 'a'])
    """
    return [_row(number, record, product) for number, record in enumerate(records, start=1)]


def index_heads() -> str:
    """The heads of the columns, at their places, in two lines.

    Example:
        >>> index_heads().split()[:3]
        ['No.', 'Record', 'Value']
    """
    return f"{_lines(_HEADS, _UPPER)}\n{_lines({'indent': '', **_LOWER_HEADS}, _LOWER)}"


def _row(number: int, record: Record, product: str) -> IndexRow:
    unit = "" if record.unit == "1" else record.unit
    upper = _lines({"number": str(number), "id": record.id, "text": _text(record), "unit": unit}, _UPPER)
    source = {
        "indent": "",
        "artefact": record.artefact.removeprefix(f"artifacts/{product}/"),
        "pointer": record.pointer,
        "sha256": record.sha256[:12],
        "stage": record.stage,
    }
    first = _UPPER["number"]
    second = first + 1 + _UPPER["id"]
    return IndexRow(record.id, upper[:first], upper[first:second], upper[second:], _lines(source, _LOWER))


def _lines(texts: Mapping[str, str], widths: Mapping[str, int]) -> str:
    """Texts side by side in columns; one that is too long goes on in the next line."""
    pieces = [_pieces(text, widths[name]) for name, text in texts.items()]
    return "\n".join(
        _line(dict(zip(texts, row, strict=True)), widths) for row in zip_longest(*pieces, fillvalue="")
    )


def _pieces(text: str, width: int) -> list[str]:
    """A text in pieces of at most `width` letters, cut behind a mark where there is one."""
    pieces = []
    while len(text) > width:
        cut = max(text.rfind(mark, 0, width) for mark in "._-/ ") + 1
        pieces.append(text[: cut or width])
        text = text[cut or width :]
    return [*pieces, text]


def _line(texts: Mapping[str, str], widths: Mapping[str, int]) -> str:
    padded = (
        text.rjust(widths[name]) if name in _RIGHT else text.ljust(widths[name])
        for name, text in texts.items()
    )
    return " ".join(padded).rstrip()


def index_hashes(hashes: Iterable[tuple[str, str]]) -> list[tuple[str, list[tuple[str, str]]]]:
    """(folder, [(name, SHA-256)]) of files, sorted.

    Example:
        >>> index_hashes([("b/y", "2"), ("a/z", "1"), ("b/x", "3")])
        [('a/', [('z', '1')]), ('b/', [('x', '3'), ('y', '2')])]
    """
    split = sorted(
        (f"{PurePosixPath(path).parent}/", PurePosixPath(path).name, digest) for path, digest in hashes
    )
    return [
        (folder, [(name, digest) for _, name, digest in files])
        for folder, files in groupby(split, key=lambda row: row[0])
    ]


def _text(record: Record) -> str:
    if record.value is None:
        return "not evaluable"
    text = format_value(record, _SPEC if isinstance(record.value, float) else "", unit=False)
    return f"{text[:_LONGEST]}…" if isinstance(record.value, str) and len(text) > _LONGEST else text
