"""Which installed packages the software needs, directly and through others, and what their metadata say."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement

from sealproof.evidence.errors import EvidenceMissingError
from sealproof.evidence.hashing import sha256_bytes
from sealproof.evidence.installed import installed_distributions, normalised

_LONGEST_NAME = 60  # a licence field that is longer, or has several lines, holds the text and not the name


@dataclass(frozen=True)
class Package:
    """An installed package.

    Args:
        name: normalised name (PEP 503).
        version: as installed.
        licence: SPDX expression or name as the package states it; empty when it states none.
        record_sha256: hash of its RECORD, which lists the hash of each of its files; empty when it has none.
        needs: normalised names of the packages it requires here, sorted.
    """

    name: str
    version: str
    licence: str
    record_sha256: str
    needs: tuple[str, ...]


def required_packages(root: Path) -> tuple[tuple[str, ...], dict[str, Package]]:
    """What the software requires: pyproject.toml below `root`, else the metadata of the installed `sealproof`.

    Returns:
        Names of the packages it requires itself, and all packages it needs, directly or not, by name; both sorted.

    Raises:
        EvidenceMissingError: required packages are not installed; all of them are named.
    """
    installed = installed_distributions()
    direct = _direct(root)
    needs: dict[str, set[str]] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [*direct]
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        further = _further(installed.get(name), extras)
        needs.setdefault(name, set()).update(other for other, _ in further)
        waiting += further
    missing = sorted(name for name in needs if name not in installed)
    if missing:
        raise _not_installed(missing)
    packages = {name: _package(name, installed[name], needs[name]) for name in sorted(needs)}
    return tuple(sorted({name for name, _ in direct})), packages


def licence_of(distribution: Distribution) -> str:
    """The licence as a package states it: expression, short name, or classifier; empty when it states none."""
    metadata = distribution.metadata
    if "License-Expression" in metadata:
        return str(metadata["License-Expression"])
    short = str(metadata["License"]).strip() if "License" in metadata else ""
    if short and "\n" not in short and len(short) <= _LONGEST_NAME and short.upper() != "UNKNOWN":
        return short
    found = [
        str(line).rpartition(" :: ")[2]
        for line in metadata.get_all("Classifier") or ()
        if str(line).startswith("License ::")
    ]
    return ", ".join(sorted(found))


def _direct(root: Path) -> list[tuple[str, frozenset[str]]]:
    project = root / "pyproject.toml"
    if project.exists():
        rows = tomllib.loads(project.read_text(encoding="utf-8")).get("project", {}).get("dependencies", [])
    else:
        try:
            rows = requires("sealproof") or []
        except PackageNotFoundError:
            raise _not_installed(["sealproof"]) from None
    return _wanted(rows, frozenset())


def _further(distribution: Distribution | None, extras: frozenset[str]) -> list[tuple[str, frozenset[str]]]:
    return [] if distribution is None else _wanted(distribution.requires or (), extras)


def _wanted(rows: Iterable[str], extras: frozenset[str]) -> list[tuple[str, frozenset[str]]]:
    """(name, extras) of the requirements that hold on this machine."""
    found = []
    for row in rows:
        requirement = Requirement(row)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or {""}):
            found.append((normalised(requirement.name), frozenset(requirement.extras)))
    return found


def _package(name: str, distribution: Distribution, needs: Iterable[str]) -> Package:
    record = distribution.read_text("RECORD")
    return Package(
        name=name,
        version=distribution.version,
        licence=licence_of(distribution),
        record_sha256="" if record is None else sha256_bytes(record.encode()),
        needs=tuple(sorted(needs)),
    )


def _not_installed(names: Iterable[str]) -> EvidenceMissingError:
    return EvidenceMissingError(
        "packages that the software requires are not installed",
        where=", ".join(names),
        why="a bill of materials that leaves them out would be wrong",
        mend="install the packages of constraints.txt: `make setup`",
    )
