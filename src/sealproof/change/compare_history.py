"""What people decided, approved and signed: deviations, approvals, openings of the test set, signatures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sealproof.change.claims import ADDED, CHANGED, REMOVED, Change, differences, flatten
from sealproof.change.executed import deviations
from sealproof.change.tree import Tree

_KNOWN = {"product.yaml", "inspection.yaml", "acceptance.yaml", "openings.yaml"}
_FOLDERS = ("approvals/", "deviations/", "executions/", "repeatability/")


def deviation_changes(old: Tree, new: Tree) -> Iterator[Change]:
    """Deviations opened and closed, and what QA decided on those that both releases have."""
    first, second = deviations(old), deviations(new)
    for name in sorted({*first, *second}):
        before, after = first.get(name), second.get(name)
        if before != after:
            observed = tuple(dict.fromkeys(found["actual"] for found in (before, after) if found))
            yield Change(f"deviations.{name}", _kind(before, after), _told(before), _told(after), observed)


def _kind(before: dict[str, str] | None, after: dict[str, str] | None) -> str:
    if after is None:
        return "closed"
    if before is None:
        return "opened"
    decided = after["status"] == "accepted" and before["failure"] == after["failure"]
    return "accepted" if decided else CHANGED


def _told(found: dict[str, str] | None) -> str | None:
    return None if found is None else f"{found['status']}: {found['title']}"


def approval_changes(old: Tree, new: Tree) -> Iterator[Change]:
    """Who approved criteria and protocols; what was approved is compared in its own sections."""
    path = f"products/{old.product}/approvals/criteria.json"
    found = [tree.mapping(path) if tree.has(path) else None for tree in (old, new)]
    if found[0] != found[1]:
        kind = ADDED if found[0] is None else REMOVED if found[1] is None else CHANGED
        yield Change("approvals.criteria", kind, _who(found[0]), _who(found[1]))


def _who(approval: dict[str, Any] | None) -> str | None:
    return None if approval is None else ", ".join(str(approval.get(key)) for key in ("by", "role", "at"))


def opening_changes(old: Tree, new: Tree) -> Iterator[Change]:
    """The ledger of the test set: continued, or another one; and the openings that the manufacturer declares."""
    first, second = (tree.lines(f"{tree.artifacts}/ledger.jsonl") for tree in (old, new))
    if first != second:
        kind = "continued" if first and second[: len(first)] == first else CHANGED
        details = (
            () if kind == "continued" else ("the new ledger does not begin with the lines of the old one",)
        )
        yield Change("openings.ledger", kind, _openings(first), _openings(second), details)
    yield from differences(_declared(old), _declared(new), "openings.declared")


def _openings(lines: list[str]) -> str:
    return f"{len(lines)} opening{'' if len(lines) == 1 else 's'}"


def _declared(tree: Tree) -> dict[str, Any]:
    path = f"products/{tree.product}/openings.yaml"
    return flatten(tree.mapping(path)) if tree.has(path) else {}


def signature_changes(old: Tree, new: Tree) -> Iterator[Change]:
    """Who signed in which role, with which certificate, as the audit trail tells of each release."""
    first, second = (signatures(tree) for tree in (old, new))
    yield from differences(first, second, "signatures")


def signatures(tree: Tree) -> dict[str, Any]:
    """Role -> name and certificate of those who signed the present release, the last signature of a role."""
    release = tree.mapping(f"reports/{tree.product}/release.json") if _has_release(tree) else {}
    found: dict[str, Any] = {}
    for entry in tree.trail():
        if entry.event == "document.signed" and entry.details["release_id"] == release.get("release_id"):
            keys = ("name", "certificate_sha256")
            found[entry.details["role"]] = ", ".join(str(entry.details[key]) for key in keys)
    return found


def _has_release(tree: Tree) -> bool:
    return tree.has(f"reports/{tree.product}/release.json")


def file_changes(old: Tree, new: Tree) -> Iterator[Change]:
    """Files of the product that no other section knows, by hash."""
    folder = f"products/{old.product}"
    for path in sorted({*old.files(folder), *new.files(folder)}):
        name = path.removeprefix(f"{folder}/")
        if name in _KNOWN or name.startswith(_FOLDERS):
            continue
        before, after = old.sha256(path), new.sha256(path)
        if before != after:
            kind = ADDED if before is None else REMOVED if after is None else CHANGED
            yield Change(f"files.{name}", kind, before, after)
