"""Chained files, read anew: canonical lines, numbered from 1, each carrying the hash of the line before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sealproof.verification.digests import canonical, sha256
from sealproof.verification.findings import Findings

ORIGIN = "0" * 64


@dataclass(frozen=True)
class Entry:
    """One line: its place in the file from 1, its fields, its hash."""

    place: int
    fields: Mapping[str, Any]
    sha256: str


def read_chain(content: bytes, file: str, findings: Findings, prefix: str) -> list[Entry]:
    """All readable lines of a chained file; where the chain breaks is a finding, and reading goes on behind it.

    Args:
        content: of the file.
        file: its name.
        findings: gets `<prefix>-line-unreadable`, `-line-missing`, `-reordered`, `-line-altered` and `-torn`.
        prefix: `trail` or `ledger`.
    """
    *lines, torn = content.split(b"\n")
    if torn:
        findings.add(
            f"{prefix}-torn",
            file,
            f"behind line {len(lines)}",
            expected="a whole line",
            found=f"{len(torn)} bytes without an end",
        )
    entries = [
        entry
        for place, raw in enumerate(lines, start=1)
        if (entry := _parse(raw, place, file, findings, prefix))
    ]
    _check_order(entries, file, findings, prefix)
    return entries


def _parse(raw: bytes, place: int, file: str, findings: Findings, prefix: str) -> Entry | None:
    try:
        fields = json.loads(raw)
        good = isinstance(fields, dict) and canonical(fields) == raw and type(fields.get("number")) is int
    except (ValueError, RecursionError) as error:
        findings.add(
            f"{prefix}-line-unreadable",
            file,
            f"line {place}",
            expected="an object in canonical JSON",
            found=str(error),
        )
        return None
    if not good:
        findings.add(
            f"{prefix}-line-unreadable",
            file,
            f"line {place}",
            expected="an object in canonical JSON with a number",
            found=raw.decode(errors="replace"),
        )
        return None
    return Entry(place, fields, sha256(raw))


def _check_order(entries: list[Entry], file: str, findings: Findings, prefix: str) -> None:
    numbers = [entry.fields["number"] for entry in entries]
    for number in sorted({*range(1, max(numbers, default=0) + 1)} - {*numbers}):
        findings.add(
            f"{prefix}-line-missing",
            file,
            f"line {number}",
            expected=f"number {number}",
            found="no such line",
        )
    if numbers != sorted(numbers) or len(set(numbers)) < len(numbers):
        findings.add(f"{prefix}-reordered", file, expected="numbers that rise by one", found=str(numbers))
    by_number = {entry.fields["number"]: entry for entry in entries}
    for entry in entries:
        number = entry.fields["number"]
        before = by_number.get(number - 1)
        wanted = ORIGIN if number == 1 else before.sha256 if before else ""
        if wanted and entry.fields.get("previous") != wanted:
            place = f"line {number - 1}" if before else f"line {number}"
            findings.add(
                f"{prefix}-line-altered",
                file,
                place,
                expected=f"hash {entry.fields.get('previous')}, named by line {number}",
                found=f"hash {wanted}",
            )
    findings.count(f"lines of the {prefix}", len(entries))
