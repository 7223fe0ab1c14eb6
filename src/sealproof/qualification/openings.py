"""Declared openings: systems whose opening of the test set was announced, with the reason and a name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from sealproof.evidence import strict
from sealproof.evidence.ledger import Opening
from sealproof.evidence.strict import StrictModel
from sealproof.qualification.approval import FOLDER
from sealproof.qualification.definitions import Sha256, Text


class DeclaredOpening(StrictModel):
    """One system, and why it may be judged on a test set that was opened before."""

    model_sha256: Sha256
    threshold_sha256: Sha256
    reason: Text
    by: Text


class DeclaredOpenings(StrictModel):
    """`products/<name>/approvals/openings.yaml`; the first system needs no declaration."""

    openings: tuple[DeclaredOpening, ...] = Field(default=())


def load_declared(definition: Path) -> DeclaredOpenings:
    """The declared openings of a product; none when there is no such file.

    Args:
        definition: the product's folder, `products/<name>`.

    Raises:
        DefinitionError: the file says something that cannot be.
    """
    path = definition / FOLDER / "openings.yaml"
    return strict.load(DeclaredOpenings, path) if path.exists() else DeclaredOpenings()


def undeclared(openings: Sequence[Opening], declared: DeclaredOpenings) -> list[Opening]:
    """The first opening by each system, but the first of all, that nobody declared.

    Args:
        openings: of one set of labels, oldest first.
        declared: what was announced.

    Returns:
        one opening a system, that is a pair of weights and thresholds, oldest first.
    """
    announced = {(item.model_sha256, item.threshold_sha256) for item in declared.openings}
    first: dict[tuple[str, str], Opening] = {}
    for opening in openings:
        first.setdefault((opening.model_sha256, opening.threshold_sha256), opening)
    return [opening for system, opening in list(first.items())[1:] if system not in announced]
