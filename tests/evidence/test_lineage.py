"""The way back from a figure; each link broken once, and named."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.traced import make_traced, run_stage, write, write_lock

from sealproof.evidence import pointers
from sealproof.evidence.errors import EvidenceAlteredError, EvidenceMissingError
from sealproof.evidence.files import write_json
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.lineage import trace
from sealproof.evidence.trail import read_trail


@pytest.fixture
def workspace(tmp_path):
    return make_traced(tmp_path)


def test_all_of_the_way_holds(workspace):
    found = trace(workspace, "evaluate.recall")
    assert (found.exit_code, found.missing, found.altered, found.changed) == (0, (), (), ())
    assert found.record.value == 0.5
    assert (found.artefact.state, found.value_state) == ("holds", "same")
    assert list(found.stages) == ["evaluate", "ingest", "acquire@seals", "train"]
    assert {name: stage.makers for name, stage in found.stages.items()} == {
        "evaluate": ["ingest", "train"],
        "ingest": ["acquire@seals"],
        "acquire@seals": [],
        "train": ["ingest"],
    }
    evaluate = found.stages["evaluate"]
    assert (evaluate.mlflow_run, evaluate.commit, evaluate.dirty) == ("run-evaluate", "c" * 40, False)
    assert [found.stages[name].trail_line for name in ("ingest", "train", "evaluate")] == [1, 2, 3]
    assert evaluate.params == {"products/seals/inspection.yaml": {"roi.height": 32, "checks": {"side": 8}}}
    assert len(evaluate.deps) == 3
    assert len(evaluate.inputs) == 8
    manifest = workspace.artifacts("ingest") / "manifest.parquet"
    assert (found.images.count, found.images.manifest_sha256) == (3, sha256_file(manifest))
    assert json.loads(json.dumps(found.as_dict()))["exit_code"] == 0


def test_a_run_that_was_repeated_is_named_by_its_last_line(workspace):
    run_stage(workspace, "train")
    assert trace(workspace, "train.weights").stages["train"].trail_line == 4


@pytest.mark.parametrize(
    ("reference", "state", "code"),
    [
        ("evaluate.recall.report", "same", 0),
        ("evaluate.none", "same", 0),
        ("evaluate.second", "same", 0),
        ("evaluate.errors", "stands for several", 0),
        ("ingest.images", "not comparable", 0),
        ("evaluate.wrong", "other", 3),
        ("evaluate.nowhere", "no such place", 3),
    ],
)
def test_the_value_at_the_pointer_is_compared(workspace, reference, state, code):
    found = trace(workspace, reference)
    assert (found.value_state, found.exit_code) == (state, code)
    assert any(reference in word for word in found.altered) == (code == 3)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("pq.pdf#1", "evaluate.recall"),
        ("pq.pdf#2", "ingest.images"),
        (" evaluate.recall ", "evaluate.recall"),
    ],
)
def test_the_number_beside_a_figure_finds_its_record(workspace, reference, expected):
    found = trace(workspace, reference)
    assert found.record.id == expected
    assert found.reference == reference


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("evaluate.recal", "evaluate.recall"),
        ("zzzzzzzz", "no id is near"),
        ("", "no id is near"),
        ("pq.pdf#3", "numbers 1 to 2"),
        ("pq.pdf#0", "numbers 1 to 2"),
        ("iq.pdf#1", "the documents are iq.pdf, pq.pdf"),
        ("oq.pdf#1", "the documents are iq.pdf, pq.pdf"),
        ("pq.pdf#-1", "no id is near"),
    ],
)
def test_what_is_not_there_is_one_message_with_what_is_near(workspace, reference, said):
    with pytest.raises(EvidenceMissingError) as caught:
        trace(workspace, reference)
    assert said in caught.value.why


def test_before_anything_ran(tmp_path):
    workspace = make_traced(tmp_path)
    for stage in ("ingest", "train", "evaluate"):
        (workspace.artifacts(stage) / "records.json").unlink()
    with pytest.raises(EvidenceMissingError, match="no record") as caught:
        trace(workspace, "evaluate.recall")
    assert "dvc repro" in caught.value.why
    (workspace.artifacts("dossier") / "printed.json").unlink()
    with pytest.raises(EvidenceMissingError):
        trace(workspace, "pq.pdf#1")


def test_an_unreadable_book_of_records_is_an_alteration(workspace):
    (workspace.artifacts("train") / "records.json").write_text("{")
    with pytest.raises(EvidenceAlteredError):
        trace(workspace, "evaluate.recall")


ALTERED = {
    "the artefact": ("artifacts/seals/evaluate/evaluation.json", b'{"recall": 0.5}'),
    "another output of its stage": ("reports/seals/metrics.json", b"{}"),
    "the weights": ("artifacts/seals/train/model.safetensors", b"other"),
    "an image": ("data/seals/b.png", b"other"),
    "one image more": ("data/seals/d.png", b"new"),
    "the artefact is no JSON": ("artifacts/seals/evaluate/evaluation.json", b"\xff"),
}


@pytest.mark.parametrize("how", ALTERED)
def test_whatever_is_altered_on_the_way_is_named(workspace, how):
    path, content = ALTERED[how]
    write(workspace.root / path, content)
    found = trace(workspace, "evaluate.recall")
    assert found.exit_code == 3
    assert any(path.startswith(word) for word in found.altered), found.altered


def test_a_forged_record_that_fits_a_forged_artefact_does_not_fit_the_trail_and_the_lock(workspace):
    path = workspace.artifacts("evaluate") / "evaluation.json"
    write(path, path.read_text().replace("0.5", "0.9"))
    records = workspace.artifacts("evaluate") / "records.json"
    rows = [row | {"sha256": sha256_file(path), "value": 0.9} for row in json.loads(records.read_text())]
    write_json(records, rows)
    found = trace(workspace, "evaluate.recall")
    assert (found.artefact.state, found.value_state) == ("holds", "same")
    assert found.exit_code == 3
    assert "artifacts/seals/evaluate" in found.altered
    assert "line of the audit trail for this output of stage evaluate" in found.missing


def test_an_altered_trail_is_named(workspace):
    workspace.trail.write_bytes(workspace.trail.read_bytes().replace(b"run-train", b"run-other"))
    found = trace(workspace, "train.weights")
    assert found.exit_code == 3
    assert any("audit trail was altered" in word for word in found.altered)


MISSING = {
    "artefact": ("artifacts/seals/evaluate/evaluation.json", "artifacts/seals/evaluate/evaluation.json"),
    "weights": ("artifacts/seals/train/model.safetensors", "artifacts/seals/train/model.safetensors"),
    "source": ("pipeline/ingest.py", "pipeline/ingest.py"),
    "trail": ("artifacts/seals/trail.jsonl", "line of the audit trail for this output of stage evaluate"),
    "lock": ("dvc.lock", "stage evaluate in dvc.lock"),
    "records of an earlier stage": (
        "artifacts/seals/train/records.json",
        "records.json of stage train",
    ),
}


@pytest.mark.parametrize("how", MISSING)
def test_whatever_is_missing_on_the_way_is_named(workspace, how):
    path, said = MISSING[how]
    (workspace.root / path).unlink()
    found = trace(workspace, "evaluate.recall")
    assert found.exit_code in {2, 3}
    assert said in found.missing


def test_a_missing_file_alone_is_missing_and_not_altered(workspace):
    (workspace.root / "pipeline/ingest.py").unlink()
    assert trace(workspace, "ingest.images").exit_code == 2


def test_a_run_without_side_record_or_inputs_is_missing(workspace):
    (side,) = workspace.runs.glob("train-*.json")
    write_json(side, json.loads(side.read_text()) | {"inputs": None})
    found = trace(workspace, "train.weights")
    assert (found.exit_code, found.missing) == (2, ("inputs in the side record of stage train",))
    side.unlink()
    found = trace(workspace, "train.weights")
    assert found.exit_code == 2
    assert found.missing == ("side record of the run that made this output of stage train",)
    assert (found.stages["train"].mlflow_run, found.stages["train"].dirty) == ("", None)


def test_without_a_manifest_there_are_no_images(workspace):
    (workspace.artifacts("ingest") / "manifest.parquet").unlink()
    found = trace(workspace, "train.weights")
    assert found.images is None
    assert found.exit_code != 0


def test_source_and_definitions_that_changed_since_are_told_and_are_no_alteration(workspace):
    write(workspace.root / "src/models/net.py", "better net")
    write(workspace.root / "params.yaml", "{product: seals, seed: 8, train: {epochs: 3}}")
    write(workspace.ledger, "grows\n")
    found = trace(workspace, "evaluate.recall")
    assert found.exit_code == 0
    assert found.changed == (
        "artifacts/seals/ledger.jsonl",
        "params.yaml#/seed",
        "src/models",
        "src/models/",
    )
    assert found.stages["train"].params["params.yaml"]["seed"] == 7, "what it was made with"


def test_a_lock_written_anew_over_forged_files_does_not_fit_the_hashes_of_the_run(workspace):
    write(workspace.artifacts("train") / "model.safetensors", "other")
    write_lock(workspace.root)
    found = trace(workspace, "evaluate.recall")
    assert found.altered == ("artifacts/seals/train/model.safetensors",)
    assert read_trail(workspace.trail)


@pytest.mark.parametrize(
    ("pointer", "error"),
    [("a", ValueError), ("/x", KeyError), ("/list/2", KeyError), ("/list/01", KeyError), ("/list/-", KeyError),
     ("/list/-1", KeyError), ("/text/0", KeyError), ("/list/²", KeyError)],
)  # fmt: skip
def test_a_pointer_that_leads_nowhere(pointer, error):
    with pytest.raises(error):
        pointers.resolve({"list": [1, 2], "text": "ab"}, pointer)


@pytest.mark.parametrize(
    ("pointer", "expected"),
    [("", 0), ("/foo", ["bar", "baz"]), ("/foo/0", "bar"), ("/", 1), ("/a~1b", 2), ("/m~0n", 3), ("/~01", 4)],
)
def test_pointers_of_rfc_6901(pointer, expected):
    document = {"foo": ["bar", "baz"], "": 1, "a/b": 2, "m~n": 3, "~1": 4}
    assert pointers.resolve(document, pointer) == (document if pointer == "" else expected)


@given(st.dictionaries(st.text(), st.integers()))
def test_every_key_has_a_pointer(document):
    for key, value in document.items():
        assert pointers.resolve(document, "/" + key.replace("~", "~0").replace("/", "~1")) == value


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (1, 1.0, True), (0.1, 0.1, True), ("a", "a", True), (None, None, True), (None, "", True), (True, True, True),
        (1, True, False), (0, False, False), ("1", 1, False), (None, 0, False), (None, False, False), ("", 0, False),
        (0.1, 0.1000000001, False),
    ],
)  # fmt: skip
def test_values_are_the_same_only_in_kind_and_worth(first, second, same):
    assert pointers.same_value(first, second) is same
    assert pointers.same_value(second, first) is same
