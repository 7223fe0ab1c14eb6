"""The gate: 0 met, 1 not met, 2 evidence missing, 3 evidence altered; nothing else passes."""

import itertools
import json
import shutil
from pathlib import Path

import pytest
from tests.qualification.build import outcome, write

from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.challenge import CRITERION, FORGERIES, PRODUCT, write_project, write_release
from sealproof.qualification.gate import GateResult, Problem, Severity, evaluate_gate
from sealproof.qualification.release import release_id, required_files

REQUIRED = required_files(Workspace(Path(), PRODUCT))


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    return write_project(tmp_path_factory.mktemp("untouched"))


@pytest.fixture
def project(untouched, tmp_path):
    shutil.copytree(untouched.root, tmp_path, dirs_exist_ok=True)
    return Workspace(tmp_path, PRODUCT)


def release_of(place):
    return json.loads((place.reports / "release.json").read_text())


def edit_release(place, change):
    content = release_of(place)
    before = content["release_id"]
    change(content)
    if content.get("release_id") == before and isinstance(
        content["evidence"], dict
    ):  # a forger corrects the id too
        content["release_id"] = release_id(content["evidence"], PRODUCT)
    write(place.reports / "release.json", content)


def rehash(place, name):
    """A forger who also corrects the hash in release.json."""
    edit_release(place, lambda content: content["evidence"].update({name: sha256_file(place.root / name)}))


def texts(result):
    return "\n".join(str(problem) for problem in result.problems)


def test_a_release_id_of_other_evidence_is_altered(project):
    edit_release(project, lambda content: content.update(release_id="0" * 64))
    result = evaluate_gate(project)
    assert result.exit_code == 3
    assert "release id" in texts(result)


def test_criteria_met_passes(project):
    result = evaluate_gate(project)
    assert (result.exit_code, result.problems) == (0, ())
    assert result.decision == "incomplete"
    assert result.rows[0][-1] == "met"
    assert len(result.rows[0]) == len(result.headings)


def test_a_criterion_not_met(tmp_path):
    result = evaluate_gate(write_project(tmp_path, low=0.89))
    assert result.exit_code == 1
    assert result.rows[0][-1] == "NOT MET"
    assert "low bound 0.8900, limit >= 0.9" in texts(result)


def test_a_criterion_not_evaluable_is_not_met(tmp_path):
    result = evaluate_gate(write_project(tmp_path, criterion=CRITERION | {"metric": "evaluate.nothing"}))
    assert result.exit_code == 1
    assert result.rows[0][-1] == "not evaluable"


def test_a_failed_case_is_an_open_deviation(tmp_path):
    result = evaluate_gate(write_project(tmp_path, verdicts=("pass", "fail")))
    assert result.exit_code == 1
    assert "not met: DEV-OQ-002 is open: OQ-002" in texts(result)
    assert result.decision == "rejected"


def test_no_release(tmp_path):
    result = evaluate_gate(Workspace(tmp_path, PRODUCT))
    assert (result.exit_code, result.decision, result.rows) == (2, "none", [])


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", "null", '"released"', '{"criteria": []}', "\x00"], ids=repr
)
def test_a_malformed_release_is_altered(project, content):
    write(project.reports / "release.json", content)
    assert evaluate_gate(project).exit_code == 3


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("criteria", []),
        ("criteria", None),
        ("evidence", {}),
        ("decision", "passed"),
        ("decision", "released"),
        ("unknown", 1),
        ("product", "other"),
        ("demonstration", False),
        ("score", "mse"),
        ("cases", {}),
        ("reasons", []),
        ("missing_inputs", []),
        ("missing_signatures", []),
        ("results_id", "0" * 64),
        ("notes", ["all is well"]),
        ("stale", ["deviations/DEV-OQ-001.yaml: gone"]),
        (
            "deviations",
            [{"id": "DEV-OQ-001", "case": "OQ-001", "title": "t", "expected": "0", "actual": "1"}],
        ),
        ("approval", {"by": "A", "role": "B", "at": "2026-01-01T00:00:00+00:00", "sha256": "0" * 64}),
        ("signatures", [{"role": "author", "name": "A", "at": "2026-01-01T00:00:00+00:00"}]),
    ],
)
def test_no_edit_of_the_release_passes(project, key, value):
    edit_release(project, lambda content: content.update({key: value}))
    assert evaluate_gate(project).exit_code == 3


@pytest.mark.parametrize("name", REQUIRED)
def test_each_required_file_missing(project, name):
    (project.root / name).unlink()
    result = evaluate_gate(project)
    assert result.exit_code == 2
    assert name in texts(result)


@pytest.mark.parametrize("name", REQUIRED)
def test_each_required_file_altered(project, name):
    with (project.root / name).open("a") as stream:
        stream.write(" \n")
    result = evaluate_gate(project)
    assert result.exit_code == 3
    assert name in texts(result)


@pytest.mark.parametrize("name", REQUIRED)
def test_a_release_that_does_not_name_a_required_file_rests_on_too_little(project, name):
    edit_release(project, lambda content: content["evidence"].pop(name))
    assert evaluate_gate(project).exit_code >= 2


@pytest.mark.parametrize("name", ["/etc/hostname", "../outside.json", "artifacts/../../outside.json", "a\\b"])
def test_a_path_that_leaves_the_project_is_altered(project, name):
    edit_release(project, lambda content: content["evidence"].update({name: "0" * 64}))
    assert evaluate_gate(project).exit_code == 3


def test_an_altered_document_is_named(project):
    document = write(project.reports / "dossier.pdf", "%PDF-1.7")
    write_release(project, documents=(("reports/challenge/dossier.pdf", document),))
    assert evaluate_gate(project).exit_code == 0
    document.write_text("%PDF-1.7 forged")
    assert "dossier.pdf" in texts(evaluate_gate(project))
    document.unlink()
    assert evaluate_gate(project).exit_code == 2


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.name)
def test_a_forger_who_corrects_the_hash_is_found_by_derivation(project, forgery):
    forgery.commit(project, correct_hash=True)
    assert evaluate_gate(project).exit_code == forgery.exit_code


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.name)
def test_a_careless_forger_is_found_by_the_hash(project, forgery):
    forgery.commit(project, correct_hash=False)
    assert evaluate_gate(project).exit_code == forgery.exit_code


def test_a_contradiction_is_named(project):
    next(item for item in FORGERIES if item.name == "limit lowered afterwards").commit(
        project, correct_hash=True
    )
    assert "AC-01 is not what acceptance.yaml and the records give" in texts(evaluate_gate(project))


def test_a_limit_lowered_in_the_release_alone_is_found(tmp_path):
    project = write_project(tmp_path, low=0.8)

    def forge(content):
        content["criteria"][0].update(limit=0.5, met=True)

    edit_release(project, forge)
    assert evaluate_gate(project).exit_code == 3


def test_acceptance_that_cannot_be_read_is_altered(project):
    write(project.definition / "acceptance.yaml", "criteria: []")
    rehash(project, "products/challenge/acceptance.yaml")
    assert evaluate_gate(project).exit_code == 3


@pytest.mark.parametrize("severities", list(itertools.product([None, 1, 2, 3], repeat=3)), ids=str)
def test_the_graver_problem_wins(severities):
    problems = tuple(Problem(Severity(item), "x") for item in severities if item)
    result = GateResult("demo", "incomplete", (outcome(),), problems)
    assert result.exit_code == max((item for item in severities if item), default=0)


@pytest.mark.parametrize(
    "criteria", [(), (outcome(met=False),), (outcome(met=None),), (outcome(), outcome(met=None))]
)
def test_no_problem_is_not_enough_to_pass(criteria):
    assert GateResult("demo", "released", criteria, ()).exit_code == 1


def test_altered_wins_over_missing(project):
    (project.root / "reports/challenge/metrics.json").unlink()
    write(project.root / "artifacts/challenge/threshold/thresholds.json", "{}")
    assert evaluate_gate(project).exit_code == 3


def test_the_result_for_machines_and_for_a_summary(tmp_path):
    result = evaluate_gate(write_project(tmp_path, low=0.89))
    content = json.loads(json.dumps(result.as_dict(), allow_nan=False))
    assert (content["exit_code"], content["verdict"], content["criteria"][0]["met"]) == (1, "not_met", False)
    lines = result.as_markdown().splitlines()
    assert lines[0] == "### challenge: not met"
    assert lines[2].count("|") == lines[3].count("|") == lines[4].count("|") == len(result.headings) + 1
