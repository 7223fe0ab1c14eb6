import json

import pytest

from sealproof.dossier.documents import draft_release
from sealproof.dossier.inputs import RESULTS, load_inputs
from sealproof.dossier.quotations import all_facts
from sealproof.evidence.errors import DefinitionError, EvidenceAlteredError, EvidenceMissingError
from sealproof.settings import load_settings


def load(root):
    return load_inputs(load_settings(root))


def artefacts(root):
    return root / "artifacts" / "seal-sim"


def test_everything_is_read(shared_project):
    inputs = load(shared_project)
    assert inputs.simulated
    assert len(inputs.annex_iv) == 26
    assert set(inputs.protocols) == {"iq", "oq", "pq"}
    assert len(inputs.openings) == 1
    assert set(inputs.results) == set(RESULTS)


def test_all_missing_files_are_named_at_once(project):
    for name in ("check/findings.json", "evaluate/records.json", "qualify/pq.json", "ledger.jsonl"):
        (artefacts(project) / name).unlink()
    with pytest.raises(EvidenceMissingError) as caught:
        load(project)
    for name in ("check/findings.json", "evaluate/records.json", "qualify/pq.json", "ledger.jsonl"):
        assert name in caught.value.where
    assert str(project) not in caught.value.where


def test_a_missing_artefact_of_a_record_is_missing_evidence(project):
    (artefacts(project) / "score" / "scores.parquet").unlink()
    with pytest.raises(EvidenceMissingError, match="dossier cannot be written"):
        load(project)


@pytest.mark.parametrize("name", ["train/model.json", "threshold/thresholds.json", "score/scores.parquet"])
def test_an_altered_artefact_is_named(project, name):
    path = artefacts(project) / name
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(EvidenceAlteredError) as caught:
        load(project)
    assert name in caught.value.where


def test_an_altered_ledger_stops_the_documents(project):
    ledger = artefacts(project) / "ledger.jsonl"
    ledger.write_text(ledger.read_text().replace("made up", "rehearsal").replace('"number":1', '"number":2'))
    with pytest.raises(EvidenceAlteredError, match="ledger"):
        load(project)


def test_a_protocol_whose_counts_lie_is_refused(project):
    path = artefacts(project) / "qualify" / "oq.json"
    content = json.loads(path.read_text())
    content["counts"]["failed"], content["counts"]["passed"] = 0, content["counts"]["passed"] + 1
    path.write_text(json.dumps(content))
    with pytest.raises(EvidenceAlteredError):
        load(project)


def test_a_missing_product_file_is_a_wrong_definition(project):
    (project / "products" / "seal-sim" / "product.yaml").unlink()
    with pytest.raises(DefinitionError, match="missing"):
        load(project)


def test_images_count_as_simulated_unless_a_record_says_no(tmp_path, build):
    root = build.build_project(tmp_path / "project", simulated=False)
    assert load(root).simulated is False


def test_open_points_are_counted(shared_project):
    inputs = load(shared_project)
    release = draft_release(inputs)
    facts = {name: fact.value for name, fact in all_facts(inputs, release).items()}
    assert (facts["annex-iv.total"], facts["annex-iv.open"]) == (26, 25)
    assert (facts["classification.total"], facts["classification.open"]) == (14, 14)
    assert facts["deviations.open"] == len(release.deviations) >= 1
    assert facts["signatures.missing"] == 3
    assert facts["decision"] == release.decision == "rejected"
    assert facts["release-id"] == release.release_id


def test_another_time_of_execution_leaves_the_release_id(project):
    before = draft_release(load(project)).release_id
    path = artefacts(project) / "qualify" / "trace.json"
    records = artefacts(project) / "qualify" / "records.json"
    path.write_text(path.read_text() + "\n")
    records.write_text(records.read_text() + "\n")
    release = draft_release_without_check(project)
    assert release.release_id == before


def draft_release_without_check(root):
    from sealproof.qualification.release import make_release

    return make_release(load_settings(root).workspace, demonstration=True, missing_inputs=[])


def test_another_weight_changes_the_release_id(project):
    before = draft_release(load(project)).release_id
    (artefacts(project) / "train" / "model.safetensors").write_bytes(b"other")
    assert draft_release_without_check(project).release_id != before
