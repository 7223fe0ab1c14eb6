"""What is attached to dossier.pdf: against attachments.json, against the files of the release, against the trail."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from sealproof.verification.definition import STAGES
from sealproof.verification.digests import sha256
from sealproof.verification.findings import Findings
from sealproof.verification.ledger import ledger_name
from sealproof.verification.pdf_text import Document
from sealproof.verification.trail import trail_name
from sealproof.verification.tree import Tree

INDEX = "attachments.json"
#: Attached as they lie there: name -> (folder, path below the folder of the product).
_COPIES = {
    "acceptance.yaml": ("products", "acceptance.yaml"),
    "challenge.json": ("artifacts", "challenge/challenge.json"),
    "criteria.json": ("artifacts", "qualify/criteria.json"),
    "detection.json": ("artifacts", "evaluate/detection.json"),
    "evaluation.json": ("artifacts", "evaluate/evaluation.json"),
    "iq.json": ("artifacts", "qualify/iq.json"),
    "localisation.json": ("artifacts", "evaluate/localisation.json"),
    "metrics.json": ("reports", "metrics.json"),
    "oq.json": ("artifacts", "qualify/oq.json"),
    "pq.json": ("artifacts", "qualify/pq.json"),
    "repeatability.json": ("artifacts", "challenge/repeatability.json"),
    "robustness.json": ("artifacts", "evaluate/robustness.json"),
    "thresholds.json": ("artifacts", "threshold/thresholds.json"),
    "trace.json": ("artifacts", "qualify/trace.json"),
}
_TABLES = {
    "cross_fit.csv": "cross_fit/scores.parquet",
    "manifest.csv": "ingest/manifest.parquet",
    "predictions.csv": "evaluate/predictions.parquet",
    "scores.csv": "score/scores.parquet",
}
#: Attached with the score in force alone.
_IN_FORCE = {
    "disturbed.csv": "challenge/disturbed.parquet",
    "repeats.csv": "challenge/repeats.parquet",
    "seeded.csv": "challenge/seeded.parquet",
}
REQUIRED = {
    *_COPIES,
    *_TABLES,
    *_IN_FORCE,
    INDEX,
    "records.json",
    "release.json",
    "ledger.jsonl",
    "trail.jsonl",
    "verify_dossier.py",
}
_OPTIONAL = {"sbom.json"}


def read_attachments(pdf: Document, file: str, findings: Findings) -> dict[str, bytes]:
    """name -> content; a name twice, one too many or one too few, and every wrong hash is a finding."""
    rows = pdf.attachments()
    found = dict(rows)
    if len(found) < len(rows):
        findings.add(
            "attachment-extra",
            file,
            expected="each name once",
            found=", ".join(sorted(name for name, _ in rows)),
        )
    for name in sorted(REQUIRED - found.keys()):
        findings.add("attachment-missing", file, name, expected="attached", found="not attached")
    for name in sorted(found.keys() - REQUIRED - _OPTIONAL):
        findings.add(
            "attachment-extra", file, name, expected="what docs/architecture.md lists", found="another file"
        )
    with findings.guard(file, INDEX):
        _check_index(found, file, findings)
    return found


def _check_index(found: Mapping[str, bytes], file: str, findings: Findings) -> None:
    stated = json.loads(found.get(INDEX, b"{}"))
    for name in sorted({*found, *stated} - {INDEX}):
        digest = sha256(found[name]) if name in found else "(not attached)"
        findings.count("attachments")
        if stated.get(name) != digest:
            findings.add(
                "attachment-altered",
                file,
                name,
                expected=f"SHA-256 {stated.get(name, '(not named)')} ({INDEX})",
                found=f"SHA-256 {digest}",
            )


def check_attachments(tree: Tree) -> None:
    """Hold the attachments of dossier.pdf against the files they were made from."""
    file = tree.report("dossier.pdf")
    if not tree.exists(file):
        return
    with tree.findings.guard(file), Document(tree.path(file).read_bytes()) as pdf:
        found = read_attachments(pdf, file, tree.findings)
        for check in (_check_copies, _check_tables, _check_records, _check_release, _check_chains):
            with tree.findings.guard(file, check.__name__):
                check(tree, file, found)


def _check_copies(tree: Tree, file: str, found: Mapping[str, bytes]) -> None:
    for name, (folder, path) in _COPIES.items():
        if name in found:
            _same(tree, file, name, f"{folder}/{tree.product}/{path}", found[name])
    bill = tree.artifact("dossier", "sbom.json")
    if "sbom.json" in found and tree.exists(bill):
        _same(tree, file, "sbom.json", bill, found["sbom.json"])


def _same(tree: Tree, file: str, name: str, source: str, content: bytes) -> None:
    wanted = tree.sha256(source)
    if wanted and sha256(content) != wanted:
        tree.findings.add(
            "attachment-differs",
            file,
            name,
            expected=f"SHA-256 {wanted} ({source})",
            found=f"SHA-256 {sha256(content)}",
        )


def _check_tables(tree: Tree, file: str, found: Mapping[str, bytes]) -> None:
    others: set[str] = set()
    thresholds = tree.dictionary(tree.artifact("threshold", "thresholds.json"), optional=True)
    if thresholds:
        others = {*thresholds["scores"]} - {thresholds["in_force"]["score"]}
    for name, source in (_TABLES | _IN_FORCE).items():
        stage, path = source.split("/")
        table = tree.table(tree.artifact(stage, path))
        if name not in found or table is None:
            continue
        if name in _IN_FORCE:
            table = table.drop(columns=[column for column in table.columns if column in others])
        rows = list(csv.reader(io.StringIO(found[name].decode(), newline="")))
        wanted = [[str(column) for column in table.columns], *_cells(table)]
        if rows != wanted:
            place = next(
                (
                    f"row {place}"
                    for place, (one, two) in enumerate(zip(rows, wanted, strict=False))
                    if one != two
                ),
                "number of rows",
            )
            tree.findings.add(
                "attachment-differs",
                file,
                f"{name}, {place}",
                expected=f"what {tree.artifact(stage, path)} holds",
                found="another table",
            )


def _cells(table: pd.DataFrame) -> list[list[str]]:
    columns = [[_cell(value) for value in table[name].tolist()] for name in table.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if pd.isna(value):
        return ""
    return (
        value.isoformat()
        if isinstance(value, pd.Timestamp)
        else repr(value)
        if isinstance(value, float)
        else str(value)
    )


def _check_records(tree: Tree, file: str, found: Mapping[str, bytes]) -> None:
    """records.json holds every record of every stage, as the stage recorded it."""
    attached = {row["id"]: row for row in json.loads(found["records.json"])}
    present: dict[str, Any] = {}
    for stage in (*STAGES, "dossier"):
        present |= {row["id"]: row for row in tree.json(tree.artifact(stage, "records.json")) or []}
    for name in sorted(attached.keys() ^ present.keys()):
        tree.findings.add(
            "attachment-differs",
            file,
            f"records.json, {name}",
            expected="the records of the stages",
            found="attached alone" if name in attached else "not attached",
        )
    for name in sorted(attached.keys() & present.keys()):
        for key, value in present[name].items():
            if attached[name].get(key) != value:
                tree.findings.add(
                    "attachment-differs",
                    file,
                    f"records.json, {name}, {key}",
                    expected=value,
                    found=attached[name].get(key),
                )


def _check_release(tree: Tree, file: str, found: Mapping[str, bytes]) -> None:
    """release.json is the draft: the release of the tree without its documents."""
    attached, present = json.loads(found["release.json"]), tree.dictionary(tree.release)
    for key in sorted({*attached, *present} - {"documents"}):
        if attached.get(key) != present.get(key):
            tree.findings.add(
                "attachment-differs",
                file,
                f"release.json, {key}",
                expected=present.get(key),
                found=attached.get(key),
            )
    tree.findings.compare(
        "attachment-differs", file, "release.json, documents", expected={}, found=attached["documents"]
    )


def _check_chains(tree: Tree, file: str, found: Mapping[str, bytes]) -> None:
    """Both chains go on from what is attached; the head of the attached trail is the recorded and printed one."""
    for name, source, code in (
        ("trail.jsonl", trail_name(tree), "trail-not-continued"),
        ("ledger.jsonl", ledger_name(tree), "ledger-not-continued"),
    ):
        if tree.exists(source) and not tree.path(source).read_bytes().startswith(found[name]):
            tree.findings.add(
                code, source, expected=f"a file that begins with {name} of {file}", found="another beginning"
            )
    head = trail_head(found["trail.jsonl"])
    record = {row["id"]: row["value"] for row in json.loads(found["records.json"])}.get("dossier.trail.head")
    if record != head:
        tree.findings.add("trail-head-wrong", file, "dossier.trail.head", expected=head, found=record)
    stated = tree.dictionary(tree.release, optional=True).get("trail_head", "")
    if stated and stated != head:
        tree.findings.add("trail-head-wrong", tree.release, "/trail_head", expected=head, found=stated)


def trail_head(content: bytes) -> str:
    """SHA-256 of the last line; 64 zeros without one.

    Example:
        >>> trail_head(b"") == "0" * 64, trail_head(b"a\\n") == sha256(b"a")
        (True, True)
    """
    lines = content.splitlines()
    return sha256(lines[-1]) if lines else "0" * 64
