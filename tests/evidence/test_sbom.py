"""The bill of materials against the CycloneDX schema, and against what it must name."""

import json
import os
import subprocess
import sys
import uuid
from importlib.metadata import distribution
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from sealproof.evidence.errors import EvidenceMissingError
from sealproof.evidence.hashing import sha256_bytes, sha256_file
from sealproof.evidence.sbom import software_bill
from sealproof.evidence.workspace import Workspace

ROOT = Path(__file__).parents[2]


def make_workspace(root):
    workspace = Workspace(root, "made-up")
    (root / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    for stage in ("ingest", "train"):
        workspace.artifacts(stage).mkdir(parents=True)
    summary = {"images": 7, "licence": "CC-BY-4.0", "source": "drawn", "simulated": True}
    (workspace.artifacts("ingest") / "manifest.parquet").write_bytes(b"manifest")
    (workspace.artifacts("ingest") / "split_summary.json").write_text(json.dumps(summary))
    card = {"architecture": "attention-autoencoder", "card": {"summary": "gives back what it is shown"}}
    (workspace.artifacts("train") / "model.json").write_text(json.dumps(card))
    (workspace.artifacts("train") / "model.safetensors").write_bytes(b"weights")
    return workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return make_workspace(tmp_path_factory.mktemp("sbom"))


@pytest.fixture(scope="module")
def bill(workspace):
    return json.loads(software_bill(workspace))


def component(bill, name):
    (found,) = [row for row in bill["components"] if row["name"] == name]
    return found


def test_it_is_valid_by_the_published_schema(workspace):
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    content = software_bill(workspace).decode()
    assert validator.validate_str(content) is None
    assert validator.validate_str(content.replace('"library"', '"libary"', 1)) is not None


def test_software_with_version_licence_record_and_what_it_needs(bill):
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.6", 1)
    torch = component(bill, "torch")
    version = distribution("torch").version
    assert (torch["type"], torch["version"]) == ("library", version)
    assert torch["purl"].startswith("pkg:pypi/torch@")
    record = distribution("torch").read_text("RECORD").encode()
    assert torch["properties"] == [{"name": "sealproof:record-sha256", "value": sha256_bytes(record)}]
    assert component(bill, "pydantic")["licenses"] == [{"license": {"id": "MIT"}}]
    references = {row["bom-ref"] for row in bill["components"]} | {"product"}
    needs = {row["ref"]: row.get("dependsOn", []) for row in bill["dependencies"]}
    assert set(needs) <= references
    assert all(other in references for others in needs.values() for other in others)
    assert torch["bom-ref"] in needs[component(bill, "sealproof")["bom-ref"]]
    assert component(bill, "jinja2")["bom-ref"] in needs[torch["bom-ref"]]
    names = {row["name"] for row in bill["components"]}
    assert {"cyclonedx-python-lib", "pyhanko", "markupsafe"} <= names
    assert "pytest" not in names, "tools for developers are not in the product"


def test_model_with_hash_of_its_weights_and_its_card(bill, workspace):
    model = component(bill, "attention-autoencoder")
    assert model["type"] == "machine-learning-model"
    assert model["hashes"] == [{"alg": "SHA-256", "content": sha256_bytes(b"weights")}]
    (card,) = model["externalReferences"]
    digest = sha256_file(workspace.artifacts("train") / "model.json")
    assert card == {
        "type": "model-card",
        "url": "artifacts/made-up/train/model.json",
        "hashes": [{"alg": "SHA-256", "content": digest}],
    }
    needs = {row["ref"]: row.get("dependsOn") for row in bill["dependencies"]}
    assert needs[model["bom-ref"]] == [component(bill, "images of made-up")["bom-ref"]]
    assert model["bom-ref"] in needs["product"]


def test_data_with_manifest_licence_and_number_of_images(bill):
    data = component(bill, "images of made-up")
    assert data["type"] == "data"
    assert data["hashes"] == [{"alg": "SHA-256", "content": sha256_bytes(b"manifest")}]
    assert data["licenses"] == [{"license": {"id": "CC-BY-4.0"}}]
    assert {"name": "sealproof:images", "value": "7"} in data["properties"]


def test_two_processes_give_the_same_bytes_without_time_or_place(workspace):
    program = (
        "import sys; from pathlib import Path; from sealproof.evidence.sbom import software_bill\n"
        "from sealproof.evidence.workspace import Workspace\n"
        "sys.stdout.buffer.write(software_bill(Workspace(Path(sys.argv[1]), 'made-up')))"
    )
    command = [sys.executable, "-c", program, str(workspace.root)]
    contents = {
        subprocess.run(
            command, check=True, capture_output=True, env={**os.environ, "PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }
    assert contents == {software_bill(workspace)}
    content = contents.pop()
    assert b"timestamp" not in content
    assert str(workspace.root).encode() not in content


def test_serial_number_follows_the_content(tmp_path, bill):
    other = make_workspace(tmp_path)
    assert json.loads(software_bill(other))["serialNumber"] == bill["serialNumber"]
    (other.artifacts("train") / "model.safetensors").write_bytes(b"other weights")
    changed = json.loads(software_bill(other))
    assert changed["serialNumber"] != bill["serialNumber"]
    assert uuid.UUID(changed["serialNumber"]).version == 5


def test_data_without_a_stated_licence_states_none(tmp_path):
    other = make_workspace(tmp_path)
    summary = other.artifacts("ingest") / "split_summary.json"
    summary.write_text(json.dumps(json.loads(summary.read_text()) | {"licence": "", "source": ""}))
    assert "licenses" not in component(json.loads(software_bill(other)), "images of made-up")


def test_everything_missing_is_named(tmp_path):
    other = make_workspace(tmp_path)
    (other.artifacts("train") / "model.safetensors").unlink()
    (other.artifacts("ingest") / "manifest.parquet").unlink()
    with pytest.raises(EvidenceMissingError) as caught:
        software_bill(other)
    assert "manifest.parquet" in caught.value.where
    assert "model.safetensors" in caught.value.where
