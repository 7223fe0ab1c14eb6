"""Provenance: which inputs gave which outputs, as an in-toto Statement v1 with the SLSA Provenance v1 predicate.

References: in-toto Attestation Framework, Statement v1 (https://in-toto.io/Statement/v1); SLSA v1.0, Build Provenance
(https://slsa.dev/provenance/v1). The statement is not signed by itself: it is an attachment of the dossier, which is.
It states what was run and does not claim an SLSA level.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sealproof import __version__
from sealproof.evidence.errors import EvidenceMissingError
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.pipeline import ABSENT
from sealproof.evidence.tracking import side_record
from sealproof.evidence.workspace import Workspace

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
#: How outputs are built: the stages of dvc.yaml in their order, on one machine.
BUILD_TYPE = "urn:sealproof:build:dvc-repro:v1"
#: Who builds: this software, run by whoever ran it. It is no hosted service.
BUILDER = "urn:sealproof:builder:local"


def provenance_statement(
    workspace: Workspace,
    subjects: Mapping[str, str],
    *,
    commit: str,
    dirty: bool,
    stages: Iterable[str] = (),
) -> bytes:
    """The statement as indented JSON; the same arguments and files give the same bytes.

    Args:
        workspace: of the product.
        subjects: path -> SHA-256 of each output that the statement is about, at least one.
        commit: that was checked out; empty when there is no Git.
        dirty: whether the checkout differed from it.
        stages: stages whose MLflow runs are named as by-products, where a side record of their present output exists.

    Raises:
        ValueError: there is no subject, or a hash is no SHA-256.
        EvidenceMissingError: manifest, params.yaml, constraints.txt or the protocols are missing; all are named.
    """
    wrong = [path for path, digest in subjects.items() if not _is_sha256(digest)]
    if wrong or not subjects:
        raise ValueError(f"subjects need a SHA-256 each: {', '.join(sorted(wrong)) or 'there are none'}")
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [_resource(path, digest) for path, digest in sorted(subjects.items())],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": _build_definition(workspace, commit, dirty=dirty),
            "runDetails": {
                "builder": {"id": BUILDER, "version": {"sealproof": __version__}},
                "byproducts": _runs(workspace, stages),
            },
        },
    }
    return (json.dumps(statement, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _build_definition(workspace: Workspace, commit: str, *, dirty: bool) -> dict[str, Any]:
    root = workspace.root
    lock = root / "dvc.lock"
    dependencies = _dependencies(workspace)
    source = [{"name": "source", "digest": {"gitCommit": commit}}] if commit else []
    return {
        "buildType": BUILD_TYPE,
        "externalParameters": {
            "product": workspace.product,
            "params_sha256": sha256_file(root / "params.yaml"),
            "dvc_lock_sha256": sha256_file(lock) if lock.exists() else ABSENT,
            "commit": commit,
            "dirty": dirty,
        },
        "internalParameters": {},
        "resolvedDependencies": [
            *source,
            *(_resource(path, sha256_file(root / path)) for path in dependencies),
        ],
    }


def _dependencies(workspace: Workspace) -> list[str]:
    """Manifest (it holds the hash of every image), pinned packages, pipeline, definitions, protocols; sorted."""
    protocols = sorted((workspace.root / "protocols").rglob("*.yaml"))
    definitions = sorted(workspace.definition.glob("*.yaml"))
    manifest = workspace.artifacts("ingest") / "manifest.parquet"
    single = [manifest, *(workspace.root / name for name in ("constraints.txt", "params.yaml"))]
    missing = [workspace.relative(path) for path in single if not path.is_file()]
    missing += [] if protocols else ["protocols/*.yaml"]
    if missing:
        raise EvidenceMissingError(
            "the provenance cannot be stated",
            where=", ".join(missing),
            why="what the outputs were built from does not exist",
            mend="run `dvc repro` in a complete checkout",
        )
    optional = [path for path in (workspace.root / "dvc.yaml",) if path.is_file()]
    return sorted(workspace.relative(path) for path in (*single, *optional, *definitions, *protocols))


def _runs(workspace: Workspace, stages: Iterable[str]) -> list[dict[str, Any]]:
    found = []
    for stage in sorted(set(stages)):
        records = workspace.artifacts(stage) / "records.json"
        side = side_record(workspace, stage, sha256_file(records)) if records.is_file() else None
        if side is not None:
            annotations = {"stage": stage, "records_sha256": side["fingerprint"]}
            found.append(
                {"uri": f"urn:sealproof:mlflow-run:{side['mlflow_run']}", "annotations": annotations}
            )
    return found


def _resource(path: str, digest: str) -> dict[str, Any]:
    return {"name": path, "digest": {"sha256": digest}}


def _is_sha256(digest: str) -> bool:
    return len(digest) == 64 and set(digest) <= set("0123456789abcdef")


def outputs_below(workspace: Workspace, folders: Iterable[Path]) -> dict[str, str]:
    """Path -> SHA-256 of every file below the folders, sorted by path: subjects for a statement.

    Raises:
        EvidenceMissingError: a folder does not exist.
    """
    chosen = sorted(set(folders))
    missing = [workspace.relative(folder) for folder in chosen if not folder.is_dir()]
    if missing:
        raise EvidenceMissingError(
            "outputs are missing",
            where=", ".join(missing),
            why="the folder does not exist",
            mend="run `dvc repro`",
        )
    files = {path for folder in chosen for path in folder.rglob("*") if path.is_file()}
    return {workspace.relative(path): sha256_file(path) for path in sorted(files)}
