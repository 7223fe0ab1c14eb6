"""What remembers a finished stage: an MLflow run under one release run, a side record, a line in the audit trail.

Run ids and times never enter a DVC dependency: they would make every `dvc repro` run everything again. They go to
`artifacts/<product>/runs/`, keyed by the hash of what the stage wrote, so that a stage that DVC skips, or restores
from its cache, still names the run that really produced its output. They are written in this order, MLflow, side
record, trail, so that whatever a kill leaves out is written when the stage runs again.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sealproof.evidence.errors import OutputError
from sealproof.evidence.files import read_json, write_json
from sealproof.evidence.telemetry import silence
from sealproof.evidence.trail import account, append_event
from sealproof.evidence.workspace import Workspace

_OPEN_RELEASE = "release-run.json"


@dataclass(frozen=True)
class StageRun:
    """What is logged of one finished stage.

    Args:
        name: the stage.
        product: what it ran for.
        started: when, in UTC.
        seconds: how long it took.
        params: parameters for MLflow.
        metrics: metrics for MLflow.
        artifacts: folder that the stage has written.
        fingerprint: SHA-256 of its records.json.
        curves: metrics step by step, for MLflow.
        reports: what it has written for people.
        commit: the commit that was checked out; empty when there is no Git.
        dirty: whether the checkout differed from it (dvc.lock left out); True as well when that cannot be told.
        inputs: SHA-256 of everything the stage declares as its input (`pipeline.hash_inputs`); None when dvc.yaml
            does not declare the stage.
    """

    name: str
    product: str
    started: datetime
    seconds: float
    params: dict[str, Any]
    metrics: dict[str, float]
    artifacts: Path
    fingerprint: str
    curves: dict[str, list[float]] = field(default_factory=dict)
    reports: list[Path] = field(default_factory=list)
    commit: str = ""
    dirty: bool = True
    inputs: Mapping[str, str] | None = None


def log_stage(run: StageRun, workspace: Workspace, *, last: bool) -> None:
    """Log a finished stage as an MLflow run under the release run, then in its side record, then in the trail.

    Args:
        run: what to log.
        workspace: where side record and trail lie.
        last: True for the stage that ends a release; it closes the release run.

    Raises:
        OutputError: the tracking server or database cannot be used, or side record or trail cannot be written.
        EvidenceAlteredError: the trail's chain does not hold.
    """
    from mlflow.exceptions import MlflowException

    try:
        run_id, parent = _log(run, workspace)
    except MlflowException as error:
        raise OutputError(
            "the run cannot be logged to MLflow",
            where=os.environ.get("MLFLOW_TRACKING_URI") or "mlflow.db in the project's folder",
            why=str(error).splitlines()[0][:500],
            mend="start the server that MLFLOW_TRACKING_URI names, or unset it (local database), then run again",
        ) from error
    _write_side_record(run, workspace, run_id, parent)
    details = {"stage": run.name, "fingerprint": run.fingerprint, "commit": run.commit, "mlflow_run": run_id}
    append_event(workspace.trail, "stage.run", details, by=account())
    if last:
        (workspace.runs / _OPEN_RELEASE).unlink(missing_ok=True)


def _log(run: StageRun, workspace: Workspace) -> tuple[str, str]:
    """Ids of the stage's run and of the release run."""
    import mlflow

    connect(workspace)
    mlflow.set_experiment(f"sealproof/{run.product}")
    parent = _release_run(workspace, run.product)
    with mlflow.start_run(run_id=parent), mlflow.start_run(run_name=run.name, nested=True) as active:
        mlflow.set_tags({"sealproof.stage": run.name, "sealproof.fingerprint": run.fingerprint})
        if run.commit:
            mlflow.set_tags({"mlflow.source.git.commit": run.commit, "sealproof.dirty": str(run.dirty)})
        mlflow.log_params({key: str(value)[:6000] for key, value in run.params.items()})
        mlflow.log_metrics({key: float(value) for key, value in run.metrics.items()})
        for name, values in sorted(run.curves.items()):
            for step, value in enumerate(values):
                mlflow.log_metric(name, value, step=step)
        _log_files(run)
    return str(active.info.run_id), parent


def _write_side_record(run: StageRun, workspace: Workspace, run_id: str, parent: str) -> None:
    side = {
        "stage": run.name,
        "mlflow_run": run_id,
        "mlflow_release_run": parent,
        "started": run.started.isoformat(timespec="seconds"),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(run.seconds, 3),
        "host": platform.node(),
        "fingerprint": run.fingerprint,
        "commit": run.commit,
        "dirty": run.dirty,
        "inputs": None if run.inputs is None else dict(run.inputs),
    }
    write_json(workspace.runs / f"{run.name}-{run.fingerprint[:16]}.json", side)


def side_record(workspace: Workspace, stage: str, fingerprint: str) -> dict[str, Any] | None:
    """The side record of the run that produced a stage's present output, or None when none is known."""
    path = workspace.runs / f"{stage}-{fingerprint[:16]}.json"
    if not path.exists():
        return None
    found: dict[str, Any] = read_json(path)
    return found if found.get("fingerprint") == fingerprint else None


def connect(workspace: Workspace) -> None:
    """Use the server that MLFLOW_TRACKING_URI names, else the database in the project's folder."""
    import mlflow

    silence()
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        mlflow.set_tracking_uri(f"sqlite:///{(workspace.root / 'mlflow.db').resolve()}")


def _release_run(workspace: Workspace, product: str) -> str:
    """The open release run; one is opened when the last release was closed."""
    import mlflow

    marker = workspace.runs / _OPEN_RELEASE
    if marker.exists():
        run_id = str(read_json(marker)["mlflow_release_run"])
        if _exists(run_id):
            return run_id
    with mlflow.start_run(run_name=f"release {product}") as run:
        mlflow.set_tag("sealproof.kind", "release")
        run_id = str(run.info.run_id)
    write_json(marker, {"mlflow_release_run": run_id})
    return run_id


def _exists(run_id: str) -> bool:
    import mlflow
    from mlflow.exceptions import MlflowException

    try:
        mlflow.get_run(run_id)
    except MlflowException:
        return False
    return True


def _log_files(run: StageRun) -> None:
    import mlflow

    mlflow.log_artifacts(str(run.artifacts), artifact_path="artifacts")
    for path in run.reports:
        if path.is_dir():
            mlflow.log_artifacts(str(path), artifact_path=f"reports/{path.name}")
        elif path.exists():
            mlflow.log_artifact(str(path), artifact_path="reports")
