"""What the dossier itself counts: open points and the release id, recorded like every other value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sealproof.dossier.inputs import DossierInputs
from sealproof.evidence.hashing import sha256_bytes
from sealproof.evidence.records import Record, Value
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.release import Release


@dataclass(frozen=True)
class Fact:
    """One value with what a record needs to say about it."""

    value: Value
    unit: str
    definition: str


def count_facts(inputs: DossierInputs, release: Release) -> dict[str, Fact]:
    """The dossier's own values, by record name."""
    open_clauses = sum(item.status == "open" for item in inputs.annex_iv)
    unanswered = sum(item.answer is None for item in inputs.classification)
    open_cases = sum(count.not_run + count.not_evaluable for count in release.cases.values())
    return {
        "annex-iv.total": Fact(
            len(inputs.annex_iv), "clauses", "clauses of Annex IV that the dossier answers or leaves open"
        ),
        "annex-iv.open": Fact(
            open_clauses, "clauses", "clauses of Annex IV that wait for text of the manufacturer"
        ),
        "classification.total": Fact(
            len(inputs.classification), "questions", "questions of the classification under Article 6(1)"
        ),
        "classification.open": Fact(
            unanswered, "questions", "questions that the manufacturer has not answered"
        ),
        "deviations.open": Fact(
            len(release.deviations), "deviations", "deviations without a disposition of QA"
        ),
        "cases.total": Fact(
            sum(count.total for count in release.cases.values()), "cases", "test cases of IQ, OQ and PQ"
        ),
        "cases.open": Fact(open_cases, "cases", "test cases that were not run or are not evaluable"),
        "signatures.missing": Fact(
            len(release.missing_signatures), "signatures", "roles that have not signed"
        ),
        "release-id": Fact(
            release.release_id,
            "1",
            "SHA-256 over what the release rests on, times of execution left out",
        ),
        "decision": Fact(
            release.decision, "1", "decision on the release, from criteria, cases and open points"
        ),
    }


def facts_json(facts: Mapping[str, Fact]) -> dict[str, Any]:
    """The content of `context.json`.

    Example:
        >>> facts_json({"a.b": Fact(1, "clauses", "d")})
        {'a.b': 1}
    """
    return {name: fact.value for name, fact in sorted(facts.items())}


def fact_records(facts: Mapping[str, Fact], workspace: Workspace, content: bytes) -> list[Record]:
    """The facts as records of `context.json`, which holds `content`, for the documents of the same stage.

    Example:
        >>> from pathlib import Path
        >>> found = fact_records({"a.b": Fact(1, "clauses", "d")}, Workspace(Path("."), "p"), b"{}")
        >>> found[0].id, found[0].artefact, found[0].pointer
        ('dossier.a.b', 'artifacts/p/dossier/context.json', '/a.b')
    """
    artefact = workspace.relative(workspace.artifacts("dossier") / "context.json")
    digest = sha256_bytes(content)
    return [
        Record(
            f"dossier.{name}", fact.value, fact.unit, fact.definition, artefact, f"/{name}", digest, "dossier"
        )
        for name, fact in sorted(facts.items())
    ]
