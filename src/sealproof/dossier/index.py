"""The end of a document: every record that was printed, by file, and every hash, by folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import PurePosixPath

from sealproof.dossier.values import format_value
from sealproof.evidence.records import Record

_LONGEST = 15
_SPEC = ".8g"


@dataclass(frozen=True)
class IndexEntry:
    """A record in the index: its id, and its value as recorded, shortened where it is a long text."""

    id: str
    text: str


@dataclass(frozen=True)
class IndexGroup:
    """The printed records of one file, two a row, the left half of the list before the right one."""

    artefact: str
    sha256: str
    rows: tuple[tuple[IndexEntry, IndexEntry | None], ...]


def index_records(records: Iterable[Record]) -> list[IndexGroup]:
    """The records by file, sorted by id.

    Example:
        >>> records = [Record(f"a.{n}", n, "1", "d", "a.json", f"/{n}", "0" * 64, "a") for n in range(3)]
        >>> [(left.id, right and right.id) for left, right in index_records(records)[0].rows]
        [('a.0', 'a.2'), ('a.1', None)]
    """
    ordered = sorted(records, key=lambda record: (record.artefact, record.sha256, record.id))
    return [
        IndexGroup(artefact, digest, _two_a_row([_entry(record) for record in group]))
        for (artefact, digest), group in groupby(ordered, key=lambda record: (record.artefact, record.sha256))
    ]


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


def _entry(record: Record) -> IndexEntry:
    if record.value is None:
        return IndexEntry(record.id, "not evaluable")
    text = format_value(record, _SPEC if isinstance(record.value, float) else "")
    cut = isinstance(record.value, str) and len(text) > _LONGEST
    return IndexEntry(record.id, f"{text[:_LONGEST]}…" if cut else text)


def _two_a_row(entries: Sequence[IndexEntry]) -> tuple[tuple[IndexEntry, IndexEntry | None], ...]:
    half = -(-len(entries) // 2)
    right: list[IndexEntry | None] = [*entries[half:], *([None] if len(entries) % 2 else [])]
    return tuple(zip(entries[:half], right, strict=True))
