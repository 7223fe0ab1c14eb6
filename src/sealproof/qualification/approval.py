"""The approval of criteria and protocols: who approved which definitions, by hash, before the test set is opened."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from sealproof.evidence.errors import EvidenceAlteredError
from sealproof.evidence.files import read_json
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.strict import StrictModel, problem_lines
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.definitions import STAGE_NAMES, Moment, Sha256, Text

FOLDER = "approvals"
MEANING = "approves the acceptance criteria, requirements, risks and protocols for execution"


class Approval(StrictModel):
    """`products/<name>/approvals/criteria.json`.

    Args:
        product: its name.
        by: name of the person who approved.
        role: the role that person acted in.
        meaning: what the approval says.
        at: when, ISO 8601 with zone.
        files: definition file -> SHA-256, as it stood then.
    """

    product: Text
    by: Text
    role: Text
    meaning: Text
    at: Moment
    files: dict[str, Sha256]


class ApprovalInForce(StrictModel):
    """Who approved and when, and the hash of the approval, as protocols and releases carry it."""

    by: Text
    role: Text
    at: Moment
    sha256: Sha256


def approved_files(workspace: Workspace) -> list[Path]:
    """The files that an approval covers: acceptance.yaml and the protocols with their requirements and risks."""
    names = (*STAGE_NAMES, "requirements", "risks")
    protocols = [workspace.root / "protocols" / f"{name}.yaml" for name in names]
    return [workspace.definition / "acceptance.yaml", *protocols]


def hashes_to_approve(workspace: Workspace) -> dict[str, str]:
    """Path relative to the root -> SHA-256 of each file that an approval covers, as it stands now."""
    return {workspace.relative(path): sha256_file(path) for path in approved_files(workspace)}


def read_approval(path: Path) -> Approval | None:
    """The approval in a file, `Workspace.approval`; None when nobody approved.

    Raises:
        EvidenceAlteredError: the file is no approval.
    """
    if not path.exists():
        return None
    content = read_json(path)
    try:
        return Approval.model_validate(content)
    except ValidationError as error:
        raise EvidenceAlteredError(
            "the approval of the acceptance criteria cannot be trusted",
            where=str(path),
            why="\n".join(problem_lines(error)),
            mend="restore it from the version control, or approve again with `sealproof approve`",
        ) from error


def approval_in_force(workspace: Workspace) -> ApprovalInForce | None:
    """Who approved, as protocols carry it; None when nobody did. Raises EvidenceAlteredError as `read_approval`."""
    approval = read_approval(workspace.approval)
    if approval is None:
        return None
    return ApprovalInForce(
        by=approval.by, role=approval.role, at=approval.at, sha256=sha256_file(workspace.approval)
    )


def differences(approval: Approval, product: str, executed: Mapping[str, str]) -> list[str]:
    """Where what was executed is not what was approved, one sentence each.

    Args:
        approval: the one in force.
        product: name of the product that was qualified.
        executed: definition file -> SHA-256 as executed; files beyond those of the approval are no matter of it.

    Example:
        >>> kept = Approval(product="p", by="A", role="B", meaning="C", at="2026-01-01T00:00:00+00:00",
        ...                 files={"protocols/iq.yaml": "0" * 64})
        >>> differences(kept, "p", {"protocols/iq.yaml": "1" * 64})
        ['protocols/iq.yaml: executed in another version']
    """
    found = [] if approval.product == product else [f"the approval is about {approval.product}"]
    for name, digest in sorted(approval.files.items()):
        if name not in executed:
            found.append(f"{name}: approved, not executed")
        elif executed[name] != digest:
            found.append(f"{name}: executed in another version")
    return found
