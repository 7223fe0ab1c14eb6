"""`sealproof record`: the execution of a case by a person."""

import pytest
import typer
from tests.qualification.build import people_project, write
from typer.testing import CliRunner

from sealproof.commands.record import record
from sealproof.evidence.errors import DataError, DefinitionError
from sealproof.qualification.recording import load_recordings

WHO = ("--observed", "0 departures", "--by", "A", "--role", "engineer")


@pytest.fixture
def place(tmp_path):
    return people_project(tmp_path)


@pytest.fixture
def call(place, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    app = typer.Typer()
    app.command()(record)

    def run(*arguments):
        return CliRunner().invoke(app, ["--root", str(place.root), "--product", "challenge", *arguments])

    return run


def test_a_record_is_written_with_its_evidence(place, call):
    files = [write(place.root / name, name) for name in ("a.txt", "b.txt")]
    done = call("IQ-016", "--verdict", "pass", *WHO, "--evidence", str(files[0]), "--evidence", str(files[1]))
    assert done.exit_code == 0, done.output
    (found,) = load_recordings(place.definition)
    assert (found.verdict, found.role, [item.path for item in found.evidence]) == (
        "pass",
        "engineer",
        ["a.txt", "b.txt"],
    )


def test_a_failed_case_names_the_deviation(call):
    assert "DEV-IQ-016 is open" in call("IQ-016", "--verdict", "fail", *WHO).output


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("IQ-001", "--verdict", "pass"), DefinitionError),
        (("IQ-016", "--verdict", "passed"), DefinitionError),
        (("IQ-016", "--verdict", "pass", "--evidence", "nothing.txt"), DataError),
    ],
)
def test_what_cannot_be_recorded_is_an_error(place, call, arguments, error):
    assert isinstance(call(*arguments, *WHO).exception, error)
    assert load_recordings(place.definition) == ()


def test_what_was_observed_is_needed(call):
    assert call("IQ-016", "--verdict", "pass", "--by", "A", "--role", "R").exit_code == 2
