"""`products/<name>/product.yaml`: what only a manufacturer can write. Everything but the name may be left out.

What is left out is printed as "not provided", with the clause that asks for it, and counted as an open point.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from sealproof.evidence import strict
from sealproof.evidence.strict import StrictModel

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Provider(StrictModel):
    """The natural or legal person that takes responsibility for the system."""

    name: Text
    address: Text
    contact: Text | None = None


class ClauseAnswer(StrictModel):
    """What the manufacturer says to one clause: a text, or the reason why it does not apply."""

    text: Text | None = None
    not_applicable: Text | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> ClauseAnswer:
        if (self.text is None) == (self.not_applicable is None):
            raise ValueError(
                "give either `text` or `not_applicable` (with the reason), not both and not neither"
            )
        return self


class Hazard(StrictModel):
    """One line of the manufacturer's own hazard analysis (ISO 14971), which stays the authentic record."""

    id: Text
    hazard: Text
    harm: Text
    control: Text


class Revision(StrictModel):
    """One line of the revision history that is printed in every document."""

    revision: Text
    date: Text | None = None
    change: Text


class Product(StrictModel):
    """`product.yaml`.

    Args:
        title: the name printed on the documents.
        document_prefix: first part of every document number, such as `QD-0815`.
        revision: revision of the documents, as document control gives it.
        demonstration: True prints "demonstration product" on every page; such a product can never be released.
        site: where the inspection runs.
        provider, intended_use, oversight, interfaces, standards, hazards: as Annex IV asks.
        field_prevalence: share of defective parts on the line, 0 to 1.
        annex_iv: clause id -> answer, for every other human input of Annex IV.
        classification: question id of `protocols/classification.yaml` -> answer.
        revision_history: printed in every document.

    Example:
        >>> product = Product(title="Seal", document_prefix="QD-1", demonstration=False)
        >>> product.intended_use is None, product.document_number("iq")
        (True, 'QD-1-IQ')
    """

    title: Text
    document_prefix: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]+(-[A-Z0-9]+)*$")]
    revision: Text = "1"
    demonstration: bool
    site: Text | None = None
    provider: Provider | None = None
    intended_use: Text | None = None
    oversight: Text | None = None
    interfaces: tuple[Text, ...] = ()
    standards: tuple[Text, ...] = ()
    hazards: tuple[Hazard, ...] = ()
    field_prevalence: float | None = Field(default=None, gt=0, lt=1)
    annex_iv: dict[str, ClauseAnswer] = Field(default_factory=dict)
    classification: dict[str, Text] = Field(default_factory=dict)
    revision_history: tuple[Revision, ...] = ()

    def document_number(self, kind: str) -> str:
        """Number of one document, prefix and kind."""
        return f"{self.document_prefix}-{kind.upper()}"


def load_product(path: Path) -> Product:
    """Read `product.yaml`.

    Raises:
        DefinitionError: the file is missing, has an unknown key, or a value that cannot be.
    """
    return strict.load(Product, path)
