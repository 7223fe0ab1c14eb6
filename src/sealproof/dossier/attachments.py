"""What is attached to dossier.pdf, so that its figures can be derived anew from the file alone.

The list and the formats stand in docs/architecture.md, "Attachments of dossier.pdf".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sealproof.dossier.attachments_tables import csv_bytes
from sealproof.dossier.inputs import DossierInputs
from sealproof.evidence.errors import EvidenceAlteredError, EvidenceMissingError
from sealproof.evidence.hashing import sha256_bytes
from sealproof.evidence.records import Record
from sealproof.evidence.sbom import software_bill
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.release import EVIDENCE_STAGES, Release

SCRIPT = "verify_dossier.py"
"""The attachment that verifies the others; its relationship is Supplement, that of all others Data."""

_COPIES = {
    "acceptance.yaml": "products/{product}/acceptance.yaml",
    "challenge.json": "artifacts/{product}/challenge/challenge.json",
    "criteria.json": "artifacts/{product}/qualify/criteria.json",
    "detection.json": "artifacts/{product}/evaluate/detection.json",
    "evaluation.json": "artifacts/{product}/evaluate/evaluation.json",
    "iq.json": "artifacts/{product}/qualify/iq.json",
    "localisation.json": "artifacts/{product}/evaluate/localisation.json",
    "metrics.json": "reports/{product}/metrics.json",
    "oq.json": "artifacts/{product}/qualify/oq.json",
    "pq.json": "artifacts/{product}/qualify/pq.json",
    "repeatability.json": "artifacts/{product}/challenge/repeatability.json",
    "robustness.json": "artifacts/{product}/evaluate/robustness.json",
    "thresholds.json": "artifacts/{product}/threshold/thresholds.json",
    "trace.json": "artifacts/{product}/qualify/trace.json",
}
_TABLES = {
    "cross_fit.csv": "artifacts/{product}/cross_fit/scores.parquet",
    "manifest.csv": "artifacts/{product}/ingest/manifest.parquet",
    "predictions.csv": "artifacts/{product}/evaluate/predictions.parquet",
    "scores.csv": "artifacts/{product}/score/scores.parquet",
}
#: Tables of many rows a test image: of all scores the one in force alone is attached.
_IN_FORCE = {
    "disturbed.csv": "artifacts/{product}/challenge/disturbed.parquet",
    "repeats.csv": "artifacts/{product}/challenge/repeats.parquet",
    "seeded.csv": "artifacts/{product}/challenge/seeded.parquet",
}


def attachments(
    inputs: DossierInputs,
    draft: Release,
    facts: Sequence[Record],
    *,
    bill: bytes | None = None,
) -> dict[str, bytes]:
    """The attachments of dossier.pdf.

    Args:
        inputs: what the documents are made from.
        draft: the release without its documents; what is attached has to have the hashes that it names.
        facts: the dossier's own records, which no stage has written yet.
        bill: the software bill of materials (CycloneDX JSON); by default that of this environment.

    Returns:
        name -> content, sorted by name; the same bytes for the same inputs.

    Raises:
        EvidenceMissingError: files to attach do not exist, all of them are named; or what a bill needs.
        EvidenceAlteredError: files are not the ones that the release names; all of them are named.
    """
    workspace = inputs.workspace
    files = _evidence_files(workspace, draft)
    found = {name: files[name] for name in _COPIES}
    found |= {name: csv_bytes(files[name]) for name in _TABLES}
    others = _scores_not_in_force(files["thresholds.json"])
    found |= {name: csv_bytes(files[name], without=others) for name in _IN_FORCE}
    found["records.json"] = _records(inputs, draft, facts)
    found["release.json"] = _json(draft.model_dump(mode="json"))
    found["ledger.jsonl"] = _first_lines(workspace.ledger.read_bytes(), len(inputs.openings))
    found["trail.jsonl"] = inputs.trail_bytes
    found[SCRIPT] = Path(__file__).with_name(SCRIPT).read_bytes()
    found["sbom.json"] = software_bill(workspace) if bill is None else bill
    found["attachments.json"] = _json({name: sha256_bytes(content) for name, content in found.items()})
    return dict(sorted(found.items()))


def record_rows(
    records: Sequence[Record],
    inputs_of_stage: Mapping[str, Mapping[str, str]],
    runs: Mapping[str, Mapping[str, Any] | None],
) -> list[dict[str, Any]]:
    """Records as they are attached: with the inputs of their stage and the run that made them, sorted by id.

    Args:
        records: of all stages.
        inputs_of_stage: stage -> path -> SHA-256 of what it read.
        runs: stage -> side record, None where none is known.

    Example:
        >>> record = Record("a.b", 1, "1", "d", "a.json", "/x", "0" * 64, "a")
        >>> row = record_rows([record], {"a": {"in.json": "1" * 64}}, {"a": {"mlflow_run": "r"}})[0]
        >>> row["inputs"], row["mlflow_run"], row["commit"]
        ({'in.json': '1111111111111111111111111111111111111111111111111111111111111111'}, 'r', '')
    """
    rows = []
    for record in sorted(records, key=lambda item: item.id):
        run = runs.get(record.stage) or {}
        rows.append(
            asdict(record)
            | {
                "inputs": dict(inputs_of_stage.get(record.stage, {})),
                "mlflow_run": str(run.get("mlflow_run") or ""),
                "commit": str(run.get("commit") or ""),
            }
        )
    return rows


def stage_inputs(
    stage: str, evidence: Mapping[str, str], product: str, run: Mapping[str, Any] | None
) -> dict[str, str]:
    """Path -> SHA-256 of what a stage read: from its side record, or else what it may have read.

    Without a side record that says so these are the manifest and the records of all earlier stages, which carry the
    hashes of everything else.

    Example:
        >>> evidence = {"artifacts/p/ingest/manifest.parquet": "0", "artifacts/p/ingest/records.json": "1"}
        >>> stage_inputs("check", evidence, "p", None)
        {'artifacts/p/ingest/manifest.parquet': '0', 'artifacts/p/ingest/records.json': '1'}
    """
    stated = (run or {}).get("inputs")
    if isinstance(stated, Mapping):
        return {str(path): str(digest) for path, digest in sorted(stated.items())}
    before = EVIDENCE_STAGES[: EVIDENCE_STAGES.index(stage)] if stage in EVIDENCE_STAGES else EVIDENCE_STAGES
    paths = [f"artifacts/{product}/{name}/records.json" for name in before]
    if before:
        paths.append(f"artifacts/{product}/ingest/manifest.parquet")
    return {path: evidence[path] for path in sorted(paths) if path in evidence}


def _records(inputs: DossierInputs, draft: Release, facts: Sequence[Record]) -> bytes:
    """One record a line: readable, and no larger than it has to be."""
    stages = (*EVIDENCE_STAGES, *sorted({fact.stage for fact in facts}))
    read = {
        stage: stage_inputs(stage, draft.evidence, draft.product, inputs.runs.get(stage)) for stage in stages
    }
    rows = record_rows([*inputs.book, *facts], read, inputs.runs)
    lines = [json.dumps(row, sort_keys=True, ensure_ascii=False, allow_nan=False) for row in rows]
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()


def _scores_not_in_force(thresholds: bytes) -> frozenset[str]:
    content = json.loads(thresholds)
    return frozenset(content["scores"]) - {content["in_force"]["score"]}


def _evidence_files(workspace: Workspace, draft: Release) -> dict[str, bytes]:
    """Contents by attachment name; each is what the release names, or nothing is attached at all."""
    places = _COPIES | _TABLES | _IN_FORCE
    paths = {name: place.format(product=draft.product) for name, place in sorted(places.items())}
    missing = [path for path in paths.values() if not (workspace.root / path).is_file()]
    if missing:
        raise EvidenceMissingError(
            "a dossier cannot carry its proof",
            where=", ".join(missing),
            why="the files to attach do not exist",
            mend="run `dvc repro`",
        )
    contents = {name: (workspace.root / path).read_bytes() for name, path in paths.items()}
    altered = [
        path for name, path in paths.items() if sha256_bytes(contents[name]) != draft.evidence.get(path)
    ]
    if altered:
        raise EvidenceAlteredError(
            "files to attach are not the ones that the release rests on",
            where=", ".join(altered),
            why="their SHA-256 differs from the one in the release",
            mend="run `dvc repro`",
        )
    return contents


def _first_lines(content: bytes, number: int) -> bytes:
    """The ledger as it was read: without what others append now, or what a killed writer left torn."""
    return b"".join(content.splitlines(keepends=True)[:number])


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()
