"""`sealproof demo-pki`: throw-away certificates for demonstrations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sealproof.signing.demo_pki import LIFETIME, WARNING, make_demo_pki


def demo_pki(
    folder: Annotated[Path, typer.Argument(help="new folder, outside of the repository or ignored by Git")],
) -> None:
    """Make a throw-away root and a certificate a role, to try `sealproof sign`; they prove the identity of nobody."""
    for path in make_demo_pki(folder):
        typer.echo(f"created {path}")
    typer.echo(f"{WARNING}: valid {LIFETIME.days} days, for trials; never sign a real release with them")
    typer.echo(
        f"next: sealproof sign --role author --name NAME --key {folder}/author.p12 --pass-file {folder}/author.pass"
    )
