"""The seal: no label is read before the opening stands in the ledger."""

import pytest

from sealproof.evaluation import opening
from sealproof.evidence.errors import DefinitionError, EvidenceAlteredError, EvidenceMissingError
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.ledger import read_ledger
from sealproof.evidence.trail import read_trail
from sealproof.evidence.workspace import Workspace


@pytest.fixture
def workspace(project):
    found = Workspace(project, "elpv-mono")
    folder = found.artifacts("threshold")
    folder.mkdir()
    (folder / "thresholds.json").write_text("{}")
    return found


def test_the_opening_holds_the_hash_of_all_that_is_judged(workspace):
    labels = opening.open_test_set(workspace, purpose="a test")
    (entry,) = read_ledger(workspace.ledger)
    assert entry.purpose == "a test"
    assert entry.labels_sha256 == sha256_file(workspace.artifacts("ingest") / "sealed_labels.parquet")
    assert entry.model_sha256 == sha256_file(workspace.artifacts("train") / "model.safetensors")
    assert entry.threshold_sha256 == sha256_file(workspace.artifacts("threshold") / "thresholds.json")
    assert entry.criteria_sha256 == sha256_file(workspace.definition / "acceptance.yaml")
    assert len(labels) == 60


def test_the_ledger_is_written_before_a_label_is_read(workspace, monkeypatch):
    seen = []

    def poisoned(path):
        seen.append(len(read_ledger(workspace.ledger)))
        raise RuntimeError("a label was touched")

    monkeypatch.setattr(opening, "open_sealed_labels", poisoned)
    with pytest.raises(RuntimeError, match="touched"):
        opening.open_test_set(workspace)
    assert seen == [1]


def test_an_opening_that_cannot_be_recorded_opens_nothing(workspace, monkeypatch):
    workspace.ledger.write_text("forged\n")
    monkeypatch.setattr(opening, "open_sealed_labels", lambda path: pytest.fail("a label was read"))
    with pytest.raises(EvidenceAlteredError, match="ledger"):
        opening.open_test_set(workspace)


def test_without_criteria_the_test_set_stays_sealed(workspace, monkeypatch):
    (workspace.definition / "acceptance.yaml").unlink()
    monkeypatch.setattr(opening, "open_sealed_labels", lambda path: pytest.fail("a label was read"))
    with pytest.raises(DefinitionError, match="stays sealed"):
        opening.open_test_set(workspace)
    assert read_ledger(workspace.ledger) == []


def test_all_missing_artefacts_are_named_and_nothing_is_recorded(workspace):
    (workspace.artifacts("train") / "model.safetensors").unlink()
    (workspace.artifacts("threshold") / "thresholds.json").unlink()
    with pytest.raises(EvidenceMissingError) as error:
        opening.open_test_set(workspace)
    assert "model.safetensors" in str(error.value)
    assert "thresholds.json" in str(error.value)
    assert read_ledger(workspace.ledger) == []


def test_every_opening_is_counted(workspace):
    for _ in range(3):
        opening.open_test_set(workspace)
    assert [entry.number for entry in read_ledger(workspace.ledger)] == [1, 2, 3]


def test_the_opening_holds_the_approval_as_it_stood_and_is_in_the_trail(workspace):
    workspace.approval.unlink(missing_ok=True)
    opening.open_test_set(workspace)
    workspace.approval.parent.mkdir(exist_ok=True)
    workspace.approval.write_text("{}")
    opening.open_test_set(workspace)
    before, after = read_ledger(workspace.ledger)
    assert before.approval_sha256 == "", "nobody had approved"
    assert after.approval_sha256 == sha256_file(workspace.approval)
    assert [(entry.event, entry.details["opening"]) for entry in read_trail(workspace.trail)] == [
        ("test-set.opened", 1),
        ("test-set.opened", 2),
    ]


def test_the_trail_names_the_opening_before_a_label_is_read(workspace, monkeypatch):
    seen = []

    def poisoned(path):
        seen.append(len(read_trail(workspace.trail)))
        raise RuntimeError("a label was touched")

    monkeypatch.setattr(opening, "open_sealed_labels", poisoned)
    with pytest.raises(RuntimeError, match="touched"):
        opening.open_test_set(workspace)
    assert seen == [1]
