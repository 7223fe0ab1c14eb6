"""Derives a release anew from its artefacts and says where the two disagree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sealproof.evidence.errors import EvidenceMissingError
from sealproof.evidence.files import read_json
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.records import Record, RecordBook
from sealproof.evidence.workspace import Workspace
from sealproof.qualification import approval, disposition, recording
from sealproof.qualification.acceptance import CriterionOutcome, load_acceptance
from sealproof.qualification.criteria import judge_product, read_criteria
from sealproof.qualification.definitions import STAGE_NAMES, StageName
from sealproof.qualification.outcome import ExecutedProtocol, read_protocol
from sealproof.qualification.release import EVIDENCE_STAGES, Release, is_simulated, with_signatures
from sealproof.qualification.results import files_below
from sealproof.qualification.settle import settle


def contradictions(release: Release, workspace: Workspace) -> Iterator[str]:
    """Every disagreement between a release and what it rests on, one sentence each.

    Raises:
        EvidenceMissingError: an artefact needed for the derivation does not exist, or people entered something since.
        EvidenceAlteredError, DefinitionError: an artefact, the acceptance criteria or an entry cannot be read.
    """
    book = RecordBook.load(workspace.artifacts(stage) / "records.json" for stage in EVIDENCE_STAGES)
    yield from _criteria(release, workspace, book)
    for item in release.criteria:
        yield from _records(item, release, book)
    yield from _metrics(release, workspace)
    protocols = {
        stage: read_protocol(workspace.artifacts("qualify") / f"{stage}.json") for stage in STAGE_NAMES
    }
    for protocol in protocols.values():
        yield from _protocol(protocol, release)
    refuse_later_entries(release, workspace)
    yield from _settled(release, workspace, protocols)
    yield from _decision(release)


def _criteria(release: Release, workspace: Workspace, book: RecordBook) -> Iterator[str]:
    path = workspace.definition / "acceptance.yaml"
    if not path.is_file():
        raise EvidenceMissingError(
            "the acceptance criteria are missing",
            where=workspace.relative(path),
            why="the file does not exist",
            mend="restore acceptance.yaml as it was approved",
        )
    derived = judge_product(load_acceptance(path), sha256_file(path), book)
    if derived != read_criteria(workspace.artifacts("qualify") / "criteria.json"):
        yield "criteria.json: not what acceptance.yaml and the records give"
    if derived.score != release.score:
        yield f"release.json: the score in force is {derived.score}, not {release.score}"
    if derived.demonstration and not release.demonstration:
        yield "release.json: acceptance.yaml says that this is a demonstration"
    if is_simulated(workspace) and not release.demonstration:
        yield "release.json: the images are simulated, and it does not say that this is a demonstration"
    stated = {item.id: item for item in release.criteria}
    for item in derived.criteria:
        if stated.get(item.id) != item:
            yield f"release.json: {item.id} is not what acceptance.yaml and the records give"
    for name in sorted(stated.keys() - {item.id for item in derived.criteria}):
        yield f"release.json: {name} is not in acceptance.yaml"


def _records(item: CriterionOutcome, release: Release, book: RecordBook) -> Iterator[str]:
    """The file that a criterion's records were read from must be the one that the release rests on."""
    for record in records_behind(item, book):
        if release.evidence.get(record.artefact) != record.sha256:
            yield f"{record.id}: {record.artefact} is not the file that the value was recorded from"


def records_behind(item: CriterionOutcome, book: RecordBook) -> list[Record]:
    """The records of a criterion's metric and its bounds, as far as they exist."""
    ids = (item.metric, f"{item.metric}.low", f"{item.metric}.high")
    return [book[name] for name in ids if name in book]


def _metrics(release: Release, workspace: Workspace) -> Iterator[str]:
    metrics = read_json(workspace.reports / "metrics.json")
    for item in release.criteria:
        entry = _entry(metrics, item.metric)
        if entry is None:
            continue
        if entry.get("value") != item.value or entry.get(item.bound) != item.bound_value:
            yield f"metrics.json: {item.metric} is not what {item.id} was judged on"


def _entry(metrics: Any, metric: str) -> dict[str, Any] | None:
    """`evaluate.<score>.<name>` in metrics.json, or None where the metric is not one of that file."""
    stage, *parts = metric.split(".")
    if stage != "evaluate" or len(parts) != 2 or not isinstance(metrics, dict):
        return None
    row = metrics.get(parts[0])
    entry = row.get(parts[1]) if isinstance(row, dict) else None
    return entry if isinstance(entry, dict) else None


def _protocol(protocol: ExecutedProtocol, release: Release) -> Iterator[str]:
    if protocol.product != release.product:
        yield f"{protocol.stage}.json: is about {protocol.product}"
    if protocol.approval != release.approval:
        yield f"{protocol.stage}.json: executed under another approval than the release names"
    for name, digest in sorted(protocol.approved.items()):
        if release.evidence.get(name) != digest:
            yield f"{name}: {protocol.stage.upper()} was executed from another version of it"


def refuse_later_entries(release: Release, workspace: Workspace) -> None:
    """Refuse to judge by a release that does not know all that people entered.

    Raises:
        EvidenceMissingError: an approval, disposition or recorded execution is not named by the release.
    """
    folders = (approval.FOLDER, disposition.FOLDER, recording.FOLDER)
    files = [path for name in folders for path in files_below(workspace.definition / name)]
    later = [name for name in map(workspace.relative, files) if name not in release.evidence]
    if later:
        raise EvidenceMissingError(
            "the release does not know what was entered after it was written",
            where=", ".join(later),
            why="it does not name these files",
            mend="run `dvc repro`",
        )


def _settled(
    release: Release, workspace: Workspace, protocols: Mapping[StageName, ExecutedProtocol]
) -> Iterator[str]:
    settled = settle(protocols, workspace.definition, release.results_id)
    for name, stated, derived in (
        ("the counts of cases", release.cases, settled.counts),
        ("the deviations", release.deviations, settled.deviations),
        ("the stale entries", release.stale, settled.stale),
        ("the approval", release.approval, approval.approval_in_force(workspace)),
    ):
        if stated != derived:
            yield f"release.json: {name} not what protocols and entries of people give"


def _decision(release: Release) -> Iterator[str]:
    derived = with_signatures(release, release.signatures)
    if (derived.decision, derived.reasons) != (release.decision, release.reasons):
        yield f"release.json: decides {release.decision}, the evidence gives {derived.decision}"
    if derived.notes != release.notes:
        yield "release.json: its notes are not those of the accepted deviations"
    if derived.missing_signatures != release.missing_signatures:
        yield "release.json: the missing signatures are not those that are missing"
