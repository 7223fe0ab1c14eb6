"""`sealproof dispose`: QA's disposition of a deviation; without an id the list of deviations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sealproof.commands.common import Product, Root, workspace_of
from sealproof.qualification.disposition import disposition_path
from sealproof.qualification.entries import dispose as enter_disposition
from sealproof.qualification.entries import settle_workspace
from sealproof.qualification.settle import Settled

_COLOURS = {"open": "red", "accepted": "green", "rejected": "bold red"}


def dispose(
    deviation: Annotated[str | None, typer.Argument(help="id of a deviation; none lists them all")] = None,
    decision: Annotated[str | None, typer.Option("--decision", help="accepted or rejected")] = None,
    cause: Annotated[str | None, typer.Option("--cause", help="why the case failed")] = None,
    impact: Annotated[str | None, typer.Option("--impact", help="what it means for the product")] = None,
    corrective_action: Annotated[
        str | None, typer.Option("--corrective-action", help="what is done about it")
    ] = None,
    by: Annotated[str | None, typer.Option("--by", help="name of the person who decides")] = None,
    role: Annotated[str | None, typer.Option("--role", help="the role that person acts in")] = None,
    root: Root = Path(),
    product: Product = None,
) -> None:
    """Accept or reject a deviation; without an id, list all deviations with their state."""
    workspace = workspace_of(root, product)
    console = Console()
    texts = {
        "decision": decision,
        "cause": cause,
        "impact": impact,
        "corrective_action": corrective_action,
        "by": by,
        "role": role,
    }
    if deviation is None:
        _refuse(
            sorted(name for name, text in texts.items() if text is not None), "asks for the id of a deviation"
        )
        _list(console, settle_workspace(workspace))
        return
    _refuse([name for name, text in texts.items() if text is None], "is missing")
    found = enter_disposition(
        workspace,
        deviation,
        decision=str(decision),
        cause=str(cause),
        impact=str(impact),
        corrective_action=str(corrective_action),
        by=str(by),
        role=str(role),
    )
    path = workspace.relative(disposition_path(workspace.definition, deviation))
    console.print(
        f"{found.deviation} {found.decision} by {found.by} ({found.role})", markup=False, highlight=False
    )
    console.print(f"written to {path}; commit it, then run `dvc repro`", highlight=False)


def _refuse(names: list[str], why: str) -> None:
    """A usage error that names every option."""
    if names:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in names)
        raise typer.BadParameter(f"{options} {why}")


def _list(console: Console, settled: Settled) -> None:
    table = Table(title="Deviations", title_justify="left", header_style="bold")
    for heading in ("deviation", "case", "state", "observed", "disposition"):
        table.add_column(heading)
    for item in settled.deviations:
        found = item.disposition
        decided = f"{found.by} ({found.role}), {found.at}: {found.cause}" if found else ""
        colour = _COLOURS[item.status]
        state = f"[{colour}]{item.status}[/]"
        table.add_row(item.id, escape(item.title), state, escape(item.actual[:160]), escape(decided))
    if settled.deviations:
        console.print(table)
    else:
        console.print("no deviation: no executed case failed")
    for text in settled.stale:
        console.print(f"stale: {text}", markup=False, highlight=False, soft_wrap=True)
