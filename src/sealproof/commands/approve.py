"""`sealproof approve`: freezes acceptance criteria and protocols by hash, before the test set is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sealproof.commands.common import Product, Root, workspace_of
from sealproof.evaluation.tables import plan_table
from sealproof.evidence.ledger import read_ledger
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.acceptance import Acceptance
from sealproof.qualification.approval import MEANING
from sealproof.qualification.carrying import refuse_what_is_not_carried
from sealproof.qualification.catalogue import Catalogue
from sealproof.qualification.definitions import STAGE_NAMES
from sealproof.qualification.entries import approve as enter_approval
from sealproof.qualification.linked import load_definitions


def approve(
    by: Annotated[str, typer.Option("--by", help="name of the person who approves")],
    role: Annotated[str, typer.Option("--role", help="the role that person acts in")],
    meaning: Annotated[str, typer.Option("--meaning", help="what the approval says")] = MEANING,
    root: Root = Path(),
    product: Product = None,
) -> None:
    """Approve acceptance criteria and protocols as they are now; the files are frozen by hash.

    Criteria that the test set is too small to prove, even with no error at all, are refused.
    """
    workspace = workspace_of(root, product)
    definitions = load_definitions(workspace)
    console = Console()
    console.print(criteria_table(definitions.acceptance))
    console.print(cases_table(definitions.catalogue))
    plan = refuse_what_is_not_carried(workspace, definitions.acceptance)
    if plan is not None:
        console.print(plan_table(plan))
    approval = enter_approval(workspace, by=by, role=role, meaning=meaning)
    path = workspace.relative(workspace.approval)
    console.print(
        f"approved by {approval.by} ({approval.role}) at {approval.at}", markup=False, highlight=False
    )
    console.print(f"{len(approval.files)} files by hash in {path}; commit it", highlight=False)
    _warn_of_openings(console, workspace)


def criteria_table(acceptance: Acceptance) -> Table:
    """The criteria that are about to be approved."""
    title = "Acceptance criteria" + (", of a demonstration" if acceptance.demonstration else "")
    table = Table(title=title, title_justify="left", header_style="bold")
    for heading in ("criterion", "title", "metric", "bound", "limit"):
        table.add_column(heading)
    for item in acceptance.criteria:
        table.add_row(item.id, item.title, item.metric, item.bound, f"{item.comparison} {item.limit:g}")
    return table


def cases_table(catalogue: Catalogue) -> Table:
    """How many cases of each protocol are about to be approved."""
    table = Table(title="Protocols", title_justify="left", header_style="bold")
    for heading in ("protocol", "title", "cases", "automated", "for people"):
        table.add_column(heading)
    for stage in STAGE_NAMES:
        protocol = catalogue.protocols[stage]
        automated = sum(case.automated for case in protocol.cases)
        people = len(protocol.cases) - automated
        table.add_row(stage.upper(), protocol.title, str(len(protocol.cases)), str(automated), str(people))
    table.caption = f"{len(catalogue.requirements)} requirements, {len(catalogue.risks)} risks"
    return table


def _warn_of_openings(console: Console, workspace: Workspace) -> None:
    opened = len(read_ledger(workspace.ledger))
    if opened:
        console.print(
            f"[yellow]The test set has been opened {opened} time{'' if opened == 1 else 's'} already:[/] openings of "
            "the same labels without this approval make the performance qualification fail.",
            highlight=False,
        )
