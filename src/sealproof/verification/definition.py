"""release.json: every file it names by hash, every file it has to name, its ids, nothing beside what it names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sealproof.verification.digests import canonical_sha256
from sealproof.verification.kinds import altered_code
from sealproof.verification.tree import Tree

STAGES = (
    "ingest",
    "check",
    "roi",
    "train",
    "score",
    "cross_fit",
    "threshold",
    "challenge",
    "evaluate",
    "qualify",
)
#: What the definition of a test case is hashed over.
CASE_FIELDS = (
    "id",
    "title",
    "requirements",
    "risks",
    "clauses",
    "objective",
    "procedure",
    "expected",
    "automated",
)
PROTOCOLS = ("iq", "oq", "pq")
DOCUMENTS = ("iq.pdf", "oq.pdf", "pq.pdf", "dossier.pdf")


def check_definition(tree: Tree) -> None:
    """Hold release.json against the files it names and against the rules of docs/architecture.md."""
    release = tree.dictionary(tree.release)
    if not release:
        return
    compare = tree.findings.compare
    compare(
        "release-of-another-product",
        tree.release,
        "/product",
        expected=tree.product,
        found=release.get("product"),
    )
    for part in ("evidence", "documents"):
        with tree.findings.guard(tree.release, f"/{part}"):
            _check_hashes(tree, release[part], part)
    with tree.findings.guard(tree.release, "/evidence"):
        _check_complete(tree, release)
        _check_release_id(tree, release)


def _check_hashes(tree: Tree, named: Mapping[str, str], part: str) -> None:
    for name, digest in sorted(named.items()):
        with tree.findings.guard(tree.release, f"/{part}/{name}"):
            found = tree.sha256_of(name)
            tree.findings.count("files hashed")
            if not found:
                tree.findings.add("file-missing", name, expected=f"SHA-256 {digest}", found="no such file")
            elif found != digest:
                code = altered_code(name, tree.product)
                tree.findings.add(code, name, expected=f"SHA-256 {digest}", found=f"SHA-256 {found}")


def required_evidence(tree: Tree) -> list[str]:
    """Files that every release rests on."""
    return [
        tree.definition("acceptance.yaml"),
        tree.report("metrics.json"),
        tree.artifact("evaluate", "evaluation.json"),
        tree.artifact("evaluate", "predictions.parquet"),
        *(tree.artifact("evaluate", f"{name}.json") for name in ("detection", "localisation", "robustness")),
        tree.artifact("qualify", "criteria.json"),
        tree.artifact("ingest", "manifest.parquet"),
        tree.artifact("ingest", "sealed_labels.parquet"),
        tree.artifact("train", "model.safetensors"),
        tree.artifact("train", "model.json"),
        tree.artifact("score", "scores.parquet"),
        tree.artifact("score", "patch_scores.parquet"),
        tree.artifact("cross_fit", "scores.parquet"),
        *(
            tree.artifact("threshold", f"{name}.json")
            for name in ("thresholds", "guarantees", "evt_sample_size")
        ),
        tree.artifact("challenge", "challenge.json"),
        tree.artifact("challenge", "disturbed.parquet"),
        tree.artifact("challenge", "repeatability.json"),
        tree.artifact("challenge", "repeats.parquet"),
        tree.artifact("challenge", "seeded.parquet"),
        *(tree.artifact(stage, "records.json") for stage in STAGES),
        *(tree.artifact("qualify", f"{name}.json") for name in PROTOCOLS),
        *(f"protocols/{name}.yaml" for name in (*PROTOCOLS, "requirements", "risks")),
    ]


def covered_files(tree: Tree) -> list[str]:
    """Files that lie where evidence lies: the release has to name each of them."""
    folders = [f"artifacts/{tree.product}/{stage}" for stage in STAGES]
    folders += ["protocols", f"products/{tree.product}"]
    return [name for folder in folders for name in tree.files(folder)]


def _check_complete(tree: Tree, release: Mapping[str, Any]) -> None:
    named = release["evidence"]
    for name in required_evidence(tree):
        if name not in named:
            tree.findings.add(
                "evidence-not-named",
                tree.release,
                f"/evidence/{name}",
                expected="named with its hash",
                found="not named",
            )
    for name in covered_files(tree):
        if name not in named:
            tree.findings.add(
                "file-not-named",
                name,
                expected="no file that the release does not name",
                found="a file beside the evidence",
            )
    documents = {tree.report(name) for name in DOCUMENTS}
    for name in sorted(documents ^ set(release["documents"])):
        tree.findings.add(
            "document-not-named",
            tree.release,
            f"/documents/{name}",
            expected="the four documents, no other",
            found="named" if name in release["documents"] else "not named",
        )


def _check_release_id(tree: Tree, release: Mapping[str, Any]) -> None:
    folder = tree.artifact("qualify", "")
    judged = tree.artifact("qualify", "criteria.json")
    kept = {
        name: digest
        for name, digest in release["evidence"].items()
        if name == judged or not name.startswith(folder)
    }
    tree.findings.compare(
        "release-id-wrong",
        tree.release,
        "/release_id",
        expected=canonical_sha256(kept),
        found=release.get("release_id"),
    )


def results_id(tree: Tree) -> str:
    """SHA-256 of canonical JSON {path: sha256} of all outputs of ingest to evaluate and metrics.json."""
    names = [name for stage in STAGES[:-1] for name in tree.files(f"artifacts/{tree.product}/{stage}")]
    names.append(tree.report("metrics.json"))
    return canonical_sha256({name: tree.sha256(name) for name in names})
