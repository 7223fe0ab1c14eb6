"""`sealproof init`: a new product for your own images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sealproof.commands.common import Root
from sealproof.datasets.scaffold import init_product
from sealproof.evidence.files import write_bytes
from sealproof.qualification.scaffold import write_acceptance_model


def init(
    name: Annotated[str, typer.Argument(help="name of the new product: lower-case words joined by '-'")],
    images: Annotated[
        Path | None, typer.Option("--images", help="folder with your images; copied to data/NAME/")
    ] = None,
    root: Root = Path(),
) -> None:
    """Create products/NAME/ for your own images: inspection.yaml, acceptance.yaml and product.yaml."""
    for path in [*init_product(root, name, images), *_write_definitions(root, name)]:
        typer.echo(f"created {path.resolve().relative_to(root.resolve()).as_posix()}")
    typer.echo(f"next: read these files, set `product: {name}` in params.yaml, run `dvc repro dossier`")


def _write_definitions(root: Path, name: str) -> list[Path]:
    definition = root / "products" / name
    template = (root / "templates" / "product" / "product.yaml").read_text(encoding="utf-8")
    path = definition / "product.yaml"
    write_bytes(path, template.replace("{title}", name).replace("{prefix}", name.upper()).encode())
    return [write_acceptance_model(definition), path]
