"""What people enter: approvals, dispositions, recorded executions; each a file and a line in the audit trail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sealproof.evidence.errors import DataError, DefinitionError
from sealproof.evidence.files import write_bytes, write_json
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.strict import parse
from sealproof.evidence.trail import Entry, append_event, append_events, read_trail
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.approval import MEANING, Approval, hashes_to_approve, read_approval
from sealproof.qualification.catalogue import load_catalogue
from sealproof.qualification.definitions import STAGE_NAMES, CaseDefinition
from sealproof.qualification.disposition import Disposition, write_disposition
from sealproof.qualification.execution import utc_now
from sealproof.qualification.linked import load_definitions
from sealproof.qualification.outcome import Deviation, read_protocol
from sealproof.qualification.recording import Recording, definition_sha256, write_recording
from sealproof.qualification.results import results_id
from sealproof.qualification.settle import Settled, settle

_APPROVED = "criteria.approved"
Clock = Callable[[], str]


def approve(
    workspace: Workspace, *, by: str, role: str, meaning: str = MEANING, now: Clock = utc_now
) -> Approval:
    """Freeze acceptance criteria and protocols by hash; a former approval is kept beside the new one.

    An approval of these very definitions that the audit trail does not name yet (a fresh clone, a process that died
    in between) is noted there and returned as it is.

    Args:
        workspace: of the product.
        by: name of the person who approves.
        role: the role that person acts in.
        meaning: what the approval says.
        now: clock, ISO 8601 with zone.

    Raises:
        DefinitionError: the definitions do not load (all that is wrong is named), a name is empty, or these very
            definitions are approved already.
        EvidenceAlteredError: the former approval, or the audit trail, cannot be trusted.
        OutputError: the approval cannot be written.
    """
    load_definitions(workspace)
    noted = {entry.details["sha256"] for entry in read_trail(workspace.trail) if entry.event == _APPROVED}
    files, path = hashes_to_approve(workspace), workspace.approval
    content = {"product": workspace.product, "by": by, "role": role, "meaning": meaning, "at": now()}
    approval = parse(Approval, content | {"files": files}, "the approval")
    former = read_approval(path)
    if former is not None and (former.files, former.product) == (files, workspace.product):
        if sha256_file(path) not in noted:
            return _noted(workspace, former)
        raise DefinitionError(
            "these criteria and protocols are approved already",
            where=workspace.relative(path),
            why=f"by {former.by} ({former.role}) at {former.at}; another approval would not be that of the openings",
            mend="nothing has to be done; approve again when a definition has changed",
        )
    if former is not None:
        write_bytes(_next_free(path), path.read_bytes())
    write_json(path, approval.model_dump(mode="json"))
    return _noted(workspace, approval)


def _noted(workspace: Workspace, approval: Approval) -> Approval:
    """The approval in its file, with its line in the audit trail."""
    details: dict[str, Any] = {**_file(workspace, workspace.approval), "files": approval.files}
    append_event(workspace.trail, _APPROVED, details, by=approval.by)
    return approval


def _next_free(path: Path) -> Path:
    """`criteria-1.json`, `criteria-2.json`, ...: the first that does not exist."""
    number = 1
    while (found := path.with_name(f"{path.stem}-{number}{path.suffix}")).exists():
        number += 1
    return found


def settle_workspace(workspace: Workspace) -> Settled:
    """The executed protocols of a workspace with what people entered.

    Raises:
        EvidenceMissingError: there are no results, or no protocol was executed.
        EvidenceAlteredError, DefinitionError: a protocol or an entry cannot be trusted.
    """
    folder = workspace.artifacts("qualify")
    protocols = {stage: read_protocol(folder / f"{stage}.json") for stage in STAGE_NAMES}
    return settle(protocols, workspace.definition, results_id(workspace))


def dispose(
    workspace: Workspace,
    deviation: str,
    *,
    decision: str,
    cause: str,
    impact: str,
    corrective_action: str,
    by: str,
    role: str,
    now: Clock = utc_now,
) -> Disposition:
    """Write QA's disposition of a deviation; it covers the failure as it is now, and no other.

    A disposition that exists is replaced: the audit trail keeps the hash of each.

    Raises:
        DataError: there is no such deviation; those there are are named.
        DefinitionError: the decision is unknown, or a text is empty; all of them are named.
        EvidenceMissingError, EvidenceAlteredError: the protocols are not there, or cannot be trusted.
    """
    read_trail(workspace.trail)  # one that was altered stops the entry before anything is written
    found = _deviation(workspace, deviation)
    content = {
        "deviation": found.id,
        "case": found.case,
        "failure_sha256": found.failure_sha256,
        "cause": cause,
        "impact": impact,
        "decision": decision,
        "corrective_action": corrective_action,
        "by": by,
        "role": role,
        "at": now(),
    }
    disposition = parse(Disposition, content, f"the disposition of {deviation}")
    path = write_disposition(workspace.definition, disposition)
    details = {"deviation": found.id, "decision": disposition.decision} | _file(workspace, path)
    append_event(workspace.trail, "deviation.disposed", details, by=disposition.by)
    return disposition


def _deviation(workspace: Workspace, deviation: str) -> Deviation:
    present = {item.id: item for item in settle_workspace(workspace).deviations}
    if deviation not in present:
        raise DataError(
            f"there is no deviation {deviation!r}",
            where="the protocols as executed, and the cases that people recorded",
            why=f"there are {', '.join(present) or 'none'}",
            mend="list them with `sealproof dispose`",
        )
    return present[deviation]


def record_case(
    workspace: Workspace,
    case: str,
    *,
    verdict: str,
    observed: str,
    by: str,
    role: str,
    evidence: Sequence[Path] = (),
    now: Clock = utc_now,
) -> Path:
    """Record the execution of a case for people, bound to its definition and to the results as they are now.

    Args:
        workspace: of the product.
        case: id of a case that is not automated.
        verdict: `pass` or `fail`; a failed one opens a deviation.
        observed: what was observed.
        by: name of the person, or tool, that executed it.
        role: the role that person acted in; `tool` where none did.
        evidence: files below the project's root that the verdict rests on.
        now: clock, ISO 8601 with zone.

    Returns:
        the file, `products/<name>/executions/<case>.json`.

    Raises:
        DefinitionError: there is no such case for people, a text is empty, or the verdict is unknown.
        DataError: evidence does not exist or lies outside the project; all such files are named.
        EvidenceMissingError: there are no results yet.
    """
    read_trail(workspace.trail)  # one that was altered stops the entry before anything is written
    definition = _case_for_people(workspace, case)
    content: dict[str, Any] = {
        "case": case,
        "definition_sha256": definition_sha256(definition),
        "results_id": results_id(workspace),
        "verdict": verdict,
        "observed": observed,
        "by": by,
        "role": role,
        "at": now(),
        "evidence": _evidence(workspace, evidence),
    }
    recording = parse(Recording, content, f"the record of {case}")
    path = write_recording(workspace.definition, recording)
    details = {"case": case, "verdict": recording.verdict} | _file(workspace, path)
    append_event(workspace.trail, "case.recorded", details, by=recording.by)
    if recording.verdict == "fail":
        failed = Deviation(
            id=f"DEV-{case}",
            case=case,
            title=definition.title,
            expected=definition.expected,
            actual=recording.observed,
        )
        note_deviations(workspace, [failed], by=recording.by)
    return path


def _case_for_people(workspace: Workspace, case: str) -> CaseDefinition:
    every = {item.id: item for item in load_catalogue(workspace.root).cases()}
    if case in every and not every[case].automated:
        return every[case]
    known = ", ".join(name for name, item in every.items() if not item.automated)
    raise DefinitionError(
        f"{case!r} is no case for people",
        where="protocols/",
        why="the pipeline executes it" if case in every else "there is no such case",
        mend=f"name one of {known}",
    )


def _evidence(workspace: Workspace, files: Sequence[Path]) -> list[dict[str, str]]:
    root, problems = workspace.root.resolve(), []
    for path in files:
        if not path.is_file():
            problems.append(f"{path}: there is no such file")
        elif not path.resolve().is_relative_to(root):
            problems.append(f"{path}: it lies outside the project")
    if problems:
        raise DataError(
            "evidence cannot be recorded",
            where="the files given as evidence",
            why="\n".join(problems),
            mend=f"put the files into {workspace.relative(workspace.definition)}/executions/evidence/",
        )
    return [_file(workspace, path) for path in files]


def _file(workspace: Workspace, path: Path) -> dict[str, str]:
    return {"path": workspace.relative(path), "sha256": sha256_file(path)}


def note_deviations(workspace: Workspace, deviations: Iterable[Deviation], *, by: str) -> list[Entry]:
    """Note each deviation in the audit trail, once for each failure.

    Args:
        workspace: of the product.
        deviations: of failed cases.
        by: who or what executed them.

    Returns:
        the new entries.
    """
    wanted = list(deviations)

    def build(entries: Sequence[Entry]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        events = [entry.details for entry in entries if entry.event == "deviation.opened"]
        known = {str(details["failure_sha256"]) for details in events}
        for item in wanted:
            if item.failure_sha256 not in known:
                details = {"deviation": item.id, "case": item.case, "failure_sha256": item.failure_sha256}
                yield "deviation.opened", details

    return append_events(workspace.trail, build, by=by)
