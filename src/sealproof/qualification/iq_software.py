"""IQ checks of the software: interpreter, packages, their files against the installer's record, telemetry."""

from __future__ import annotations

import base64
import configparser
import fnmatch
import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from pydantic import Field

from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.hashing import sha256_json
from sealproof.evidence.strict import StrictModel
from sealproof.evidence.telemetry import SILENCE
from sealproof.qualification.context import Context
from sealproof.qualification.registry import Finding, NoParameters, check

_SHOWN = 5


class InterpreterParameters(StrictModel):
    """`versions`: a version specifier, as in `>=3.11,<3.12`."""

    versions: str
    implementation: str = "CPython"


@check("interpreter", InterpreterParameters)
def interpreter(context: Context, parameters: InterpreterParameters) -> Finding:
    """Is the interpreter the declared implementation in the declared range?"""
    version, implementation = platform.python_version(), platform.python_implementation()
    passed = implementation == parameters.implementation and SpecifierSet(parameters.versions).contains(
        version
    )
    values = {"implementation": implementation, "version": version, "compiler": platform.python_compiler()}
    return Finding(
        passed=passed,
        actual=f"{implementation} {version}",
        values=values,
        files=(context.root / "pyproject.toml",),
    )


class PackagesParameters(StrictModel):
    """`file`: the list of exact versions; `allowed_beyond`: name patterns that need not be listed."""

    file: str = "constraints.txt"
    allowed_beyond: tuple[str, ...] = ()


@check("packages", PackagesParameters)
def packages_match_list(context: Context, parameters: PackagesParameters) -> Finding:
    """Is each listed package installed in exactly the listed version, and nothing beyond what is allowed?"""
    path = context.existing(context.root / parameters.file)
    wanted, found = read_constraints(path), installed_packages()
    missing = sorted(wanted.keys() - found.keys())
    other = [
        f"{name} {found[name]} instead of {specifier}"
        for name, specifier in sorted(wanted.items())
        if name in found and not specifier.contains(found[name], prereleases=True)
    ]
    beyond = sorted(found.keys() - wanted.keys())
    unlisted = [
        name for name in beyond if not any(fnmatch.fnmatch(name, rule) for rule in parameters.allowed_beyond)
    ]
    problems = [
        *(f"{name} is missing" for name in missing),
        *other,
        *(f"{name} is not listed" for name in unlisted),
    ]
    actual = (
        f"{len(wanted)} packages listed: {len(missing)} missing, {len(other)} in another version, "
        f"{len(unlisted)} installed beyond the list{shown(problems)}"
    )
    values = {
        "installed": found,
        "problems": problems,
        "beyond_and_allowed": [n for n in beyond if n not in unlisted],
    }
    return Finding(passed=not problems and bool(wanted), actual=actual, values=values, files=(path,))


def read_constraints(path: Path) -> dict[str, SpecifierSet]:
    """Package -> specifier of a constraints file.

    Raises:
        DefinitionError: a line is no requirement with an exact version.
    """
    wanted: dict[str, SpecifierSet] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.split("#")[0].strip()
        if not text:
            continue
        if not re.fullmatch(r"[A-Za-z0-9._-]+\s*==\s*[^\s,*]+", text):
            raise DefinitionError(
                "a package is not listed with an exact version",
                where=f"{path.name}, line {number}",
                why=f"{text!r} is not of the form name==version",
                mend="list every package as name==version",
            )
        requirement = Requirement(text)
        wanted[canonical(requirement.name)] = requirement.specifier
    return wanted


def installed_packages() -> dict[str, str]:
    """Canonical name -> version of every installed distribution, sorted by name."""
    found = {canonical(item.metadata["Name"]): item.version for item in importlib.metadata.distributions()}
    return dict(sorted(found.items()))


def canonical(name: str) -> str:
    """The one spelling of a package name (PEP 503).

    Example:
        >>> canonical("Ruamel.YAML_x")
        'ruamel-yaml-x'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


class PackageFilesParameters(StrictModel):
    """`packages`: distributions whose every installed file is hashed."""

    packages: tuple[str, ...] = Field(min_length=1)


@check("package-files-match-record", PackageFilesParameters)
def package_files_match_record(context: Context, parameters: PackageFilesParameters) -> Finding:
    """Has each file of the named packages the SHA-256 that its installer recorded (RECORD, PEP 376)?"""
    del context
    work = [entry for name in parameters.packages for entry in recorded_files(name)]
    with ThreadPoolExecutor(2) as pool:  # hashing releases the interpreter lock
        states = list(pool.map(lambda entry: file_state(entry[1], entry[2]), work))
    problems = [
        f"{name}: {path.name} {state}" for (name, path, _), state in zip(work, states, strict=True) if state
    ]
    listing = sha256_json(sorted([name, digest] for name, _, digest in work))
    actual = (
        f"{len(work)} files of {len(parameters.packages)} packages, {len(problems)} differ{shown(problems)}"
    )
    return Finding(
        passed=not problems and bool(work),
        actual=actual,
        values={"files": len(work), "problems": problems, "sha256_of_records": listing},
    )


def recorded_files(package: str) -> Iterator[tuple[str, Path, str]]:
    """(package, file, recorded SHA-256 as URL-safe base64) of each hashed file of an installed package.

    Raises:
        importlib.metadata.PackageNotFoundError: the package is not installed.
        ValueError: it was installed without a record of its files.
    """
    files = importlib.metadata.distribution(package).files
    hashed = [item for item in files or [] if item.hash is not None and item.hash.mode == "sha256"]
    if not hashed:
        raise ValueError(f"{package} has no record of the hashes of its files")
    for item in hashed:
        yield package, Path(str(item.locate())), item.hash.value if item.hash else ""


def file_state(path: Path, recorded: str) -> str:
    """Empty when the file has the recorded hash, else what is wrong with it."""
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").digest()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    found = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return "" if found == recorded else "differs"


@check("telemetry-off", NoParameters)
def telemetry_off(context: Context, parameters: NoParameters) -> Finding:
    """Is every switch off, in this process and in the DVC settings, and do DVC and MLflow say so?"""
    del parameters
    from dvc import analytics
    from mlflow.environment_variables import MLFLOW_DISABLE_TELEMETRY

    path = context.existing(context.root / ".dvc" / "config")
    settings = configparser.ConfigParser()
    settings.read_string(re.sub(r"(?m)^[ \t]+", "", path.read_text(encoding="utf-8")))
    switches = {
        f"environment {name}={value}": os.environ.get(name) == value for name, value in SILENCE.items()
    }
    for key in ("analytics", "check_update"):
        switches[f".dvc/config core.{key}=false"] = settings.get("core", key, fallback="") == "false"
    switches["DVC says analytics are disabled"] = analytics.is_enabled() is False
    switches["MLflow says telemetry is disabled"] = MLFLOW_DISABLE_TELEMETRY.get() is True
    gx_module = importlib.util.find_spec("great_expectations.analytics") is not None
    problems = [name for name, off in switches.items() if not off]
    actual = (
        f"{len(switches)} switches, {len(problems)} not off{shown(problems)}; Great Expectations "
        f"{importlib.metadata.version('great-expectations')} {'has' if gx_module else 'has no'} analytics"
    )
    return Finding(passed=not problems, actual=actual, values=dict(switches), files=(path,))


def shown(problems: list[str]) -> str:
    """The first problems as the end of a sentence; empty when there are none.

    Example:
        >>> shown(["a", "b"]), shown([])
        (': a; b', '')
    """
    if not problems:
        return ""
    more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    return f": {'; '.join(problems[:_SHOWN])}{more}"
