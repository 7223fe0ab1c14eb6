"""Evidence records: unique, each from the file it names, each the value that stands there."""

from __future__ import annotations

from typing import Any

from sealproof.verification.columns import derive_from_table
from sealproof.verification.counted import derive_from_content
from sealproof.verification.definition import STAGES
from sealproof.verification.pointers import NotThereError, agrees, resolve
from sealproof.verification.tree import Tree

_FIELDS = {"id", "value", "unit", "definition", "artefact", "pointer", "sha256", "stage"}


def all_records(tree: Tree) -> dict[str, dict[str, Any]]:
    """id -> record, of all stages; the first where an id is given twice."""
    book: dict[str, dict[str, Any]] = {}
    for stage in (*STAGES, "dossier"):
        name = tree.artifact(stage, "records.json")
        rows = tree.json(name)
        if not isinstance(rows, list):
            continue
        for row in rows:
            if isinstance(row, dict) and isinstance(row.get("id"), str):
                book.setdefault(row["id"], row)
    return book


def check_records(tree: Tree) -> None:
    """Hold every record of every stage against its artefact."""
    seen: dict[str, str] = {}
    underived = 0
    for stage in (*STAGES, "dossier"):
        name = tree.artifact(stage, "records.json")
        rows = tree.json(name) or []
        for place, row in enumerate(rows):
            with tree.findings.guard(name, f"/{place}"):
                _check_form(tree, name, place, row, stage)
                if row["id"] in seen:
                    tree.findings.add(
                        "record-given-twice",
                        name,
                        row["id"],
                        expected="one record",
                        found=f"also in {seen[row['id']]}",
                    )
                seen[row["id"]] = name
                underived += not _check_value(tree, name, row)
                tree.findings.count("records")
    if underived:
        tree.findings.count("records by hash alone", underived)


def _check_form(tree: Tree, name: str, place: int, row: dict[str, Any], stage: str) -> None:
    if set(row) != _FIELDS:
        tree.findings.add(
            "malformed", name, f"/{place}", expected=f"the fields {sorted(_FIELDS)}", found=sorted(row)
        )
    if row["stage"] != stage or not row["id"].startswith(f"{stage}."):
        tree.findings.add(
            "record-altered", name, row["id"], expected=f"a record of stage {stage}", found=row["stage"]
        )


def _check_value(tree: Tree, name: str, row: dict[str, Any]) -> bool:
    """Whether the value could be derived from the content of its artefact."""
    file = row["artefact"]
    found = tree.sha256_of(file)
    if not found:
        tree.findings.add("file-missing", file, expected=f"SHA-256 {row['sha256']}", found="no such file")
        return True
    if found != row["sha256"]:
        tree.findings.add(
            "record-artefact-altered",
            name,
            row["id"],
            expected=f"{file} with SHA-256 {found}",
            found=row["sha256"],
        )
    try:
        known, value = _derive(tree, row)
    except NotThereError as error:
        tree.findings.add(
            "record-points-nowhere", name, row["id"], expected=f"a value in {file}", found=str(error)
        )
        return True
    if known and not agrees(row["value"], value):
        tree.findings.add(
            "record-altered",
            name,
            row["id"],
            expected=f"{value!r} ({file} {row['pointer']})",
            found=repr(row["value"]),
        )
    return known


def _derive(tree: Tree, row: dict[str, Any]) -> tuple[bool, Any]:
    """(whether the value can be derived, the value)."""
    file, pointer = row["artefact"], row["pointer"]
    special = derive_from_content(tree, row)
    if special is not None:
        return True, special.value
    if file.endswith(".json") and pointer.startswith("/"):
        return True, resolve(tree.json(file), pointer)
    if file.endswith(".parquet"):
        special = derive_from_table(tree, row)
    return (False, None) if special is None else (True, special.value)
