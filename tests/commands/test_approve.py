"""`sealproof approve`: shows what it approves, writes the file, refuses what cannot stand."""

import pytest
import typer
from tests.qualification.build import people_project, write
from typer.testing import CliRunner

from sealproof.commands.approve import approve
from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.ledger import record_opening
from sealproof.qualification.approval import read_approval

WHO = ("--by", "A. Person", "--role", "head of quality")


@pytest.fixture
def place(tmp_path):
    return people_project(tmp_path)


@pytest.fixture
def call(place, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    app = typer.Typer()
    app.command()(approve)

    def run(*arguments):
        return CliRunner().invoke(app, ["--root", str(place.root), "--product", "challenge", *arguments])

    return run


def test_it_shows_what_it_approves(place, call):
    done = call(*WHO)
    assert done.exit_code == 0, done.output
    for words in ("AC-01", ">= 0.9", "IQ", "24", "31 requirements, 18 risks", "approved by A. Person"):
        assert words in done.output
    assert read_approval(place.approval).by == "A. Person"
    assert "opened" not in done.output


def test_openings_before_the_approval_are_pointed_out(place, call):
    record_opening(
        place.ledger, purpose="x", **dict.fromkeys(("labels", "model", "threshold", "criteria"), "1" * 64)
    )
    assert "has been opened 1 time already" in call(*WHO).output


def test_the_meaning_is_kept(place, call):
    call(*WHO, "--meaning", "I read and approve")
    assert read_approval(place.approval).meaning == "I read and approve"


def test_definitions_that_do_not_load_are_refused(place, call):
    write(place.definition / "acceptance.yaml", "criteria: []")
    done = call(*WHO)
    assert isinstance(done.exception, DefinitionError)
    assert not place.approval.exists()


@pytest.mark.parametrize("arguments", [("--by", "A"), ("--role", "R"), ()])
def test_a_name_and_a_role_are_needed(place, call, arguments):
    assert call(*arguments).exit_code == 2
    assert not place.approval.exists()
