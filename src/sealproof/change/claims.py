"""One change of one claim, its class, and how nested settings become claims with a path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

ADDED, REMOVED, CHANGED, BETTER, WORSE = "added", "removed", "changed", "better", "worse"


class Classification(IntEnum):
    """What a change asks for, graver is larger."""

    NONE = 0
    PREDETERMINED = 1
    REQUALIFICATION = 2

    @property
    def word(self) -> str:
        """As it is printed."""
        return self.name.lower()


@dataclass(frozen=True)
class Change:
    """A claim that differs between two releases.

    Attributes:
        path: dotted name of the claim, its section first: `parameters.train.epochs`.
        kind: `added`, `removed`, `changed`, `better`, `worse`, or a word that its section explains (`loosened`).
        old, new: values as JSON; None where there is none.
        details: what a reader should know beside both values, one line each.
        share: of a split's images, where the claim is about images.
        classification: requalification until a rule says otherwise.
        reason: why it has that class.
        plan: id of the pre-determined change that covers it, or "".
        remark: what the provider has to ask, or "".
    """

    path: str
    kind: str
    old: Any
    new: Any
    details: tuple[str, ...] = ()
    share: float | None = None
    classification: Classification = Classification.REQUALIFICATION
    reason: str = "not classed"
    plan: str = ""
    remark: str = ""

    @property
    def section(self) -> str:
        """First part of the path."""
        return self.path.partition(".")[0]

    def as_dict(self) -> dict[str, Any]:
        """JSON types only."""
        return {
            "path": self.path,
            "section": self.section,
            "kind": self.kind,
            "old": self.old,
            "new": self.new,
            "details": list(self.details),
            "classification": self.classification.word,
            "reason": self.reason,
            "predetermined_change": self.plan,
            "remark": self.remark,
        }


@dataclass(frozen=True)
class Gap:
    """A claim that cannot be compared, because a release does not hold the evidence."""

    path: str
    why: str


def flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    """Leaves of nested mappings by their dotted path; lists of mappings go by `id` or `name`, other lists stay whole.

    Args:
        value: parsed JSON or YAML.
        prefix: path of `value` itself.

    Example:
        >>> flatten({"a": {"b": 1, "c": [1, 2]}, "d": [{"id": "X", "e": None}]})
        {'a.b': 1, 'a.c': [1, 2], 'd.X.e': None}
    """
    return dict(_leaves(value, prefix))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key in value:
            yield from _leaves(value[key], f"{path}.{key}" if path else str(key))
    elif named := _by_name(value):
        yield from _leaves(named, path)
    elif path or value != {}:
        yield path, value


def _by_name(value: Any) -> dict[str, Any] | None:
    """A list of mappings by their unique `id` or `name`, or None."""
    if not isinstance(value, list) or not value or not all(isinstance(item, Mapping) for item in value):
        return None
    for key in ("id", "name"):
        names = [item.get(key) for item in value]
        if all(isinstance(name, str) for name in names) and len(set(names)) == len(names):
            return {str(item[key]): {k: v for k, v in item.items() if k != key} for item in value}
    return {str(number): item for number, item in enumerate(value, start=1)}


def differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str) -> Iterator[Change]:
    """Changes between two flat mappings, sorted by path.

    Example:
        >>> [(c.path, c.kind) for c in differences({"a": 1, "b": 2}, {"b": 3, "c": 4}, "p")]
        [('p.a', 'removed'), ('p.b', 'changed'), ('p.c', 'added')]
    """
    for key in sorted({*old, *new}):
        path = f"{prefix}.{key}"
        if key not in new:
            yield Change(path, REMOVED, old[key], None)
        elif key not in old:
            yield Change(path, ADDED, None, new[key])
        elif not same(old[key], new[key]):
            yield Change(path, CHANGED, old[key], new[key])


def gathered(changes: Iterable[Change], path: str) -> Iterator[Change]:
    """Many small changes below `path` as one, with a line for each; nothing when there is none.

    Example:
        >>> next(gathered(differences({"a": 1, "b": 2}, {"a": 3}, "p"), "p")).details
        ('a: 1 -> 3', 'b: 2 -> -')
    """
    found = list(changes)
    if found:
        lines = (
            f"{item.path.removeprefix(f'{path}.')}: {_plain(item.old)} -> {_plain(item.new)}"
            for item in found
        )
        kind = found[0].kind if len({item.kind for item in found}) == 1 else CHANGED
        count = f"{len(found)} value{'s' if len(found) > 1 else ''} differ"
        yield Change(path, kind, None, count, tuple(lines))


def _plain(value: Any) -> str:
    if isinstance(value, Mapping) and "value" in value:
        value = value["value"]
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def same(old: Any, new: Any) -> bool:
    """Equality of JSON values in which 1, 1.0 and true are three different things, unlike Python's.

    Example:
        >>> same([1, {"a": 2}], [1, {"a": 2}]), same(1, True), same(1, 1.0)
        (True, False, False)
    """
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return old.keys() == new.keys() and all(same(old[key], new[key]) for key in old)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(same(a, b) for a, b in zip(old, new, strict=True))
    return type(old) is type(new) and bool(old == new)
