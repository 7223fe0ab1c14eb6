"""What the dossier itself counts, and what it quotes from results that no stage recorded: records like all others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sealproof.dossier.inputs import DossierInputs
from sealproof.dossier.verdict import Headline, release_headline
from sealproof.evidence.hashing import sha256_bytes, sha256_file
from sealproof.evidence.records import Record, Value
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.release import Release


@dataclass(frozen=True)
class Fact:
    """One value with what a record needs to say about it.

    Args:
        value: as printed documents may quote it.
        unit: as in a record.
        definition: as in a record.
        artefact: file that holds it, relative to the root; empty for `context.json`, which the dossier writes.
        pointer: JSON pointer inside that file; of `context.json` it follows from the name.
    """

    value: Value
    unit: str
    definition: str
    artefact: str = ""
    pointer: str = ""


def count_facts(inputs: DossierInputs, release: Release) -> dict[str, Fact]:
    """The dossier's own values, by record name: counts, the verdict and the reasons for it."""
    return {**_open_points(inputs, release), **_verdict(release), **_chains(inputs)}


def _open_points(inputs: DossierInputs, release: Release) -> dict[str, Fact]:
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
        "cases.total": Fact(
            sum(count.total for count in release.cases.values()), "cases", "test cases of IQ, OQ and PQ"
        ),
        "cases.open": Fact(open_cases, "cases", "test cases that were not run or are not evaluable"),
        "signatures.missing": Fact(
            len(release.missing_signatures), "signatures", "roles that had not signed when this was rendered"
        ),
        **_deviations(release),
    }


def _deviations(release: Release) -> dict[str, Fact]:
    words = {
        "open": "deviations without a disposition of QA",
        "accepted": "deviations that QA accepted",
        "rejected": "deviations that QA rejected",
    }
    return {
        f"deviations.{status}": Fact(
            sum(item.status == status for item in release.deviations), "deviations", definition
        )
        for status, definition in words.items()
    }


def _verdict(release: Release) -> dict[str, Fact]:
    headline = headline_of(release)
    return {
        "release-id": Fact(
            release.release_id,
            "1",
            "SHA-256 over what the release rests on, times of execution left out",
        ),
        "decision": Fact(
            release.decision, "1", "decision on the release, from criteria, cases and open points"
        ),
        **{
            f"reason.{place}": Fact(text, "1", "reason for the decision, like ones drawn together")
            for place, text in enumerate(headline.reasons, start=1)
        },
    }


def _chains(inputs: DossierInputs) -> dict[str, Fact]:
    return {
        "trail.lines": Fact(
            len(inputs.trail), "lines", "lines of the audit trail when the documents were rendered"
        ),
        "trail.head": Fact(
            inputs.trail_head, "1", "SHA-256 of the last line of the audit trail that is attached"
        ),
        "ledger.openings": Fact(
            len(inputs.openings), "openings", "openings of the sealed test labels on record"
        ),
    }


def headline_of(release: Release) -> Headline:
    """The verdict of the dossier in words, with its reasons."""
    titles = {item.id: item.title for item in release.criteria}
    return release_headline(release.decision, release.reasons, titles)


def facts_json(facts: Mapping[str, Fact]) -> dict[str, Any]:
    """The content of `context.json`: the facts that lie in no other file.

    Example:
        >>> facts_json({"a.b": Fact(1, "clauses", "d"), "a.c": Fact(2, "1", "d", "model.json", "/x")})
        {'a.b': 1}
    """
    return {name: fact.value for name, fact in sorted(facts.items()) if not fact.artefact}


def fact_records(facts: Mapping[str, Fact], workspace: Workspace, content: bytes) -> list[Record]:
    """The facts as records, for the documents of the same stage.

    Args:
        facts: by record name.
        workspace: where the files lie that facts are quoted from.
        content: of `context.json` as it will be written.

    Example:
        >>> from pathlib import Path
        >>> found = fact_records({"a.b": Fact(1, "clauses", "d")}, Workspace(Path("."), "p"), b"{}")
        >>> found[0].id, found[0].artefact, found[0].pointer
        ('dossier.a.b', 'artifacts/p/dossier/context.json', '/a.b')
    """
    own = workspace.relative(workspace.artifacts("dossier") / "context.json")
    hashes = {own: sha256_bytes(content)}
    for fact in facts.values():
        if fact.artefact and fact.artefact not in hashes:
            hashes[fact.artefact] = sha256_file(workspace.root / fact.artefact)
    return [_record(name, fact, own, hashes) for name, fact in sorted(facts.items())]


def _record(name: str, fact: Fact, own: str, hashes: Mapping[str, str]) -> Record:
    artefact = fact.artefact or own
    pointer = fact.pointer if fact.artefact else f"/{name}"
    return Record(
        f"dossier.{name}",
        fact.value,
        fact.unit,
        fact.definition,
        artefact,
        pointer,
        hashes[artefact],
        "dossier",
    )
