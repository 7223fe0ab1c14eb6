"""The test-set ledger: who judged which system on which labels, and whether the criteria were approved before."""

from __future__ import annotations

from typing import Any

from sealproof.verification.chains import Entry, read_chain
from sealproof.verification.tree import Tree

_FIELDS = {
    "number",
    "opened_at",
    "purpose",
    "labels_sha256",
    "model_sha256",
    "threshold_sha256",
    "criteria_sha256",
    "previous",
}


def ledger_name(tree: Tree) -> str:
    """`artifacts/<product>/ledger.jsonl`."""
    return f"artifacts/{tree.product}/ledger.jsonl"


def ledger_entries(tree: Tree) -> list[Entry]:
    """All readable lines; what is wrong with the chain is found on the way."""
    name = ledger_name(tree)
    if not tree.exists(name):
        return []
    if name not in tree.shared:
        tree.shared[name] = read_chain(tree.path(name).read_bytes(), name, tree.findings, "ledger")
    entries: list[Entry] = tree.shared[name]
    return entries


def check_ledger(tree: Tree) -> None:
    """Hold the ledger against labels, weights, thresholds, criteria and approval as they lie there now."""
    file = ledger_name(tree)
    if not tree.exists(file):
        tree.findings.add("ledger-missing", file, expected="the test-set ledger", found="no such file")
        return
    lines = ledger_entries(tree)
    for line in lines:
        if set(line.fields) - {"approval_sha256"} != _FIELDS:
            tree.findings.add(
                "ledger-line-unreadable",
                file,
                f"line {line.place}",
                expected=f"the fields {sorted(_FIELDS)}",
                found=sorted(line.fields),
            )
    with tree.findings.guard(file):
        labels = tree.sha256(tree.artifact("ingest", "sealed_labels.parquet"))
        own = [line for line in lines if line.fields.get("labels_sha256") == labels]
        _check_evaluated(tree, file, own)
        _check_approval(tree, file, own)
        _check_systems(tree, file, own)


def _system(line: Entry) -> tuple[Any, Any]:
    return line.fields["model_sha256"], line.fields["threshold_sha256"]


def _check_evaluated(tree: Tree, file: str, own: list[Entry]) -> None:
    """The system that is evaluated was judged by an opening of these labels."""
    present = (
        tree.sha256(tree.artifact("train", "model.safetensors")),
        tree.sha256(tree.artifact("threshold", "thresholds.json")),
    )
    if not any(_system(line) == present for line in own):
        tree.findings.add(
            "opening-missing",
            file,
            expected="an opening of these labels by these weights and thresholds",
            found=f"{len(own)} openings of these labels, none by them",
        )


def _check_approval(tree: Tree, file: str, own: list[Entry]) -> None:
    """Every opening carries the criteria and the approval in force: approved first, opened then."""
    criteria = tree.sha256(tree.definition("acceptance.yaml"))
    approval = tree.sha256(tree.definition("approvals/criteria.json"))
    for line in own:
        if line.fields["criteria_sha256"] != criteria:
            tree.findings.add(
                "criteria-changed-after-opening",
                file,
                f"line {line.place}",
                expected=f"criteria of SHA-256 {criteria}",
                found=line.fields["criteria_sha256"],
            )
        stated = line.fields.get("approval_sha256", "")
        if stated != approval:
            code = "approved-after-opening" if approval and not stated else "approval-changed-after-opening"
            tree.findings.add(
                code,
                file,
                f"line {line.place}",
                expected=f"approval of SHA-256 {approval or '(none)'}",
                found=stated or "none at the opening",
            )


def _check_systems(tree: Tree, file: str, own: list[Entry]) -> None:
    """Systems judged on these labels: the first, and those whose opening is declared."""
    name = tree.definition("approvals/openings.yaml")
    content = tree.yaml(name, optional=True) or {}
    declared = {(item["model_sha256"], item["threshold_sha256"]) for item in content.get("openings", [])}
    first: dict[tuple[Any, Any], Entry] = {}
    for line in own:
        first.setdefault(_system(line), line)
    for system, line in list(first.items())[1:]:
        if system not in declared:
            tree.findings.add(
                "opening-undeclared",
                file,
                f"line {line.place}",
                expected="one system, or a declaration in approvals/openings.yaml",
                found=f"weights {system[0]}",
            )
