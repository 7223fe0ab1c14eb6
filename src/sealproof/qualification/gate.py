"""The gate: hashes anew what the release rests on, derives each criterion anew, and gives one exit code.

0 criteria met, 1 not met, 2 evidence missing, 3 evidence altered; the graver one wins. What is unknown,
malformed or not evaluable never passes. An accepted deviation passes and is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path, PurePosixPath
from typing import Any

from sealproof.evidence.errors import EvidenceMissingError, SealproofError
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.trail import read_trail
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.acceptance import CriterionOutcome, all_met
from sealproof.qualification.rederivation import contradictions
from sealproof.qualification.release import Release, read_release, release_id, required_files
from sealproof.qualification.results import results_id_of
from sealproof.qualification.signed import judge_signed


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
        notes: what does not stand in the way and has to be seen: accepted deviations, stale entries.
    """

    product: str
    decision: str
    criteria: tuple[CriterionOutcome, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()

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
            "notes": list(self.notes),
        }

    def as_markdown(self) -> str:
        """A table for a CI summary."""
        lines = [f"### {self.product}: {Severity(self.exit_code).name.lower().replace('_', ' ')}", ""]
        lines += [f"| {' | '.join(self.headings)} |", f"|{' --- |' * len(self.headings)}"]
        lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in self.rows]
        lines += ["", f"Decision of the release: {self.decision}"]
        lines += [f"- {str(text).replace(chr(10), ' ')}" for text in (*self.problems, *self.notes)]
        return "\n".join(lines)


def evaluate_gate(workspace: Workspace, *, released: bool = False) -> GateResult:
    """Judge `reports/<product>/release.json` of a workspace; never raises for what it finds there.

    Args:
        workspace: root and product.
        released: also ask for a release that is signed by all roles. The signatures themselves are verified by
            `sealproof verify`, which shares no code with this.

    Returns:
        the result with its exit code and every problem.
    """
    try:
        release = read_release(workspace.reports / "release.json")
    except SealproofError as error:
        return GateResult(workspace.product, "none", (), (_from_error(error),))
    problems = [*_unsound(release, workspace), *_not_met(release)]
    decision = release.decision
    if released:
        signed = judge_signed(release, workspace.signed / "release.json")
        problems += [Problem(Severity[name], text) for name, text in signed.problems]
        if signed.release is not None:
            problems += _unsound(signed.release, workspace)
            decision = signed.release.decision
    ordered = sorted(dict.fromkeys(problems), key=lambda problem: -problem.severity)
    notes = (*release.notes, *(f"stale: {text}" for text in release.stale))
    return GateResult(workspace.product, decision, release.criteria, tuple(ordered), notes)


def _unsound(release: Release, workspace: Workspace) -> list[Problem]:
    """Where a release is not what its files give."""
    problems = [*_identity(release, workspace), *_files(release, workspace), *_trail(release, workspace)]
    try:
        for text in contradictions(release, workspace):
            problems.append(Problem(Severity.ALTERED, text))  # noqa: PERF401 - what was found stays if one raises
    except SealproofError as error:
        problems.append(_from_error(error))
    return problems


def _trail(release: Release, workspace: Workspace) -> Iterator[Problem]:
    """The audit trail still has the line that was its last when the release was written."""
    if not release.trail_head:
        return
    name = workspace.relative(workspace.trail)
    try:
        entries = read_trail(workspace.trail)
    except SealproofError as error:
        yield _from_error(error)
        return
    if not entries:
        yield Problem(Severity.MISSING, f"{name}: the audit trail that the release names")
    elif release.trail_head not in {entry.sha256 for entry in entries}:
        yield Problem(
            Severity.ALTERED, f"{name}: it has not the line that was the last when the release was written"
        )


def _identity(release: Release, workspace: Workspace) -> Iterator[Problem]:
    if release.product != workspace.product:
        yield Problem(Severity.ALTERED, f"release.json is about {release.product}, not {workspace.product}")
    # What is left out of the release is missing; only a release that names all can be of other evidence.
    whole = all(name in release.evidence for name in required_files(workspace))
    if whole and release.release_id != release_id(release.evidence, release.product):
        yield Problem(Severity.ALTERED, "release.json: its release id is not that of the evidence it names")
    if whole and release.results_id != results_id_of(release.evidence, release.product):
        yield Problem(
            Severity.ALTERED, "release.json: its id of the results is not that of the evidence it names"
        )


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
        if deviation.status != "accepted":
            state = "is open" if deviation.status == "open" else "was rejected"
            yield Problem(Severity.NOT_MET, f"{deviation.id} {state}: {deviation.case} {deviation.title}")


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
