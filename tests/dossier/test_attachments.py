"""What is attached: exactly the list of the contract, byte for byte, and never something the release does not name."""

import csv
import importlib.util
import io
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealproof.dossier.attachments import SCRIPT, record_rows, stage_inputs
from sealproof.dossier.attachments_tables import csv_bytes
from sealproof.evidence.errors import EvidenceAlteredError, EvidenceMissingError
from sealproof.evidence.hashing import sha256_bytes
from sealproof.evidence.records import Record

NAMES = [
    "acceptance.yaml",
    "attachments.json",
    "challenge.json",
    "criteria.json",
    "cross_fit.csv",
    "detection.json",
    "disturbed.csv",
    "evaluation.json",
    "iq.json",
    "ledger.jsonl",
    "localisation.json",
    "manifest.csv",
    "metrics.json",
    "oq.json",
    "pq.json",
    "predictions.csv",
    "records.json",
    "release.json",
    "repeatability.json",
    "repeats.csv",
    "robustness.json",
    "sbom.json",
    "scores.csv",
    "seeded.csv",
    "thresholds.json",
    "trace.json",
    "trail.jsonl",
    "verify_dossier.py",
]


def _load(name):
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"sealproof_tests_dossier_{name}_of_attachments", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def proof():
    return _load("proof")


@pytest.fixture(scope="module")
def made(proof, build, tmp_path_factory):
    return proof.make_proof(build, tmp_path_factory.mktemp("attachments") / "project")


@pytest.fixture
def copied(made, tmp_path):
    """The project, for one test to change."""
    root = tmp_path / "project"
    shutil.copytree(made[0], root, symlinks=True)
    return root


def test_exactly_the_attachments_of_the_contract_sorted_by_name(made):
    assert list(made[1]) == NAMES


def test_the_same_project_gives_the_same_bytes(made, proof):
    assert proof.attached(made[0]) == made[1]


def test_the_index_names_the_hash_of_every_other_attachment(made):
    files = made[1]
    expected = {name: sha256_bytes(content) for name, content in files.items() if name != "attachments.json"}
    assert json.loads(files["attachments.json"]) == expected


def test_copies_are_the_files_that_the_release_names(made):
    files, evidence = made[1], json.loads(made[1]["release.json"])["evidence"]
    for name, path in {
        "thresholds.json": "artifacts/seal-sim/threshold/thresholds.json",
        "pq.json": "artifacts/seal-sim/qualify/pq.json",
        "metrics.json": "reports/seal-sim/metrics.json",
        "acceptance.yaml": "products/seal-sim/acceptance.yaml",
    }.items():
        assert sha256_bytes(files[name]) == evidence[path]
        assert files[name] == (made[0] / path).read_bytes()


def test_the_draft_names_no_documents_and_the_head_of_the_attached_trail(made):
    release = json.loads(made[1]["release.json"])
    lines = made[1]["trail.jsonl"].splitlines()
    assert release["documents"] == {}
    assert release["trail_head"] == sha256_bytes(lines[-1])


def test_records_carry_inputs_run_and_commit_of_their_stage(made):
    rows = {row["id"]: row for row in json.loads(made[1]["records.json"])}
    row = rows["evaluate.4-ms-ssim.recall"]
    assert (row["mlflow_run"], row["commit"]) == ("r" * 32, "c" * 40)
    assert row["inputs"] == {"params.yaml#/seed": "5" * 64}
    assert rows["dossier.release-id"]["mlflow_run"] == ""
    assert list(rows) == sorted(rows)


def test_without_a_side_record_inputs_are_the_records_of_all_earlier_stages():
    stages = ("ingest", "check", "roi")
    evidence = {f"artifacts/p/{stage}/records.json": stage for stage in stages}
    evidence["artifacts/p/ingest/manifest.parquet"] = "m"
    assert stage_inputs("ingest", evidence, "p", None) == {}
    assert list(stage_inputs("roi", evidence, "p", {"inputs": None})) == [
        "artifacts/p/check/records.json",
        "artifacts/p/ingest/manifest.parquet",
        "artifacts/p/ingest/records.json",
    ]
    assert set(stage_inputs("dossier", evidence, "p", None)) == set(evidence)


def test_a_record_of_an_unknown_run_says_so_with_empty_texts():
    record = Record("a.b", 1, "1", "d", "a.json", "/x", "0" * 64, "a")
    row = record_rows([record], {}, {"a": None})[0]
    assert (row["inputs"], row["mlflow_run"], row["commit"]) == ({}, "", "")


def test_the_attached_script_is_the_one_of_this_package(made):
    from sealproof.dossier import verify_dossier

    assert made[1][SCRIPT] == Path(verify_dossier.__file__).read_bytes()


@pytest.mark.parametrize(
    "path", ["artifacts/seal-sim/score/scores.parquet", "artifacts/seal-sim/qualify/trace.json"]
)
def test_a_file_that_is_not_there_is_named(copied, proof, path):
    inputs, draft = proof.drafted(copied)[:2]
    (copied / path).unlink()
    with pytest.raises(EvidenceMissingError) as caught:
        proof.attachments(inputs, draft, [])
    assert path in str(caught.value)


def test_files_that_the_release_does_not_name_are_all_refused(copied, proof):
    inputs, draft = proof.drafted(copied)[:2]
    paths = ["artifacts/seal-sim/qualify/iq.json", "artifacts/seal-sim/threshold/thresholds.json"]
    for path in paths:
        (copied / path).write_bytes((copied / path).read_bytes() + b" ")
    with pytest.raises(EvidenceAlteredError) as caught:
        proof.attachments(inputs, draft, [])
    assert all(path in str(caught.value) for path in paths)


def test_a_line_that_is_appended_meanwhile_is_not_attached(copied, proof):
    inputs, draft = proof.drafted(copied)[:2]
    with (copied / "artifacts/seal-sim/ledger.jsonl").open("a") as ledger:
        ledger.write('{"torn')
    found = proof.attachments(inputs, draft, [], bill=b"{}")["ledger.jsonl"]
    assert found.count(b"\n") == len(inputs.openings)
    assert not found.endswith(b"torn")


def _parquet(table):
    stream = io.BytesIO()
    table.to_parquet(stream)
    return stream.getvalue()


def test_a_table_becomes_csv_in_the_form_of_the_contract():
    table = pd.DataFrame(
        {
            "text": ["a,b", 'say "x"', "two\nlines", None],
            "number": [0.1, float("nan"), 1e-7, float("inf")],
            "count": pd.array([1, None, 0, 2], dtype="Int64"),
            "flag": [True, False, True, False],
            "time": pd.to_datetime(["2024-01-08T06:00:15Z", None, None, None]),
        }
    )
    assert csv_bytes(_parquet(table)).decode() == (
        "text,number,count,flag,time\n"
        '"a,b",0.1,1,true,2024-01-08T06:00:15+00:00\n'
        '"say ""x""",,,false,\n'
        '"two\nlines",1e-07,0,true,\n'
        ",inf,2,false,\n"
    )


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_no_bit_of_a_number_is_lost(values):
    rows = list(csv.reader(io.StringIO(csv_bytes(_parquet(pd.DataFrame({"x": values}))).decode())))
    found = np.array([float(row[0]) for row in rows[1:]])
    assert found.tobytes() == np.array(values).tobytes()


def test_what_is_no_parquet_is_refused():
    with pytest.raises(EvidenceAlteredError):
        csv_bytes(b"image_id,label\n")
