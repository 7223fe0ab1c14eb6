"""Reads `protocols/` as one linked whole; anything unknown or unlinked is an error, all of them at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sealproof.evidence import strict
from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.files import read_yaml
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.strict import Model, problem_lines
from sealproof.qualification.definitions import (
    STAGE_NAMES,
    CaseDefinition,
    Protocol,
    Requirement,
    Requirements,
    Risk,
    Risks,
    StageName,
)
from sealproof.qualification.library import CHECKS
from sealproof.qualification.registry import Check


@dataclass(frozen=True)
class Catalogue:
    """Everything below `protocols/`, linked and checked.

    Attributes:
        requirements, risks: by id.
        protocols: by stage.
        clauses: clause id -> title, from `protocols/clauses/`.
        hashes: file relative to the root -> SHA-256: what was approved.
    """

    requirements: Mapping[str, Requirement]
    risks: Mapping[str, Risk]
    protocols: Mapping[StageName, Protocol]
    clauses: Mapping[str, str]
    hashes: Mapping[str, str]
    requirements_status: str
    risks_status: str

    def cases(self) -> Iterator[CaseDefinition]:
        """All cases, IQ first."""
        for stage in STAGE_NAMES:
            yield from self.protocols[stage].cases


def load_catalogue(root: Path, checks: Mapping[str, Check] = CHECKS) -> Catalogue:
    """Read and link `protocols/` below `root`.

    Raises:
        DefinitionError: a file is missing or malformed, an id is unknown or given twice, parameters do not
            fit their check, or a requirement or risk has no test case; every problem is listed.
    """
    folder = root / "protocols"
    requirements, risks, protocols = _load_files(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    catalogue = Catalogue(
        requirements={item.id: item for item in requirements.requirements},
        risks={item.id: item for item in risks.risks},
        protocols=protocols,
        clauses=load_clauses(folder / "clauses"),
        hashes={path.relative_to(root).as_posix(): sha256_file(path) for path in files},
        requirements_status=requirements.status,
        risks_status=risks.status,
    )
    ids = [item.id for item in requirements.requirements]
    ids += [item.id for item in risks.risks] + [case.id for case in catalogue.cases()]
    problems = [*_repeated(ids), *_unknown(catalogue), *_untested(catalogue), *_ill_formed(catalogue, checks)]
    if problems:
        raise DefinitionError(
            f"{len(problems)} definition{'s' if len(problems) > 1 else ''} in the protocols cannot stand",
            where="protocols/",
            why="\n".join(problems),
            mend="correct the ids named above; each requirement and each risk needs at least one test case",
        )
    return catalogue


def _load_files(folder: Path) -> tuple[Requirements, Risks, dict[StageName, Protocol]]:
    errors: list[DefinitionError] = []

    def load(model: type[Model], name: str) -> Model | None:
        try:
            return strict.load(model, folder / name)
        except DefinitionError as error:
            errors.append(error)
            return None

    requirements, risks = load(Requirements, "requirements.yaml"), load(Risks, "risks.yaml")
    protocols = {stage: load(Protocol, f"{stage}.yaml") for stage in STAGE_NAMES}
    if requirements is None or risks is None or errors:
        raise all_of(errors)
    return requirements, risks, {stage: found for stage, found in protocols.items() if found is not None}


def all_of(errors: Sequence[DefinitionError]) -> DefinitionError:
    """One error that says all; the only one as it is.

    Args:
        errors: at least one.
    """
    if len(errors) == 1:
        return errors[0]
    return DefinitionError(
        f"{len(errors)} definition files cannot stand",
        where="\n".join(error.where for error in errors),
        why="\n".join(f"{error.what} ({error.where}): {error.why}" for error in errors),
        mend="correct the keys and ids named above",
    )


def load_clauses(folder: Path) -> dict[str, str]:
    """Clause id -> title, from every YAML file in `folder` (lists named `clauses` or `articles`).

    Raises:
        DefinitionError: a file holds no clause, or an entry no id.
    """
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.yaml")):
        content = read_yaml(path)
        entries = _entries(content)
        if not entries:
            raise DefinitionError(
                "a clause file holds no clauses",
                where=str(path),
                why="there is no list named `clauses` or `articles` whose entries carry `id` and `title`",
                mend="restore the file, or remove it",
            )
        found |= {str(entry["id"]): str(entry["title"]) for entry in entries}
    return found


def _entries(content: Any) -> list[dict[str, Any]]:
    if not isinstance(content, dict):
        return []
    rows = [*(content.get("clauses") or []), *(content.get("articles") or [])]
    return [row for row in rows if isinstance(row, dict) and {"id", "title"} <= row.keys()]


def _repeated(ids: Iterable[str]) -> list[str]:
    return [f"{name}: given {count} times" for name, count in sorted(Counter(ids).items()) if count > 1]


def _unknown(catalogue: Catalogue) -> Iterator[str]:
    for requirement in catalogue.requirements.values():
        yield from _missing(requirement.id, "clause", requirement.clauses, catalogue.clauses)
    for risk in catalogue.risks.values():
        yield from _missing(risk.id, "requirement", risk.requirements, catalogue.requirements)
    for case in catalogue.cases():
        yield from _missing(case.id, "requirement", case.requirements, catalogue.requirements)
        yield from _missing(case.id, "risk", case.risks, catalogue.risks)
        yield from _missing(case.id, "clause", case.clauses, catalogue.clauses)


def _missing(owner: str, kind: str, named: Iterable[str], known: Mapping[str, object]) -> Iterator[str]:
    return (f"{owner}: unknown {kind} {name}" for name in named if name not in known)


def _untested(catalogue: Catalogue) -> Iterator[str]:
    tested = {name for case in catalogue.cases() for name in (*case.requirements, *case.risks)}
    controlled = {name for risk in catalogue.risks.values() for name in risk.requirements}
    for name in (*catalogue.requirements, *catalogue.risks):
        if name not in tested:
            yield f"{name}: no test case"
    for name in catalogue.requirements:
        if name not in controlled:
            yield f"{name}: no risk"


def _ill_formed(catalogue: Catalogue, checks: Mapping[str, Check]) -> Iterator[str]:
    for stage, protocol in catalogue.protocols.items():
        if protocol.stage != stage:
            yield f"{stage}.yaml: says it is stage {protocol.stage}"
        for case in protocol.cases:
            if not case.id.lower().startswith(stage):
                yield f"{case.id}: stands in {stage}.yaml"
            if case.check is not None:
                yield from _parameter_problems(case, checks)


def _parameter_problems(case: CaseDefinition, checks: Mapping[str, Check]) -> Iterator[str]:
    known = checks.get(case.check or "")
    if known is None:
        yield f"{case.id}: unknown check {case.check}"
        return
    try:
        # The criterion of a case for each criterion is filled in when the protocol is executed.
        filled = {"criterion": "AC-00"} if case.for_each else {}
        known.parameters.model_validate({**case.parameters, **filled})
    except ValidationError as error:
        yield from (f"{case.id}: {line}" for line in problem_lines(error, "parameters"))
