"""Test cases of a release as they stand: executed by the pipeline, or recorded by a person for these very results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sealproof.change.tree import PROTOCOLS, Tree
from sealproof.evidence.hashing import sha256_json
from sealproof.qualification.recording import DEFINED
from sealproof.qualification.results import results_id


@dataclass(frozen=True)
class Case:
    """One case: what was expected and observed, and the verdict."""

    id: str
    title: str
    expected: str
    actual: str
    verdict: str

    @property
    def failure_sha256(self) -> str:
        """Hash of what failed, as a disposition names it."""
        return sha256_json({"case": self.id, "expected": self.expected, "actual": self.actual})


def executed_cases(tree: Tree, stage: str) -> dict[str, Case]:
    """Case id -> case of one protocol, with what people recorded in the place of "not run".

    Raises:
        EvidenceMissingError, EvidenceAlteredError: the protocol, a recorded execution or a result cannot be read.
    """
    rows = [row for row in tree.mapping(tree.protocol(stage)).get("cases", []) if isinstance(row, Mapping)]
    return {case.id: case for case in (_case(tree, row) for row in rows)}


def _case(tree: Tree, row: Mapping[str, Any]) -> Case:
    name = str(row.get("id"))
    recorded = {} if row.get("automated") else _recording(tree, name, row)
    return Case(
        id=name,
        title=str(row.get("title", "")),
        expected=str(row.get("expected", "")),
        actual=str(recorded.get("observed", row.get("actual", ""))),
        verdict=str(recorded.get("verdict", row.get("verdict", "unknown"))),
    )


def _recording(tree: Tree, name: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """What a person recorded for this definition and these results; empty when it was for others."""
    path = f"products/{tree.product}/executions/{name}.json"
    if not tree.has(path):
        return {}
    recording = tree.mapping(path)
    definition = sha256_json({key: row.get(key) for key in DEFINED})
    bound = recording.get("definition_sha256") == definition
    return recording if bound and recording.get("results_id") == results_id(tree.workspace) else {}


def deviations(tree: Tree) -> dict[str, dict[str, str]]:
    """Deviation -> title, actual, failure and status: what QA decided on this very failure, else `open`."""
    found = {}
    for stage in PROTOCOLS:
        for case in executed_cases(tree, stage).values():
            if case.verdict == "fail":
                found[f"DEV-{case.id}"] = {
                    "title": case.title,
                    "actual": case.actual,
                    "failure": case.failure_sha256,
                    "status": _status(tree, case),
                }
    return found


def _status(tree: Tree, case: Case) -> str:
    path = f"products/{tree.product}/deviations/DEV-{case.id}.yaml"
    disposition = tree.mapping(path) if tree.has(path) else {}
    decided = disposition.get("failure_sha256") == case.failure_sha256
    return str(disposition.get("decision")) if decided else "open"
