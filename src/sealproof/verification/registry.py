"""MLflow's registry and the archive: what was published is the release. Read with SQLite alone, nothing is started."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealproof.verification.digests import digest_file
from sealproof.verification.trail import events, good_entries
from sealproof.verification.tree import Tree

DATABASE = "mlflow.db"
TAG = "sealproof.release_id"
_WEIGHTS = "artifacts/model.safetensors"


@dataclass(frozen=True)
class _Version:
    """A registered version: its run, where that run's artefacts lie, its tags, the version its alias leads to."""

    run: str
    source: str
    folder: str
    tags: Mapping[str, str]
    alias: str


def check_registry(tree: Tree) -> None:
    """Hold archive and registered model of the published release at hand against it."""
    release = tree.dictionary(tree.release, optional=True).get("release_id")
    for _, details in events(good_entries(tree), "release.published"):
        if details["release_id"] == release:
            with tree.findings.guard(details["path"]):
                _check_archive(tree, details)
            with tree.findings.guard(DATABASE):
                _check_version(tree, details)


def _check_archive(tree: Tree, details: Mapping[str, Any]) -> None:
    name = f"{details['path']}/reports/{tree.product}/signed/release.json"
    if not tree.path(details["path"]).is_dir():
        tree.findings.add(
            "archive-absent",
            details["path"],
            expected="the archive of the published release",
            found="no such folder",
        )
        return
    found = tree.sha256(name)
    if found != details["sha256"]:
        tree.findings.add(
            "archive-altered",
            name,
            expected=f"SHA-256 {details['sha256']} (trail)",
            found=f"SHA-256 {found or '(no such file)'}",
        )


def _check_version(tree: Tree, details: Mapping[str, Any]) -> None:
    model, version = details["mlflow_model"], details["mlflow_version"]
    place = f"{model}, version {version}"
    if not tree.exists(DATABASE):
        tree.findings.add(
            "registry-absent", DATABASE, place, expected="the database of the registry", found="no such file"
        )
        return
    alias = f"release-{details['release_id'][:12]}"
    found = _read(tree.path(DATABASE), model, version, alias)
    if found is None:
        tree.findings.add(
            "registered-model-missing", DATABASE, place, expected="the registered version", found="none"
        )
        return
    expected = {
        "release": (details["release_id"], found.tags.get(TAG, "none")),
        f"alias {alias}": (str(version), found.alias),
        "run": (_train_run(tree), found.run),
        "source": (f"runs:/{_train_run(tree)}/artifacts", found.source),
    }
    for key, (wanted, stated) in expected.items():
        if wanted != stated:
            tree.findings.add(
                "registered-model-altered", DATABASE, f"{place}, {key}", expected=wanted, found=stated
            )
    _check_weights(tree, place, found.folder)
    tree.findings.count("registered models")


def _read(path: Path, model: str, version: str, alias: str) -> _Version | None:
    with sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True) as database:
        key = (model, int(version))
        row = database.execute(
            "SELECT run_id, source FROM model_versions WHERE name = ? AND version = ?", key
        ).fetchone()
        if row is None:
            return None
        tags = database.execute(
            "SELECT key, value FROM model_version_tags WHERE name = ? AND version = ?", key
        )
        aliases = database.execute(
            "SELECT version FROM registered_model_aliases WHERE name = ? AND alias = ?", (model, alias)
        )
        folder = database.execute("SELECT artifact_uri FROM runs WHERE run_uuid = ?", (row[0],)).fetchone()
        leads = [str(item[0]) for item in aliases.fetchall()]
        return _Version(
            str(row[0]),
            str(row[1]),
            str(folder[0]) if folder else "",
            dict(tags.fetchall()),
            ", ".join(leads) or "none",
        )


def _train_run(tree: Tree) -> str:
    """The run that trained the weights, by the trail."""
    fingerprint = tree.sha256(tree.artifact("train", "records.json"))
    runs = [
        details["mlflow_run"]
        for _, details in events(good_entries(tree), "stage.run")
        if details["fingerprint"] == fingerprint
    ]
    return str(runs[-1]) if runs else "unknown"


def _check_weights(tree: Tree, place: str, folder: str) -> None:
    """The logged file of the version's run; below this root where MLflow's own path leads to another machine."""
    plain = folder.removeprefix("file://")
    inside = plain.partition("/mlruns/")[2]
    candidates = [tree.root / "mlruns" / inside / _WEIGHTS, Path(plain) / _WEIGHTS]
    file = next((path for path in candidates if path.is_file()), None)
    wanted = tree.sha256(tree.artifact("train", "model.safetensors"))
    if file is None:
        tree.findings.add(
            "registered-model-missing",
            DATABASE,
            place,
            expected="the weights of the registered version",
            found=folder or "no run",
        )
    elif digest_file(file).sha256 != wanted:
        tree.findings.add(
            "registered-model-altered",
            DATABASE,
            f"{place}, weights",
            expected=f"SHA-256 {wanted}",
            found=f"SHA-256 {digest_file(file).sha256}",
        )
