"""One small release, made by the real pipeline, approved, disposed of, signed by three people, registered."""

import json
from pathlib import Path

from tests.e2e.project import PRODUCT, Project, make_project

from sealproof.evidence.trail import account, append_event
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.release import read_release
from sealproof.signing.registration import register

ROLES = ("author", "reviewer", "approver")


def command(project: Project, *arguments: str) -> None:
    """Run a command of the command line as a user does, in a process of its own."""
    done = project.call("sealproof", *arguments)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def make_signed_release(folder: Path) -> Path:
    """Build the release below `folder`; returns the root of the project.

    `folder/pki/root.pem` is the root that the three certificates lead to.
    """
    project = make_project(folder / "project")
    command(project, "approve", "--by", "Test Quality", "--role", "quality assurance")
    _repro(project, "qualify")
    _enter(project)
    _repro(project, "dossier")
    pki = folder / "pki"
    command(project, "demo-pki", str(pki))
    for role in ROLES:
        key = ("--key", str(pki / f"{role}.p12"), "--pass-file", str(pki / f"{role}.pass"))
        command(project, "sign", "--role", role, "--name", f"Test {role.title()}", *key)
    _publish(project)
    return project.root


def _repro(project: Project, target: str) -> None:
    done = project.call("dvc", "repro", target, timeout=1500)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]


def _enter(project: Project) -> None:
    """A case that a person recorded, with a file as evidence, and a disposition."""
    note = project.root / "products" / PRODUCT / "executions" / "notes" / "walk.txt"
    note.parent.mkdir(parents=True)
    note.write_text("walked through, nothing found\n")
    iq = json.loads((project.artifacts / "qualify" / "iq.json").read_text())
    case = next(item["id"] for item in iq["cases"] if not item["automated"])
    people = ("--by", "Test Engineer", "--role", "validation")
    command(
        project,
        "record",
        case,
        "--verdict",
        "pass",
        "--observed",
        "as described",
        "--evidence",
        str(note),
        *people,
    )
    deviation = "DEV-PQ-001-AC-03"
    texts = {
        "decision": "accepted",
        "cause": "three epochs",
        "impact": "none, a test",
        "corrective-action": "train longer",
    }
    options = [text for name, value in texts.items() for text in (f"--{name}", value)]
    command(project, "dispose", deviation, *options, "--by", "Test Quality", "--role", "quality assurance")


def _publish(project: Project) -> None:
    """Register the weights, and note it as `sealproof release` does; a demonstration is never released by itself."""
    workspace = Workspace(project.root, PRODUCT)
    release = read_release(workspace.signed / "release.json")
    registered = register(workspace, release, workspace.signed)
    details = {
        "release_id": release.release_id,
        "path": f"releases/{PRODUCT}/{release.release_id[:12]}",
        "sha256": "0" * 64,
        "mlflow_model": registered.model,
        "mlflow_version": registered.version,
    }
    append_event(workspace.trail, "release.published", details, by=account())
