"""Whether the test set can carry the acceptance criteria, told before it is opened: for `approve` and `plan`."""

from __future__ import annotations

from pathlib import Path

from sealproof.evaluation.claims import Plan, plan_claims, units_before_opening
from sealproof.evidence import strict
from sealproof.evidence.errors import DefinitionError, EvidenceMissingError
from sealproof.evidence.files import read_json
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.acceptance import Acceptance, claims
from sealproof.settings import Inspection, Params

PARAMS = "params.yaml"


def plan_of(workspace: Workspace, acceptance: Acceptance) -> Plan:
    """What the test set of a product can prove of each criterion at most.

    The numbers of test images come from split_summary.json, or, where the splits are not drawn yet, from the exact
    numbers that inspection.yaml asks for.

    Args:
        workspace: of the product.
        acceptance: its criteria.

    Raises:
        DefinitionError: params.yaml or inspection.yaml is wrong.
        EvidenceMissingError: nothing says how many images the test set has.
    """
    params = strict.load(Params, workspace.root / PARAMS)
    wanted = claims(acceptance, params.threshold.score)
    units = _units(workspace) if any(claim.units for claim in wanted) else {}
    return plan_claims(wanted, units, params.evaluate.confidence)


def _units(workspace: Workspace) -> dict[str, int]:
    path = workspace.artifacts("ingest") / "split_summary.json"
    if path.exists():
        return units_before_opening(read_json(path))
    return _declared(workspace.definition / "inspection.yaml", path)


def _declared(inspection: Path, summary: Path) -> dict[str, int]:
    """Numbers that the definition fixes; `at_most` fixes none, and published lists are not read here."""
    split = strict.load(Inspection, inspection).split
    if split.source == "published" or split.test is None or split.test.at_most:
        raise EvidenceMissingError(
            "nobody knows yet how many images the test set has",
            where=str(summary),
            why="the splits are not drawn, and inspection.yaml states no exact numbers for the test split",
            mend="run `dvc repro ingest`; it opens nothing",
        )
    counts = {"normal": split.test.normal, "defective": split.test.defective}
    return units_before_opening({"splits": {"test": counts}})


def refuse_what_is_not_carried(workspace: Workspace, acceptance: Acceptance) -> Plan | None:
    """Stop when a criterion asks for more than the test set can prove, with no error at all.

    Args:
        workspace: of the product.
        acceptance: its criteria.

    Returns:
        the plan; None when no criterion is on a proportion of a stated number of units.

    Raises:
        DefinitionError: a criterion cannot be carried (all of them are named), or a definition is wrong.
        EvidenceMissingError: nothing says how many images the test set has.
    """
    if not any(criterion.units for criterion in acceptance.criteria):
        return None
    plan = plan_of(workspace, acceptance)
    if plan.not_carried:
        lines = [f"{item.claim.id} {item.claim.title}: {item.reason}" for item in plan.not_carried]
        raise DefinitionError(
            f"the test set is too small for {len(lines)} of {len(plan.claims)} acceptance criteria",
            where=workspace.relative(workspace.definition / "acceptance.yaml"),
            why="\n".join(lines),
            mend=f"take more test images, or lower the claim (bounds at {plan.confidence:.0%} two-sided confidence); "
            "`sealproof plan` tells how many are needed",
        )
    return plan
