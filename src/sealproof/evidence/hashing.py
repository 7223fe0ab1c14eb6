"""SHA-256 over whole contents, and one canonical JSON form to hash."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

_CHUNK = 1 << 20


def sha256_bytes(content: bytes) -> str:
    """SHA-256 of `content` as 64 lower-case hexadecimal digits.

    Example:
        >>> sha256_bytes(b"abc")[:16]
        'ba7816bf8f01cfea'
    """
    return hashlib.sha256(content).hexdigest()


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's whole content, read in pieces of 1 MiB. Raises OSError when it cannot be read."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(_CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def sha256_tree(folder: Path) -> str:
    """SHA-256 over the sorted relative paths and contents of all files below `folder`."""
    rows = [
        f"{path.relative_to(folder).as_posix()}\0{sha256_file(path)}\n"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    return sha256_bytes("".join(rows).encode())


def canonical_json(value: Any) -> str:
    """One text for one value: sorted keys, no blanks, UTF-8, no NaN.

    Raises:
        ValueError: for NaN and infinities, which JSON does not know; write None and say why instead.

    Example:
        >>> canonical_json({"b": 1, "a": [0.1, None]})
        '{"a":[0.1,null],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256_json(value: Any) -> str:
    """SHA-256 of the canonical JSON form of `value`."""
    return sha256_bytes(canonical_json(value).encode())
