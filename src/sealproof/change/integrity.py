"""Whether a release is the one that was made: every file that its release.json names has the hash that it names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import PurePosixPath
from typing import Any

from sealproof.change.tree import PROTOCOLS, Tree
from sealproof.evidence.errors import EvidenceMissingError, SealproofError
from sealproof.evidence.hashing import sha256_file
from sealproof.qualification.release import release_id


class Severity(IntEnum):
    """Exit codes of `sealproof diff`, graver is larger."""

    WITHIN = 0
    REQUALIFICATION = 1
    MISSING = 2
    ALTERED = 3


@dataclass(frozen=True)
class Problem:
    """Why a release cannot be compared."""

    severity: Severity
    text: str

    def as_dict(self) -> dict[str, str]:
        """JSON types only."""
        return {"severity": self.severity.name.lower(), "text": self.text}


def needed(tree: Tree) -> list[str]:
    """Files without which two releases cannot be compared, relative to the root, sorted."""
    artifacts, definition = tree.artifacts, f"products/{tree.product}"
    return sorted(
        [
            "params.yaml",
            *(f"{definition}/{name}.yaml" for name in ("product", "inspection", "acceptance")),
            *(f"protocols/{name}.yaml" for name in (*PROTOCOLS, "requirements", "risks")),
            *(f"{artifacts}/ingest/{name}" for name in ("manifest.parquet", "sealed_labels.parquet")),
            f"{artifacts}/ingest/split_summary.json",
            *(f"{artifacts}/train/{name}" for name in ("model.json", "model.safetensors")),
            f"{artifacts}/threshold/thresholds.json",
            *(f"{artifacts}/evaluate/{name}" for name in ("evaluation.json", "predictions.parquet")),
            *(f"{artifacts}/qualify/{name}.json" for name in (*PROTOCOLS, "criteria")),
            f"{artifacts}/ledger.jsonl",
            f"reports/{tree.product}/metrics.json",
        ]
    )


def missing(tree: Tree) -> list[Problem]:
    """One problem for each needed file that a release does not hold."""
    return [
        Problem(Severity.MISSING, f"{tree.name}: {path} does not exist")
        for path in needed(tree)
        if not tree.has(path)
    ]


def check(tree: Tree) -> list[Problem]:
    """Problems of a finished release: what is missing, what has another hash than its release.json and trail state."""
    path = f"reports/{tree.product}/release.json"
    try:
        release = tree.mapping(path)
        trail = [entry for entry in tree.trail() if entry.event == "release.made"]
    except SealproofError as error:
        severity = Severity.MISSING if isinstance(error, EvidenceMissingError) else Severity.ALTERED
        return [Problem(severity, f"{tree.name}: {error.what}: {error.where}: {error.why}"), *missing(tree)]
    found = [*_identity(tree, release), *_files(tree, release), *missing(tree)]
    made = [
        e.details["release_sha256"] for e in trail if e.details["release_id"] == release.get("release_id")
    ]
    if made and tree.sha256(path) not in made:
        found.append(
            Problem(Severity.ALTERED, f"{tree.name}: {path} is not the one that its audit trail recorded")
        )
    return list(dict.fromkeys(found))


def _identity(tree: Tree, release: dict[str, Any]) -> Iterator[Problem]:
    if release.get("product") != tree.product:
        text = f"{tree.name}: release.json is about {release.get('product')}, not {tree.product}"
        yield Problem(Severity.ALTERED, text)
    evidence = release.get("evidence")
    if isinstance(evidence, dict) and release.get("release_id") != release_id(evidence, tree.product):
        text = f"{tree.name}: release.json has another release id than the evidence it names"
        yield Problem(Severity.ALTERED, text)


def _files(tree: Tree, release: dict[str, Any]) -> Iterator[Problem]:
    named: dict[str, str] = {}
    for key in ("evidence", "documents"):
        value = release.get(key)
        if not isinstance(value, dict) or (key == "evidence" and not value):
            yield Problem(Severity.ALTERED, f"{tree.name}: release.json names no {key}")
        else:
            named |= value
    for name, digest in sorted(named.items()):
        if problem := _file(tree, name, digest):
            yield problem


def _file(tree: Tree, name: str, digest: str) -> Problem | None:
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or "\\" in name:
        return Problem(Severity.ALTERED, f"{tree.name}: {name} leaves the release")
    try:
        found = sha256_file(tree.root / name)
    except OSError as error:
        return Problem(Severity.MISSING, f"{tree.name}: {name}: {error.strerror}")
    if found != digest:
        return Problem(Severity.ALTERED, f"{tree.name}: {name} is not the file that the release rests on")
    return None
