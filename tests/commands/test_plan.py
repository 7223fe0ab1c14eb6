"""`sealproof plan`: the printed numbers, questions without an answer, and the claims of a product."""

import json
import sys

import pytest
import typer
import yaml
from scipy import stats
from tests.qualification.build import ROOT
from typer.testing import CliRunner

from sealproof import cli
from sealproof.commands.plan import plan
from sealproof.evidence.errors import DefinitionError, EvidenceMissingError


@pytest.fixture
def call(monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    app = typer.Typer()
    app.command()(plan)
    return lambda *arguments: CliRunner().invoke(app, [str(item) for item in arguments])


def asked(call, *arguments):
    done = call(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


@pytest.mark.parametrize(
    ("reliability", "failures", "units"), [(0.99, 0, 299), (0.95, 0, 59), (0.95, 1, 93), (0.95, 2, 124)]
)
def test_units_for_a_claim(call, reliability, failures, units):
    arguments = ("--reliability", reliability, "--confidence", 0.95, "--failures", failures)
    found = asked(call, *arguments)
    assert found["units"] == units
    assert [row["failures"] for row in found["rows"]] == list(range(failures + 1))
    done = call(*arguments)
    assert f"95 % confidence that recall is at least {reliability}: {units} defective parts" in done.output


def test_what_units_prove(call):
    found = asked(call, "--units", 180, "--failures", 3)
    assert found["rows"][0]["reliability"] == pytest.approx(0.05 ** (1 / 180))
    exact = stats.binomtest(177, 180, alternative="greater").proportion_ci(0.95, "exact")
    assert found["reliability"] == pytest.approx(exact.low)
    assert (
        "recall is at least 0.9574: 180 defective parts with 3 missed"
        in call("--units", 180, "--failures", 3).output
    )


def test_the_words_of_specificity(call):
    output = call("--units", 59, "--of", "specificity").output
    assert "specificity is at least 0.9504: 59 normal parts with 0 falsely rejected" in output
    assert asked(call, "--reliability", 0.95, "--of", "specificity")["units"] == 59


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--reliability", 1), ["--reliability 1", "certainty"]),
        (("--reliability", 0.9, "--confidence", 1), ["--confidence 1", "certainty"]),
        (("--reliability", 0), ["--reliability 0"]),
        (("--reliability", -0.5), ["--reliability -0.5"]),
        (("--reliability", "nan"), ["--reliability nan"]),
        (("--units", 0), ["--units 0"]),
        (("--units", -5), ["--units -5"]),
        (("--units", 5, "--failures", -1), ["--failures -1"]),
        (("--units", 5, "--failures", 5), ["--failures 5 of --units 5"]),
        (("--units", 5, "--failures", 6), ["--failures 6 of --units 5"]),
        (("--units", 59, "--reliability", 0.95), ["give one, not both"]),
        (("--units", 59, "--reliability", 0.5, "--confidence", 2), ["give one, not both", "--confidence 2"]),
        (("--confidence", 0.9), ["neither --reliability nor --units"]),
        (("--failures", 0), ["neither --reliability nor --units"]),
        (("--of", "recall"), ["neither --reliability nor --units"]),
        (("--units", 9, "--product", "mine"), ["--product"]),
        (("--reliability", 0.5, "--failures", 100_000), ["1000 at most"]),
        (("--reliability", 1 - 1e-12), ["more than 1000000000 units"]),
    ],
)
def test_questions_without_an_answer(call, arguments, words):
    done = call(*arguments)
    assert isinstance(done.exception, DefinitionError)
    assert done.exception.exit_code == 4
    for word in words:
        assert word in done.exception.why


# --- the claims of a product ---


@pytest.fixture
def place(tmp_path):
    """A project whose test set has 36 defective and 30 normal images."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params | {"product": "mine"}))
    definition = tmp_path / "products" / "mine"
    definition.mkdir(parents=True)
    for name in ("inspection.yaml", "acceptance.yaml"):
        (definition / name).write_text((ROOT / "products" / "elpv-mono" / name).read_text())
    summary = {"splits": {"test": {"normal": 30, "defective": 36, "unlabelled": 0}}}
    path = tmp_path / "artifacts" / "mine" / "ingest" / "split_summary.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(summary))
    return tmp_path


def change(place, file, alter):
    path = place / "products" / "mine" / file
    content = yaml.safe_load(path.read_text())
    alter(content)
    path.write_text(yaml.safe_dump(content))


def test_each_criterion_is_held_against_its_test_set(place, call):
    done = call("--root", place, "--json")
    assert done.exit_code == 1
    found = json.loads(done.output)
    assert (found["confidence"], found["one_sided_confidence"]) == (0.95, 0.975)
    rows = found["criteria"]
    assert {name: row["carried"] for name, row in rows.items()} == {
        "AC-01": True,
        "AC-02": False,
        "AC-03": None,
        "AC-04": False,
    }
    assert (rows["AC-01"]["units"], rows["AC-01"]["failures_allowed"]) == (36, 0)
    assert rows["AC-02"]["units_needed"] == 36
    output = call("--root", place).output
    assert "one side holds with 97.5 %" in output
    assert "AC-02: 30 units can prove at most 0.8843" in output
    assert "not every claim can be carried" in output


def test_claims_that_can_be_carried(place, call):
    change(place, "acceptance.yaml", lambda c: [item.update(limit=0.5) for item in c["criteria"]])
    done = call("--root", place)
    assert done.exit_code == 0, done.output
    assert "every claim on a proportion can be carried" in done.output


def test_units_that_nobody_knows_are_no_pass(place, call):
    change(
        place,
        "acceptance.yaml",
        lambda c: c["criteria"][0].update(sample="evaluate.mse.counts.true_positive"),
    )
    change(place, "acceptance.yaml", lambda c: c.update(criteria=c["criteria"][:1]))
    done = call("--root", place)
    assert done.exit_code == 1
    assert "not known before the test set is opened" in done.output


def test_before_the_splits_are_drawn_the_definition_counts(place, call):
    (place / "artifacts" / "mine" / "ingest" / "split_summary.json").unlink()
    change(place, "inspection.yaml", lambda c: c["split"]["test"].update(normal=40, defective=20))
    rows = json.loads(call("--root", place, "--json").output)["criteria"]
    assert (rows["AC-01"]["units"], rows["AC-02"]["units"]) == (20, 40)


@pytest.mark.parametrize(
    "alter",
    [
        lambda c: c["split"].update(test=None),
        lambda c: c["split"]["test"].update(at_most=True),
        lambda c: c["split"].update(source="published", group_by=""),
    ],
)
def test_numbers_that_are_not_fixed_are_no_numbers(place, call, alter):
    (place / "artifacts" / "mine" / "ingest" / "split_summary.json").unlink()
    change(place, "inspection.yaml", alter)
    done = call("--root", place)
    assert isinstance(done.exception, EvidenceMissingError)
    assert "dvc repro ingest" in done.exception.mend


def test_criteria_without_proportions_leave_nothing_to_plan(place, call):
    change(place, "acceptance.yaml", lambda c: c.update(criteria=[c["criteria"][2]]))
    (place / "artifacts" / "mine" / "ingest" / "split_summary.json").unlink()
    done = call("--root", place)
    assert done.exit_code == 0
    assert "nothing to plan" in done.output


def test_outside_a_project(tmp_path, call):
    done = call("--root", tmp_path)
    assert isinstance(done.exception, DefinitionError)


def test_the_command_line_has_it_and_exits_with_the_code_of_the_error(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["sealproof", "plan", "--reliability", "1"])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 4
    assert "the question has no answer" in capsys.readouterr().err
