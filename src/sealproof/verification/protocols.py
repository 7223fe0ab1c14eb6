"""Executed protocols: what was executed is what was defined, nothing left out, each verdict where it is stated."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from sealproof.verification.definition import PROTOCOLS
from sealproof.verification.tree import Tree

_DEFINED = ("title", "requirements", "risks", "clauses", "objective", "procedure", "expected", "automated")
_COUNTS = {"passed": "pass", "failed": "fail", "not_run": "not run", "not_evaluable": "not evaluable"}


def check_protocols(tree: Tree) -> None:
    """Hold each executed protocol against its definition, its observations and its evidence."""
    acceptance = tree.yaml(tree.definition("acceptance.yaml"), optional=True)
    for stage in PROTOCOLS:
        file = tree.artifact("qualify", f"{stage}.json")
        executed, definition = tree.dictionary(file), tree.yaml(f"protocols/{stage}.yaml")
        if not executed or not isinstance(definition, dict):
            continue
        with tree.findings.guard(file):
            _check_approved(tree, file, executed)
            planned = dict(expand(definition, (acceptance or {}).get("criteria", [])))
            _check_cases(tree, file, executed, planned)
            _check_counts(tree, file, executed)
            _check_deviations(tree, file, executed)
            tree.findings.compare(
                "executed-protocol-altered",
                file,
                "/product",
                expected=tree.product,
                found=executed["product"],
            )
    with tree.findings.guard(tree.artifact("qualify", "trace.json")):
        _check_trace(tree)


def executed_cases(tree: Tree) -> dict[str, dict[str, Any]]:
    """id -> case, of all three protocols."""
    found: dict[str, dict[str, Any]] = {}
    for stage in PROTOCOLS:
        content = tree.dictionary(tree.artifact("qualify", f"{stage}.json"), optional=True)
        found |= {case["id"]: case for case in content.get("cases", [])}
    return found


def expand(
    definition: Mapping[str, Any], criteria: list[Mapping[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """(id, fields) of each case that has to be executed; one of each criterion where the definition says so."""
    for case in json.loads(json.dumps(definition["cases"])):  # as JSON keeps it: keys are text
        fields = {key: case[key] for key in _DEFINED} | {
            "check": case.get("check"),
            "parameters": case.get("parameters", {}),
        }
        if case.get("for_each") is None:
            yield case["id"], fields
            continue
        for item in criteria:
            yield f"{case['id']}-{item['id']}", _of_criterion(fields, item)


def _of_criterion(fields: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **fields,
        "title": f"{item['title']} ({item['id']})",
        "expected": f"{item['bound']} confidence bound {item['comparison']} {item['limit']:g}",
        "requirements": list(dict.fromkeys((*fields["requirements"], item["requirement"]))),
        "risks": list(dict.fromkeys((*fields["risks"], item["risk"]))),
        "parameters": {**fields["parameters"], "criterion": item["id"]},
    }


def _check_approved(tree: Tree, file: str, executed: Mapping[str, Any]) -> None:
    stated = executed["approved"]
    wanted = [*tree.files("protocols"), tree.definition("acceptance.yaml")]
    for name in sorted({*wanted} | {*stated}):
        found = tree.sha256(name)
        if stated.get(name) != (found or None):
            tree.findings.add(
                "executed-other-version",
                file,
                name,
                expected=f"SHA-256 {found or '(no such file)'}",
                found=f"SHA-256 {stated.get(name, '(not executed)')}",
            )


def _check_cases(tree: Tree, file: str, executed: Mapping[str, Any], planned: Mapping[str, Any]) -> None:
    names = [case["id"] for case in executed["cases"]]
    for name in sorted(planned.keys() - {*names}):
        tree.findings.add(
            "case-missing", file, name, expected="every case of the protocol", found="not executed"
        )
    for name in sorted({name for name in names if names.count(name) > 1 or name not in planned}):
        tree.findings.add(
            "case-extra", file, name, expected="the cases of the protocol, each once", found="a case too many"
        )
    for case in executed["cases"]:
        with tree.findings.guard(file, case["id"]):
            for key, value in planned.get(case["id"], {}).items():
                if case[key] != value:
                    tree.findings.add(
                        "case-redefined", file, f"{case['id']}, {key}", expected=value, found=case[key]
                    )
            _check_case(tree, file, case)
            tree.findings.count("test cases")


def _check_case(tree: Tree, file: str, case: Mapping[str, Any]) -> None:
    name, verdict = case["id"], case["verdict"]
    if not case["automated"]:
        if verdict != "not run":
            tree.findings.add(
                "case-verdict-changed",
                file,
                name,
                expected="not run: a case for people is recorded in executions/",
                found=verdict,
            )
        return
    observed = tree.artifact("qualify", f"observations/{name}.json")
    stated = tree.dictionary(observed)
    for key in ("verdict", "actual", "check", "parameters") if stated else ():
        if stated.get(key) != case[key]:
            code = "case-verdict-changed" if key == "verdict" else "case-observation-changed"
            tree.findings.add(
                code, file, f"{name}, {key}", expected=f"{stated.get(key)!r} ({observed})", found=case[key]
            )
    if verdict not in _COUNTS.values() or (verdict == "fail") is not (case["deviation"] == f"DEV-{name}"):
        tree.findings.add(
            "case-verdict-changed",
            file,
            name,
            expected="a known verdict, and a deviation exactly where the case failed",
            found=f"{verdict}, deviation {case['deviation']}",
        )
    if not any(item["path"] == observed for item in case["evidence"]):
        tree.findings.add(
            "case-evidence-altered",
            file,
            name,
            expected=f"its observation {observed}",
            found="not among its evidence",
        )
    for item in case["evidence"]:
        found = tree.sha256_of(item["path"])
        if found != item["sha256"] and not _went_on(tree, item):
            code = evidence_code(tree, item["path"], found)
            tree.findings.add(
                code,
                item["path"],
                name,
                expected=f"SHA-256 {item['sha256']} ({name})",
                found=f"SHA-256 {found or '(no such file)'}",
            )


def _went_on(tree: Tree, item: Mapping[str, str]) -> bool:
    """Whether a case cites a chain as it stood then: the present one begins with it."""
    if not item["path"].endswith(".jsonl") or not tree.exists(item["path"]):
        return False
    digest = hashlib.sha256()
    for line in tree.path(item["path"]).read_bytes().splitlines(keepends=True):
        digest.update(line)
        if digest.hexdigest() == item["sha256"]:
            return True
    return False


def evidence_code(tree: Tree, name: str, found: str) -> str:
    """Which code tells that a file a case cites is another one now: what lies outside the release may differ."""
    room = (
        f"artifacts/{tree.product}/",
        f"products/{tree.product}/",
        f"reports/{tree.product}/",
        "protocols/",
    )
    if name.startswith(room):
        return "case-evidence-altered" if found else "file-missing"
    return "case-evidence-elsewhere" if found else "case-evidence-absent"


def _check_counts(tree: Tree, file: str, executed: Mapping[str, Any]) -> None:
    verdicts = [case["verdict"] for case in executed["cases"]]
    derived = {"total": len(verdicts)} | {key: verdicts.count(word) for key, word in _COUNTS.items()}
    tree.findings.compare("verdict-count-wrong", file, "/counts", expected=derived, found=executed["counts"])


def _check_deviations(tree: Tree, file: str, executed: Mapping[str, Any]) -> None:
    wanted = {case["deviation"]: case for case in executed["cases"] if case["deviation"]}
    stated = {item["id"]: item for item in executed["deviations"]}
    for name in sorted(wanted.keys() - stated.keys()):
        tree.findings.add(
            "deviation-missing",
            file,
            name,
            expected=f"a deviation, as {wanted[name]['id']} failed",
            found="none",
        )
    for name in sorted(stated.keys() - wanted.keys()):
        tree.findings.add("deviation-changed", file, name, expected="a failed case", found="none")
    for name in sorted(wanted.keys() & stated.keys()):
        case = wanted[name]
        expected = {
            "case": case["id"],
            "title": case["title"],
            "expected": case["expected"],
            "actual": case["actual"],
        }
        for key, value in expected.items():
            if stated[name][key] != value:
                tree.findings.add(
                    "deviation-changed", file, f"{name}, {key}", expected=value, found=stated[name][key]
                )
        if stated[name].get("status", "open") != "open":
            tree.findings.add(
                "deviation-changed",
                file,
                f"{name}, status",
                expected="open: only a disposition closes it",
                found=stated[name]["status"],
            )


def _check_trace(tree: Tree) -> None:
    """The trace matrix is what requirements, risks and executed cases give."""
    file = tree.artifact("qualify", "trace.json")
    stated = tree.json(file)
    requirements, risks = tree.yaml("protocols/requirements.yaml"), tree.yaml("protocols/risks.yaml")
    if stated is None or requirements is None or risks is None:
        return
    cases = executed_cases(tree).values()
    derived = [
        {
            "requirement": item["id"],
            "text": item["text"].strip(),
            "clauses": item["clauses"],
            "risks": sorted(risk["id"] for risk in risks["risks"] if item["id"] in risk["requirements"]),
            "cases": [
                {key: case[key] for key in ("id", "risks", "verdict", "evidence")}
                for case in cases
                if item["id"] in case["requirements"]
            ],
        }
        for item in requirements["requirements"]
    ]
    by_id = {row["requirement"]: row for row in stated}
    tree.findings.compare(
        "trace-changed",
        file,
        "/",
        expected=[row["requirement"] for row in derived],
        found=[row["requirement"] for row in stated],
    )
    for row in derived:
        for key, value in row.items():
            found = by_id.get(row["requirement"], {}).get(key)
            if found != value:
                tree.findings.add(
                    "trace-changed", file, f"{row['requirement']}, {key}", expected=value, found=found
                )
