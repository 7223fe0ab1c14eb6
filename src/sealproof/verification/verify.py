"""The whole verification: finds out what lies there, runs every check on it, and never stops at the first finding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from sealproof.evidence.errors import DefinitionError
from sealproof.verification.attachments import check_attachments
from sealproof.verification.challenge import check_challenge
from sealproof.verification.context import check_context
from sealproof.verification.criteria import check_criteria
from sealproof.verification.decision import check_decision
from sealproof.verification.definition import check_definition
from sealproof.verification.detection import check_detection
from sealproof.verification.documents import check_documents
from sealproof.verification.evaluation import check_evaluation
from sealproof.verification.findings import Findings
from sealproof.verification.images import check_images
from sealproof.verification.ledger import check_ledger
from sealproof.verification.localisation import check_localisation
from sealproof.verification.lock import check_lock
from sealproof.verification.one_pdf import check_one_pdf
from sealproof.verification.people import check_people
from sealproof.verification.protocols import check_protocols
from sealproof.verification.provenance import check_provenance
from sealproof.verification.records import check_records
from sealproof.verification.registry import check_registry
from sealproof.verification.robustness import check_robustness
from sealproof.verification.runs import check_runs
from sealproof.verification.scores import check_scores
from sealproof.verification.signatures import Certificate
from sealproof.verification.signed import check_signed_documents
from sealproof.verification.studies import check_studies
from sealproof.verification.thresholds import check_thresholds
from sealproof.verification.trail import check_trail
from sealproof.verification.tree import Tree

#: Each looks at one side; all of them run, whatever the others found.
CHECKS: tuple[Callable[[Tree], None], ...] = (
    check_definition,
    check_images,
    check_scores,
    check_thresholds,
    check_studies,
    check_evaluation,
    check_challenge,
    check_robustness,
    check_detection,
    check_localisation,
    check_records,
    check_criteria,
    check_protocols,
    check_people,
    check_decision,
    check_context,
    check_ledger,
    check_trail,
    check_runs,
    check_lock,
    check_documents,
    check_attachments,
    check_provenance,
    check_registry,
)


@dataclass(frozen=True)
class Verification:
    """What was verified, and what was found.

    Args:
        subject: path as it was given.
        product: its name; empty for one PDF.
        release_id: as release.json states it; empty when there is none.
        findings: all of them.
    """

    subject: str
    product: str
    release_id: str
    findings: Findings


def verify(
    path: Path,
    product: str | None = None,
    *,
    roots: Sequence[Certificate] | None = None,
    require_signatures: bool = False,
) -> Verification:
    """Verify a project, a release archive, a folder of reports or one PDF.

    Args:
        path: what to verify.
        product: name of the product; None for the one of params.yaml, or the only one there.
        roots: certificates to trust; None when nobody named any.
        require_signatures: whether a release without all signatures is incomplete.

    Raises:
        DefinitionError: there is nothing to verify at `path`, or it is not clear which product.
    """
    findings = Findings()
    if path.is_file() and path.suffix == ".pdf":
        check_one_pdf(path, roots, findings, required=require_signatures)
        return Verification(str(path), "", "", findings)
    root, name = locate(path, product)
    tree = Tree(root, name, findings)
    for check in CHECKS:
        with findings.guard(check.__name__.removeprefix("check_")):
            check(tree)
    with findings.guard("signatures"):
        check_signed_documents(tree, roots, required=require_signatures)
    release = tree.dictionary(tree.release, optional=True)
    return Verification(str(path), name, str(release.get("release_id", "")), findings)


def locate(path: Path, product: str | None) -> tuple[Path, str]:
    """(root, product) of a project, an archive or a folder of reports.

    Raises:
        DefinitionError: there is none, or it is not clear which product.
    """
    if path.is_dir() and path.resolve().parent.name == "reports" and (path / "release.json").is_file():
        return path.resolve().parent.parent, product or path.resolve().name
    found = (
        sorted(item.name for item in (path / "reports").glob("*") if item.is_dir()) if path.is_dir() else []
    )
    name = product or _stated(path)
    if product is None and name not in found and len(found) == 1:
        name = found[0]
    if not name or not any((path / folder / name).is_dir() for folder in ("reports", "artifacts")):
        raise DefinitionError(
            "there is nothing to verify",
            where=str(path),
            why=f"there are no reports of {name or 'one product'}; found: {', '.join(found) or 'none'}",
            mend="name a project, a release archive, a folder reports/<product> or a PDF, and --product",
        )
    return path, name


def _stated(path: Path) -> str:
    file = path / "params.yaml"
    if not file.is_file():
        return ""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        return ""
    found = content.get("product") if isinstance(content, dict) else None
    return found if isinstance(found, str) else ""
