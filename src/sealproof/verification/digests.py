"""Hashes: SHA-256, MD5 as DVC uses it, one canonical JSON form; written anew, after docs/architecture.md."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PIECE = 1 << 22


@dataclass(frozen=True)
class Digest:
    """Both hashes and the size in bytes of one file."""

    sha256: str
    md5: str
    size: int


def digest_file(path: Path) -> Digest:
    """SHA-256 and MD5 of a whole file in one reading. Raises OSError when it cannot be read."""
    strong, weak, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            strong.update(piece)
            weak.update(piece)
            size += len(piece)
    return Digest(strong.hexdigest(), weak.hexdigest(), size)


def sha256(content: bytes) -> str:
    """SHA-256 as 64 hexadecimal digits.

    Example:
        >>> sha256(b"abc")[:8]
        'ba7816bf'
    """
    return hashlib.sha256(content).hexdigest()


def canonical(value: Any) -> bytes:
    """Canonical JSON: keys sorted, no blanks, UTF-8.

    Raises:
        ValueError: NaN or an infinity.

    Example:
        >>> canonical({"b": "µ", "a": [1.5, None]}).decode()
        '{"a":[1.5,null],"b":"µ"}'
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def canonical_sha256(value: Any) -> str:
    """SHA-256 of the canonical JSON of `value`.

    Example:
        >>> canonical_sha256({}) == sha256(b"{}")
        True
    """
    return sha256(canonical(value))


def dvc_folder_md5(files: Iterable[tuple[str, str]]) -> str:
    """What DVC 3 writes for a folder: MD5 of the JSON list of its files, sorted by path, and `.dir` behind it.

    Args:
        files: (path relative to the folder, MD5) of each file.

    Example:
        >>> dvc_folder_md5([("b", "2"), ("a", "1")]) == dvc_folder_md5([("a", "1"), ("b", "2")])
        True
    """
    rows = [{"md5": md5, "relpath": name} for name, md5 in sorted(files)]
    text = json.dumps(rows, sort_keys=True)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() + ".dir"
