"""`sealproof`: the command line.

Exit codes of `gate`: 0 criteria met, 1 not met, 2 evidence missing, 3 evidence altered. A command that was typed
wrongly exits 64, so that a misspelt option in a CI job can never be taken for a verdict.
"""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from sealproof import __version__
from sealproof.commands.gate import gate, show
from sealproof.commands.init import init
from sealproof.evidence.errors import SealproofError
from sealproof.evidence.telemetry import silence

USAGE_ERROR = 64
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="From inspection images to a qualified detector and a dossier in which every figure is traceable.",
)
for command in (gate, show, init):
    app.command()(command)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """Entry point: one clear message instead of a traceback, and exit codes that mean one thing each."""
    silence()
    try:
        code = app(standalone_mode=False)
    except SealproofError as error:
        Console(stderr=True).print(str(error), markup=False, highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except typer.TyperException as error:
        Console(stderr=True).print(
            f"sealproof: {error}; see `sealproof --help`", markup=False, highlight=False
        )
        sys.exit(USAGE_ERROR)
    except typer.Abort:
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)
