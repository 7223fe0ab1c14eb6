"""Breaking the seal: the opening is in the ledger, flushed to disk, before a label is read."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from sealproof.datasets.sealing import open_sealed_labels
from sealproof.evidence.errors import DefinitionError, EvidenceMissingError
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.ledger import record_opening
from sealproof.evidence.workspace import Workspace

PURPOSE = "evaluation of the test split by the pipeline"


def open_test_set(workspace: Workspace, purpose: str = PURPOSE) -> pd.DataFrame:
    """Record the opening with the hashes of labels, weights, thresholds, criteria and approval, then read the labels.

    Args:
        workspace: of the product.
        purpose: why the test set is opened.

    Returns:
        image_id, label, defect_type, mask_path, size_mm of the test rows.

    Raises:
        DefinitionError: there are no acceptance criteria; they have to exist before the opening.
        EvidenceMissingError: an artefact that is judged is missing; nothing is opened then.
        EvidenceAlteredError: the chain of ledger or audit trail does not hold, they contradict each other, or the
            labels are not what ingest wrote.
    """
    criteria = workspace.definition / "acceptance.yaml"
    if not criteria.is_file():
        raise DefinitionError(
            "there are no acceptance criteria, so the test set stays sealed",
            where=str(criteria),
            why="criteria that are written after the results are known prove nothing",
            mend="write the criteria, have them approved, then run again",
        )
    labels = workspace.artifacts("ingest") / "sealed_labels.parquet"
    model = workspace.artifacts("train") / "model.safetensors"
    threshold = workspace.artifacts("threshold") / "thresholds.json"
    _check_present(labels, model, threshold)
    record_opening(
        workspace.ledger,
        purpose=purpose,
        labels=sha256_file(labels),
        model=sha256_file(model),
        threshold=sha256_file(threshold),
        criteria=sha256_file(criteria),
        approval=_hash_of_approval(workspace.approval),
        audit_trail=workspace.trail,
    )
    return open_sealed_labels(labels)


def _hash_of_approval(approval: Path) -> str:
    """Empty when nobody has approved the criteria: the opening then says so for good."""
    return sha256_file(approval) if approval.is_file() else ""


def _check_present(*files: Path) -> None:
    missing = [str(path) for path in files if not path.is_file()]
    if missing:
        raise EvidenceMissingError(
            "the test set cannot be opened",
            where="\n".join(missing),
            why="the files named above do not exist, and the ledger has to hold their hashes",
            mend="run `dvc repro`",
        )
