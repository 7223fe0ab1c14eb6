"""What a test set can carry of the acceptance criteria on proportions, told from its numbers of images alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sealproof.evaluation.planning import Bound, strongest_bound, units_needed
from sealproof.thresholds.bounds import clopper_pearson

#: Subgroup column of defective images alone.
DEFECT_TYPE = "defect_type"
NO_PROPORTION = (
    "no claim on a proportion of a stated number of units: no number of units can be judged beforehand"
)


@dataclass(frozen=True)
class Claim:
    """One acceptance criterion, as far as its test set can be too small for it.

    Args:
        id: of the criterion.
        title: its title.
        metric: record that it is about.
        bound: the unfavourable side that it acts on: `low` must reach the limit, `high` must not exceed it.
        limit: the limit.
        units: record of the number of units; None when the criterion is on no proportion.
    """

    id: str
    title: str
    metric: str
    bound: Bound
    limit: float
    units: str | None


@dataclass(frozen=True)
class PlannedClaim:
    """What the test set can prove of a claim at most.

    Attributes:
        claim: the claim.
        units: number of units; None when it is not known before the test set is opened.
        strongest: best bound that they can give, with no failure at all.
        failures_allowed: misses (bound `low`) or events (`high`) with which the bound still meets the limit;
            None when none does.
        units_needed: fewest units that could carry the claim; None when no number could.
        carried: whether they can carry it; None when the question has no answer.
        reason: why not, or why there is no answer.
    """

    claim: Claim
    units: int | None
    strongest: float | None
    failures_allowed: int | None
    units_needed: int | None
    carried: bool | None
    reason: str

    def as_json(self) -> dict[str, Any]:
        """All fields as JSON types, those of the claim among them."""
        claim = {key: value for key, value in asdict(self.claim).items() if key != "units"}
        own = {key: value for key, value in asdict(self).items() if key != "claim"}
        return {**claim, "units_record": self.claim.units, **own}


@dataclass(frozen=True)
class Plan:
    """All claims on a test set.

    Attributes:
        confidence: of the two-sided bounds that the criteria act on; each side carries half of the rest.
        claims: as planned, in the order of the criteria.
    """

    confidence: float
    claims: tuple[PlannedClaim, ...]

    @property
    def one_sided(self) -> float:
        """Confidence of one of the two bounds."""
        return (1 + self.confidence) / 2

    @property
    def not_carried(self) -> tuple[PlannedClaim, ...]:
        """Claims that the test set is too small for."""
        return tuple(item for item in self.claims if item.carried is False)

    @property
    def unknown(self) -> tuple[PlannedClaim, ...]:
        """Claims on a proportion whose number of units nobody knows yet."""
        return tuple(item for item in self.claims if item.carried is None and item.claim.units is not None)

    def as_json(self) -> dict[str, Any]:
        """The plan as JSON types: `confidence`, `one_sided_confidence`, `criteria` by id."""
        return {
            "confidence": self.confidence,
            "one_sided_confidence": self.one_sided,
            "criteria": {item.claim.id: item.as_json() for item in self.claims},
        }


def plan_claims(claims: Iterable[Claim], units: Mapping[str, int], confidence: float) -> Plan:
    """What the test set can prove of each claim at most.

    Args:
        claims: the acceptance criteria.
        units: record -> number, for all numbers that are known before the opening (`units_before_opening`).
        confidence: of the two-sided bounds that the criteria act on, in (0, 1).

    Example:
        >>> claim = Claim("AC-01", "Recall", "evaluate.mse.recall", "low", 0.95, "evaluate.test.defective")
        >>> found = plan_claims([claim], {"evaluate.test.defective": 180}, 0.95).claims[0]
        >>> found.carried, round(found.strongest, 4), found.failures_allowed, found.units_needed
        (True, 0.9797, 3, 72)
        >>> plan_claims([claim], {"evaluate.test.defective": 71}, 0.95).not_carried[0].reason
        '71 units can prove at most 0.9494, with no error at all; the limit is 0.95; 72 units could carry it'
    """
    return Plan(confidence, tuple(_planned(claim, units, confidence) for claim in claims))


def _planned(claim: Claim, units: Mapping[str, int], confidence: float) -> PlannedClaim:
    needed = _units_needed(claim, confidence)
    if claim.units is None:
        return PlannedClaim(claim, None, None, None, None, None, NO_PROPORTION)
    n = units.get(claim.units)
    if n is None:
        reason = f"{claim.units} is not known before the test set is opened"
        return PlannedClaim(claim, None, None, None, needed, None, reason)
    if n < 1:
        reason = "there is no unit in the test set"
        return PlannedClaim(claim, n, None, None, needed, carried=False, reason=reason)
    best = strongest_bound(n, claim.bound, confidence)
    carried = meets(best, claim)
    more = f"{needed} units could carry it" if needed else "no number of units could carry it"
    reason = (
        f"{n} units can prove at most {best:.4f}, with no error at all; the limit is {claim.limit:g}; {more}"
    )
    allowed = _failures_allowed(claim, n, confidence) if carried else None
    return PlannedClaim(claim, n, best, allowed, needed, carried, "" if carried else reason)


def meets(bound_value: float, claim: Claim) -> bool:
    """Whether a bound meets the limit of a claim."""
    return bound_value >= claim.limit if claim.bound == "low" else bound_value <= claim.limit


def _failures_allowed(claim: Claim, n: int, confidence: float) -> int:
    """By the very bounds that the criteria act on, so that both agree to the last unit."""
    low, high = 0, n
    while low < high:
        middle = (low + high + 1) // 2
        bounds = clopper_pearson(n - middle if claim.bound == "low" else middle, n, confidence)
        holds = meets(bounds[0] if claim.bound == "low" else bounds[1], claim)
        low, high = (middle, high) if holds else (low, middle - 1)
    return low


def _units_needed(claim: Claim, confidence: float) -> int | None:
    reliability = claim.limit if claim.bound == "low" else 1 - claim.limit
    if claim.units is None or reliability >= 1:
        return None
    return units_needed(reliability, (1 + confidence) / 2) if reliability > 0 else 1


def units_before_opening(summary: Mapping[str, Any]) -> dict[str, int]:
    """Record -> number of test images, as far as split_summary.json tells it without breaking the seal.

    Args:
        summary: content of split_summary.json.

    Example:
        >>> counts = {"normal": 3, "defective": 2, "unlabelled": 0}
        >>> units_before_opening({"splits": {"test": counts}})["evaluate.test.images"]
        5
    """
    found = {f"evaluate.test.{name}": number for name, number in _numbers(summary["splits"]["test"]).items()}
    for name, number in _subgroup_numbers(summary):
        found[f"evaluate.{name}"] = number
    return found


def _numbers(counts: Mapping[str, int]) -> dict[str, int]:
    normal, defective = int(counts["normal"]), int(counts["defective"])
    return {"images": normal + defective, "normal": normal, "defective": defective}


def _subgroup_numbers(summary: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    groups = {
        (column, value): _numbers(splits["test"])
        for column, values in summary.get("subgroups", {}).items()
        for value, splits in values.items()
    }
    for value, number in summary.get("defect_types", {}).get("test", {}).items():
        groups[DEFECT_TYPE, value] = _numbers({"normal": 0, "defective": number})
    pairs = list(groups)
    same = Counter(subgroup_id(*pair) for pair in pairs)
    for pair in pairs:  # where two values read the same, nobody can tell beforehand which record is whose
        if same[subgroup_id(*pair)] == 1:
            yield from ((f"{subgroup_id(*pair)}.{name}", number) for name, number in groups[pair].items())


def subgroup_id(column: str, value: str) -> str:
    """Record id of a subgroup, without the number that tells values apart which would read the same.

    Example:
        >>> subgroup_id("group_setup", "Line 2"), subgroup_id("defect_type", "")
        ('subgroup.group_setup.line-2', 'subgroup.defect_type.not-stated')
    """
    words = re.sub(r"[^a-z0-9]+", "-", value.lower()).strip("-") or "not-stated"
    return f"subgroup.{column.strip('_')}.{words}"
