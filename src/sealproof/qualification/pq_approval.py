"""PQ checks of the approval: criteria approved before the test set was opened, and executed as approved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sealproof.evidence.ledger import Opening
from sealproof.qualification.approval import differences, read_approval
from sealproof.qualification.context import Context
from sealproof.qualification.iq_software import shown
from sealproof.qualification.pq_criteria import openings_of_these_labels
from sealproof.qualification.registry import Finding, NoParameters, check

NOBODY = "nobody approved the acceptance criteria and protocols"


@check("criteria-approved-before-opening", NoParameters)
def approved_before_opening(context: Context, parameters: NoParameters) -> Finding:
    """Does every opening of these labels carry the hash of the approval in force?

    The ledger is a chain: an opening that carries the hash of an approval was made when that approval existed. So
    the order needs no clock.
    """
    del parameters
    openings, approval = openings_of_these_labels(context), context.approval
    files = (context.existing(context.workspace.ledger),)
    stated = sorted({opening.approval_sha256 for opening in openings})
    values = {"openings": len(openings), "stated": stated, "approval": approval and approval.sha256}
    if approval is None:
        return Finding(passed=False, actual=f"{NOBODY}; {_number(openings)}", values=values, files=files)
    wrong = list(_openings_without(openings, approval.sha256))
    actual = (
        f"approved by {approval.by} ({approval.role}) at {approval.at}; {_number(openings)}, "
        f"{len(wrong)} without this approval{shown(wrong)}"
    )
    return Finding(
        passed=bool(openings) and not wrong,
        actual=actual,
        values=values,
        files=(*files, context.workspace.approval),
    )


def _number(openings: Sequence[Opening]) -> str:
    return f"{len(openings)} opening{'' if len(openings) == 1 else 's'} of these labels"


def _openings_without(openings: Sequence[Opening], approval: str) -> Iterator[str]:
    for opening in openings:
        if not opening.approval_sha256:
            yield f"opening {opening.number} of {opening.opened_at} was made before anybody approved"
        elif opening.approval_sha256 != approval:
            yield f"opening {opening.number} of {opening.opened_at} was made under another approval"


@check("executed-as-approved", NoParameters)
def executed_as_approved(context: Context, parameters: NoParameters) -> Finding:
    """Has each definition that was executed the hash that was approved?"""
    del parameters
    approval = read_approval(context.workspace.approval)
    if approval is None:
        return Finding(passed=None, actual=f"not evaluable: {NOBODY}")
    problems = differences(approval, context.workspace.product, context.approved)
    actual = (
        f"{len(approval.files)} definitions approved, {len(problems)} differ from what was executed"
        f"{shown(problems)}"
    )
    return Finding(
        passed=not problems and bool(approval.files),
        actual=actual,
        values={"approved": dict(approval.files), "problems": problems},
        files=(context.workspace.approval,),
    )
