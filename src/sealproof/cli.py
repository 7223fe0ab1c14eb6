"""`sealproof`: the command line.

Exit codes of `gate`: 0 criteria met, 1 not met, 2 evidence missing, 3 evidence altered. A command that was typed
wrongly exits 64, so that a misspelt option in a CI job can never be taken for a verdict.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module

import typer
from rich.console import Console

from sealproof import __version__
from sealproof.evidence.errors import SealproofError
from sealproof.evidence.telemetry import silence

USAGE_ERROR = 64
#: Command -> module and function, in the order in which a release comes about.
COMMANDS = {
    "init": ("init", "init"),
    "plan": ("plan", "plan"),
    "approve": ("approve", "approve"),
    "gate": ("gate", "gate"),
    "show": ("gate", "show"),
    "trace": ("trace", "trace"),
    "record": ("record", "record"),
    "dispose": ("dispose", "dispose"),
    "reproduce": ("reproduce", "reproduce"),
    "repeatability": ("repeatability", "repeatability"),
    "benchmark": ("benchmark", "benchmark"),
    "challenger": ("challenger", "challenger"),
    "tune": ("tune", "tune"),
    "demo-pki": ("demo_pki", "demo_pki"),
    "sign": ("sign", "sign"),
    "release": ("release", "release"),
    "verify": ("verify", "verify"),
    "diff": ("diff", "diff"),
}


def build(wanted: Iterable[str] = COMMANDS) -> typer.Typer:
    """The command line with the wanted commands; a module is loaded for each, and some are slow to load.

    Example:
        >>> [command.name for command in build(["gate"]).registered_commands]
        ['gate', 'version']
    """
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="From inspection images to a qualified detector and a dossier in which every figure is traceable.",
    )
    for name in wanted:
        module, function = COMMANDS[name]
        app.command(name)(getattr(import_module(f"sealproof.commands.{module}"), function))
    app.command("version")(version)
    app.callback()(_no_options)
    return app


def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def _no_options() -> None:
    """A callback makes Typer keep the command's name even where only one command is loaded."""


def main() -> None:
    """Entry point: one clear message instead of a traceback, and exit codes that mean one thing each."""
    silence()
    named = [name for name in sys.argv[1:2] if name in COMMANDS]
    try:
        code = build(named or COMMANDS)(standalone_mode=False)
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
