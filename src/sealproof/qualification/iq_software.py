"""IQ checks of the software: interpreter, packages, their files against the installer's record, telemetry."""

from __future__ import annotations

import configparser
import fnmatch
import importlib.metadata
import importlib.util
import os
import platform
import re
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.installed import verify_installed
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
    """`packages`: distributions whose every file is hashed, none for all; `exempt`: those left out of all.

    This package itself may be installed from its sources, without a record of its files: Git identifies them.
    """

    packages: tuple[str, ...] = ()
    exempt: tuple[str, ...] = ()


@check("package-files-match-record", PackageFilesParameters)
def package_files_match_record(context: Context, parameters: PackageFilesParameters) -> Finding:
    """Has each file of the installed packages the hash that its installer recorded (RECORD, PEP 376)?"""
    del context
    left_out = {canonical(name) for name in parameters.exempt}
    report = verify_installed(parameters.packages or sorted(installed_packages().keys() - left_out))
    problems = [
        *(f"missing: {name}" for name in report.missing),
        *(f"differs: {name}" for name in report.altered),
    ]
    actual = (
        f"{report.files} files of {report.distributions} packages hashed, {report.bytes / 1024**2:.0f} MiB: "
        f"{len(report.altered)} differ, {len(report.missing)} missing{shown(problems)}"
    )
    values = {
        "packages": report.distributions,
        "files": report.files,
        "bytes": report.bytes,
        "problems": problems,
        "without_hash": report.without_hash,
    }
    return Finding(passed=report.sound, actual=actual, values=values)


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
