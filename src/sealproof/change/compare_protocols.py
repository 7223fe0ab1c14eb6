"""What a release is judged by: acceptance criteria, test cases, requirements and risks, and how each came out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sealproof.change.claims import ADDED, BETTER, CHANGED, REMOVED, WORSE, Change, differences, flatten, same
from sealproof.change.executed import Case, executed_cases
from sealproof.change.plan import number
from sealproof.change.tree import PROTOCOLS, Tree


def criteria_changes(old: Tree, new: Tree) -> Iterator[Change]:
    """Criteria added, removed, loosened, tightened or otherwise changed; verdicts for the better or the worse."""
    first, second = (tree.mapping(f"products/{tree.product}/acceptance.yaml") for tree in (old, new))
    yield from differences(_without(first, "criteria"), _without(second, "criteria"), "criteria")
    yield from _definitions(
        _by_id(first.get("criteria")), _by_id(second.get("criteria")), "criteria", _criterion
    )
    verdicts = [judged(tree) for tree in (old, new)]
    for name in sorted(verdicts[0].keys() & verdicts[1].keys()):
        before, after = (_met(found[name]) for found in verdicts)
        if before != after:
            yield Change(f"criteria.{name}.verdict", BETTER if after == "met" else WORSE, before, after)


def judged(tree: Tree) -> dict[str, Any]:
    """Criterion id -> True, False or None, as judged."""
    found = tree.mapping(f"{tree.artifacts}/qualify/criteria.json").get("criteria")
    return {name: row.get("met") for name, row in _by_id(found).items()}


def _met(value: Any) -> str:
    return "met" if value is True else "not met" if value is False else "not evaluable"


def _criterion(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for change in differences(flatten(old), flatten(new), f"criteria.{name}"):
        yield _limit(change, old, new) if change.path.endswith(".limit") else change


def _limit(change: Change, old: Mapping[str, Any], new: Mapping[str, Any]) -> Change:
    """Loosened or tightened, when the limit alone has changed; a changed comparison turns the meaning round."""
    before, after = number(change.old), number(change.new)
    if before is None or after is None or old.get("comparison") != new.get("comparison"):
        return change
    tighter = after > before if new.get("comparison") == ">=" else after < before
    return Change(change.path, "tightened" if tighter else "loosened", change.old, change.new)


def protocol_changes(old: Tree, new: Tree) -> Iterator[Change]:
    """Cases added, removed or changed, their verdicts, the text around them, requirements, risks and other files."""
    for stage in PROTOCOLS:
        path = f"protocols/{stage}.yaml"
        first, second = (tree.mapping(path) for tree in (old, new))
        yield from differences(_without(first, "cases"), _without(second, "cases"), f"protocols.{stage}")
        yield from _definitions(_by_id(first.get("cases")), _by_id(second.get("cases")), "cases", _case)
        yield from _verdicts(executed_cases(old, stage), executed_cases(new, stage))
    for name in ("requirements", "risks"):
        yield from differences(_entries(old, name), _entries(new, name), name)
    yield from _other_files(old, new)


def _entries(tree: Tree, name: str) -> dict[str, Any]:
    found = flatten(tree.mapping(f"protocols/{name}.yaml"))
    return {key.removeprefix(f"{name}."): value for key, value in found.items()}


def _without(content: Mapping[str, Any], key: str) -> dict[str, Any]:
    return flatten({name: value for name, value in content.items() if name != key})


def _case(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """One change a case, with the keys that differ: a case is approved as a whole."""
    first, second = flatten(old), flatten(new)
    keys = sorted(key for key in {*first, *second} if not same(first.get(key), second.get(key)))
    if keys:
        before, after = ({key: found.get(key) for key in keys} for found in (first, second))
        yield Change(f"cases.{name}.definition", CHANGED, before, after, (f"differs in {', '.join(keys)}",))


def _definitions(old: dict[str, Any], new: dict[str, Any], section: str, compare: Any) -> Iterator[Change]:
    for name in sorted({*old, *new}):
        path = f"{section}.{name}"
        if name not in new:
            yield Change(path, REMOVED, _title(old[name]), None)
        elif name not in old:
            yield Change(path, ADDED, None, _title(new[name]))
        else:
            yield from compare(name, old[name], new[name])


def _title(row: Mapping[str, Any]) -> str:
    return str(row.get("title", "without a title"))


def _verdicts(old: Mapping[str, Case], new: Mapping[str, Case]) -> Iterator[Change]:
    """Verdicts that differ; only a pass is better: a case that failed and is not run any more proves nothing."""
    for name in sorted(old.keys() & new.keys()):
        before, after = old[name].verdict, new[name].verdict
        if before != after:
            yield Change(f"cases.{name}.verdict", BETTER if after == "pass" else WORSE, before, after)
    for name in sorted(new.keys() - old.keys()):
        yield Change(f"cases.{name}.verdict", ADDED, None, new[name].verdict)
    for name in sorted(old.keys() - new.keys()):
        yield Change(f"cases.{name}.verdict", REMOVED, old[name].verdict, None)


def _other_files(old: Tree, new: Tree) -> Iterator[Change]:
    judged_above = {f"protocols/{name}.yaml" for name in (*PROTOCOLS, "requirements", "risks")}
    for path in sorted({*old.files("protocols"), *new.files("protocols")} - judged_above):
        before, after = old.sha256(path), new.sha256(path)
        if before != after:
            kind = ADDED if before is None else REMOVED if after is None else CHANGED
            yield Change(f"protocols.files.{path.removeprefix('protocols/')}", kind, before, after)


def _by_id(rows: Any) -> dict[str, Any]:
    """Mappings of a list by their id; rows without one go by their number."""
    found = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
    return {str(row.get("id", number_)): row for number_, row in enumerate(found, start=1)}
