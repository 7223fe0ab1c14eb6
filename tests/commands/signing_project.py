"""What the tests of signing commands share: an app of one command, and a release to sign with demonstration keys."""

import re

import typer
from typer.testing import CliRunner

from sealproof.evidence.errors import SealproofError


def run(command, *arguments, text=None):
    """(exit code, everything that was printed) of a command, as `sealproof` would end."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(command)
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], input=text)
    if isinstance(done.exception, SealproofError):
        return done.exception.exit_code, done.output + str(done.exception)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def plain(text):
    """Without line breaks of a narrow terminal."""
    return re.sub(r"\s+", " ", text)
