"""What every command shares: its options, the product it is about, how flags are declared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.workspace import Workspace
from sealproof.settings import load_settings

Root = Annotated[Path, typer.Option("--root", help="folder with dvc.yaml and params.yaml", file_okay=False)]
Product = Annotated[str | None, typer.Option("--product", help="default: the one named in params.yaml")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON for machines")]
AsMarkdown = Annotated[bool, typer.Option("--markdown", help="print a table for a CI summary")]


def workspace_of(root: Path, product: str | None) -> Workspace:
    """The workspace that a command is about.

    Args:
        root: folder with dvc.yaml and params.yaml.
        product: its name; None for the one in params.yaml.

    Raises:
        DefinitionError: `root` is not a sealproof project, or it has no such product.
    """
    if not (root / "params.yaml").exists():
        raise DefinitionError(
            "this is not a sealproof project",
            where=str(root.resolve()),
            why="there is no params.yaml",
            mend="change to the project's folder, or name it with --root",
        )
    if product is not None:
        return Workspace(root, product)
    return load_settings(root).workspace
