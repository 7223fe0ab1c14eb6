"""The real DVC in a real clone of a project whose one stage runs for a moment."""

import json
import shutil

import pytest
from tests.change.project import OUTPUTS, PRODUCT, commit, make_project, run_stage, write_stage

from sealproof.change.reproduction import case_of_reproduction, compare_outputs, reproduce
from sealproof.change.reproduction_report import OPENING, as_markdown, record
from sealproof.change.tolerances import Tolerances
from sealproof.evidence.errors import DefinitionError, EvidenceMissingError
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.trail import read_trail
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.recording import load_recordings
from sealproof.qualification.results import results_id

OTHER_HARDWARE = "0.5000001"


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return make_project(tmp_path_factory.mktemp("reproduction") / "sound")


@pytest.fixture
def workspace(sound, tmp_path):
    shutil.copytree(sound, tmp_path / "project", symlinks=True)
    return Workspace(tmp_path / "project", PRODUCT)


def times(root):
    """When each file was written; Git refreshes its index when it is asked for the state of the tree."""
    return {path: path.stat().st_mtime_ns for path in root.rglob("*") if ".git" not in path.parts}


def run(workspace, **options):
    folder = workspace.root.parent / "clone"
    folder.mkdir()
    return reproduce(workspace, folder, **options)


@pytest.fixture(scope="module")
def reproduced(sound, tmp_path_factory):
    """One run for all tests that only read it: (workspace, times before and after, what was found)."""
    root = tmp_path_factory.mktemp("reproduced") / "project"
    shutil.copytree(sound, root, symlinks=True)
    before = times(root)
    found = run(Workspace(root, PRODUCT))
    return Workspace(root, PRODUCT), (before, times(root)), found


def test_the_same_sources_and_images_give_the_same_results(reproduced):
    workspace, (before, after), found = reproduced
    assert found.reproduced, found
    assert found.counts == {"identical": OUTPUTS, "within tolerance": 0, "different": 0}
    assert found.clone_results_id == found.results_id == results_id(workspace)
    assert before == after, "a reproduction writes nothing into the project before it is recorded"


def differ(workspace):
    """Sources that give slightly other numbers than the results that lie here, as other hardware would."""
    write_stage(workspace.root, OTHER_HARDWARE)
    commit(workspace.root)


def declare(workspace, absolute):
    path = workspace.root / "protocols" / "tolerances.yaml"
    path.write_text(f"tolerances:\n  - {{files: '*.json', absolute: {absolute}, reason: r}}\n")
    commit(workspace.root)


def test_other_numbers_are_different_and_the_failed_case_opens_a_deviation(workspace):
    differ(workspace)
    found = run(workspace)
    assert not found.reproduced
    assert found.counts == {"identical": 1, "within tolerance": 0, "different": OUTPUTS - 1}
    record(workspace, found)
    assert [entry.event for entry in read_trail(workspace.trail)][:2] == [
        "reproduction.done",
        "case.recorded",
    ]
    assert "deviation.opened" in {entry.event for entry in read_trail(workspace.trail)}
    assert load_recordings(workspace.definition)[0].verdict == "fail"


def test_other_numbers_within_the_declared_tolerance(workspace):
    declare(workspace, 1e-6)
    differ(workspace)
    found = run(workspace)
    assert found.reproduced
    assert found.tolerances["declared"] == 1
    assert found.outputs[-1].absolute == pytest.approx(1e-7, rel=1e-3)
    assert found.results_id != found.clone_results_id
    clone = Workspace(workspace.root.parent / "clone" / "project", PRODUCT)
    tighter = Tolerances(tolerances=[{"files": "*.json", "absolute": 1e-8, "reason": "r"}])
    verdicts = [output.verdict for output in compare_outputs(workspace, clone, tighter)]
    assert (verdicts.count("different"), verdicts.count("identical")) == (OUTPUTS - 1, 1)


def test_a_pipeline_that_stops_is_not_reproduced(workspace):
    write_stage(workspace.root, before="raise SystemExit('no memory')\n")
    commit(workspace.root)
    found = run(workspace)
    assert not found.reproduced
    assert (found.outputs, found.clone_results_id) == ((), "")
    written = record(workspace, found)
    assert "no memory" in written[1].read_text()
    assert json.loads(written[0].read_text())["verdict"] == "not reproduced"


def test_what_is_recorded_counts_for_the_case_and_rests_on_the_report(reproduced):
    workspace, _, found = reproduced
    report, text, case, evidence = record(workspace, found)
    (recording,) = load_recordings(workspace.definition)
    assert (recording.case, recording.verdict, recording.role) == ("IQ-024", "pass", "tool")
    assert recording.results_id == results_id(workspace)
    assert recording.by.endswith("(automated)")
    assert [(item.path, item.sha256) for item in recording.evidence] == [
        (workspace.relative(evidence), sha256_file(report))
    ]
    assert report.read_bytes() == evidence.read_bytes()
    assert case.name == "IQ-024.json"
    entries = read_trail(workspace.trail)
    assert [entry.event for entry in entries] == ["reproduction.done", "case.recorded"]
    assert entries[0].details == {
        "path": workspace.relative(report),
        "sha256": sha256_file(report),
        "verdict": "pass",
    }
    told = text.read_text()
    assert OPENING in told
    assert "A person judges it" in told
    assert f"{OUTPUTS} identical by SHA-256" in told


def test_every_output_has_its_line(reproduced):
    assert as_markdown(reproduced[2]).count("\n| artifacts/") == OUTPUTS - 1


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda root: (root / "new.txt").write_text("x"), DefinitionError),
        (lambda root: shutil.rmtree(root / "artifacts"), EvidenceMissingError),
        (lambda root: (root / "reports" / PRODUCT / "metrics.json").unlink(), EvidenceMissingError),
    ],
)
def test_what_cannot_be_reproduced_is_told_before_anything_runs(workspace, spoil, error):
    spoil(workspace.root)
    with pytest.raises(error):
        run(workspace)
    assert list((workspace.root.parent / "clone").iterdir()) == []


def test_tolerances_that_were_not_declared_beforehand_are_refused(workspace):
    late = workspace.root.parent / "late.yaml"
    late.write_text("tolerances: []\n")
    with pytest.raises(DefinitionError, match="before they are needed"):
        run(workspace, tolerance_file=late)


def test_a_project_without_the_case_is_refused(workspace):
    path = workspace.root / "protocols" / "iq.yaml"
    path.write_text(path.read_text().replace("Reproduction from a fresh clone", "Another title"))
    with pytest.raises(DefinitionError, match="no case asks"):
        case_of_reproduction(workspace.root)


def test_hashes_inside_records_follow_their_outputs_but_only_of_the_same_path(workspace, tmp_path):
    """A record names its artefact by hash: that hash may differ when the artefact lies within its tolerance."""
    other = Workspace(tmp_path / "other", PRODUCT)
    shutil.copytree(workspace.root, other.root)
    declared = Tolerances(tolerances=[{"files": "*.json", "absolute": 1e-6, "reason": "r"}])
    for place, value, named in ((workspace, 0.5, "train"), (other, 0.5000001, "train")):
        place.artifacts("train").joinpath("model.json").write_text(json.dumps({"loss": value}))
        digest = sha256_file(place.artifacts(named) / "model.json")
        place.artifacts("train").joinpath("records.json").write_text(
            json.dumps([{"id": "a", "sha256": digest}])
        )
    assert {output.verdict for output in compare_outputs(workspace, other, declared)} == {
        "identical",
        "within tolerance",
    }
    foreign = sha256_file(other.artifacts("score") / "records.json")
    other.artifacts("train").joinpath("records.json").write_text(json.dumps([{"id": "a", "sha256": foreign}]))
    assert "different" in {output.verdict for output in compare_outputs(workspace, other, declared)}


def test_an_output_that_only_the_clone_makes_is_different(workspace, tmp_path):
    other = Workspace(tmp_path / "other", PRODUCT)
    shutil.copytree(workspace.root, other.root)
    (other.artifacts("score") / "more.npy").write_bytes(b"x")
    assert [
        output.path
        for output in compare_outputs(workspace, other, Tolerances())
        if output.verdict == "different"
    ] == [f"artifacts/{PRODUCT}/score/more.npy"]


def test_the_results_here_are_those_of_the_stage(workspace):
    """Guards the fixture: the stage, run here, gives what lies here."""
    before = results_id(workspace)
    run_stage(workspace.root)
    assert results_id(workspace) == before
