"""`sealproof dispose`: lists deviations, writes a disposition, names every option that is missing."""

import pytest
import typer
from tests.qualification.build import people_project
from typer.testing import CliRunner

from sealproof.commands.dispose import dispose
from sealproof.evidence.errors import DataError, DefinitionError
from sealproof.qualification.disposition import load_dispositions

SAID = ("--cause", "lamp", "--impact", "none", "--corrective-action", "new lamp", "--by", "A", "--role", "QA")


@pytest.fixture
def place(tmp_path):
    return people_project(tmp_path, failed=("OQ-004",))


@pytest.fixture
def call(place, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    app = typer.Typer()
    app.command()(dispose)

    def run(*arguments):
        return CliRunner().invoke(app, ["--root", str(place.root), "--product", "challenge", *arguments])

    return run


def test_the_list_shows_each_state(place, call):
    assert "open" in call().output
    call("DEV-OQ-004", "--decision", "accepted", *SAID)
    output = call().output
    assert "accepted" in output
    assert "A (QA)" in output


def test_no_deviation_and_a_stale_disposition(tmp_path_factory, place, call):
    call("DEV-OQ-004", "--decision", "accepted", *SAID)
    passed = people_project(tmp_path_factory.mktemp("passed"))
    path = "artifacts/challenge/qualify/oq.json"
    (place.root / path).write_bytes((passed.root / path).read_bytes())
    output = call().output
    assert "no deviation" in output
    assert "stale: deviations/DEV-OQ-004.yaml: the failure is no longer there" in output


def test_a_disposition_is_written(place, call):
    done = call("DEV-OQ-004", "--decision", "rejected", *SAID)
    assert done.exit_code == 0, done.output
    assert "products/challenge/deviations/DEV-OQ-004.yaml" in done.output
    (found,) = load_dispositions(place.definition)
    assert (found.decision, found.corrective_action, found.role) == ("rejected", "new lamp", "QA")


def test_every_missing_option_is_named(place, call):
    done = call("DEV-OQ-004", "--by", "A")
    assert done.exit_code == 2
    for name in ("--decision", "--cause", "--impact", "--corrective-action", "--role"):
        assert name in done.output
    assert load_dispositions(place.definition) == ()


def test_options_without_a_deviation_are_refused(call):
    assert call("--by", "A").exit_code == 2


def test_an_unknown_decision_or_deviation_is_an_error(place, call):
    assert isinstance(call("DEV-OQ-004", "--decision", "maybe", *SAID).exception, DefinitionError)
    assert isinstance(call("DEV-OQ-005", "--decision", "accepted", *SAID).exception, DataError)
    assert load_dispositions(place.definition) == ()
