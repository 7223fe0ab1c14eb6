"""A finished release in MLflow: the weights as a version of a registered model, the documents beside them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sealproof.evidence.errors import EvidenceAlteredError, EvidenceMissingError, OutputError
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.telemetry import silence
from sealproof.evidence.tracking import connect, side_record
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.release import Release

if TYPE_CHECKING:
    from mlflow import MlflowClient

ID_TAG, DECISION_TAG, DOCUMENT_TAG = "sealproof.release_id", "sealproof.decision", "sealproof.document."
_WEIGHTS = "artifacts/model.safetensors"


@dataclass(frozen=True)
class Registered:
    """Where a release stands in MLflow: registered model, its version, and whether it was made just now."""

    model: str
    version: str
    made: bool


def register(workspace: Workspace, release: Release, folder: Path) -> Registered:
    """Register the weights of a release and log its documents; a version that exists already is not made twice.

    The version's source is what the train run logged; its alias is `release-<first 12 digits>`.

    Args:
        workspace: the project; MLflow is the one that MLFLOW_TRACKING_URI names, else `mlflow.db` in its root.
        release: released, with its signatures.
        folder: the signed documents.

    Raises:
        EvidenceMissingError: no run is known that trained these weights, or it logged none.
        EvidenceAlteredError: the logged weights are not those of the release, or a version of this id is of others.
        OutputError: MLflow cannot be used.
    """
    with _connected(workspace) as client:
        run = _train_run(workspace)
        _check_weights(client, run, workspace)
        model = f"sealproof-{workspace.product}"
        source = f"runs:/{run}/artifacts"
        known = _version(client, model, release.release_id)
        if known is not None and known[1] != run:
            raise EvidenceAlteredError(
                "a version of this release is registered with other weights",
                where=f"MLflow, model {model}, version {known[0]}",
                why=f"it is of run {known[1]}, the release of run {run}",
                mend="find out who registered it; then delete that version",
            )
        version = known[0] if known else _make(client, model, source, run, release)
        client.log_artifacts(run, str(folder), artifact_path=f"release/{release.release_id[:12]}")
        client.set_registered_model_alias(model, f"release-{release.release_id[:12]}", version)
        return Registered(model, version, known is None)


@contextmanager
def _connected(workspace: Workspace) -> Iterator[MlflowClient]:
    silence()
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    import mlflow  # slow to import
    from mlflow.exceptions import MlflowException

    connect(workspace)  # a release is registered where its runs are
    try:
        yield mlflow.MlflowClient()
    except MlflowException as error:
        raise OutputError(
            "the release cannot be registered in MLflow",
            where=os.environ.get("MLFLOW_TRACKING_URI") or "mlflow.db in the project's folder",
            why=str(error).splitlines()[0][:500],
            mend="start the server that MLFLOW_TRACKING_URI names, or unset it (local database); then run again",
        ) from error


def _train_run(workspace: Workspace) -> str:
    fingerprint = sha256_file(workspace.artifacts("train") / "records.json")
    side = side_record(workspace, "train", fingerprint)
    if side is None:
        raise EvidenceMissingError(
            "it is not known which run trained these weights",
            where=workspace.relative(workspace.runs),
            why=f"there is no side record train-{fingerprint[:16]}.json",
            mend="restore artifacts/<product>/runs/ from a backup, or run `dvc repro --force train`",
        )
    return str(side["mlflow_run"])


def _check_weights(client: MlflowClient, run: str, workspace: Workspace) -> None:
    import mlflow
    from mlflow.exceptions import MlflowException

    wanted = sha256_file(workspace.artifacts("train") / "model.safetensors")
    with tempfile.TemporaryDirectory() as folder:
        try:
            path = mlflow.artifacts.download_artifacts(run_id=run, artifact_path=_WEIGHTS, dst_path=folder)
            found = sha256_file(Path(path))
        except (MlflowException, OSError) as error:
            raise EvidenceMissingError(
                "MLflow does not hold the weights of the release",
                where=f"MLflow, run {run}, {_WEIGHTS}",
                why=str(error).splitlines()[0][:500],
                mend="name the MLflow that the pipeline logged to with MLFLOW_TRACKING_URI",
            ) from error
    if found != wanted:
        raise EvidenceAlteredError(
            "the weights that MLflow holds are not those of the release",
            where=f"MLflow, run {run}, {_WEIGHTS}",
            why=f"SHA-256 {found}, expected {wanted}",
            mend="restore MLflow's artifacts from a backup, or run `dvc repro --force train`",
        )


def _version(client: MlflowClient, model: str, release_id: str) -> tuple[str, str] | None:
    """(version, run) of a release that is registered, or None."""
    found = [
        item
        for item in client.search_model_versions(f"name = '{model}'")
        if item.tags.get(ID_TAG) == release_id
    ]
    if not found:
        return None
    first = min(found, key=lambda item: int(item.version))
    return str(first.version), str(first.run_id)


def _make(client: MlflowClient, model: str, source: str, run: str, release: Release) -> str:
    if not client.search_registered_models(f"name = '{model}'"):
        client.create_registered_model(model, description="Weights of released inspection systems.")
    made = client.create_model_version(model, source=source, run_id=run, tags=_tags(release))
    return str(made.version)


def _tags(release: Release) -> Mapping[str, str]:
    documents = {
        f"{DOCUMENT_TAG}{Path(name).name}": digest for name, digest in sorted(release.documents.items())
    }
    return {ID_TAG: release.release_id, DECISION_TAG: release.decision, **documents}
