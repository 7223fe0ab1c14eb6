"""Side records: which run made the present output of a stage, from which inputs; against trail and files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sealproof.verification.definition import STAGES
from sealproof.verification.trail import events, good_entries
from sealproof.verification.tree import Tree


def side_record_name(tree: Tree, stage: str) -> str:
    """`artifacts/<product>/runs/<stage>-<first 16 digits of the fingerprint>.json` of the present output."""
    fingerprint = tree.sha256(tree.artifact(stage, "records.json"))
    return f"artifacts/{tree.product}/runs/{stage}-{fingerprint[:16]}.json"


def check_runs(tree: Tree) -> None:
    """Hold the side record of each stage's present output against the trail and the files it names."""
    for stage in (*STAGES, "dossier"):
        if not tree.exists(tree.artifact(stage, "records.json")):
            continue
        name = side_record_name(tree, stage)
        if not tree.exists(name):
            tree.findings.add(
                "side-record-missing",
                name,
                expected=f"the run that made the output of {stage}",
                found="no such file",
            )
            continue
        with tree.findings.guard(name):
            _check(tree, name, stage, tree.dictionary(name))


def _check(tree: Tree, name: str, stage: str, side: Mapping[str, Any]) -> None:
    fingerprint = tree.sha256(tree.artifact(stage, "records.json"))
    expected = {"stage": stage, "fingerprint": fingerprint}
    for key, value in expected.items():
        tree.findings.compare("side-record-wrong", name, f"/{key}", expected=value, found=side.get(key))
    noted = [
        details
        for _, details in events(good_entries(tree), "stage.run")
        if (details["stage"], details["fingerprint"]) == (stage, fingerprint)
    ]
    for key in ("mlflow_run", "commit"):
        values = [details[key] for details in noted]
        if noted and side.get(key) not in values:
            tree.findings.add(
                "side-record-wrong", name, f"/{key}", expected=f"{values[-1]} (trail)", found=side.get(key)
            )
    for path, digest in (side.get("inputs") or {}).items():
        if (
            path.startswith(("artifacts/", "reports/"))
            and not path.endswith((".jsonl", "/"))
            and "#" not in path
        ):
            tree.findings.count("inputs of stages")
            found = tree.sha256(path)
            if found != digest:
                tree.findings.add(
                    "side-record-wrong",
                    name,
                    f"/inputs/{path}",
                    expected=f"SHA-256 {found or '(no such file)'}",
                    found=f"SHA-256 {digest}",
                )
