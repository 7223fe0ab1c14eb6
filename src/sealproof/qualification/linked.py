"""Acceptance criteria and protocols as one linked whole: they load together, or all that is wrong is named."""

from __future__ import annotations

from dataclasses import dataclass

from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.acceptance import Acceptance, load_acceptance
from sealproof.qualification.catalogue import Catalogue, all_of, load_catalogue


@dataclass(frozen=True)
class Definitions:
    """What is approved and executed."""

    acceptance: Acceptance
    catalogue: Catalogue


def load_definitions(workspace: Workspace) -> Definitions:
    """Read acceptance.yaml and `protocols/`, and hold them against each other.

    Raises:
        DefinitionError: a file is missing or malformed, or anything is unknown or unlinked; all of it is named.
    """
    errors: list[DefinitionError] = []
    acceptance: Acceptance | None = None
    catalogue: Catalogue | None = None
    try:
        acceptance = load_acceptance(workspace.definition / "acceptance.yaml")
    except DefinitionError as error:
        errors.append(error)
    try:
        catalogue = load_catalogue(workspace.root)
    except DefinitionError as error:
        errors.append(error)
    if acceptance is None or catalogue is None:
        raise all_of(errors)
    check_links(acceptance, catalogue)
    return Definitions(acceptance, catalogue)


def check_links(acceptance: Acceptance, catalogue: Catalogue) -> None:
    """Hold the criteria's requirements and risks against the catalogue.

    Raises:
        DefinitionError: naming every criterion that names an unknown one.
    """
    unknown = [
        f"{criterion.id}: unknown {kind} {name}"
        for criterion in acceptance.criteria
        for kind, name, known in (
            ("requirement", criterion.requirement, catalogue.requirements),
            ("risk", criterion.risk, catalogue.risks),
        )
        if name not in known
    ]
    if unknown:
        raise DefinitionError(
            "acceptance criteria answer to nothing",
            where="acceptance.yaml",
            why="\n".join(unknown),
            mend="name requirements of protocols/requirements.yaml and risks of protocols/risks.yaml",
        )
