"""The way back from a printed figure: record, artefact, stage, run, commit, dvc.lock, down to images and parameters.

What is found on the way is compared with what lies there now. Nothing is taken for granted: a link that is not there
is missing, a file that is another one is altered, and both are problems by name. Source and definitions that changed
after the stage ran are reported too, but they are no alteration of evidence: the next `dvc repro` answers to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from sealproof.evidence import pipeline, pointers
from sealproof.evidence.errors import EvidenceAlteredError
from sealproof.evidence.files import read_json
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.held import Files, State
from sealproof.evidence.pipeline import Locked
from sealproof.evidence.records import Record
from sealproof.evidence.references import find_record
from sealproof.evidence.tracking import side_record
from sealproof.evidence.trail import Entry, read_trail
from sealproof.evidence.workspace import Workspace

ValueState = Literal["same", "other", "no such place", "stands for several", "not comparable"]


@dataclass(frozen=True)
class Link:
    """A file or folder on the way, and how it stands.

    Args:
        path: relative to the root; `<file>#/<key>` for a parameter.
        expected: hash that was recorded: SHA-256, or MD5 in what dvc.lock says.
        state: how it stands now.
        maker: stage that makes it; empty for source, definitions and images that nobody makes.
    """

    path: str
    expected: str
    state: State
    maker: str = ""


@dataclass(frozen=True)
class StageLink:
    """A stage on the way.

    Args:
        name: as dvc.lock has it.
        fingerprint: SHA-256 of its records.json; empty when it has none.
        trail_line: number of the last line of the trail that names this run of the stage; 0 when none does.
        mlflow_run: of the run that made its output; empty when no side record is known.
        commit: that was checked out then; empty when that is not known.
        dirty: whether the checkout differed from it; None when that is not known.
        started: time of the run in UTC; empty when that is not known.
        host: it ran on; empty when that is not known.
        params: file -> key -> value as dvc.lock holds it.
        deps: its dependencies as dvc.lock holds them (MD5).
        outs: its outputs as dvc.lock holds them (MD5).
        inputs: its inputs as its side record holds them (SHA-256).
    """

    name: str
    fingerprint: str = ""
    trail_line: int = 0
    mlflow_run: str = ""
    commit: str = ""
    dirty: bool | None = None
    started: str = ""
    host: str = ""
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    deps: tuple[Link, ...] = ()
    outs: tuple[Link, ...] = ()
    inputs: tuple[Link, ...] = ()

    @property
    def makers(self) -> list[str]:
        """Stages whose outputs it reads, sorted."""
        return sorted({link.maker for link in self.deps if link.maker})


@dataclass(frozen=True)
class Images:
    """Where every way ends: number of images, path and SHA-256 of the manifest, one SHA-256 for all images."""

    count: int
    manifest: str
    manifest_sha256: str
    images_sha256: str


@dataclass(frozen=True)
class Lineage:
    """All of the way.

    Args:
        reference: as it was asked for.
        record: the recorded value.
        artefact: the file it can be read from.
        value_state: whether the value at the record's pointer is the recorded one.
        stages: every stage on the way by name, the record's first.
        images: the images; None when there is no manifest.
        missing: what is not there, in words.
        altered: what is another one than recorded, in words.
        changed: source and definitions that changed since, as paths.
    """

    reference: str
    record: Record
    artefact: Link
    value_state: ValueState
    stages: Mapping[str, StageLink]
    images: Images | None
    missing: tuple[str, ...]
    altered: tuple[str, ...]
    changed: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """0 sound, 2 something is missing, 3 something is altered."""
        return 3 if self.altered else 2 if self.missing else 0

    def as_dict(self) -> dict[str, Any]:
        """As JSON, with the exit code."""
        return asdict(self) | {"exit_code": self.exit_code}


def trace(workspace: Workspace, reference: str) -> Lineage:
    """Walk from a record, or from the number printed beside a figure, back to images and parameters.

    Args:
        workspace: of the product.
        reference: a record id, or `<document>.pdf#<number>` as the index of that document numbers its figures.

    Raises:
        EvidenceMissingError: there is no such record, document or number; the nearest are named.
        EvidenceAlteredError: a records.json or printed.json is not JSON.
    """
    record = find_record(workspace, reference)
    lock = pipeline.read_lock(workspace.root)
    files = Files(workspace)
    walk = _Walk(workspace, lock, files)
    walk.visit(record.stage)
    artefact = Link(
        record.artefact, record.sha256, files.sha256(record.artefact, record.sha256), record.stage
    )
    value_state = _compare(workspace, record, artefact)
    missing, altered, changed = _judge(artefact, value_state, record, walk)
    return Lineage(
        reference=reference,
        record=record,
        artefact=artefact,
        value_state=value_state,
        stages=walk.stages,
        images=_images(workspace),
        missing=missing,
        altered=altered,
        changed=changed,
    )


class _Walk:
    """Visits stages from last to first, each once."""

    def __init__(self, workspace: Workspace, lock: Mapping[str, Locked], files: Files) -> None:
        self.workspace, self.lock, self.files = workspace, lock, files
        self.stages: dict[str, StageLink] = {}
        self.missing: list[str] = []
        self.altered: list[str] = []
        self.trail = self._read_trail()

    def visit(self, name: str) -> None:
        if name in self.stages:
            return
        locked = self.lock.get(name)
        if locked is None:
            self.missing.append(f"stage {name} in dvc.lock")
            locked = Locked(cmd="", deps={}, params={}, outs={})
        self.stages[name] = self._stage(name, locked)
        for maker in self.stages[name].makers:
            self.visit(maker)

    def _stage(self, name: str, locked: Locked) -> StageLink:
        known = self._run(name)
        known["inputs"] = tuple(
            Link(path, digest, self.files.sha256(path, digest), self._maker(path))
            for path, digest in known["inputs"].items()
        )
        return StageLink(
            name=name,
            params=locked.params,
            deps=self._links(locked.deps),
            outs=self._links(locked.outs),
            **known,
        )

    def _links(self, entries: Mapping[str, str]) -> tuple[Link, ...]:
        return tuple(
            Link(path, digest, self.files.md5(path, digest), self._maker(path))
            for path, digest in sorted(entries.items())
        )

    def _maker(self, path: str) -> str:
        return pipeline.maker_of(self.lock, path.rstrip("/")) or ""

    def _run(self, name: str) -> dict[str, Any]:
        """What side record and trail know of the run; `acquire` keeps neither, its images are in the manifest."""
        nothing: dict[str, Any] = {"inputs": {}}
        if "@" in name:
            return nothing
        records = self.workspace.artifacts(name) / "records.json"
        if not records.is_file():
            self.missing.append(f"records.json of stage {name}")
            return nothing
        fingerprint = sha256_file(records)
        lines = [entry.number for entry in self.trail if _names(entry, name, fingerprint)]
        if not lines:
            self.missing.append(f"line of the audit trail for this output of stage {name}")
        side = side_record(self.workspace, name, fingerprint)
        if side is None:
            self.missing.append(f"side record of the run that made this output of stage {name}")
            side = {}
        elif side.get("inputs") is None:
            self.missing.append(f"inputs in the side record of stage {name}")
        return {
            "fingerprint": fingerprint,
            "trail_line": max(lines, default=0),
            "mlflow_run": side.get("mlflow_run", ""),
            "commit": side.get("commit", ""),
            "dirty": side.get("dirty"),
            "started": side.get("started", ""),
            "host": side.get("host", ""),
            "inputs": side.get("inputs") or {},
        }

    def _read_trail(self) -> list[Entry]:
        try:
            return read_trail(self.workspace.trail)
        except EvidenceAlteredError as error:
            self.altered.append(f"{error.what}: {error.where}, {error.why}")
            return []


def _names(entry: Entry, stage: str, fingerprint: str) -> bool:
    wanted = {"stage": stage, "fingerprint": fingerprint}
    return entry.event == "stage.run" and wanted.items() <= entry.details.items()


def _judge(
    artefact: Link, value_state: ValueState, record: Record, walk: _Walk
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    links = [artefact, *(link for stage in walk.stages.values() for link in _all_links(stage))]
    missing = [*walk.missing, *(link.path for link in links if link.state == "missing")]
    altered = [*walk.altered, *(link.path for link in links if link.state == "altered")]
    changed = {link.path for link in links if link.state == "changed since"}
    if value_state in {"other", "no such place"}:
        altered.append(f"value of {record.id} at {record.artefact} {record.pointer}: {value_state}")
    return _unique(missing), _unique(altered), tuple(sorted(changed))


def _all_links(stage: StageLink) -> Iterable[Link]:
    return (*stage.deps, *stage.outs, *stage.inputs)


def _unique(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


def _compare(workspace: Workspace, record: Record, artefact: Link) -> ValueState:
    is_json = record.artefact.endswith(".json") and record.pointer.startswith("/")
    if not is_json or artefact.state == "missing":
        return "not comparable"
    try:
        found = pointers.resolve(read_json(workspace.root / record.artefact), record.pointer)
    except (KeyError, EvidenceAlteredError):
        return "no such place"
    if isinstance(found, list | dict):
        return "stands for several"
    return "same" if pointers.same_value(record.value, found) else "other"


def _images(workspace: Workspace) -> Images | None:
    manifest = workspace.artifacts("ingest") / "manifest.parquet"
    if not manifest.is_file():
        return None
    count, digest = pipeline.images_sha256(manifest)
    return Images(count, workspace.relative(manifest), sha256_file(manifest), digest)
