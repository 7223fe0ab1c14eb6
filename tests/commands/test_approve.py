"""`sealproof approve`: shows what it approves, writes the file, refuses what cannot stand."""

import shutil

import pytest
import typer
import yaml
from tests.qualification.build import ROOT, people_project, write
from typer.testing import CliRunner

from sealproof.commands.approve import approve
from sealproof.evidence.errors import DefinitionError, EvidenceMissingError
from sealproof.evidence.ledger import record_opening
from sealproof.qualification.approval import read_approval
from sealproof.qualification.catalogue import load_catalogue

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
    catalogue = load_catalogue(place.root)
    linked = f"{len(catalogue.requirements)} requirements, {len(catalogue.risks)} risks"
    for words in ("AC-01", ">= 0.9", "IQ", "24", linked, "approved by A. Person"):
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


def with_sample(place, **numbers):
    """The only criterion asks for 0.9 of a test set of so many images."""
    path = place.definition / "acceptance.yaml"
    content = yaml.safe_load(path.read_text())
    content["criteria"][0]["sample"] = "evaluate.test.defective"
    path.write_text(yaml.safe_dump(content))
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    (place.root / "params.yaml").write_text(yaml.safe_dump(params | {"product": "challenge"}))
    write(place.artifacts("ingest") / "split_summary.json", {"splits": {"test": numbers}})


def test_criteria_that_the_test_set_cannot_carry_are_refused(place, call):
    with_sample(place, normal=30, defective=35)
    done = call(*WHO)
    assert isinstance(done.exception, DefinitionError)
    assert done.exception.exit_code == 4
    assert "AC-01 Share of defective parts that are found: 35 units can prove at most" in done.exception.why
    assert "36 units could carry it" in done.exception.why
    assert not place.approval.exists()


def test_criteria_that_the_test_set_just_carries_are_approved(place, call):
    with_sample(place, normal=30, defective=36)
    done = call(*WHO)
    assert done.exit_code == 0, done.output
    assert ">= 0.9026" in done.output
    assert place.approval.exists()


def test_a_test_set_of_unknown_size_is_no_permission(place, call):
    with_sample(place, normal=30, defective=36)
    (place.artifacts("ingest") / "split_summary.json").unlink()
    shutil.copy(ROOT / "products" / "ssi" / "inspection.yaml", place.definition)
    done = call(*WHO)
    assert isinstance(done.exception, EvidenceMissingError)
    assert not place.approval.exists()
