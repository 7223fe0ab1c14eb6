"""The real DVC pipeline on a small simulated data set, the way a user runs it."""

import json
import os
import signal
import subprocess
import time

import pytest
from tests.e2e.project import make_project
from tests.e2e.state import hashes

from sealproof.evidence.hashing import sha256_file

pytestmark = pytest.mark.slow

DOCUMENTS = ("iq.pdf", "oq.pdf", "pq.pdf", "dossier.pdf")
STAGES = (
    "ingest",
    "check",
    "roi",
    "train",
    "score",
    "cross_fit",
    "threshold",
    "challenge",
    "evaluate",
    "qualify",
    "dossier",
)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = make_project(tmp_path_factory.mktemp("e2e") / "project")
    project.repro()
    return project


def ran(output):
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]


def text(path):
    """A text a page, by another reader than the one that made the file."""
    done = subprocess.run(["pdftotext", str(path), "-"], check=True, capture_output=True, text=True)
    return done.stdout.split("\f")[:-1]


def test_all_documents_and_the_verdict_exist(project):
    for name in DOCUMENTS:
        pages = text(project.reports / name)
        assert len(pages) >= 2
        for number, page in enumerate(pages, start=1):
            assert len(page.split()) > 25, f"{name} page {number} is nearly empty"
    release = json.loads((project.reports / "release.json").read_text())
    assert release["decision"] != "released"
    for path, digest in release["evidence"].items():
        assert sha256_file(project.root / path) == digest, path


def test_every_page_says_that_the_images_are_simulated(project):
    for name in DOCUMENTS:
        for number, page in enumerate(text(project.reports / name), start=1):
            flat = " ".join(page.split()).lower()
            assert "simulated images" in flat, f"{name} page {number}"
            assert "not evidence about a real product" in flat, f"{name} page {number}"


def test_gate_agrees_with_release(project):
    release = json.loads((project.reports / "release.json").read_text())
    met = (
        all(criterion["met"] is True for criterion in release["criteria"])
        and release["decision"] != "rejected"
    )
    done = project.call("sealproof", "gate", "--json")
    assert done.returncode == (0 if met else 1), done.stdout + done.stderr
    assert json.loads(done.stdout)["exit_code"] == done.returncode


def test_a_second_run_skips_every_stage(project):
    assert ran(project.repro()) == []


def test_no_process_tried_to_reach_a_network(project):
    control = project.call(
        "python", "-c", "import urllib.request as u; u.urlopen('http://192.0.2.1/', timeout=1)"
    )
    assert control.returncode != 0
    noted = project.network_log.read_text().splitlines()
    assert noted, "the guard notes nothing, so this test would prove nothing"
    assert [line for line in noted if "192.0.2.1" not in line] == []


def test_an_altered_result_is_named_by_the_gate(project):
    path = project.artifacts / "evaluate" / "evaluation.json"
    content = path.read_bytes()
    path.chmod(0o644)
    try:
        path.write_bytes(content.replace(b"0", b"1", 1))
        done = project.call("sealproof", "gate")
        assert done.returncode == 3
        assert "evaluation.json" in done.stdout
    finally:
        path.write_bytes(content)
    assert project.call("sealproof", "gate").returncode in {0, 1}


def test_a_missing_result_is_named_by_the_gate(project):
    path = project.reports / "metrics.json"
    kept = path.rename(path.with_suffix(".kept"))
    try:
        done = project.call("sealproof", "gate")
        assert done.returncode == 2
        assert "metrics.json" in done.stdout
    finally:
        kept.rename(path)


def test_another_threshold_method_runs_only_what_follows(project):
    before = hashes(project)
    project.change("params.yaml", "threshold", "method", value="percentile")
    assert ran(project.repro("qualify")) == ["threshold", "challenge", "evaluate", "qualify"]
    after = hashes(project)
    changed = {name for name in before if before[name] != after[name]}
    assert "threshold/thresholds.json" in changed
    assert not changed & {"score/scores.parquet", "train/model.safetensors", "ingest/manifest.parquet"}
    ledger = (project.artifacts / "ledger.jsonl").read_text().splitlines()
    assert len(ledger) == 2, "each opening of the test set is on record"
    # Going back restores what was computed, from DVC's cache.
    project.change("params.yaml", "threshold", "method", value="conformal")
    project.repro("qualify")
    assert hashes(project) == before


def test_cold_runs_are_identical_also_after_a_kill_in_training(project, tmp_path):
    other = make_project(tmp_path / "again")
    other.repro("roi")
    running = subprocess.Popen(
        ["dvc", "repro", "train"], cwd=other.root, env=other.environment, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not (other.artifacts / "train.partial").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.2)
    assert (other.artifacts / "train.partial").exists(), "training was over before it could be killed"
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    assert not (other.artifacts / "train" / "model.safetensors").exists()
    other.repro("qualify")
    assert not list(other.artifacts.glob("*.partial"))
    assert hashes(other) == hashes(project)
