"""`release.json`: the decision, each criterion with value, bound and limit, the hashes they rest on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints, ValidationError

from sealproof.evidence.errors import EvidenceAlteredError, EvidenceMissingError
from sealproof.evidence.files import read_json
from sealproof.evidence.hashing import sha256_file, sha256_json
from sealproof.evidence.strict import StrictModel
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.acceptance import CriterionOutcome
from sealproof.qualification.criteria import read_criteria
from sealproof.qualification.decision import REQUIRED_SIGNATURES, DecisionName, decide
from sealproof.qualification.definitions import STAGE_NAMES, StageName
from sealproof.qualification.outcome import Counts, Deviation, read_protocol

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
#: Stages whose outputs a verdict rests on.
EVIDENCE_STAGES = ("ingest", "check", "roi", "train", "score", "threshold", "evaluate", "qualify")


class Release(StrictModel):
    """`reports/<product>/release.json`.

    Args:
        release_id: one hash for what the release rests on, as documents print it.
        evidence: file relative to the root -> SHA-256, of everything the decision rests on.
        documents: the same for the documents that carry it.
        missing_inputs: mandatory manufacturer input that is not provided.
        missing_signatures: roles that have not signed.
    """

    product: str
    release_id: Sha256
    demonstration: bool
    decision: DecisionName
    reasons: tuple[str, ...]
    score: str
    criteria: tuple[CriterionOutcome, ...]
    cases: dict[StageName, Counts]
    deviations: tuple[Deviation, ...]
    missing_inputs: tuple[str, ...]
    missing_signatures: tuple[str, ...]
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
            f"{artifacts}/threshold/thresholds.json",
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
    files = {
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".gitignore"
    }
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
    missing_signatures: Sequence[str] = REQUIRED_SIGNATURES,
    documents: Iterable[tuple[str, Path]] = (),
) -> Release:
    """The release from the artefacts of all stages.

    Args:
        workspace: where things lie.
        demonstration: of the product or of its limits; either makes it one.
        missing_inputs: mandatory manufacturer input that is not provided.
        missing_signatures: roles that have not signed.
        documents: (path to print, file) of each rendered document.

    Raises:
        EvidenceMissingError: a stage's output does not exist.
        EvidenceAlteredError: an output contradicts itself.
    """
    evidence = evidence_hashes(workspace)
    judged = read_criteria(workspace.artifacts("qualify") / "criteria.json")
    protocols = [read_protocol(workspace.artifacts("qualify") / f"{stage}.json") for stage in STAGE_NAMES]
    counts = {protocol.stage: protocol.counts for protocol in protocols}
    is_demonstration = demonstration or judged.demonstration
    decision = decide(
        judged.criteria,
        counts,
        demonstration=is_demonstration,
        missing_inputs=missing_inputs,
        missing_signatures=missing_signatures,
    )
    return Release(
        product=workspace.product,
        release_id=release_id(evidence, workspace.product),
        demonstration=is_demonstration,
        decision=decision.decision,
        reasons=decision.reasons,
        score=judged.score,
        criteria=judged.criteria,
        cases=counts,
        deviations=tuple(item for protocol in protocols for item in protocol.deviations),
        missing_inputs=tuple(missing_inputs),
        missing_signatures=tuple(missing_signatures),
        evidence=evidence,
        documents={name: sha256_file(path) for name, path in sorted(documents)},
    )


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
        lines = [f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()]
        raise EvidenceAlteredError(
            "the release cannot be trusted", where=str(path), why="\n".join(lines), mend="run `dvc repro`"
        ) from error
