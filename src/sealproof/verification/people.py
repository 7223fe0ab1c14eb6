"""What people entered: approval, declared openings, dispositions and recorded executions, each bound by hash."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from sealproof.verification.definition import CASE_FIELDS, PROTOCOLS, results_id
from sealproof.verification.digests import canonical_sha256
from sealproof.verification.protocols import executed_cases
from sealproof.verification.tree import Tree

APPROVED = (
    "protocols/iq.yaml",
    "protocols/oq.yaml",
    "protocols/pq.yaml",
    "protocols/requirements.yaml",
    "protocols/risks.yaml",
)
_APPROVAL_FIELDS = {"product", "by", "role", "meaning", "at", "files"}


def check_people(tree: Tree) -> None:
    """Hold what people entered against what it is about."""
    approval = tree.definition("approvals/criteria.json")
    with tree.findings.guard(approval):
        _check_approval(tree, approval)
    for name in entries(tree, "deviations", ".yaml"):
        with tree.findings.guard(name):
            _check_disposition(tree, name)
    for name in entries(tree, "executions", ".json"):
        with tree.findings.guard(name):
            _check_recording(tree, name)


def entries(tree: Tree, folder: str, ending: str) -> list[str]:
    """Files of one kind directly in a folder of the product: what people entered, not its evidence."""
    place = PurePosixPath(tree.definition(folder))
    found = (PurePosixPath(name) for name in tree.files(place.as_posix()))
    return [name.as_posix() for name in found if name.parent == place and name.suffix == ending]


def _check_approval(tree: Tree, file: str) -> None:
    if not tree.exists(file):
        tree.findings.add(
            "criteria-not-approved", file, expected="an approval of criteria and protocols", found="none"
        )
        return
    approval = tree.dictionary(file)
    if set(approval) != _APPROVAL_FIELDS:
        tree.findings.add("malformed", file, expected=sorted(_APPROVAL_FIELDS), found=sorted(approval))
    tree.findings.compare(
        "approval-altered", file, "/product", expected=tree.product, found=approval["product"]
    )
    wanted = {*APPROVED, tree.definition("acceptance.yaml")}
    stated = approval["files"]
    for name in sorted(wanted | {*stated}):
        found = tree.sha256(name)
        if name not in wanted or stated.get(name) != found:
            tree.findings.add(
                "approved-other-version",
                file,
                name,
                expected=f"SHA-256 {found} (as executed)",
                found=f"SHA-256 {stated.get(name, '(not approved)')}",
            )
    for stage in PROTOCOLS:
        protocol = tree.artifact("qualify", f"{stage}.json")
        _check_carried(
            tree, protocol, tree.dictionary(protocol, optional=True).get("approval"), file, approval
        )
    _check_carried(
        tree, tree.release, tree.dictionary(tree.release, optional=True).get("approval"), file, approval
    )


def _check_carried(tree: Tree, file: str, stated: Any, source: str, approval: Mapping[str, Any]) -> None:
    """Protocols and release carry who approved, when, and the hash of the approval."""
    expected = {key: approval[key] for key in ("by", "role", "at")} | {"sha256": tree.sha256(source)}
    tree.findings.compare("approval-altered", file, "/approval", expected=expected, found=stated)


def _check_disposition(tree: Tree, file: str) -> None:
    stated = tree.yaml(file)
    cases = executed_cases(tree)
    case = cases.get(stated["case"])
    if PurePosixPath(file).stem != stated["deviation"] or stated["deviation"] != f"DEV-{stated['case']}":
        tree.findings.add(
            "disposition-altered",
            file,
            "deviation",
            expected=f"DEV-{stated['case']}, the file's name",
            found=stated["deviation"],
        )
    if stated["decision"] not in {"accepted", "rejected"}:
        tree.findings.add(
            "disposition-altered", file, "decision", expected="accepted or rejected", found=stated["decision"]
        )
    failures = [*_failures(tree, case)] if case else []
    if stated["failure_sha256"] not in failures:
        tree.findings.add(
            "disposition-of-another-failure",
            file,
            "failure_sha256",
            expected=" or ".join(failures) or "a failed case",
            found=stated["failure_sha256"],
        )


def _failures(tree: Tree, case: Mapping[str, Any]) -> list[str]:
    """Hashes of the failures a case may have: as executed, or as a person recorded it."""
    actual = [case["actual"]] if case["verdict"] == "fail" else []
    recorded = tree.dictionary(tree.definition(f"executions/{case['id']}.json"), optional=True)
    if recorded.get("verdict") == "fail":
        actual.append(recorded["observed"])
    return [
        canonical_sha256({"case": case["id"], "expected": case["expected"], "actual": text})
        for text in actual
    ]


def _check_recording(tree: Tree, file: str) -> None:
    stated = tree.dictionary(file)
    name = stated["case"]
    case = executed_cases(tree).get(name)
    if PurePosixPath(file).stem != name or case is None or case["automated"]:
        tree.findings.add(
            "recorded-execution-altered",
            file,
            "case",
            expected="a case for people, the file's name",
            found=name,
        )
        return
    if stated["verdict"] not in {"pass", "fail"}:
        tree.findings.add(
            "recorded-execution-altered", file, "verdict", expected="pass or fail", found=stated["verdict"]
        )
    definition = canonical_sha256({key: case[key] for key in CASE_FIELDS})
    for key, expected in (("definition_sha256", definition), ("results_id", results_id(tree))):
        if stated[key] != expected:
            tree.findings.add("recorded-execution-stale", file, key, expected=expected, found=stated[key])
    for item in stated["evidence"]:
        found = tree.sha256_of(item["path"])
        if found != item["sha256"]:
            tree.findings.add(
                "case-evidence-altered" if found else "file-missing",
                item["path"],
                name,
                expected=f"SHA-256 {item['sha256']}",
                found=f"SHA-256 {found or '(no such file)'}",
            )
