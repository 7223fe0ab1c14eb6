"""The clauses as data: instrument, number, date and status come from files, never from a template."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.files import read_yaml

FILES = {
    "annex-iv": "eu_ai_act_annex_iv.yaml",
    "annex-22": "eu_gmp_annex_22.yaml",
    "part-11": "cfr_part_11.yaml",
    "iso-13485": "iso_13485.yaml",
}
"""Name of an instrument here -> its file below `protocols/clauses/`."""


@dataclass(frozen=True)
class Clause:
    """One clause, in our own words.

    Args:
        id: `annex-iv/1/b`.
        number: as the instrument writes it, `1(b)` or `11.10(a)`.
        title: short form.
        requirement: what it asks, in our own words.
        evidence: `automatic`, `human` or `mixed`: who can answer it.
        human_input: what a person has to write or decide.
        condition: when it applies, empty when the file does not say.
        articles: related articles.
        verification: how well the digest was checked against the text, empty when the file does not say.
    """

    id: str
    number: str
    title: str
    requirement: str
    evidence: str
    human_input: str
    condition: str
    articles: tuple[str, ...]
    verification: str


@dataclass(frozen=True)
class Instrument:
    """One legal text or guideline: `meta` is printed, `clauses` are answered."""

    name: str
    meta: dict[str, Any]
    clauses: tuple[Clause, ...]

    def clause(self, clause_id: str) -> Clause:
        """The clause of that id; raises KeyError for an unknown one."""
        return next(clause for clause in self.clauses if clause.id == clause_id)


def load_instruments(folder: Path) -> dict[str, Instrument]:
    """Read every instrument of `FILES` below `folder`.

    Raises:
        DefinitionError: a file is missing or not YAML, or a clause lacks a field or repeats an id.
    """
    return {name: _instrument(name, folder / file) for name, file in FILES.items()}


def _instrument(name: str, path: Path) -> Instrument:
    content = read_yaml(path)
    try:
        clauses = tuple(_clause(row) for row in content["clauses"])
        meta = dict(content["meta"])
    except (KeyError, TypeError) as error:
        raise _wrong(path, f"a clause or the head lacks the field {error}") from error
    ids = [clause.id for clause in clauses]
    twice = sorted({item for item in ids if ids.count(item) > 1})
    if twice:
        raise _wrong(path, f"clause ids given twice: {', '.join(twice)}")
    return Instrument(name, meta, clauses)


def _clause(row: dict[str, Any]) -> Clause:
    return Clause(
        id=row["id"],
        number=str(row.get("point") or row.get("section") or ""),
        title=row["title"],
        requirement=" ".join(str(row["requirement"]).split()),
        evidence=row["evidence"],
        human_input=row["human_input"],
        condition=str(row.get("condition", "")),
        articles=tuple(row.get("related_articles", ())),
        verification=row.get("verification", ""),
    )


def _wrong(path: Path, why: str) -> DefinitionError:
    return DefinitionError(
        "a clause file is wrong", where=str(path), why=why, mend="restore the file, or complete it"
    )
