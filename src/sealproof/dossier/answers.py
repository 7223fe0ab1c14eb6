"""Clause by clause: where it is answered, what this version supplies, what the manufacturer wrote or left open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import RootModel

from sealproof.dossier.clauses import Clause, Instrument
from sealproof.dossier.product import ClauseAnswer, Product
from sealproof.evidence import strict
from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.strict import StrictModel
from sealproof.qualification.outcome import ExecutedCase, Verdict

Status = Literal["answered", "open", "not applicable"]

PRODUCT_FIELDS: dict[str, tuple[str, ...]] = {
    "annex-iv/1/a": ("intended_use", "provider"),
    "annex-iv/1/b": ("interfaces",),
    "annex-iv/2/e": ("oversight",),
    "annex-iv/3/unintended-outcomes": ("hazards",),
    "annex-iv/3/oversight": ("oversight",),
    "annex-iv/7": ("standards",),
}
"""Clauses that have fields of their own in product.yaml; all others are answered under `annex_iv`."""

FRAMES = ("iso-13485", "part-11", "annex-22")
"""Instruments beside Annex IV, in the order of the dossier; people answer them under `clauses` of product.yaml."""


class Quoted(StrictModel):
    """A record that is printed beside a clause.

    Args:
        label: what it is, in words.
        record: its id; `{score}` stands for the score in force.
        format: as `values.format_value` takes it.
        bounds: whether its bounds follow.
    """

    label: str
    record: str
    format: str = ""
    bounds: bool = False

    def id(self, score: str) -> str:
        """The id under the score in force."""
        return self.record.replace("{score}", score)


class Supplied(StrictModel):
    """What this version supplies to a clause: sections of the dossier, a sentence, records; all may be empty."""

    sections: tuple[str, ...]
    supplied: str
    records: tuple[Quoted, ...] = ()


class SuppliedFile(RootModel[dict[str, dict[str, Supplied]]]):
    """`protocols/answers.yaml`: instrument -> clause id -> what is supplied."""


@dataclass(frozen=True)
class Part:
    """One thing that a clause asks of people, with the text or None."""

    label: str
    text: str | None


@dataclass(frozen=True)
class ClauseReport:
    """A clause as the dossier prints it."""

    clause: Clause
    supplied: Supplied
    parts: tuple[Part, ...]
    not_applicable: str | None

    @property
    def status(self) -> Status:
        """`open` as long as one of the things that people have to write is missing."""
        if self.not_applicable:
            return "not applicable"
        return "open" if any(part.text is None for part in self.parts) else "answered"

    @property
    def missing(self) -> tuple[str, ...]:
        """The labels of what is missing; empty unless the clause is open."""
        return tuple(part.label for part in self.parts if part.text is None) if self.status == "open" else ()


@dataclass(frozen=True)
class FrameReport:
    """A clause of another frame than Annex IV, as its matrix prints it.

    Args:
        clause: in our own words.
        supplied: what this release supplies.
        cases: (case, verdict) of every test case that names the clause.
        answer: what the manufacturer wrote, or None.
    """

    clause: Clause
    supplied: Supplied
    cases: tuple[tuple[str, Verdict], ...]
    answer: ClauseAnswer | None


def load_supplied(path: Path, instruments: Mapping[str, Instrument]) -> dict[str, dict[str, Supplied]]:
    """Read `protocols/answers.yaml` and hold it against the clauses.

    Raises:
        DefinitionError: a clause without an entry, or an entry for an unknown clause; all of them are named.
    """
    found = strict.load(SuppliedFile, path).root
    problems = []
    for name, instrument in instruments.items():
        ids, entries = {clause.id for clause in instrument.clauses}, set(found.get(name, {}))
        problems += [f"{clause}: no entry" for clause in sorted(ids - entries)]
        problems += [f"{clause}: unknown clause" for clause in sorted(entries - ids)]
    if problems:
        raise DefinitionError(
            "what is supplied does not match the clauses",
            where=str(path),
            why="\n".join(problems),
            mend="give each clause of protocols/clauses/ exactly one entry",
        )
    return found


def report_annex_iv(
    instrument: Instrument, supplied: Mapping[str, Supplied], product: Product
) -> tuple[ClauseReport, ...]:
    """Every clause of Annex IV with what is supplied and what the manufacturer wrote.

    Raises:
        DefinitionError: product.yaml answers a clause that does not exist, or one that has fields of its own.
    """
    _reject_unknown(instrument, product)
    return tuple(_report(clause, supplied[clause.id], product) for clause in instrument.clauses)


def report_frame(
    instrument: Instrument,
    supplied: Mapping[str, Supplied],
    product: Product,
    cases: Sequence[ExecutedCase],
) -> tuple[FrameReport, ...]:
    """Every clause of a frame with what is supplied, tested and written.

    Args:
        instrument: the frame.
        supplied: clause id -> what this release supplies.
        product: what the manufacturer wrote.
        cases: of all protocols; those that name a clause are its evidence, built and never written.
    """
    return tuple(
        FrameReport(
            clause,
            supplied[clause.id],
            tuple((case.id, case.verdict) for case in cases if clause.id in case.clauses),
            product.clauses.get(clause.id),
        )
        for clause in instrument.clauses
    )


def check_answers(instruments: Mapping[str, Instrument], product: Product) -> None:
    """Hold what product.yaml answers against the clauses of the frames.

    Raises:
        DefinitionError: it answers a clause that no frame has, which would otherwise vanish; all are named.
    """
    known = {clause.id for name in FRAMES for clause in instruments[name].clauses}
    unknown = sorted(set(product.clauses) - known)
    if unknown:
        raise DefinitionError(
            "the product answers clauses that do not exist",
            where="product.yaml, key `clauses`",
            why=f"unknown ids: {', '.join(unknown)}",
            mend="use the ids of iso_13485, cfr_part_11 and eu_gmp_annex_22 in protocols/clauses/",
        )


def missing_inputs(reports: Iterable[ClauseReport]) -> list[str]:
    """One line an open clause, as the release lists it.

    Example:
        >>> missing_inputs([])
        []
    """
    return [f"Annex IV {item.clause.number} {item.clause.title}" for item in reports if item.status == "open"]


def _report(clause: Clause, supplied: Supplied, product: Product) -> ClauseReport:
    given = product.annex_iv.get(clause.id)
    parts = tuple(_parts(clause, product, given))
    return ClauseReport(clause, supplied, parts, given.not_applicable if given else None)


def _parts(clause: Clause, product: Product, given: ClauseAnswer | None) -> Iterable[Part]:
    if clause.evidence == "automatic":
        return
    fields = PRODUCT_FIELDS.get(clause.id)
    if fields is None or given is not None:
        yield Part(clause.human_input, given.text if given else None)
        return
    for field in fields:
        yield Part(field.replace("_", " "), _text(product, field))


def _text(product: Product, field: str) -> str | None:
    value = getattr(product, field)
    if value is None or value == ():
        return None
    if field == "provider":
        return "; ".join(part for part in (value.name, value.address, value.contact) if part)
    if field == "hazards":
        return "; ".join(
            f"{item.id}: {item.hazard}, harm: {item.harm}, control: {item.control}" for item in value
        )
    return value if isinstance(value, str) else "; ".join(value)


def _reject_unknown(instrument: Instrument, product: Product) -> None:
    unknown = sorted(set(product.annex_iv) - {clause.id for clause in instrument.clauses})
    if unknown:
        raise DefinitionError(
            "the product answers clauses that do not exist",
            where="product.yaml, key `annex_iv`",
            why=f"unknown ids: {', '.join(unknown)}",
            mend="use the ids of protocols/clauses/eu_ai_act_annex_iv.yaml",
        )
