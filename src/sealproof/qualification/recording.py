"""Recorded executions: a test case that a person executed, a file each, bound to definition and results by hash."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from sealproof.evidence.errors import EvidenceAlteredError
from sealproof.evidence.files import read_json, write_json
from sealproof.evidence.hashing import sha256_file, sha256_json
from sealproof.evidence.strict import StrictModel, problem_lines
from sealproof.qualification.definitions import CaseDefinition, CaseId, Moment, Sha256, Text
from sealproof.qualification.outcome import Evidence, ExecutedCase

FOLDER = "executions"
#: What a case for people says; the keys it has in its protocol file.
DEFINED = (
    "id",
    "title",
    "requirements",
    "risks",
    "clauses",
    "objective",
    "procedure",
    "expected",
    "automated",
)


class RecordedEvidence(StrictModel):
    """A file that a recorded verdict rests on, relative to the root, and its hash."""

    path: Text
    sha256: Sha256


class Recording(StrictModel):
    """`products/<name>/executions/<CASE>.json`.

    Args:
        case: its id, the name of the file.
        definition_sha256: hash of the case as it was defined.
        results_id: of the results it was executed with; it counts for no others.
        verdict: `pass` or `fail`.
        observed: what was observed.
        by: name of the person, or tool, that executed it.
        role: the role that person acted in; `tool` where none did.
        at: when, ISO 8601 with zone.
        evidence: files it rests on.
    """

    case: CaseId
    definition_sha256: Sha256
    results_id: Sha256
    verdict: Literal["pass", "fail"]
    observed: Text
    by: Text
    role: Text
    at: Moment
    evidence: tuple[RecordedEvidence, ...] = ()


def definition_sha256(case: CaseDefinition | ExecutedCase) -> str:
    """The hash that binds a record to the definition of its case.

    SHA-256 of canonical JSON of the keys that a case for people has in its protocol file: id, title, requirements,
    risks, clauses, objective, procedure, expected, automated.
    """
    return sha256_json(case.model_dump(mode="json", include=set(DEFINED)))


def recording_path(definition: Path, case: str) -> Path:
    """Where the recorded execution of a case lies; `definition` is the product's folder."""
    return definition / FOLDER / f"{case}.json"


def write_recording(definition: Path, recording: Recording) -> Path:
    """Write a recorded execution; raises OutputError when the folder cannot be written."""
    path = recording_path(definition, recording.case)
    write_json(path, recording.model_dump(mode="json"))
    return path


def load_recordings(definition: Path) -> tuple[Recording, ...]:
    """All recorded executions of a product, sorted by case; none when there is no folder.

    Raises:
        EvidenceAlteredError: a file cannot be read, or is named after another case; all of them are named.
    """
    found, problems = [], []
    for path in sorted((definition / FOLDER).glob("*.json")):
        try:
            recording = Recording.model_validate(read_json(path))
        except EvidenceAlteredError as error:
            problems.append(f"{path.name}: {error.why}")
            continue
        except ValidationError as error:
            problems += [f"{path.name}: {line}" for line in problem_lines(error)]
            continue
        if path.stem != recording.case:
            problems.append(f"{path.name}: is about {recording.case}")
        found.append(recording)
    if problems:
        raise EvidenceAlteredError(
            "recorded executions cannot be trusted",
            where=str(definition / FOLDER),
            why="\n".join(problems),
            mend="restore the files named above, or execute the cases again with `sealproof record`",
        )
    return tuple(found)


def why_not_counted(recording: Recording, case: ExecutedCase, results_id: str, root: Path) -> str:
    """Why a record does not count for a case and these results; an empty text when it does.

    Args:
        recording: what was recorded.
        case: the case as the protocol has it.
        results_id: of the results that are to be released.
        root: folder that the paths of evidence are relative to.
    """
    if case.automated:
        return "the case is executed by the pipeline, not by people"
    if recording.definition_sha256 != definition_sha256(case):
        return "it was recorded for another definition of the case"
    if recording.results_id != results_id:
        return "it was recorded for other results"
    for item in recording.evidence:
        path = root / item.path
        if not path.is_file():
            return f"its evidence {item.path} is missing"
        if sha256_file(path) != item.sha256:
            return f"its evidence {item.path} is not the file that was recorded"
    return ""


def executed(case: ExecutedCase, recording: Recording, path: str, sha256: str) -> ExecutedCase:
    """The case with what was recorded in the place of "not run".

    Args:
        case: as the protocol has it.
        recording: one that counts.
        path, sha256: of the recording's own file, the first evidence of the verdict.
    """
    files = [Evidence(path=path, sha256=sha256)]
    files += [Evidence(path=item.path, sha256=item.sha256) for item in recording.evidence]
    fields = dict(case) | {
        "actual": recording.observed,
        "verdict": recording.verdict,
        "evidence": tuple(files),
        "executed_at": recording.at,
        "executed_by": f"{recording.by} ({recording.role})",
        "deviation": f"DEV-{case.id}" if recording.verdict == "fail" else None,
    }
    return ExecutedCase(**fields)
