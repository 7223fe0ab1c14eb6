"""Makes the results again from a fresh clone, compares every output, reports, and records the IQ case."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sealproof import __version__
from sealproof.change.clone import is_committed, make_clone, require_clean, run_pipeline
from sealproof.change.outputs import OutputResult, compare_output
from sealproof.change.tolerances import Tolerances, load_tolerances
from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.ledger import read_ledger
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.catalogue import load_catalogue
from sealproof.qualification.results import RESULT_STAGES, files_below, results_id

CASE_TITLE = "Reproduction from a fresh clone"
TOLERANCES = "protocols/tolerances.yaml"
PACKAGES = (
    "torch",
    "numpy",
    "numba",
    "scipy",
    "pandas",
    "scikit-learn",
    "opencv-python-headless",
    "pillow",
    "dvc",
)
LAST_RESULT, LAST = "evaluate", "dossier"


@dataclass(frozen=True)
class Reproduction:
    """What a reproduction found.

    Attributes:
        product, commit, case: what was reproduced, and the case it is recorded for.
        results_id: of the results here.
        clone_results_id: of the clone; "" when it made no complete results.
        scope: last stage that ran in the clone.
        images: where its images came from.
        openings: how often the clone opened its test set.
        outputs: every output with its verdict.
        stopped: the last lines of a run that did not get to its end, else "".
        tolerances: `path` and `sha256` of the file, "" without one, and how many it declares (`declared`).
        started, seconds: in UTC, ISO 8601; how long it took.
        machine, versions: what it ran on.
    """

    product: str
    commit: str
    case: str
    results_id: str
    clone_results_id: str
    scope: str
    images: str
    openings: int
    outputs: tuple[OutputResult, ...]
    stopped: str
    tolerances: Mapping[str, Any]
    started: str
    seconds: float
    machine: dict[str, Any]
    versions: dict[str, str]

    @property
    def reproduced(self) -> bool:
        """Whether the run got to its end and no output is different; no output at all is no reproduction."""
        return (
            not self.stopped
            and bool(self.outputs)
            and all(output.verdict in {"identical", "within tolerance"} for output in self.outputs)
        )

    @property
    def counts(self) -> dict[str, int]:
        """Outputs by verdict."""
        names = ("identical", "within tolerance", "different")
        return {name: sum(output.verdict == name for output in self.outputs) for name in names}


def case_of_reproduction(root: Path) -> str:
    """Id of the IQ case that a reproduction is recorded for.

    Raises:
        DefinitionError: the protocols do not load, or no case for people has that title.
    """
    for case in load_catalogue(root).protocols["iq"].cases:
        if case.title == CASE_TITLE and not case.automated:
            return case.id
    raise DefinitionError(
        "no case asks for a reproduction",
        where="protocols/iq.yaml",
        why=f"no case with `automated: false` has the title {CASE_TITLE!r}",
        mend="restore the case; a reproduction is recorded as its execution",
    )


def reproduce(
    workspace: Workspace,
    folder: Path,
    *,
    tolerance_file: Path | None = None,
    everything: bool = False,
    progress: Callable[[str], None] = lambda line: None,
) -> Reproduction:
    """Clone, run and compare; writes nothing into the project.

    Args:
        workspace: of the project, with the results to reproduce.
        folder: empty folder for the clone.
        tolerance_file: None for protocols/tolerances.yaml.
        everything: run protocols and documents as well, and compare the criteria as judged.
        progress: gets each line that the run prints.

    Raises:
        DefinitionError: the tree differs from its commit, a definition does not load, or the tolerances are not part
            of the commit.
        EvidenceMissingError: there are no results, no images, or no commit.
        EvidenceAlteredError: images are not those of the manifest, or the sources of the clone would not be used.
        OutputError: the clone cannot be made.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    commit, here = require_clean(workspace.root), results_id(workspace)
    case = case_of_reproduction(workspace.root)
    declared = _declared(workspace.root, tolerance_file)
    tolerances = load_tolerances(declared)
    clone = make_clone(workspace, folder, commit)
    scope = LAST if everything else LAST_RESULT
    stopped = run_pipeline(clone, scope, progress)
    outputs = (
        ()
        if stopped
        else tuple(compare_outputs(workspace, clone.workspace, tolerances, everything=everything))
    )
    return Reproduction(
        product=workspace.product,
        commit=commit,
        case=case,
        results_id=here,
        clone_results_id="" if stopped else results_id(clone.workspace),
        scope=scope,
        images=clone.images,
        openings=len(read_ledger(clone.workspace.ledger)),
        outputs=outputs,
        stopped=stopped,
        tolerances=_named(declared, workspace, len(tolerances.tolerances)),
        started=started.isoformat(timespec="seconds"),
        seconds=round(time.perf_counter() - clock, 1),
        machine=machine(),
        versions={name: version(name) for name in PACKAGES} | {"sealproof": __version__},
    )


def _declared(root: Path, chosen: Path | None) -> Path:
    """The file of tolerances; one that is not committed was not declared beforehand."""
    path = root / TOLERANCES if chosen is None else chosen
    if chosen is not None and not is_committed(root, path):
        raise DefinitionError(
            "tolerances have to be declared before they are needed",
            where=str(path),
            why="the file is not part of the commit",
            mend=f"commit it, best as {TOLERANCES}",
        )
    return path


def _named(path: Path, workspace: Workspace, declared: int) -> dict[str, Any]:
    found = (workspace.relative(path), sha256_file(path)) if path.is_file() else ("", "")
    return {"path": found[0], "sha256": found[1], "declared": declared}


def compare_outputs(
    here: Workspace, clone: Workspace, tolerances: Tolerances, *, everything: bool = False
) -> Iterator[OutputResult]:
    """Compare every output of ingest to evaluate and metrics.json, the files that the id of the results covers.

    Args:
        here, clone: the project and its clone.
        tolerances: as declared.
        everything: compare the criteria as judged as well. Executed protocols and documents carry times.
    """
    names = sorted({*_result_files(here), *_result_files(clone)})
    names += [f"artifacts/{here.product}/qualify/criteria.json"] if everything else []
    hashes = [_paths_by_hash(workspace) for workspace in (here, clone)]

    def alike(first: str, second: str) -> bool:
        return not hashes[0].get(first, set()).isdisjoint(hashes[1].get(second, set()))

    for name in names:
        yield compare_output(
            name, here.root / name, clone.root / name, tolerances.of(name, here.product), alike
        )


def _result_files(workspace: Workspace) -> list[str]:
    files = [path for stage in RESULT_STAGES for path in files_below(workspace.artifacts(stage))]
    return [
        workspace.relative(path) for path in [*files, workspace.reports / "metrics.json"] if path.is_file()
    ]


def _paths_by_hash(workspace: Workspace) -> dict[str, set[str]]:
    """Hash -> paths of what the stages wrote: a record names its artefact by hash, which follows the artefact."""
    folders = [*(workspace.artifacts(stage) for stage in RESULT_STAGES), workspace.reports]
    found: dict[str, set[str]] = {}
    for path in (path for folder in folders for path in files_below(folder)):
        found.setdefault(sha256_file(path), set()).add(workspace.relative(path))
    return found


def machine() -> dict[str, Any]:
    """What the run was made on."""
    return {
        "host": platform.node(),
        "system": platform.platform(),
        "machine": platform.machine(),
        "processor": _processor(),
        "processors": os.cpu_count(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def _processor() -> str:
    """Model name of the processor as Linux tells it, or "" where it does not."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
