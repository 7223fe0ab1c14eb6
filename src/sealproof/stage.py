"""The frame around every DVC stage: settings, quiet tools, seeds, whole outputs, records, MLflow, one clear error.

A stage writes into a folder beside its place; only when the stage has succeeded does the folder move there. So a
failed or killed stage leaves nothing half-written. Then follow, in this order, the MLflow run, the side record and the
line in the audit trail. DVC notes a stage as done after all of this: a kill at any moment makes DVC run it again.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from threadpoolctl import threadpool_limits

from sealproof.evidence import pipeline
from sealproof.evidence.errors import EvidenceMissingError, SealproofError
from sealproof.evidence.files import unwritable
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.ledger import reconcile_openings
from sealproof.evidence.records import RecordBook, Recorder, write_records
from sealproof.evidence.telemetry import silence
from sealproof.qualification.git import changed_files, head_commit
from sealproof.settings import Settings, load_settings

STAGES = (
    "ingest",
    "check",
    "roi",
    "train",
    "score",
    "cross_fit",
    "threshold",
    "challenge",
    "evaluate",
    "qualify",
    "dossier",
)


class Stage:
    """What a stage script works with.

    Attributes:
        name: the stage.
        settings: all settings.
        recorder: collects the stage's evidence records.
        tracked: parameters and metrics for the stage's MLflow run.
        commit: the commit that is checked out; empty when there is no Git.
        dirty: whether the checkout differs from it, dvc.lock left out; True as well when that cannot be told.
        inputs: SHA-256 of what dvc.yaml declares as input of the stage; None when it does not name the stage.
    """

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.settings = settings
        self.workspace = settings.workspace
        self.recorder = Recorder(name)
        self.params: dict[str, Any] = {}
        self.metrics: dict[str, float] = {}
        self.curves: dict[str, list[float]] = {}
        self.commit, self.dirty = "", True
        self.inputs: dict[str, str] | None = None
        self._reports: list[str] = []
        self._afterwards: list[Callable[[], object]] = []

    def input(self, stage: str, file: str) -> Path:
        """A file that an earlier stage wrote."""
        return self.workspace.artifacts(stage) / file

    def output(self, file: str) -> Path:
        """Where to write an artefact of this stage; it appears in its place when the stage succeeds."""
        path = self._partial / "artifacts" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def report(self, file: str) -> Path:
        """Where to write a file or folder below `reports/<product>/`."""
        self._reports.append(file)
        path = self._partial / "reports" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def afterwards(self, act: Callable[[], object]) -> None:
        """Do this once all outputs are in their places, before the stage is noted as done."""
        self._afterwards.append(act)

    def records(self, *stages: str) -> RecordBook:
        """The records of earlier stages."""
        return RecordBook.load(self.workspace.artifacts(stage) / "records.json" for stage in stages)

    @property
    def _partial(self) -> Path:
        return self.workspace.root / "artifacts" / self.workspace.product / f"{self.name}.partial"

    def start(self) -> None:
        """Complete or remove what a killed run left behind, and note what this one is about to read.

        Raises:
            EvidenceAlteredError: the chain of audit trail or ledger does not hold, or they contradict each other.
            OutputError: the stage's folders cannot be made.
        """
        try:
            shutil.rmtree(self._partial, ignore_errors=True)
            (self._partial / "artifacts").mkdir(parents=True)
            (self._partial / "reports").mkdir()
            self.workspace.reports.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(self._partial, error) from error
        reconcile_openings(self.workspace.ledger, self.workspace.trail)
        self.commit, self.dirty = _checkout(self.workspace.root)
        declared = pipeline.declared_inputs(self.workspace.root, self.name)
        self.inputs = None if declared is None else pipeline.hash_inputs(self.workspace, declared)

    def finish(self) -> None:
        """Write the records and move all outputs into their places."""
        records = self.recorder.finish(self._locate)
        write_records(self.output("records.json"), records)
        _replace(self._partial / "artifacts", self.workspace.artifacts(self.name))
        for name in dict.fromkeys(self._reports):
            _replace(self._partial / "reports" / name, self.workspace.reports / name)
        shutil.rmtree(self._partial)
        for act in self._afterwards:
            act()
        images = f"data/{self.workspace.product}/"
        if (
            self.inputs is not None and images in self.inputs
        ):  # the manifest tells them: `ingest` has it only now
            self.inputs[images] = pipeline.hash_input(self.workspace, images)

    def discard(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self._partial, ignore_errors=True)

    def _locate(self, path: Path) -> tuple[Path, str]:
        """(file as it exists now, path it will have) for a record's artefact."""
        for staged, final in (
            (self._partial / "artifacts", self.workspace.artifacts(self.name)),
            (self._partial / "reports", self.workspace.reports),
        ):
            if path.is_relative_to(staged):
                return path, self.workspace.relative(final / path.relative_to(staged))
        return path, self.workspace.relative(path)

    @property
    def fingerprint(self) -> str:
        """Hash of the finished stage's records: the key of its side record."""
        return sha256_file(self.workspace.artifacts(self.name) / "records.json")


def _checkout(root: Path) -> tuple[str, bool]:
    try:
        return head_commit(root).sha, bool(changed_files(root))
    except EvidenceMissingError:
        return "", True


def _replace(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            shutil.rmtree(target)
        source.replace(target)
    except OSError as error:
        raise unwritable(target, error) from error


def run_stage(name: str, work: Callable[[Stage], None], root: Path | None = None) -> None:
    """Run `work` as stage `name` and leave the process with an exit code that tells the truth.

    Exit code 0 only when all outputs are in place; the code of the error otherwise, 1 for a defect of ours.
    """
    silence()
    sys.exit(_run(name, work, root or Path.cwd()))


def _run(name: str, work: Callable[[Stage], None], root: Path) -> int:
    stage: Stage | None = None
    try:
        settings = load_settings(root)
        _fix_arithmetic(settings)
        stage = Stage(name, settings)
        stage.start()
        started, clock = datetime.now(UTC), time.perf_counter()
        work(stage)
        stage.finish()
        _track(stage, started, time.perf_counter() - clock)
    except SealproofError as error:
        _print_error(name, error)
        return _fail(stage, error.exit_code)
    except PermissionError as error:
        message = unwritable(Path(error.filename or root), error)
        _print_error(name, message)
        return _fail(stage, message.exit_code)
    except BaseException:
        traceback.print_exc()
        return _fail(stage, 1)
    return 0


def _print_error(name: str, error: SealproofError) -> None:
    console = Console(stderr=True)
    console.print(f"[bold red]{name} stopped:[/] ", end="")
    console.print(str(error), markup=False, highlight=False, soft_wrap=True)


def _fail(stage: Stage | None, code: int) -> int:
    if stage is not None:
        stage.discard()
    return code


def _fix_arithmetic(settings: Settings) -> None:
    """One seed and a fixed number of threads, so that sums are added in the same order on every run."""
    threads = settings.params.compute.threads
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(threads)  # for libraries that are loaded from here on
    threadpool_limits(limits=threads)  # for those that are loaded already
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)


def _track(stage: Stage, started: datetime, seconds: float) -> None:
    from sealproof.evidence import (
        tracking,
    )  # MLflow is slow to import: only a stage that succeeded pays for it

    tracking.log_stage(
        tracking.StageRun(
            name=stage.name,
            product=stage.workspace.product,
            started=started,
            seconds=seconds,
            params=stage.params,
            metrics=stage.metrics,
            curves=stage.curves,
            artifacts=stage.workspace.artifacts(stage.name),
            reports=[stage.workspace.reports / name for name in dict.fromkeys(stage._reports)],  # noqa: SLF001
            fingerprint=stage.fingerprint,
            commit=stage.commit,
            dirty=stage.dirty,
            inputs=stage.inputs,
        ),
        stage.workspace,
        last=stage.name == STAGES[-1],
    )
