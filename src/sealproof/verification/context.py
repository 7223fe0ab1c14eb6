"""What the dossier says of itself: its counts, ids and heads against release, ledger and protocols."""

from __future__ import annotations

from sealproof.verification.ledger import ledger_entries
from sealproof.verification.tree import Tree


def check_context(tree: Tree) -> None:
    """Hold artifacts/<product>/dossier/context.json, which the documents quote, against release.json."""
    file = tree.artifact("dossier", "context.json")
    stated, release = tree.dictionary(file), tree.dictionary(tree.release, optional=True)
    if not stated or not release:
        return
    with tree.findings.guard(file):
        cases = release["cases"].values()
        states = [item["status"] for item in release["deviations"]]
        derived = {
            "release-id": release["release_id"],
            "decision": release["decision"],
            "cases.total": sum(count["total"] for count in cases),
            "cases.open": sum(count["not_run"] + count["not_evaluable"] for count in cases),
            "signatures.missing": len(release["missing_signatures"]),
            **{f"deviations.{state}": states.count(state) for state in ("open", "accepted", "rejected")},
        }
        for key, value in derived.items():
            tree.findings.compare("context-wrong", file, f"/{key}", expected=value, found=stated.get(key))
        openings = stated.get("ledger.openings", 0)
        if openings > len(ledger_entries(tree)):
            tree.findings.add(
                "context-wrong",
                file,
                "/ledger.openings",
                expected=f"at most {len(ledger_entries(tree))}",
                found=openings,
            )
