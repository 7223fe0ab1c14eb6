"""`release.json`: the decision, each criterion with value, bound and limit, the hashes they rest on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from sealproof.evidence import trail
from sealproof.evidence.chain import ORIGIN
from sealproof.evidence.errors import EvidenceAlteredError, EvidenceMissingError
from sealproof.evidence.files import read_json
from sealproof.evidence.hashing import sha256_file, sha256_json
from sealproof.evidence.records import RecordBook
from sealproof.evidence.strict import StrictModel, problem_lines
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.acceptance import CriterionOutcome
from sealproof.qualification.approval import ApprovalInForce, approval_in_force
from sealproof.qualification.criteria import read_criteria
from sealproof.qualification.decision import REQUIRED_SIGNATURES, DecisionName, decide
from sealproof.qualification.definitions import STAGE_NAMES, Moment, Sha256, StageName, Text
from sealproof.qualification.outcome import Counts, Deviation, read_protocol
from sealproof.qualification.results import RESULT_STAGES, files_below, results_id_of
from sealproof.qualification.settle import settle

#: Stages whose outputs a verdict rests on.
EVIDENCE_STAGES = (*RESULT_STAGES, "qualify")
#: What the stage `challenge` writes besides its records.
CHALLENGE_FILES = (
    "challenge.json",
    "disturbed.parquet",
    "repeatability.json",
    "repeats.parquet",
    "seeded.parquet",
)


class Signature(StrictModel):
    """Who signed a release, in which role and when."""

    role: Text
    name: Text
    at: Moment


class Release(StrictModel):
    """`reports/<product>/release.json`, and `signed/release.json` with the signatures.

    Args:
        release_id: one hash for what the release rests on, as documents print it.
        results_id: one hash for what was computed; recorded executions name it.
        demonstration: of the product, its limits or its images; any of them makes it one.
        reasons: what keeps it from being released.
        notes: deviations that QA accepted.
        cases: verdicts by stage, with what people recorded.
        deviations: of all failed cases, each with its status and disposition.
        stale: entries of people that count for nothing, and why.
        approval: who approved criteria and protocols; None when nobody did.
        missing_inputs: mandatory manufacturer input that is not provided.
        missing_signatures: roles that have not signed.
        signatures: of those who have; none in the draft.
        trail_head: hash of the last line of the audit trail when this was written; empty when there was none.
        evidence: file relative to the root -> SHA-256, of everything the decision rests on.
        documents: the same for the documents that carry it.
    """

    product: str
    release_id: Sha256
    results_id: Sha256
    demonstration: bool
    decision: DecisionName
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    score: str
    criteria: tuple[CriterionOutcome, ...]
    cases: dict[StageName, Counts]
    deviations: tuple[Deviation, ...]
    stale: tuple[str, ...]
    approval: ApprovalInForce | None
    missing_inputs: tuple[str, ...]
    missing_signatures: tuple[str, ...]
    signatures: tuple[Signature, ...]
    trail_head: Sha256 | Literal[""]
    evidence: dict[str, Sha256] = Field(min_length=1)
    documents: dict[str, Sha256]


def release_id(evidence: Mapping[str, str], product: str) -> str:
    """One hash for what the release rests on, so that a reproduced release has the same id.

    Args:
        evidence: path relative to the root -> SHA-256.
        product: name of the product.

    Returns:
        SHA-256 over the sorted paths and hashes. The executed protocols and their observations are left out: they
        carry the time of execution. The criteria as judged are in.

    Example:
        >>> one = release_id({"a": "0", "artifacts/p/qualify/iq.json": "1"}, "p")
        >>> one == release_id({"a": "0", "artifacts/p/qualify/iq.json": "2"}, "p"), one == release_id({"a": "3"}, "p")
        (True, False)
    """
    folder = f"artifacts/{product}/qualify/"
    kept = {
        path: digest
        for path, digest in evidence.items()
        if not path.startswith(folder) or path == f"{folder}criteria.json"
    }
    return sha256_json(kept)


def required_files(workspace: Workspace) -> list[str]:
    """Files without which there is no verdict: each must be named, with its hash, by the release."""
    product = workspace.product
    artifacts = f"artifacts/{product}"
    return sorted(
        [
            f"products/{product}/acceptance.yaml",
            f"reports/{product}/metrics.json",
            f"{artifacts}/evaluate/evaluation.json",
            f"{artifacts}/qualify/criteria.json",
            *(f"{artifacts}/qualify/{stage}.json" for stage in STAGE_NAMES),
            *(f"{artifacts}/{stage}/records.json" for stage in EVIDENCE_STAGES),
            f"{artifacts}/ingest/manifest.parquet",
            f"{artifacts}/ingest/sealed_labels.parquet",
            f"{artifacts}/train/model.safetensors",
            f"{artifacts}/score/scores.parquet",
            f"{artifacts}/cross_fit/scores.parquet",
            f"{artifacts}/threshold/thresholds.json",
            *(f"{artifacts}/challenge/{name}" for name in CHALLENGE_FILES),
            *(f"protocols/{stage}.yaml" for stage in STAGE_NAMES),
            "protocols/requirements.yaml",
            "protocols/risks.yaml",
        ]
    )


def evidence_hashes(workspace: Workspace) -> dict[str, str]:
    """Hash of every file the verdict rests on: outputs of the stages, metrics, protocols, product definition.

    Raises:
        EvidenceMissingError: a file that every verdict needs does not exist; all of them are named.
    """
    folders = [workspace.artifacts(stage) for stage in EVIDENCE_STAGES]
    folders += [workspace.root / "protocols", workspace.definition]
    files = {path for folder in folders for path in files_below(folder)}
    files.add(workspace.reports / "metrics.json")
    found = {workspace.relative(path): sha256_file(path) for path in sorted(files) if path.is_file()}
    missing = [name for name in required_files(workspace) if name not in found]
    if missing:
        raise EvidenceMissingError(
            "a release cannot be written",
            where=", ".join(missing),
            why="the file does not exist",
            mend="run `dvc repro`",
        )
    return found


def make_release(
    workspace: Workspace,
    *,
    demonstration: bool,
    missing_inputs: Sequence[str],
    signatures: Sequence[Signature] = (),
    documents: Iterable[tuple[str, Path]] = (),
    trail_head: str | None = None,
) -> Release:
    """The release from the artefacts of all stages and what people entered.

    Args:
        workspace: where things lie.
        demonstration: of the product; its limits and simulated images make it one as well.
        missing_inputs: mandatory manufacturer input that is not provided.
        signatures: of those who have signed.
        documents: (path to print, file) of each rendered document.
        trail_head: of the audit trail that the documents carry; the present one when it is not given.

    Raises:
        EvidenceMissingError: a stage's output does not exist.
        EvidenceAlteredError: an output contradicts itself, or a recorded execution cannot be trusted.
        DefinitionError: a disposition cannot stand.
    """
    evidence = evidence_hashes(workspace)
    judged = read_criteria(workspace.artifacts("qualify") / "criteria.json")
    results = results_id_of(evidence, workspace.product)
    protocols = {
        stage: read_protocol(workspace.artifacts("qualify") / f"{stage}.json") for stage in STAGE_NAMES
    }
    settled = settle(protocols, workspace.definition, results)
    draft = Release(
        product=workspace.product,
        release_id=release_id(evidence, workspace.product),
        results_id=results,
        demonstration=demonstration or judged.demonstration or is_simulated(workspace),
        decision="incomplete",
        reasons=(),
        notes=(),
        score=judged.score,
        criteria=judged.criteria,
        cases=settled.counts,
        deviations=settled.deviations,
        stale=settled.stale,
        approval=approval_in_force(workspace),
        missing_inputs=tuple(missing_inputs),
        missing_signatures=REQUIRED_SIGNATURES,
        signatures=(),
        trail_head=present_head(workspace) if trail_head is None else trail_head,
        evidence=evidence,
        documents={name: sha256_file(path) for name, path in sorted(documents)},
    )
    return with_signatures(draft, signatures)


def with_signatures(release: Release, signatures: Sequence[Signature]) -> Release:
    """The release as it stands with these signatures: they, the roles still missing, and the decision anew.

    Args:
        release: any state of it; its own signatures are replaced.
        signatures: of all who have signed.
    """
    signed = {item.role for item in signatures}
    missing = tuple(role for role in REQUIRED_SIGNATURES if role not in signed)
    decision = decide(
        release.criteria,
        release.cases,
        release.deviations,
        demonstration=release.demonstration,
        missing_inputs=release.missing_inputs,
        missing_signatures=missing,
    )
    fields = decision.model_dump() | {"missing_signatures": missing, "signatures": tuple(signatures)}
    return Release(**dict(release) | fields)


def is_simulated(workspace: Workspace) -> bool:
    """Whether the images are simulated; anything but a recorded "no" counts as yes."""
    path = workspace.artifacts("ingest") / "records.json"
    book = RecordBook.load([path])
    return "ingest.simulated" not in book or book["ingest.simulated"].value is not False


def present_head(workspace: Workspace) -> str:
    """Hash of the last line of the audit trail, empty when there is none; raises EvidenceAlteredError as `head`."""
    head = trail.head(workspace.trail)
    return "" if head == ORIGIN else head


def read_release(path: Path) -> Release:
    """Read `release.json`.

    Raises:
        EvidenceMissingError: the file does not exist.
        EvidenceAlteredError: not JSON, a key unknown or missing, no criterion, no evidence.
    """
    content = read_json(path)
    try:
        return Release.model_validate(content)
    except ValidationError as error:
        raise EvidenceAlteredError(
            "the release cannot be trusted",
            where=str(path),
            why="\n".join(problem_lines(error)),
            mend="run `dvc repro`",
        ) from error
