"""`products/<name>/product.yaml`: what only a manufacturer can write. Everything but the name may be left out.

What is left out is printed as "not provided", with the clause that asks for it, and counted as an open point.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from sealproof.evaluation.noninferiority import HumanInspection
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


class NotApplicable(StrictModel):
    """The reason why something does not apply to a product, as the manufacturer states it."""

    not_applicable: Text


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


class ChangeLimits(StrictModel):
    """What must hold of two releases for a change to stay within its plan; each limit that is given has to hold.

    Args:
        minimum_bound: metric -> least lower confidence bound in the new release, for the score in force.
        maximum_drop: metric -> largest fall of its value, old minus new, for the score in force.
        maximum_share_of_images: images added, removed, altered or moved, as a share of a split's images before.
        lowest, highest: range of the new value of a numeric claim.
        maximum_relative_change: |new - old| / |old| of a numeric claim.
        same_test_images: both releases are judged on the same test images.
        criteria_met: every acceptance criterion is met in the new release.
    """

    minimum_bound: dict[Text, float] = Field(default_factory=dict)
    maximum_drop: dict[Text, float] = Field(default_factory=dict)
    maximum_share_of_images: float | None = Field(default=None, ge=0, le=1)
    lowest: float | None = None
    highest: float | None = None
    maximum_relative_change: float | None = Field(default=None, ge=0)
    same_test_images: Literal[True] | None = None
    criteria_met: Literal[True] | None = None


class PredeterminedChange(StrictModel):
    """A change that the provider planned, and described, before the system was assessed (Annex IV, point 2(f)).

    Args:
        id: `PCC-01`.
        what: claims that may change, as `sealproof diff` names them; `*` stands for anything. One or several.
        limits: within which the change stays; without them any extent of it is planned.
        reason: why it is planned, and why the system stays compliant.
        approved_by: who approved the plan.
    """

    id: Annotated[str, StringConstraints(pattern=r"^PCC-\d{2}$")]
    what: tuple[Text, ...] = Field(min_length=1)
    limits: ChangeLimits = ChangeLimits()
    reason: Text
    approved_by: Text

    @field_validator("what", mode="before")
    @classmethod
    def _one_or_several(cls, what: Any) -> Any:
        return (what,) if isinstance(what, str) else what


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
        human_inspection: how the inspection did that is replaced, or why none is.
        masks: why no ground-truth masks of the test set exist; without them nothing says where a defect lies.
        annex_iv: clause id -> answer, for every other human input of Annex IV.
        classification: question id of `protocols/classification.yaml` -> answer.
        clauses: clause id -> answer, for what the other frames (ISO 13485, 21 CFR Part 11, EU GMP Annex 22) need
            from people.
        revision_history: printed in every document.
        predetermined_changes: changes planned beforehand; the plan of the old release judges the new one.

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
    human_inspection: HumanInspection | None = None
    masks: NotApplicable | None = None
    annex_iv: dict[str, ClauseAnswer] = Field(default_factory=dict)
    classification: dict[str, Text] = Field(default_factory=dict)
    clauses: dict[str, ClauseAnswer] = Field(default_factory=dict)
    revision_history: tuple[Revision, ...] = ()
    predetermined_changes: tuple[PredeterminedChange, ...] = ()

    @field_validator("predetermined_changes")
    @classmethod
    def _ids_are_unique(cls, plan: tuple[PredeterminedChange, ...]) -> tuple[PredeterminedChange, ...]:
        ids = [change.id for change in plan]
        if twice := sorted({name for name in ids if ids.count(name) > 1}):
            raise ValueError(f"changes given twice: {', '.join(twice)}")
        return plan

    def document_number(self, kind: str) -> str:
        """Number of one document, prefix and kind."""
        return f"{self.document_prefix}-{kind.upper()}"


def load_product(path: Path) -> Product:
    """Read `product.yaml`.

    Raises:
        DefinitionError: the file is missing, has an unknown key, or a value that cannot be.
    """
    return strict.load(Product, path)
