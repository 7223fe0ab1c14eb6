"""Acceptance criteria: limits that act on a confidence bound, never on the point estimate."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, StringConstraints, model_validator

from sealproof.evaluation.claims import Claim
from sealproof.evaluation.planning import Bound, strongest_bound
from sealproof.evidence import strict
from sealproof.evidence.records import RecordBook
from sealproof.evidence.strict import StrictModel
from sealproof.qualification.definitions import RequirementId, RiskId, Text
from sealproof.scores.settings import ALL_SCORES
from sealproof.thresholds.bounds import clopper_pearson

CriterionId = Annotated[str, StringConstraints(pattern=r"^AC-\d{2}$")]
Comparison = Literal[">=", "<="]
_COMPARISON_OF_BOUND: dict[Bound, Comparison] = {"low": ">=", "high": "<="}


class Criterion(StrictModel):
    """One acceptance criterion.

    Args:
        metric: id of the record of the point estimate; its bounds are the records `<metric>.low` and
            `<metric>.high`. `{score}` stands for the score in force.
        of: where `metric` is a count: id of the record of the number it is a share of. Value and exact bounds
            of the share are then computed here.
        bound: the unfavourable side: `low` for what must be large, `high` for what must be small.
        comparison: `>=` with `low`, `<=` with `high`; any other pairing would judge the favourable side.
        limit: the manufacturer's decision.
        sample: id of the record of the number of units behind the metric, where it is a proportion; with it
            the criterion is not evaluable when no result of that many units could meet the limit.

    Example:
        >>> Criterion(
        ...     id="AC-01", title="Recall", metric="evaluate.{score}.recall", bound="high", comparison=">=",
        ...     limit=0.9, rationale="r", requirement="URS-001", risk="RC-01",
        ... )  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        pydantic_core._pydantic_core.ValidationError: 1 validation error for Criterion
        ...
    """

    id: CriterionId
    title: Text
    metric: Text
    of: Text | None = None
    bound: Bound
    comparison: Comparison
    limit: float
    unit: Text = "1"
    sample: Text | None = None
    rationale: Text
    requirement: RequirementId
    risk: RiskId

    @property
    def units(self) -> str | None:
        """Record of the number of units, or None."""
        return self.of or self.sample

    @model_validator(mode="after")
    def _acts_on_the_unfavourable_side(self) -> Self:
        if _COMPARISON_OF_BOUND[self.bound] != self.comparison:
            raise ValueError(
                f"{self.id} compares the {self.bound} bound by {self.comparison}: "
                "the unfavourable side is low with >=, high with <="
            )
        return self


class Acceptance(StrictModel):
    """`products/<name>/acceptance.yaml`.

    Args:
        demonstration: True when the limits are no manufacturer's decision; such a product is never released.
        maximum_systems_judged: how many pairs of weights and thresholds may be judged on one test set.
        criteria: at least one.
    """

    demonstration: bool
    maximum_systems_judged: PositiveInt
    criteria: tuple[Criterion, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        ids = [criterion.id for criterion in self.criteria]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            raise ValueError(f"criteria given twice: {', '.join(twice)}")
        return self


class CriterionOutcome(StrictModel):
    """A criterion as judged: what was compared, and True, False or None (not evaluable, with the reason)."""

    id: CriterionId
    title: Text
    metric: Text
    value: float | None
    bound: Bound
    bound_value: float | None
    comparison: Comparison
    limit: float
    unit: Text
    n: int | None
    met: bool | None
    reason: str
    rationale: Text
    requirement: RequirementId
    risk: RiskId


def load_acceptance(path: Path) -> Acceptance:
    """Read acceptance.yaml.

    Raises:
        DefinitionError: the file is missing, empty, or says something that cannot be.
    """
    return strict.load(Acceptance, path)


def judge(
    acceptance: Acceptance, book: RecordBook, *, score: str, confidence: float
) -> list[CriterionOutcome]:
    """Judge every criterion against the records, in the order of the file. Pure: same records, same outcome.

    Args:
        acceptance: the criteria.
        book: all records of the release.
        score: the score in force; a criterion on another score is not evaluable.
        confidence: confidence of the two-sided bounds, in (0, 1).
    """
    return [_judge_one(criterion, book, score, confidence) for criterion in acceptance.criteria]


def all_met(outcomes: Iterable[CriterionOutcome]) -> bool:
    """Whether there is at least one criterion and every one is met; "not evaluable" is not met.

    Example:
        >>> all_met([])
        False
    """
    found = [outcome.met for outcome in outcomes]
    return bool(found) and all(met is True for met in found)


def claims(acceptance: Acceptance, score: str) -> tuple[Claim, ...]:
    """The criteria as claims on the test set, in the order of the file.

    Args:
        acceptance: the criteria.
        score: the score in force.
    """
    return tuple(
        Claim(
            id=item.id,
            title=item.title,
            metric=item.metric.replace("{score}", score),
            bound=item.bound,
            limit=item.limit,
            units=item.units,
        )
        for item in acceptance.criteria
    )


def _judge_one(criterion: Criterion, book: RecordBook, score: str, confidence: float) -> CriterionOutcome:
    metric, units = criterion.metric.replace("{score}", score), criterion.units
    n = _count(book, units) if units else None
    if criterion.of is None:
        value, bound_value = _number(book, metric), _number(book, f"{metric}.{criterion.bound}")
    else:
        value, bound_value = _share(_number(book, metric), n, criterion.bound, confidence)
    reason = (
        _other_score(metric, score)
        or _not_recorded(criterion, book, metric, value, bound_value)
        or _too_small(criterion, n, confidence)
    )
    return CriterionOutcome(
        **criterion.model_dump(exclude={"metric", "sample", "of"}),
        metric=metric,
        value=value,
        bound_value=bound_value,
        n=n,
        met=None if reason or bound_value is None else _holds(bound_value, criterion),
        reason=reason,
    )


def _share(
    part: float | None, whole: int | None, bound: Bound, confidence: float
) -> tuple[float | None, float | None]:
    """(value, bound) of a share of counts, with the exact bound of Clopper and Pearson."""
    if part is None or whole is None or part != int(part) or not 0 <= part <= whole:
        return None, None
    low, high = clopper_pearson(int(part), whole, confidence)
    return part / whole, low if bound == "low" else high


def _holds(bound_value: float, criterion: Criterion) -> bool:
    return bound_value >= criterion.limit if criterion.comparison == ">=" else bound_value <= criterion.limit


def _other_score(metric: str, score: str) -> str:
    """Why a metric is not about the score in force, or an empty text."""
    named = next((part for part in metric.split(".") if part in ALL_SCORES), score)
    return "" if named == score else f"{metric} is not a metric of the score in force ({score})"


def _not_recorded(
    criterion: Criterion, book: RecordBook, metric: str, value: float | None, bound_value: float | None
) -> str:
    """Which record is missing, or says that it is not evaluable, or an empty text."""
    needed = [metric, criterion.of or f"{metric}.{criterion.bound}"]
    for record_id in needed:
        if record_id not in book:
            return f"there is no record {record_id}"
        if book[record_id].value is None:
            return f"{record_id} is not evaluable: {book[record_id].definition}"
        if _number(book, record_id) is None:
            return f"{record_id} is no number: {book[record_id].value!r}"
    if value is None or bound_value is None:
        return f"{' and '.join(needed)} are no part and whole"
    return ""


def _too_small(criterion: Criterion, n: int | None, confidence: float) -> str:
    """Why the units cannot carry the claim, or an empty text."""
    if criterion.units is None:
        return ""
    if n is None:
        return f"the number of units ({criterion.units}) is not recorded"
    best = strongest_bound(n, criterion.bound, confidence)
    if _holds(best, criterion):
        return ""
    return f"{n} units can prove at most {best:.4f}, with no error at all; the limit is {criterion.limit:g}"


def _number(book: RecordBook, record_id: str) -> float | None:
    if record_id not in book:
        return None
    value = book[record_id].value
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _count(book: RecordBook, record_id: str) -> int | None:
    value = _number(book, record_id)
    return int(value) if value is not None and value >= 1 and value == int(value) else None
