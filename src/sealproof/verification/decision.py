"""The decision with its reasons, derived anew from criteria, cases, deviations, missing input and signatures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sealproof.verification.definition import PROTOCOLS, results_id
from sealproof.verification.records import all_records
from sealproof.verification.settle import Settled, settle
from sealproof.verification.tree import Tree

ROLES = ("author", "reviewer", "approver")
#: What signing changes in the release; all else in signed/release.json is that of the draft.
CHANGED_BY_SIGNING = ("decision", "reasons", "notes", "missing_signatures", "signatures", "documents")


def check_decision(tree: Tree) -> None:
    """Derive cases, deviations and decision of release.json, and of signed/release.json, anew."""
    draft = tree.dictionary(tree.release, optional=True)
    if not draft:
        return
    with tree.findings.guard(tree.release):
        settled = settle(tree)
        _check_release(tree, tree.release, draft, settled)
        tree.findings.compare(
            "release-changed", tree.release, "/signatures", expected=[], found=draft["signatures"]
        )
        file = tree.report("signed/release.json")
        signed = tree.dictionary(file, optional=True)
        if signed:
            with tree.findings.guard(file):
                _check_release(tree, file, signed, settled)
                for key in sorted({*draft, *signed} - {*CHANGED_BY_SIGNING}):
                    tree.findings.compare(
                        "release-changed", file, f"/{key}", expected=draft.get(key), found=signed.get(key)
                    )


def _check_release(tree: Tree, file: str, release: Mapping[str, Any], settled: Settled) -> None:
    compare = tree.findings.compare
    compare("verdict-count-wrong", file, "/cases", expected=settled.counts, found=release["cases"])
    compare("results-id-wrong", file, "/results_id", expected=results_id(tree), found=release["results_id"])
    _check_deviations(tree, file, release["deviations"], settled)
    _check_demonstration(tree, file, release)
    signed = [item["role"] for item in release["signatures"]]
    missing = [role for role in ROLES if role not in signed]
    compare(
        "decision-wrong", file, "/missing_signatures", expected=missing, found=release["missing_signatures"]
    )
    decision, reasons, notes = decide(release, settled, missing)
    for key, value in (("decision", decision), ("reasons", reasons), ("notes", notes)):
        compare("decision-wrong", file, f"/{key}", expected=value, found=release[key])


def _check_deviations(tree: Tree, file: str, stated: list[Mapping[str, Any]], settled: Settled) -> None:
    by_id = {item["id"]: item for item in stated}
    for item in settled.deviations:
        if item["id"] not in by_id:
            tree.findings.add(
                "deviation-missing",
                file,
                item["id"],
                expected=f"a deviation, as {item['case']} failed",
                found="none",
            )
            continue
        for key in ("case", "expected", "actual", "failure_sha256", "status"):
            if by_id[item["id"]][key] != item[key]:
                code = "disposition-altered" if key == "status" else "deviation-changed"
                tree.findings.add(
                    code, file, f"{item['id']}, {key}", expected=item[key], found=by_id[item["id"]][key]
                )
    for name in sorted(by_id.keys() - {item["id"] for item in settled.deviations}):
        tree.findings.add("deviation-changed", file, name, expected="a failed case", found="none")


def _check_demonstration(tree: Tree, file: str, release: Mapping[str, Any]) -> None:
    """A demonstration product, demonstration limits or simulated images make the release a demonstration."""
    acceptance, product = (
        tree.yaml(tree.definition("acceptance.yaml"), optional=True),
        tree.yaml(tree.definition("product.yaml"), optional=True),
    )
    stated = any(
        isinstance(content, dict) and content.get("demonstration") is not False
        for content in (acceptance, product)
    )
    simulated = all_records(tree).get("ingest.simulated", {}).get("value") is not False
    if (stated or simulated) and release["demonstration"] is not True:
        tree.findings.add(
            "decision-wrong", file, "/demonstration", expected=True, found=release["demonstration"]
        )


def decide(
    release: Mapping[str, Any], settled: Settled, missing: list[str]
) -> tuple[str, list[str], list[str]]:
    """(decision, reasons, notes) as the facts give them.

    Example:
        >>> decide({"criteria": [], "demonstration": True, "missing_inputs": []}, Settled({}, []), [])[0]
        'incomplete'
    """
    against = [*_not_met(release["criteria"]), *_deviations(settled), *_unexplained(settled)]
    lacking = [
        *_not_evaluable(release["criteria"]),
        *_not_run(settled),
        *(f"not provided: {name}" for name in release["missing_inputs"]),
    ]
    last = ["a demonstration can never be released"] if release["demonstration"] else []
    last += [f"not signed: {role}" for role in missing]
    notes = [
        f"{item['id']} accepted by {_who(item)}: {item['case']} {item['title']}"
        for item in settled.deviations
        if item["status"] == "accepted"
    ]
    decision = "rejected" if against else "incomplete" if lacking else "criteria_met" if last else "released"
    return decision, [*against, *lacking, *last], notes


def _who(item: Mapping[str, Any]) -> str:
    return f"{item['disposition']['by']} ({item['disposition']['role']})"


def _not_met(criteria: list[Mapping[str, Any]]) -> Iterator[str]:
    for item in criteria:
        if item["met"] is False:
            bound = f"{item['bound']} bound of {item['metric']} is {item['bound_value']:.4f}"
            yield f"{item['id']} not met: {bound}, limit {item['comparison']} {item['limit']}"


def _not_evaluable(criteria: list[Mapping[str, Any]]) -> Iterator[str]:
    if not criteria:
        yield "there is no acceptance criterion"
    for item in criteria:
        if item["met"] is None:
            yield f"{item['id']} not evaluable: {item['reason']}"


def _deviations(settled: Settled) -> Iterator[str]:
    for item in settled.deviations:
        if item["status"] == "open":
            yield f"{item['id']} open: {item['case']} {item['title']}"
        elif item["status"] != "accepted":
            yield f"{item['id']} rejected by {_who(item)}: {item['case']} {item['title']}"


def _unexplained(settled: Settled) -> Iterator[str]:
    for stage in PROTOCOLS:
        counts = settled.counts.get(stage, {})
        opened = sum(item["case"].lower().startswith(stage) for item in settled.deviations)
        if counts.get("failed", 0) > opened:
            yield f"{stage.upper()}: {counts['failed'] - opened} of {counts['total']} cases failed"


def _not_run(settled: Settled) -> Iterator[str]:
    for stage in PROTOCOLS:
        counts = settled.counts.get(stage, {"total": 0})
        if not counts["total"]:
            yield f"{stage.upper()}: not executed"
            continue
        for key, words in (("not_run", "not run"), ("not_evaluable", "not evaluable")):
            if counts[key]:
                yield f"{stage.upper()}: {counts[key]} of {counts['total']} cases {words}"
