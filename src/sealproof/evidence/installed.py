"""Are the files of the installed packages the ones that were installed? Each is held against its hash in RECORD.

The installer writes RECORD (PyPA specification "Recording installed projects"): path, hash, size of every file. The
hash is `<algorithm>=<digest in URL-safe base64 without padding>`.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Literal

State = Literal["same", "altered", "missing", "without hash"]
_ALGORITHMS = ("sha256", "sha384", "sha512")
_THREADS = 4


@dataclass(frozen=True)
class CheckedFile:
    """One file of an installed distribution.

    Args:
        name: `<distribution> <version>: <path as RECORD names it>`.
        size: bytes that were read; 0 when it is missing or has no hash.
        state: how it stands against RECORD.
    """

    name: str
    size: int
    state: State


@dataclass(frozen=True)
class InstalledReport:
    """Installed files against their RECORDs.

    Args:
        distributions: how many distributions were looked at.
        files: files that RECORD gives a hash for.
        bytes: bytes that were hashed.
        missing: what does not exist: files, a distribution's RECORD, a distribution that was asked for.
        altered: files whose hash is another one, or cannot be compared.
        without_hash: files that RECORD lists without a hash: RECORD itself, compiled byte code.
    """

    distributions: int
    files: int
    bytes: int
    missing: tuple[str, ...]
    altered: tuple[str, ...]
    without_hash: int

    @property
    def sound(self) -> bool:
        """At least one file was compared, none is missing, none altered."""
        return self.files > 0 and not self.missing and not self.altered


@dataclass(frozen=True)
class _Listed:
    owner: str
    path: str
    place: Path
    digest: str

    @cached_property
    def name(self) -> str:
        return f"{self.owner}: {self.path}"


def normalised(name: str) -> str:
    """A distribution's name as PEP 503 compares it.

    Example:
        >>> normalised("Typing_Extensions")
        'typing-extensions'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def installed_distributions() -> dict[str, Distribution]:
    """All installed distributions by normalised name, sorted; of two of one name, the one Python would import."""
    found: dict[str, Distribution] = {}
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name:
            found.setdefault(normalised(name), distribution)
    return dict(sorted(found.items()))


def check_installed(names: Iterable[str] | None = None) -> Iterator[CheckedFile]:
    """Hash every file of the named distributions, one result a file, in RECORD's order: a progress bar can follow.

    Args:
        names: distributions; None for all that are installed.

    Yields:
        A result for each file. What has no files to look at (a distribution that is not installed or has no RECORD)
        is one missing file.
    """
    installed = installed_distributions()
    asked = sorted(installed) if names is None else sorted({normalised(name) for name in names})
    listed: list[_Listed] = []
    for name in asked:
        if name not in installed:
            yield CheckedFile(f"{name}: it is not installed", 0, "missing")
            continue
        owner = f"{name} {installed[name].version}"
        record = installed[name].read_text("RECORD")
        if record is None:
            yield CheckedFile(f"{owner}: RECORD", 0, "missing")
            continue
        listed += _listed(owner, installed[name], record)
    with ThreadPoolExecutor(_THREADS) as pool:  # hashing and reading release the interpreter's lock
        yield from pool.map(_check, listed)


def verify_installed(names: Iterable[str] | None = None) -> InstalledReport:
    """Hold all files of the named distributions against their hashes in RECORD.

    Args:
        names: distributions; None for all that are installed.

    Returns:
        Counts, and every file that is missing or altered, sorted.
    """
    found = list(check_installed(names))
    compared = [file for file in found if file.state in {"same", "altered"}]
    owners = {file.name.partition(":")[0] for file in found}
    return InstalledReport(
        distributions=len(owners),
        files=len(compared),
        bytes=sum(file.size for file in compared),
        missing=tuple(sorted(file.name for file in found if file.state == "missing")),
        altered=tuple(sorted(file.name for file in found if file.state == "altered")),
        without_hash=sum(file.state == "without hash" for file in found),
    )


def _listed(owner: str, distribution: Distribution, record: str) -> Iterator[_Listed]:
    for row in csv.reader(record.splitlines()):
        if row:
            path, digest, *_ = [*row, "", ""]
            yield _Listed(owner, path, Path(str(distribution.locate_file(path))), digest)


def _check(listed: _Listed) -> CheckedFile:
    if not listed.digest or listed.path.endswith(".pyc"):
        return CheckedFile(listed.name, 0, "without hash")
    algorithm, _, expected = listed.digest.partition("=")
    if algorithm not in _ALGORITHMS:
        return CheckedFile(listed.name, 0, "altered")
    try:
        with listed.place.open("rb") as stream:
            found = hashlib.file_digest(stream, algorithm).digest()
            size = stream.tell()
    except OSError:
        return CheckedFile(listed.name, 0, "missing")
    same = base64.urlsafe_b64encode(found).rstrip(b"=").decode() == expected
    return CheckedFile(listed.name, size, "same" if same else "altered")
