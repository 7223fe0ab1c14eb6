"""One product that is no demonstration, from approval to a read-only release, with the commands a user types."""

import csv
import json
import shutil
import subprocess
import sys

import pytest
import yaml
from tests.e2e.project import make_project

pytestmark = pytest.mark.corpus

PRODUCT = "mine"
PEOPLE = ("--by", "Test Quality", "--role", "quality assurance")
TEXT = "Written for a test; nobody's statement."
CRITERIA = [
    {"id": "AC-01", "title": "Area under the ROC curve", "metric": "evaluate.{score}.auroc", "bound": "low"}
    | {"comparison": ">=", "limit": 0.2, "rationale": TEXT, "requirement": "URS-017", "risk": "RC-01"},
    {"id": "AC-02", "title": "Share of parts that are undecided", "metric": "evaluate.test.undecided"}
    | {"of": "evaluate.test.images", "bound": "high", "comparison": "<=", "limit": 0.5}
    | {"rationale": TEXT, "requirement": "URS-014", "risk": "RC-15"},
]


def statements(root):
    """What a manufacturer has to write, all of it answered."""
    clauses = yaml.safe_load((root / "protocols" / "clauses" / "eu_ai_act_annex_iv.yaml").read_text())
    questions = yaml.safe_load((root / "protocols" / "classification.yaml").read_text())["questions"]
    answered = [row["id"] for row in clauses["clauses"] if row["evidence"] != "automatic"]
    return {
        "title": "Pouch",
        "document_prefix": "TEST",
        "demonstration": False,
        "provider": {"name": "Test provider", "address": "Test address"},
        "site": "Test site",
        "intended_use": TEXT,
        "oversight": TEXT,
        "interfaces": [TEXT],
        "standards": [TEXT],
        "hazards": [{"id": "H-01", "hazard": TEXT, "harm": TEXT, "control": TEXT}],
        "field_prevalence": 0.01,
        "human_inspection": {"not_applicable": TEXT},
        "masks": {"not_applicable": TEXT},
        "annex_iv": {name: {"text": TEXT} for name in answered},
        "classification": {row["id"]: TEXT for row in questions},
    }


def own_images(project):
    """Images of the simulated line, put into folders as a user puts his own."""
    done = project.call(sys.executable, "pipeline/acquire.py", "seal-sim")
    assert done.returncode == 0, done.stdout + done.stderr
    source = project.root / "data" / "seal-sim"
    with (source / "samples.csv").open() as stream:
        for row in csv.DictReader(stream):
            path = source / row["image"]
            folder = project.root / "data" / PRODUCT / ("defective" if int(row["label"]) else "normal")
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / path.name)


def commit(project):
    for command in (
        ["add", "-A"],
        ["-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-qm", "entries"],
    ):
        subprocess.run(["git", *command], cwd=project.root, check=True, capture_output=True)


def sealproof(project, *arguments, code=0):
    done = project.call("sealproof", *arguments)
    assert done.returncode == code, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def executed(project):
    for stage in ("iq", "oq", "pq"):
        yield json.loads((project.root / "artifacts" / PRODUCT / "qualify" / f"{stage}.json").read_text())


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = make_project(tmp_path_factory.mktemp("released") / "project")
    own_images(project)
    definition = project.root / "products" / PRODUCT
    shutil.copytree(project.root / "products" / "seal-sim", definition)
    project.change(
        f"products/{PRODUCT}/inspection.yaml", "dataset", value={"adapter": "folder", "options": {}}
    )
    (definition / "product.yaml").write_text(yaml.safe_dump(statements(project.root)))
    criteria = {"demonstration": False, "maximum_systems_judged": 1, "criteria": CRITERIA}
    (definition / "acceptance.yaml").write_text(yaml.safe_dump(criteria))
    project.change("params.yaml", "product", value=PRODUCT)
    sealproof(project, "approve", *PEOPLE)
    commit(project)
    project.repro()
    sealproof(project, "repeatability", "--seeds", "3")
    commit(project)
    project.repro()
    return project


def test_from_evidence_to_a_release_that_anyone_can_verify(project, tmp_path):
    people_enter_what_is_theirs(project)
    commit(project)
    output = project.repro()
    assert [line for line in output.splitlines() if line.startswith("Running")] == [
        "Running stage 'dossier':"
    ]
    sealproof(project, "gate")
    sealproof(project, "gate", "--released", code=1)
    sealproof(project, "release", code=1)

    keys = tmp_path / "keys"
    sealproof(project, "demo-pki", str(keys))
    trust = ("--trust", str(keys / "root.pem"))
    for role in ("author", "reviewer", "approver"):
        key = ("--key", str(keys / f"{role}.p12"), "--pass-file", str(keys / f"{role}.pass"))
        sealproof(project, "sign", "--role", role, "--name", f"Test {role}", *key)
    signed = json.loads((project.root / "reports" / PRODUCT / "signed" / "release.json").read_text())
    assert (signed["decision"], signed["missing_inputs"]) == ("released", [])
    sealproof(project, "gate", "--released")
    sealproof(project, "verify", *trust, "--require-signatures")

    sealproof(project, "release")
    place = f"releases/{PRODUCT}/{signed['release_id'][:12]}"
    archive = project.root / place
    assert {path.stat().st_mode & 0o222 for path in archive.rglob("*") if path.is_file()} == {0}
    sealproof(project, "release")  # all of it is there: nothing is done twice
    sealproof(project, "verify", place, *trust, "--require-signatures")
    sealproof(project, "verify", *trust, "--require-signatures")
    difference = json.loads(sealproof(project, "diff", place, ".", "--json"))
    assert difference["changes"] == []
    registered_under_the_release(project, signed["release_id"])


def people_enter_what_is_theirs(project):
    for protocol in executed(project):
        for case in protocol["cases"]:
            if not case["automated"]:
                sealproof(project, "record", case["id"], "--verdict", "pass", "--observed", TEXT, *PEOPLE)
        for item in protocol["deviations"]:
            texts = ("--cause", TEXT, "--impact", TEXT, "--corrective-action", TEXT)
            sealproof(project, "dispose", item["id"], "--decision", "accepted", *texts, *PEOPLE)


def registered_under_the_release(project, release_id):
    code = (
        "import mlflow; mlflow.set_tracking_uri('sqlite:///mlflow.db');"
        f"found = mlflow.MlflowClient().get_model_version_by_alias('sealproof-{PRODUCT}', 'release-{release_id[:12]}');"
        "print(found.version, found.tags['sealproof.release_id'])"
    )
    done = project.call(sys.executable, "-c", code)
    assert done.stdout.split() == ["1", release_id], done.stdout + done.stderr
