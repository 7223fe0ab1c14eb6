"""The statement against the required fields of in-toto Statement v1 and SLSA Provenance v1."""

import json

import pytest
from tests.evidence.traced import make_traced, write

from sealproof.evidence.errors import EvidenceMissingError
from sealproof.evidence.hashing import sha256_bytes, sha256_file
from sealproof.evidence.provenance import outputs_below, provenance_statement


@pytest.fixture
def workspace(tmp_path):
    workspace = make_traced(tmp_path)
    write(tmp_path / "constraints.txt", "a==1")
    write(tmp_path / "protocols/iq.yaml", "iq")
    write(tmp_path / "protocols/clauses/law.yaml", "law")
    return workspace


def statement(workspace, subjects=None, **more):
    arguments = {"commit": "c" * 40, "dirty": False, "stages": ("train", "evaluate", "dossier"), **more}
    return provenance_statement(workspace, subjects or {"b": "1" * 64, "a": "2" * 64}, **arguments)


def test_statement_and_subjects(workspace):
    found = json.loads(statement(workspace))
    assert found["_type"] == "https://in-toto.io/Statement/v1"
    assert found["predicateType"] == "https://slsa.dev/provenance/v1"
    assert found["subject"] == [
        {"name": "a", "digest": {"sha256": "2" * 64}},
        {"name": "b", "digest": {"sha256": "1" * 64}},
    ]


def test_how_it_was_built_and_from_what(workspace):
    build = json.loads(statement(workspace))["predicate"]["buildDefinition"]
    root = workspace.root
    assert build["buildType"].startswith("urn:sealproof:")
    assert build["externalParameters"] == {
        "product": "seals",
        "params_sha256": sha256_file(root / "params.yaml"),
        "dvc_lock_sha256": sha256_file(root / "dvc.lock"),
        "commit": "c" * 40,
        "dirty": False,
    }
    source, *files = build["resolvedDependencies"]
    assert source == {"name": "source", "digest": {"gitCommit": "c" * 40}}
    assert {row["name"]: row["digest"] for row in files} == {
        path: {"sha256": sha256_file(root / path)}
        for path in (
            "artifacts/seals/ingest/manifest.parquet", "constraints.txt", "dvc.yaml", "params.yaml",
            "products/seals/inspection.yaml", "protocols/clauses/law.yaml", "protocols/iq.yaml",
        )
    }  # fmt: skip
    assert [row["name"] for row in files] == sorted(row["name"] for row in files)


def test_who_built_it_and_the_runs_as_by_products(workspace):
    details = json.loads(statement(workspace))["predicate"]["runDetails"]
    assert details["builder"]["id"] == "urn:sealproof:builder:local"
    assert [row["uri"] for row in details["byproducts"]] == [
        "urn:sealproof:mlflow-run:run-evaluate",
        "urn:sealproof:mlflow-run:run-train",
    ], "dossier has no side record yet"
    records = sha256_file(workspace.artifacts("train") / "records.json")
    assert details["byproducts"][1]["annotations"] == {"stage": "train", "records_sha256": records}


def test_a_run_of_another_output_is_no_by_product(workspace):
    write(workspace.artifacts("train") / "records.json", "[]")
    details = json.loads(statement(workspace))["predicate"]["runDetails"]
    assert [row["annotations"]["stage"] for row in details["byproducts"]] == ["evaluate"]


def test_the_same_is_the_same_bytes_and_anything_else_is_not(workspace):
    first = statement(workspace)
    assert statement(workspace, {"a": "2" * 64, "b": "1" * 64}) == first
    assert first.endswith(b"}\n")
    assert str(workspace.root).encode() not in first
    assert statement(workspace, dirty=True) != first
    write(workspace.root / "protocols/iq.yaml", "iq, changed")
    assert statement(workspace) != first


def test_without_git_and_lock_it_says_so(workspace):
    (workspace.root / "dvc.lock").unlink()
    build = json.loads(statement(workspace, commit="", dirty=True))["predicate"]["buildDefinition"]
    assert build["externalParameters"]["dvc_lock_sha256"] == ""
    assert all("gitCommit" not in row["digest"] for row in build["resolvedDependencies"])


@pytest.mark.parametrize("subjects", [{"a": "1" * 63}, {"a": "g" * 64}, {"a": "A" * 64}, {"a": ""}])
def test_a_subject_without_a_sha256_is_refused(workspace, subjects):
    with pytest.raises(ValueError, match="a"):
        statement(workspace, subjects)


def test_a_statement_about_nothing_is_refused(workspace):
    with pytest.raises(ValueError, match="none"):
        provenance_statement(workspace, {}, commit="", dirty=True)


def test_everything_missing_is_named(workspace):
    for name in ("constraints.txt", "protocols/iq.yaml", "protocols/clauses/law.yaml"):
        (workspace.root / name).unlink()
    (workspace.artifacts("ingest") / "manifest.parquet").unlink()
    with pytest.raises(EvidenceMissingError) as caught:
        statement(workspace)
    for name in ("constraints.txt", "manifest.parquet", "protocols/*.yaml"):
        assert name in caught.value.where


def test_outputs_of_stages_as_subjects(workspace):
    found = outputs_below(workspace, [workspace.artifacts("train"), workspace.artifacts("evaluate")])
    assert list(found) == sorted(found)
    assert found["artifacts/seals/train/model.safetensors"] == sha256_bytes(b"weights")
    assert len(found) == 5
    with pytest.raises(EvidenceMissingError) as caught:
        outputs_below(workspace, [workspace.artifacts("score"), workspace.artifacts("roi")])
    assert caught.value.where == "artifacts/seals/roi, artifacts/seals/score"
