"""Finds the record that is meant: by its id, or by the small number that stands beside a figure in a document."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from sealproof.evidence.errors import EvidenceMissingError
from sealproof.evidence.files import read_json
from sealproof.evidence.records import Record, RecordBook
from sealproof.evidence.workspace import Workspace

_PRINTED = re.compile(r"(?P<document>[^/#]+\.pdf)#(?P<number>\d+)")
_NEAREST = 5


def all_records(workspace: Workspace) -> RecordBook:
    """The records of every stage that has run.

    Raises:
        EvidenceAlteredError: a records.json is not JSON.
    """
    return RecordBook.load(sorted((workspace.root / "artifacts" / workspace.product).glob("*/records.json")))


def find_record(workspace: Workspace, reference: str) -> Record:
    """The record of an id, or of `<document>.pdf#<number>`.

    Args:
        workspace: of the product.
        reference: record id; or a document and the number, from 1, that its index gives to a figure.

    Raises:
        EvidenceMissingError: there is no such record, document or number; the nearest ids are named.
        EvidenceAlteredError: a records.json or printed.json is not JSON.
    """
    book = all_records(workspace)
    printed = _PRINTED.fullmatch(reference)
    record_id = (
        _printed_id(workspace, printed["document"], int(printed["number"])) if printed else reference.strip()
    )
    if record_id in book:
        return book[record_id]
    known = [record.id for record in book]
    raise EvidenceMissingError(
        f"no record {record_id!r}",
        where=f"the {len(known)} records of {workspace.product}",
        why=_nearest(record_id, known),
        mend="give the id as the index of a document prints it, or <document>.pdf#<number>",
    )


def _printed_id(workspace: Workspace, document: str, number: int) -> str:
    path = workspace.artifacts("dossier") / "printed.json"
    printed = read_json(path)
    ids: Sequence[str] = printed.get(document, [])
    if 1 <= number <= len(ids):
        return ids[number - 1]
    raise EvidenceMissingError(
        f"{document} prints no figure number {number}",
        where=workspace.relative(path),
        why=f"it has the numbers 1 to {len(ids)}"
        if ids
        else f"the documents are {', '.join(sorted(printed))}",
        mend="give the number that stands beside the figure",
    )


def _nearest(record_id: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(record_id, known, n=_NEAREST, cutoff=0.5)
    if near:
        return "the nearest ids are " + ", ".join(near)
    return "no id is near to it" if known else "no stage has written any; run `dvc repro`"
