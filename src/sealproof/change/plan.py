"""The pre-determined changes of the old release, and whether a change stays within their limits.

The plan of the **old** release counts: a change is pre-determined when it was planned before it was made. A limit that
cannot be evaluated is not kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from sealproof.change.claims import Change
from sealproof.change.tree import Tree
from sealproof.dossier.product import ChangeLimits, PredeterminedChange
from sealproof.evidence import strict
from sealproof.evidence.strict import StrictModel


class _Plan(StrictModel):
    predetermined_changes: tuple[PredeterminedChange, ...] = ()


@dataclass(frozen=True)
class Facts:
    """What limits are held against.

    Attributes:
        old, new: metric -> `{value, low, high}` of the score in force of each release.
        same_test_images: whether both are judged on the same test images; None when that cannot be told.
        criteria: id -> met, of the new release.
    """

    old: Mapping[str, Any]
    new: Mapping[str, Any]
    same_test_images: bool | None
    criteria: Mapping[str, Any]


def load_plan(tree: Tree) -> tuple[PredeterminedChange, ...]:
    """The plan in product.yaml of a release; its other keys may be those of another version.

    Raises:
        DefinitionError: an entry is malformed.
    """
    path = f"products/{tree.product}/product.yaml"
    content = tree.mapping(path).get("predetermined_changes") or ()
    plan = strict.parse(_Plan, {"predetermined_changes": content}, f"{tree.name}: {path}")
    return plan.predetermined_changes


def names(entry: PredeterminedChange, change: Change) -> bool:
    """Whether an entry of the plan names a change's claim."""
    return any(fnmatchcase(change.path, pattern) for pattern in entry.what)


def broken_limits(entry: PredeterminedChange, changes: Sequence[Change], facts: Facts) -> list[str]:
    """The limits of an entry that do not hold, in words; an empty list when all do.

    Args:
        entry: of the plan.
        changes: all changes; the ones that the entry names are held against its limits.
        facts: of both releases.

    Example:
        >>> entry = PredeterminedChange(id="PCC-01", what="data.train", reason="r", approved_by="QA",
        ...     limits={"minimum_bound": {"recall": 0.9}})
        >>> broken_limits(entry, [], Facts({}, {"recall": {"low": 0.85}}, True, {}))
        ['lower bound of recall is 0.85, at least 0.9 is planned']
    """
    named = [change for change in changes if names(entry, change)]
    return [
        *_bounds(entry.limits, facts),
        *_drops(entry.limits, facts),
        *_shares(entry.limits, named),
        *_values(entry.limits, named),
        *_states(entry.limits, facts),
    ]


def _bounds(limits: ChangeLimits, facts: Facts) -> Iterator[str]:
    for metric, least in sorted(limits.minimum_bound.items()):
        found = number(_part(facts.new, metric, "low"))
        if found is None:
            yield f"lower bound of {metric} is not known, at least {least:g} is planned"
        elif found < least:
            yield f"lower bound of {metric} is {found:.4g}, at least {least:g} is planned"


def _drops(limits: ChangeLimits, facts: Facts) -> Iterator[str]:
    for metric, most in sorted(limits.maximum_drop.items()):
        old, new = number(_part(facts.old, metric, "value")), number(_part(facts.new, metric, "value"))
        if old is None or new is None:
            yield f"the fall of {metric} is not known, at most {most:g} is planned"
        elif old - new > most:
            yield f"{metric} falls by {old - new:.4g}, at most {most:g} is planned"


def _shares(limits: ChangeLimits, named: Sequence[Change]) -> Iterator[str]:
    if (most := limits.maximum_share_of_images) is None:
        return
    for change in named:
        if change.share is not None and change.share > most:
            yield f"{change.share:.1%} of the images of {change.path} differ, at most {most:.1%} are planned"
        elif change.share is None and change.section == "data" and change.path.count(".") == 1:
            yield f"the share of images of {change.path} that differ is not known"


def _values(limits: ChangeLimits, named: Sequence[Change]) -> Iterator[str]:
    low, high, relative = limits.lowest, limits.highest, limits.maximum_relative_change
    if low is None and high is None and relative is None:
        return
    for change in named:
        old, new = _value(change.old), _value(change.new)
        if new is None or (relative is not None and not old):
            yield f"{change.path} has no numbers to hold against the planned limits"
            continue
        if low is not None and new < low:
            yield f"{change.path} is {new:g}, at least {low:g} is planned"
        if high is not None and new > high:
            yield f"{change.path} is {new:g}, at most {high:g} is planned"
        if relative is not None and old and abs(new - old) / abs(old) > relative:
            by = abs(new - old) / abs(old)
            yield f"{change.path} changes by {by:.3g} of its value, at most {relative:g} is planned"


def _states(limits: ChangeLimits, facts: Facts) -> Iterator[str]:
    if limits.same_test_images and facts.same_test_images is not True:
        yield "the same test images are planned, and they are not, or it cannot be told"
    unmet = sorted(name for name, met in facts.criteria.items() if met is not True)
    if limits.criteria_met and (unmet or not facts.criteria):
        yield f"all criteria met is planned; not met or not evaluable: {', '.join(unmet) or 'there is none'}"


def _part(metrics: Mapping[str, Any], metric: str, key: str) -> Any:
    found = metrics.get(metric)
    return found.get(key) if isinstance(found, Mapping) else None


def _value(value: Any) -> float | None:
    """The number of a claim: itself, or the value of an estimate with bounds."""
    return number(value.get("value") if isinstance(value, Mapping) else value)


def number(value: Any) -> float | None:
    """A number as float; None for anything else, truth values included."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
