"""dvc.yaml and dvc.lock as read, and the SHA-256 of declared inputs; DVC itself says what a folder's MD5 is."""

import subprocess
import sys

import pyarrow as pa
import pytest
from pyarrow import parquet
from tests.evidence.traced import make_traced, write

from sealproof.evidence import pipeline
from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.hashing import sha256_bytes, sha256_file, sha256_json


@pytest.fixture
def workspace(tmp_path):
    return make_traced(tmp_path)


def test_declared_inputs_with_the_product_filled_in(workspace):
    found = pipeline.declared_inputs(workspace.root, "evaluate")
    assert found.files == (
        "artifacts/seals/ingest",
        "artifacts/seals/ledger.jsonl",
        "artifacts/seals/train",
    )
    file = "products/seals/inspection.yaml"
    assert found.params == ((file, "checks"), (file, "roi.height"))


@pytest.mark.parametrize("stage", ["dossier", "acquire", "acquire@seals"])
def test_a_stage_that_is_not_declared_has_no_known_inputs(workspace, stage):
    assert pipeline.declared_inputs(workspace.root, stage) is None


def test_no_dvc_yaml(tmp_path):
    assert pipeline.declared_inputs(tmp_path, "ingest") is None
    assert pipeline.read_lock(tmp_path) == {}


def test_broken_yaml_is_named(workspace):
    for name in ("dvc.yaml", "dvc.lock"):
        write(workspace.root / name, "a: [")
    with pytest.raises(DefinitionError):
        pipeline.declared_inputs(workspace.root, "ingest")
    with pytest.raises(DefinitionError):
        pipeline.read_lock(workspace.root)


def test_inputs_are_hashed_by_their_kind(workspace):
    root = workspace.root
    train = pipeline.hash_inputs(workspace, pipeline.declared_inputs(root, "train"))
    manifest = "artifacts/seals/ingest/manifest.parquet"
    assert train == {
        manifest: sha256_file(root / manifest),
        "params.yaml#/seed": sha256_bytes(b"7"),
        "params.yaml#/train": sha256_bytes(b'{"epochs":3}'),
        "src/models/": sha256_json({"net.py": sha256_bytes(b"net")}),
    }
    images = [[name, sha256_bytes(name.encode())] for name in "abc"]
    ingest = pipeline.hash_inputs(workspace, pipeline.declared_inputs(root, "ingest"))
    assert ingest["data/seals/"] == sha256_json(images)
    evaluate = pipeline.hash_inputs(workspace, pipeline.declared_inputs(root, "evaluate"))
    assert list(evaluate) == sorted(evaluate)
    assert evaluate["products/seals/inspection.yaml#/roi/height"] == sha256_bytes(b"32")
    assert "artifacts/seals/train/model.safetensors" in evaluate
    assert all(evaluate.values())


def test_what_does_not_exist_has_an_empty_hash(workspace):
    declared = pipeline.Declared(
        ("artifacts/seals/none", "src/none"),
        (("none.yaml", "a"), ("params.yaml", "none"), ("params.yaml", "seed.deeper")),
    )
    assert set(pipeline.hash_inputs(workspace, declared).values()) == {""}
    (workspace.artifacts("ingest") / "manifest.parquet").unlink()
    assert pipeline.hash_input(workspace, "data/seals/") == ""


def test_a_whole_file_of_parameters(workspace):
    write(workspace.root / "more.yaml", "a: 1")
    declared = pipeline.Declared((), (("more.yaml", ""),))
    assert pipeline.hash_inputs(workspace, declared) == {"more.yaml#/": sha256_json({"a": 1})}


def test_whole_parameter_files_in_dvc_yaml(tmp_path):
    write(tmp_path / "dvc.yaml", "stages: {a: {cmd: x, params: [{more.yaml: }], deps: [{b.txt: {}}]}}")
    write(tmp_path / "params.yaml", "{}")
    found = pipeline.declared_inputs(tmp_path, "a")
    assert (found.params, found.files) == ((("more.yaml", ""),), ("b.txt",))


def test_one_hash_for_all_images_follows_each_of_them(tmp_path):
    path = tmp_path / "manifest.parquet"
    parquet.write_table(pa.table({"image_id": ["a", "b"], "sha256": ["1", "2"], "x": [0, 1]}), path)
    assert pipeline.images_sha256(path) == (2, sha256_json([["a", "1"], ["b", "2"]]))
    path.write_bytes(b"no table")
    with pytest.raises((OSError, ValueError)):
        pipeline.images_sha256(path)


def test_the_lock_and_who_makes_what(workspace):
    lock = pipeline.read_lock(workspace.root)
    assert set(lock) == {"acquire@seals", "ingest", "train", "evaluate"}
    assert lock["train"].params == {"params.yaml": {"seed": 7, "train": {"epochs": 3}}}
    assert lock["train"].deps["src/models"].endswith(".dir")
    makers = {
        "artifacts/seals/ingest/manifest.parquet": "ingest",
        "artifacts/seals/train": "train",
        "data/seals": "acquire@seals",
        "artifacts/seals/training": None,
        "src/models": None,
    }
    assert {path: pipeline.maker_of(lock, path) for path in makers} == makers


def test_md5_of_files_and_folders_is_dvcs(tmp_path):
    write(tmp_path / "folder/b/ü.txt", "1")
    write(tmp_path / "folder/a.txt", "2")
    write(tmp_path / "folder/b.txt", "3")
    write(tmp_path / "folder/__pycache__/x.txt", "ignored")
    write(tmp_path / "folder/x.pyc", "ignored")
    write(tmp_path / ".dvcignore", "__pycache__\n*.pyc\n*.egg-info\n")
    write(tmp_path / "dvc.yaml", "stages: {s: {cmd: 'true', deps: [folder, folder/a.txt]}}")
    for command in (["init", "-q", "--no-scm"], ["repro", "-q"]):
        subprocess.run([sys.executable, "-m", "dvc", *command], cwd=tmp_path, check=True, capture_output=True)
    deps = pipeline.read_lock(tmp_path)["s"].deps
    assert deps == {name: pipeline.md5_of(tmp_path / name) for name in ("folder", "folder/a.txt")}
    assert pipeline.md5_of(tmp_path / "none") == ""
