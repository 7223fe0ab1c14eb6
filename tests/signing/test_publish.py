"""Archive and registration with the real MLflow, on a made-up release that all three roles have signed."""

import json
import shutil

import mlflow
import pytest
from tests.signing.build import COMPLETE, ROLES, make_release_to_sign

from sealproof.evidence.errors import EvidenceAlteredError, EvidenceMissingError, OutputError
from sealproof.evidence.files import write_json
from sealproof.evidence.hashing import sha256_file, sha256_tree
from sealproof.evidence.trail import read_trail
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.gate import evaluate_gate
from sealproof.qualification.release import make_release
from sealproof.signing import held
from sealproof.signing.held import DOCUMENTS
from sealproof.signing.publish import publish
from sealproof.signing.sign import sign_release


@pytest.fixture(scope="module")
def ready(tmp_path_factory, released_root, keys):
    """A signed release whose weights a run has logged to MLflow."""
    from tests.signing.crash import request

    root = tmp_path_factory.mktemp("publish") / "project"
    shutil.copytree(released_root, root, symlinks=True)
    workspace = Workspace(root, "challenge")
    for name in ("dvc.yaml", "dvc.lock", "constraints.txt"):
        (root / name).write_text(f"made-up {name}\n")
    workspace.images.mkdir(parents=True)
    (workspace.images / "image.png").write_bytes(b"made up")
    (workspace.artifacts("score.partial")).mkdir()
    (workspace.artifacts("score.partial") / "unfinished").write_text("x")
    mlflow.set_tracking_uri(f"sqlite:///{root / 'mlflow.db'}")
    place = (root / "mlruns").as_uri()
    mlflow.set_experiment(experiment_id=mlflow.create_experiment("sealproof/challenge", place))
    with mlflow.start_run() as run:
        mlflow.log_artifacts(str(workspace.artifacts("train")), artifact_path="artifacts")
    fingerprint = sha256_file(workspace.artifacts("train") / "records.json")
    side = {"stage": "train", "mlflow_run": run.info.run_id, "fingerprint": fingerprint}
    write_json(workspace.runs / f"train-{fingerprint[:16]}.json", side)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            held, "present_draft", lambda w: make_release(w, demonstration=False, missing_inputs=())
        )
        for role in ROLES:
            sign_release(workspace, request(role, keys[role]))
    return workspace


@pytest.fixture
def project(ready, tmp_path, monkeypatch):
    """A copy to publish: its MLflow is a copy as well."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copytree(ready.root, tmp_path / "project", symlinks=True)
    return Workspace(tmp_path / "project", "challenge")


def versions(project):
    client = mlflow.MlflowClient(f"sqlite:///{project.root / 'mlflow.db'}")
    return client, client.search_model_versions("name = 'sealproof-challenge'")


def published_lines(project):
    return [entry for entry in read_trail(project.trail) if entry.event == "release.published"]


def test_a_release_is_archived_registered_and_noted_once(project):
    first = publish(project)
    assert (first.release.decision, first.archived, first.registered.made) == ("released", True, True)
    identity = first.release.release_id
    assert first.place == project.root / "releases" / "challenge" / identity[:12]
    before = sha256_tree(first.place)

    archived = Workspace(first.place, "challenge")
    assert sha256_tree(archived.signed) == sha256_tree(project.signed)
    assert evaluate_gate(archived, released=True).exit_code == 0, "an archive reads like a project"
    for name in ("params.yaml", "dvc.yaml", "dvc.lock", "constraints.txt", "data/challenge/image.png"):
        assert (first.place / name).read_bytes() == (project.root / name).read_bytes()
    for path in first.place.rglob("*"):
        assert path.is_dir() or path.stat().st_mode & 0o777 == 0o444, path
    assert not [path for path in first.place.rglob("*") if "partial" in path.name]
    assert not list(first.place.parent.glob("*.partial"))

    client, made = versions(project)
    assert len(made) == 1
    run = json.loads(next(project.runs.glob("train-*.json")).read_text())["mlflow_run"]
    assert (made[0].source, made[0].run_id) == (f"runs:/{run}/artifacts", run)
    documents = {f"sealproof.document.{n}": sha256_file(project.signed / n) for n in DOCUMENTS}
    assert made[0].tags == documents | {"sealproof.release_id": identity, "sealproof.decision": "released"}
    by_alias = client.get_model_version_by_alias("sealproof-challenge", f"release-{identity[:12]}")
    assert by_alias.version == made[0].version
    logged = {item.path for item in client.list_artifacts(run, f"release/{identity[:12]}")}
    assert logged == {
        f"release/{identity[:12]}/{name}" for name in (*DOCUMENTS, "signatures.json", "release.json")
    }

    lines = published_lines(project)
    number = str(made[0].version)
    assert [entry.details for entry in lines] == [
        {
            "release_id": identity,
            "path": f"releases/challenge/{identity[:12]}",
            "sha256": sha256_file(archived.signed / "release.json"),
            "mlflow_model": "sealproof-challenge",
            "mlflow_version": number,
        }
    ]

    second = publish(project)
    assert (second.archived, second.registered.made) == (False, False)
    assert second.registered.version == number
    assert len(versions(project)[1]) == 1
    assert published_lines(project) == lines
    assert sha256_tree(first.place) == before


def test_an_archive_with_other_content_is_never_overwritten(project):
    place = publish(project).place
    image = place / "data" / "challenge" / "image.png"
    image.chmod(0o644)
    image.write_bytes(b"changed")
    before = sha256_tree(place)
    with pytest.raises(OutputError, match="archived with other content") as caught:
        publish(project)
    assert "data/challenge/image.png differs" in caught.value.why
    assert sha256_tree(place) == before


def test_what_a_kill_left_unfinished_is_done_by_the_next_call(project):
    trail = project.trail.read_bytes()
    place = publish(project).place
    project.trail.write_bytes(trail)
    left = place.with_name(f"{place.name}.partial")
    place.rename(left)
    again = publish(project)
    assert (again.archived, again.registered.made) == (True, False)
    assert len(published_lines(project)) == 1
    assert not left.exists()


def test_weights_exchanged_in_mlflow_are_found(project):
    run = json.loads(next(project.runs.glob("train-*.json")).read_text())["mlflow_run"]
    client, _ = versions(project)
    path = mlflow.artifacts.download_artifacts(run_id=run, artifact_path="artifacts/model.safetensors")
    kept = open(path, "rb").read()  # noqa: PTH123, SIM115 - MLflow gives a text, often the file itself
    other = project.root / "model.safetensors"
    other.write_bytes(b"other weights")
    client.log_artifact(run, str(other), artifact_path="artifacts")
    try:
        with pytest.raises(EvidenceAlteredError, match="weights that MLflow holds"):
            publish(project)
    finally:
        other.write_bytes(kept)
        client.log_artifact(run, str(other), artifact_path="artifacts")
    assert published_lines(project) == []


def test_a_version_of_this_release_with_other_weights_is_found(project):
    client, _ = versions(project)
    with mlflow.start_run() as run:
        pass
    identity = json.loads((project.reports / "release.json").read_text())["release_id"]
    client.create_registered_model("sealproof-challenge")
    client.create_model_version(
        "sealproof-challenge",
        f"runs:/{run.info.run_id}/x",
        run.info.run_id,
        {"sealproof.release_id": identity},
    )
    with pytest.raises(EvidenceAlteredError, match="registered with other weights"):
        publish(project)


def test_no_run_is_known_that_trained_the_weights(project):
    next(project.runs.glob("train-*.json")).unlink()
    with pytest.raises(EvidenceMissingError, match="not known which run"):
        publish(project)


def test_a_file_that_belongs_into_the_archive_is_missing(project):
    (project.root / "dvc.lock").unlink()
    with pytest.raises(EvidenceMissingError, match="cannot be archived"):
        publish(project)
    assert not [path for path in project.releases.glob("*") if not path.name.endswith(".partial")]


def test_a_signature_that_does_not_hold_is_not_published(project):
    path = project.signed / "dossier.pdf"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(EvidenceAlteredError, match="signed documents do not hold"):
        publish(project)
    assert not project.releases.exists()


@pytest.mark.parametrize(
    ("parameters", "roles", "words"),
    [
        ({}, (), "not signed: author"),
        ({}, ("author", "reviewer"), "not signed: approver"),
        ({"demonstration": True}, ROLES, "a demonstration can never be released"),
        ({"verdicts": ("pass", "not run")}, ROLES, "not run"),
        ({"verdicts": ("pass", "fail")}, ROLES, "DEV-OQ-002 open"),
        ({"low": 0.5}, ROLES, "AC-01 not met"),
    ],
)
def test_short_of_released_nothing_is_written(tmp_path, pdfs, request_of, parameters, roles, words):
    workspace = make_release_to_sign(tmp_path, pdfs, **(COMPLETE | parameters))
    for role in roles:
        sign_release(workspace, request_of(role))
    before = workspace.trail.read_bytes()
    found = publish(workspace)
    assert found.place is None
    assert found.release.decision != "released"
    assert words in "\n".join(found.release.reasons)
    assert not workspace.releases.exists()
    assert not (workspace.root / "mlflow.db").exists()
    assert workspace.trail.read_bytes() == before
