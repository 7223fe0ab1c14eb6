"""`sealproof gate`: exit code and what is printed, for criteria and for release."""

import json

import pytest
import typer
from tests.qualification.build import write
from typer.testing import CliRunner

from sealproof.commands.gate import gate, show
from sealproof.qualification.challenge import (
    write_made_up_disposition,
    write_project,
    write_release,
    write_signed,
)


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    app = typer.Typer()
    app.command()(gate)
    write(tmp_path / "params.yaml", "product: challenge\n")

    def run(*arguments):
        return CliRunner().invoke(app, ["--root", str(tmp_path), "--product", "challenge", *arguments])

    return run


def accepted(root):
    place = write_project(root, verdicts=("pass", "fail"), demonstration=False, missing_inputs=())
    for stage in ("IQ", "OQ", "PQ"):
        write_made_up_disposition(place, f"{stage}-002", "accepted")
    write_release(place, missing_inputs=())
    return place


def test_an_accepted_deviation_passes_and_is_shown(tmp_path, call):
    accepted(tmp_path)
    done = call()
    assert done.exit_code == 0, done.output
    assert "DEV-OQ-002 accepted by made-up quality assurance" in done.output
    assert "criteria met" in done.output


def test_released_asks_for_all_signatures(tmp_path, call):
    place = accepted(tmp_path)
    done = call("--released")
    assert done.exit_code == 1
    for role in ("author", "reviewer", "approver"):
        assert f"not signed: {role}" in done.output
    write_signed(place)
    assert call("--released").exit_code == 0


def test_a_demonstration_is_never_released(tmp_path, call):
    write_signed(write_project(tmp_path))
    assert call().exit_code == 0
    done = call("--released")
    assert done.exit_code == 1
    assert "a demonstration can never be released" in done.output


@pytest.mark.parametrize("arguments", [("--json",), ("--json", "--released")])
def test_notes_and_problems_for_machines(tmp_path, call, arguments):
    accepted(tmp_path)
    done = call(*arguments)
    content = json.loads(done.output)
    assert content["exit_code"] == done.exit_code == len(arguments) - 1
    assert len(content["notes"]) == 3


def test_the_table_for_a_summary(tmp_path, call):
    accepted(tmp_path)
    assert "- DEV-OQ-002 accepted" in call("--markdown").output


def test_what_there_is_and_what_is_missing_is_shown(tmp_path, call):
    place = accepted(tmp_path)
    app = typer.Typer()
    app.command()(show)
    given = ["--root", str(tmp_path), "--product", "challenge"]
    (place.reports / "provenance.json").write_text("{}")
    found = CliRunner().invoke(app, given)
    assert found.exit_code == 0
    assert "present  reports/challenge/provenance.json" in found.output
    assert "MISSING  reports/challenge/data_docs/index.html" in found.output
    assert "unsigned: `sealproof sign" in found.output
    place.signed.mkdir(exist_ok=True)
    (place.signed / "dossier.pdf").write_bytes(b"%PDF")
    found = CliRunner().invoke(app, given)
    assert "signed   reports/challenge/signed/dossier.pdf" in found.output
    assert "unsigned" not in found.output
