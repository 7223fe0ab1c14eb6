import pytest

from sealproof.benchmark.challenger_result import (
    Counts,
    Result,
    Side,
    Trial,
    read_results,
    records_folder,
    trials_with,
    write_result,
)
from sealproof.evidence.errors import EvidenceAlteredError
from sealproof.evidence.files import read_json, write_json
from sealproof.evidence.hashing import sha256_json
from sealproof.evidence.workspace import Workspace

CHAMPION, LATER = "c" * 64, "d" * 64


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path, "toy")


def result(file="one", epochs=1, champion=CHAMPION, trials=None, bounds=(-0.01, 0.05), **changes):
    """A comparison with a difference of 0.02."""
    definition = {"epochs": epochs}
    digest = sha256_json(definition)
    side = Side(
        detector="padim", score="padim", scores_sha256="a" * 64, undecided=Counts(normals=0, defects=0),
        threshold=None, detected=None, model_sha256="b" * 64, model_bytes=10,
    )  # fmt: skip
    own = Trial(number=1, file=file, definition_sha256=digest, champion_sha256=champion)
    content = {
        "format": 1, "product": "toy", "file": file, "definition": definition, "definition_sha256": digest,
        "champion_sha256": champion, "split_sha256": "e" * 64, "images": Counts(normals=9, defects=5),
        "confidence": 0.95, "false_reject_rate": 0.05, "champion": side, "challenger": side,
        "champion_auroc": 0.9, "challenger_auroc": 0.92, "difference": 0.02, "low": bounds[0], "high": bounds[1],
        "p_value": 0.4, "trials": trials or (own,), "remarks": (),
    }  # fmt: skip
    return Result(**(content | changes))


def record(workspace, file, epochs, champion=CHAMPION):
    """Compare and write, as the command does."""
    trials = trials_with(workspace, file, sha256_json({"epochs": epochs}), champion)
    found = result(file, epochs, champion, trials)
    return write_result(workspace, found), found


def test_a_comparison_is_read_as_it_was_written(workspace):
    path, found = record(workspace, "one", 1)
    assert path == records_folder(workspace) / "one.json"
    assert list(read_results(workspace)) == [found]
    assert read_json(path)["outcome"] == "no difference shown"


def test_challengers_are_counted_and_none_is_forgotten(workspace):
    assert record(workspace, "one", 1)[1].challengers == 1
    path, again = record(workspace, "one", 1)
    first = path.read_bytes()
    assert again.challengers == 1
    assert record(workspace, "one", 1)[0].read_bytes() == first
    assert record(workspace, "two", 2)[1].challengers == 2
    overwritten = record(workspace, "one", 3)[1]
    assert overwritten.challengers == 3
    assert [(trial.number, trial.file) for trial in overwritten.trials] == [
        (1, "one"),
        (2, "two"),
        (3, "one"),
    ]
    assert record(workspace, "one", 1)[1].challengers == 3
    renamed = record(workspace, "three", 2)[1]
    assert renamed.challengers == 3


def test_another_champion_is_counted_anew_and_nothing_is_lost(workspace):
    record(workspace, "one", 1)
    later = record(workspace, "one", 1, LATER)[1]
    assert (later.challengers, len(later.trials)) == (1, 2)
    assert record(workspace, "two", 2)[1].challengers == 2


@pytest.mark.parametrize(
    ("bounds", "outcome", "better", "not_worse"),
    [
        ((0.001, 0.05), "better", True, True),
        ((-0.01, 0.05), "no difference shown", False, True),
        ((-0.02, 0.05), "no difference shown", False, False),
        ((None, None), "no difference shown", False, False),
    ],
)
def test_what_the_bounds_show(bounds, outcome, better, not_worse):
    found = result(bounds=bounds)
    assert found.outcome == outcome
    assert found.meets("better", 0.02) is better
    assert found.meets("not-worse", 0.02) is not_worse


def test_worse():
    found = result(bounds=(-0.05, -0.001), challenger_auroc=0.88, difference=-0.02)
    assert found.outcome == "worse"
    assert not found.meets("better", 0.0)
    assert found.meets("not-worse", 0.06)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"definition": {"epochs": 5}}, "definition_sha256 is not"),
        ({"difference": 0.04}, "the difference is not that of the areas"),
        ({"low": 0.03}, "not between its bounds"),
        ({"high": None}, "not between its bounds"),
        ({"trials": []}, "trials"),
        ({"champion_sha256": LATER}, "not among the trials"),
        ({"outcome": "better"}, "outcome: not what follows"),
        ({"challengers": 7}, "challengers: not what follows"),
        ({"verdict": "pass"}, "verdict"),
    ],
)
def test_a_record_that_the_command_would_not_write_stops_the_count(workspace, changes, reason):
    path, _ = record(workspace, "one", 1)
    write_json(path, read_json(path) | changes)
    with pytest.raises(EvidenceAlteredError, match="cannot be trusted") as caught:
        trials_with(workspace, "two", "f" * 64, CHAMPION)
    assert reason in caught.value.why
    assert caught.value.where == "artifacts/toy/challengers/one.json"


def test_a_record_that_is_a_list_stops_the_count(workspace):
    write_json(records_folder(workspace) / "one.json", [])
    with pytest.raises(EvidenceAlteredError, match="cannot be trusted"):
        list(read_results(workspace))
