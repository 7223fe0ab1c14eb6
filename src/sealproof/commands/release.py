"""`sealproof release`: archives and registers a release that is released, and nothing short of that."""

from __future__ import annotations

from pathlib import Path

import typer
from rich.console import Console

from sealproof.commands.common import Product, Root, workspace_of
from sealproof.evidence.workspace import Workspace
from sealproof.signing.publish import Published, publish


def release(root: Root = Path(), product: Product = None) -> None:
    """Archive a signed release and register its model; exit 1 with every reason when it is not released."""
    workspace = workspace_of(root, product)
    published = publish(workspace)
    if published.place is None:
        _say(f"not released: {published.release.decision}")
        for reason in published.release.reasons:
            _say(f"- {reason}")
        raise typer.Exit(1)
    _report(published, published.place, workspace)


def _report(published: Published, place: Path, workspace: Workspace) -> None:
    _say(f"released: {workspace.product} {published.release.release_id}")
    words = "written, read-only" if published.archived else "there already, with the same content"
    _say(f"  archive: {workspace.relative(place)}/ ({words})")
    registered = published.registered
    if registered is not None:
        known = "registered" if registered.made else "registered already"
        _say(f"  MLflow:  {registered.model}, version {registered.version} ({known})")


def _say(text: str) -> None:
    Console().print(text, markup=False, highlight=False, soft_wrap=True)
