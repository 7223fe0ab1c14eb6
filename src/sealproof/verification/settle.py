"""Executed protocols with what people recorded and decided laid over them, derived anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sealproof.verification.definition import CASE_FIELDS, PROTOCOLS, results_id
from sealproof.verification.digests import canonical_sha256
from sealproof.verification.tree import Tree

_WORDS = {"passed": "pass", "failed": "fail", "not_run": "not run", "not_evaluable": "not evaluable"}


@dataclass(frozen=True)
class Settled:
    """Counts by protocol and all deviations, each with its status and disposition (None when open)."""

    counts: dict[str, dict[str, int]]
    deviations: list[dict[str, Any]]


def settle(tree: Tree) -> Settled:
    """The state of all cases.

    Raises:
        LookupError, TypeError, ValueError: a file is not what it has to be.
    """
    counts, deviations = {}, []
    current = results_id(tree)
    for stage in PROTOCOLS:
        content = tree.dictionary(tree.artifact("qualify", f"{stage}.json"))
        cases = [_recorded(tree, case, current) for case in content["cases"]]
        verdicts = [case["verdict"] for case in cases]
        counts[stage] = {"total": len(verdicts)} | {key: verdicts.count(word) for key, word in _WORDS.items()}
        deviations += [_deviation(tree, case) for case in cases if case["verdict"] == "fail"]
    return Settled(counts, deviations)


def _recorded(tree: Tree, case: Mapping[str, Any], current: str) -> dict[str, Any]:
    """A case for people with its record, where the record is about this definition and these results."""
    stated = tree.dictionary(tree.definition(f"executions/{case['id']}.json"), optional=True)
    if case["automated"] or not stated:
        return dict(case)
    definition = canonical_sha256({key: case[key] for key in CASE_FIELDS})
    files = all(tree.sha256(item["path"]) == item["sha256"] for item in stated["evidence"])
    if (stated["definition_sha256"], stated["results_id"]) != (definition, current) or not files:
        return dict(case)
    return {**case, "verdict": stated["verdict"], "actual": stated["observed"]}


def _deviation(tree: Tree, case: Mapping[str, Any]) -> dict[str, Any]:
    name = f"DEV-{case['id']}"
    stated_failure = {"case": case["id"], "expected": case["expected"], "actual": case["actual"]}
    failure = canonical_sha256(stated_failure)
    found = {
        "id": name,
        "case": case["id"],
        "title": case["title"],
        "expected": case["expected"],
        "actual": case["actual"],
    }
    file = tree.definition(f"deviations/{name}.yaml")
    stated = tree.yaml(file, optional=True)
    covered = isinstance(stated, dict) and (stated["case"], stated["failure_sha256"]) == (case["id"], failure)
    return found | {
        "failure_sha256": failure,
        "status": stated["decision"] if covered else "open",
        "disposition": stated if covered else None,
    }
