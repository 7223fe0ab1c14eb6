"""Evidence records: a value is recorded once, by the stage that computed it, and referred to ever after."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sealproof.evidence.errors import EvidenceMissingError
from sealproof.evidence.files import read_json, write_json
from sealproof.evidence.hashing import sha256_file

Value = float | int | str | bool | None
_ID = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")


@dataclass(frozen=True)
class Record:
    """One recorded value.

    Args:
        id: dotted name, lower case, unique in a release: `evaluate.4-ms-ssim.recall.low`.
        value: number, text, truth value, or None for "not evaluable" (then `definition` says why).
        unit: "1" for ratios and counts of nothing in particular, else "images", "s", "px", "mm", ...
        definition: how the value was computed, in a sentence a QA reader understands.
        artefact: file the value can be read from, relative to the project's root.
        pointer: JSON pointer, or column and row, inside that file.
        sha256: hash of that file.
        stage: the stage that computed it.
    """

    id: str
    value: Value
    unit: str
    definition: str
    artefact: str
    pointer: str
    sha256: str
    stage: str


class Recorder:
    """Collects the records of one stage and writes them as one JSON file, sorted by id.

    Raises:
        ValueError: an id twice, an id of the wrong form, or a value that is NaN or infinite.
    """

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self._pending: dict[str, tuple[Value, str, str, Path, str]] = {}

    def add(
        self, name: str, value: Any, *, unit: str, definition: str, artefact: Path, pointer: str = ""
    ) -> None:
        """Record `value` as `<stage>.<name>`, readable in `artefact`, which may be written later in the stage."""
        record_id = f"{self.stage}.{name}"
        if not _ID.fullmatch(record_id):
            raise ValueError(f"record id {record_id!r} is not lower-case words joined by . _ or -")
        if record_id in self._pending:
            raise ValueError(f"record id {record_id!r} is given twice")
        self._pending[record_id] = (_plain(value, record_id), unit, definition, artefact, pointer)

    def finish(self, locate: Any) -> list[Record]:
        """Hash the artefacts and return the records; `locate(path)` gives (file to hash, path to print)."""
        hashes: dict[Path, tuple[str, str]] = {}
        records = []
        for record_id, (value, unit, definition, artefact, pointer) in sorted(self._pending.items()):
            if artefact not in hashes:
                present, printed = locate(artefact)
                hashes[artefact] = (printed, sha256_file(present))
            printed, digest = hashes[artefact]
            records.append(Record(record_id, value, unit, definition, printed, pointer, digest, self.stage))
        return records


def _plain(value: Any, record_id: str) -> Value:
    """NumPy scalars become Python ones; NaN and infinities are refused."""
    item = value.item() if hasattr(value, "item") else value
    if isinstance(item, float) and not math.isfinite(item):
        raise ValueError(f"record {record_id!r} is {item}; record None and say why in the definition")
    if item is not None and not isinstance(item, float | int | str | bool):
        raise ValueError(
            f"record {record_id!r} is a {type(item).__name__}, not a number, text or truth value"
        )
    return item


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Write records as JSON, sorted by id."""
    write_json(path, [asdict(record) for record in sorted(records, key=lambda record: record.id)])


class RecordBook:
    """All records of a release, by id. A missing id is an error, never a blank."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._records: dict[str, Record] = {}
        for record in records:
            if record.id in self._records:
                raise ValueError(f"record id {record.id!r} is given by two stages")
            self._records[record.id] = record

    @classmethod
    def load(cls, paths: Iterable[Path]) -> RecordBook:
        """Read the `records.json` files of several stages."""
        return cls(Record(**row) for path in paths for row in read_json(path))

    def __getitem__(self, record_id: str) -> Record:
        try:
            return self._records[record_id]
        except KeyError:
            raise EvidenceMissingError(
                f"no record {record_id!r}",
                where="the records of this release",
                why="the stage that computes it has not recorded it",
                mend="run `dvc repro`; if it stays missing, the document or protocol names a value that does not exist",
            ) from None

    def __contains__(self, record_id: object) -> bool:
        return record_id in self._records

    def __iter__(self) -> Iterator[Record]:
        return iter(sorted(self._records.values(), key=lambda record: record.id))

    def __len__(self) -> int:
        return len(self._records)

    def under(self, prefix: str) -> list[Record]:
        """Records whose id starts with `prefix`, sorted by id."""
        return [record for record in self if record.id.startswith(prefix)]
