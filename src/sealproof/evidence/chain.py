"""Append-only files whose lines are chained by hash: the audit trail and the test-set ledger.

One canonical JSON line an entry. The hash of a line is SHA-256 over its bytes without the newline; every line carries
its number and the hash of the line before it. Writers take turns under `flock`, and a line is on disk before `append`
returns. A killed writer can leave a torn last line, without its newline: it was never acknowledged, readers are told
of it apart from tampering, and the next writer puts what it writes in its place.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealproof.evidence.errors import EvidenceAlteredError
from sealproof.evidence.files import unwritable
from sealproof.evidence.hashing import canonical_json, sha256_bytes

#: What the first line carries as the hash of the line before it.
ORIGIN = "0" * 64
_RESERVED = frozenset({"number", "previous"})


@dataclass(frozen=True)
class Line:
    """One line: its fields as parsed, and the SHA-256 over its bytes without the newline."""

    fields: Mapping[str, Any]
    sha256: str


@dataclass(frozen=True)
class Chain:
    """A file as read.

    Args:
        lines: all whole lines, oldest first; their chain holds.
        torn: bytes behind the last newline, that a killed writer left; empty when there are none.
    """

    lines: tuple[Line, ...]
    torn: bytes = b""

    @property
    def head(self) -> str:
        """Hash of the last line; 64 zeros when there is none."""
        return self.lines[-1].sha256 if self.lines else ORIGIN


#: Gets the file as it stands, under its lock; gives the fields of the lines to append, without number and previous.
Build = Callable[[Chain], Iterable[Mapping[str, Any]]]


def read(path: Path, name: str) -> Chain:
    """Read and verify a chained file; an empty chain when it does not exist.

    Args:
        path: the file.
        name: what it is called in messages: `audit trail`.

    Raises:
        EvidenceAlteredError: a line is no canonical JSON, or does not continue the line before it.
    """
    try:
        with path.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH)  # a line that is being written is not a torn one
            return parse(stream.read(), path, name)
    except FileNotFoundError:
        return Chain(())


def append(path: Path, build: Build, name: str) -> list[Line]:
    """Append the lines that `build` gives, flushed to disk with their folder before this returns.

    Args:
        path: the file; it is created when it does not exist.
        build: sees the chain as it stands, including what is torn, and gives the fields of the new lines.
        name: what the file is called in messages.

    Returns:
        The new lines. Nothing is written when there are none; a torn line stays then.

    Raises:
        EvidenceAlteredError: the chain does not hold; nothing is written.
        OutputError: the file cannot be written.
        ValueError: `build` gives number or previous, which are the chain's.
    """
    try:
        with _locked(path) as handle:
            content = _read_all(handle)
            chain = parse(content, path, name)
            lines = list(_continue(chain, build(chain)))
            if lines:
                new = b"".join(_bytes_of(line.fields) + b"\n" for line in lines)
                _write(handle, new, len(content) - len(chain.torn))
            if not content:
                _flush_folder(path.parent)
    except OSError as error:
        raise unwritable(Path(error.filename or path), error) from error
    return lines


def parse(content: bytes, path: Path, name: str) -> Chain:
    """Verify the bytes of a chained file; `path` and `name` are for the message. Raises as `read` does."""
    whole, newline, torn = content.rpartition(b"\n")
    lines: list[Line] = []
    previous = ORIGIN
    for number, raw in enumerate(whole.split(b"\n") if newline else (), start=1):
        line = Line(_fields(raw, path, number, name), sha256_bytes(raw))
        if not _continues(line, number, previous):
            raise altered(path, number, "it does not continue the line before it", name)
        lines.append(line)
        previous = line.sha256
    return Chain(tuple(lines), torn)


def altered(path: Path, number: int, why: str, name: str) -> EvidenceAlteredError:
    """The one message for a line that is not what was written."""
    return EvidenceAlteredError(
        f"the {name} was altered",
        where=f"{path}, line {number}",
        why=why,
        mend=f"restore the {name} from a backup; one that was altered cannot support a release",
    )


def _fields(raw: bytes, path: Path, number: int, name: str) -> dict[str, Any]:
    try:
        fields = json.loads(raw)
        canonical = isinstance(fields, dict) and _bytes_of(fields) == raw
    except (ValueError, RecursionError) as error:
        raise altered(path, number, f"the line cannot be read: {error}", name) from error
    if not canonical:
        raise altered(path, number, "the line is no object in canonical JSON", name)
    return fields  # type: ignore[no-any-return]  # `canonical` holds that it is a dict


def _continues(line: Line, number: int, previous: str) -> bool:
    found = line.fields.get("number")
    return type(found) is int and found == number and line.fields.get("previous") == previous


def _continue(chain: Chain, rows: Iterable[Mapping[str, Any]]) -> Iterator[Line]:
    number, previous = len(chain.lines), chain.head
    for row in rows:
        if taken := _RESERVED & row.keys():
            raise ValueError(f"the chain itself gives {', '.join(sorted(taken))}")
        number += 1
        fields = {**row, "number": number, "previous": previous}
        previous = sha256_bytes(_bytes_of(fields))
        yield Line(fields, previous)


def _bytes_of(fields: Mapping[str, Any]) -> bytes:
    return canonical_json(fields).encode()


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)  # gives the lock back


def _read_all(handle: int) -> bytes:
    with os.fdopen(handle, "rb", closefd=False) as stream:
        return stream.read()


def _write(handle: int, new: bytes, position: int) -> None:
    """Write over what is torn and cut only then: a kill in between leaves something torn, never nothing."""
    written = 0
    while written < len(new):
        written += os.pwrite(handle, new[written:], position + written)
    os.ftruncate(handle, position + len(new))
    os.fsync(handle)


def _flush_folder(folder: Path) -> None:
    """A new file is only there for good when its folder is on disk, and that folder in its own."""
    for level in (folder, folder.parent):
        handle = os.open(level, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
