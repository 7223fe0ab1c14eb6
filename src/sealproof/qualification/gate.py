"""The gate: hashes anew what the release rests on, derives each criterion anew, and gives one exit code.

0 criteria met, 1 not met, 2 evidence missing, 3 evidence altered; the graver one wins. What is unknown,
malformed or not evaluable never passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path, PurePosixPath
from typing import Any

from sealproof.evidence.errors import EvidenceMissingError, SealproofError
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.acceptance import CriterionOutcome, all_met
from sealproof.qualification.rederivation import contradictions
from sealproof.qualification.release import Release, read_release, release_id, required_files


class Severity(IntEnum):
    """Exit codes of the gate, graver is larger."""

    MET = 0
    NOT_MET = 1
    MISSING = 2
    ALTERED = 3


@dataclass(frozen=True)
class Problem:
    """Why the gate does not pass."""

    severity: Severity
    text: str

    def __str__(self) -> str:
        return f"{self.severity.name.lower().replace('_', ' ')}: {self.text}"


@dataclass(frozen=True)
class GateResult:
    """The verdict of the gate.

    Attributes:
        product: its name.
        decision: of the release, or "none" when there is no release to read.
        criteria: as the release states them.
        problems: all that was found, the gravest first.
    """

    product: str
    decision: str
    criteria: tuple[CriterionOutcome, ...]
    problems: tuple[Problem, ...]

    headings = ("criterion", "title", "value", "bound", "limit", "verdict")

    @property
    def exit_code(self) -> int:
        """The gravest problem; 0 only when there is none and at least one criterion is met."""
        found = max((problem.severity for problem in self.problems), default=Severity.MET)
        if found is Severity.MET and not all_met(self.criteria):
            return int(Severity.NOT_MET)
        return int(found)

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The criteria table, a row a criterion, columns as `headings`."""
        return [_row(item) for item in self.criteria]

    def as_dict(self) -> dict[str, Any]:
        """JSON types only."""
        return {
            "product": self.product,
            "exit_code": self.exit_code,
            "verdict": Severity(self.exit_code).name.lower(),
            "decision": self.decision,
            "criteria": [item.model_dump(mode="json") for item in self.criteria],
            "problems": [
                {"severity": problem.severity.name.lower(), "text": problem.text} for problem in self.problems
            ],
        }

    def as_markdown(self) -> str:
        """A table for a CI summary."""
        lines = [f"### {self.product}: {Severity(self.exit_code).name.lower().replace('_', ' ')}", ""]
        lines += [f"| {' | '.join(self.headings)} |", f"|{' --- |' * len(self.headings)}"]
        lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in self.rows]
        lines += ["", f"Decision of the release: {self.decision}"]
        lines += [f"- {str(problem).replace(chr(10), ' ')}" for problem in self.problems]
        return "\n".join(lines)


def evaluate_gate(workspace: Workspace) -> GateResult:
    """Judge `reports/<product>/release.json` of a workspace; never raises for what it finds there.

    Args:
        workspace: root and product.

    Returns:
        the result with its exit code and every problem.
    """
    path = workspace.reports / "release.json"
    try:
        release = read_release(path)
    except SealproofError as error:
        return GateResult(workspace.product, "none", (), (_from_error(error),))
    problems = [*_identity(release, workspace), *_files(release, workspace)]
    try:
        for text in contradictions(release, workspace):
            problems.append(Problem(Severity.ALTERED, text))  # noqa: PERF401 - what was found stays if one raises
    except SealproofError as error:
        problems.append(_from_error(error))
    problems += _not_met(release)
    ordered = sorted(dict.fromkeys(problems), key=lambda problem: -problem.severity)
    return GateResult(workspace.product, release.decision, release.criteria, tuple(ordered))


def _identity(release: Release, workspace: Workspace) -> Iterator[Problem]:
    if release.product != workspace.product:
        yield Problem(Severity.ALTERED, f"release.json is about {release.product}, not {workspace.product}")
    # What is left out of the release is missing; only a release that names all can be of other evidence.
    whole = all(name in release.evidence for name in required_files(workspace))
    if whole and release.release_id != release_id(release.evidence, release.product):
        yield Problem(Severity.ALTERED, "release.json: its release id is not that of the evidence it names")


def _files(release: Release, workspace: Workspace) -> Iterator[Problem]:
    """Problems of the files that the release names, or should name."""
    named = release.evidence | release.documents
    for name in required_files(workspace):
        if name not in release.evidence:
            yield Problem(
                Severity.MISSING, f"{name}: the release does not name it, so its verdict does not rest on it"
            )
    for name, digest in sorted(named.items()):
        problem = _file(workspace.root, name, digest)
        if problem is not None:
            yield problem


def _file(root: Path, name: str, digest: str) -> Problem | None:
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or "\\" in name:
        return Problem(Severity.ALTERED, f"{name}: a path that leaves the project")
    path = root / name
    try:
        found = sha256_file(path)
    except OSError as error:
        return Problem(Severity.MISSING, f"{name}: {error.strerror}")
    return (
        None
        if found == digest
        else Problem(Severity.ALTERED, f"{name}: not the file that the release rests on")
    )


def _not_met(release: Release) -> Iterator[Problem]:
    for item in release.criteria:
        if item.met is None:
            yield Problem(Severity.NOT_MET, f"{item.id} {item.title}: not evaluable: {item.reason}")
        elif not item.met:
            yield Problem(
                Severity.NOT_MET,
                f"{item.id} {item.title}: {item.bound} bound {_figure(item.bound_value)}, "
                f"limit {item.comparison} {item.limit:g}",
            )
    for deviation in release.deviations:
        yield Problem(Severity.NOT_MET, f"{deviation.id} is open: {deviation.case} {deviation.title}")


def _from_error(error: SealproofError) -> Problem:
    severity = Severity.MISSING if isinstance(error, EvidenceMissingError) else Severity.ALTERED
    return Problem(severity, f"{error.what} ({error.where}: {error.why})")


def _row(item: CriterionOutcome) -> tuple[str, ...]:
    words = {True: "met", False: "NOT MET", None: "not evaluable"}[item.met]
    limit = f"{item.comparison} {item.limit:g}"
    bound = f"{item.bound} {_figure(item.bound_value)}"
    return (item.id, item.title, _figure(item.value), bound, limit, words)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
