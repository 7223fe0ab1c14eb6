"""IQ checks: each passes on a sound installation and fails on the fault it is there for."""

import base64
import hashlib
import json
import subprocess

import pytest
import yaml
from tests.qualification.build import change_yaml, write
from tests.qualification.conftest import context_of

from sealproof.evidence.errors import DefinitionError, EvidenceAlteredError, EvidenceMissingError
from sealproof.evidence.installed import InstalledReport
from sealproof.evidence.telemetry import SILENCE
from sealproof.qualification import iq_software
from sealproof.qualification.iq_software import installed_packages, read_constraints

SYSTEM = {"systems": ["Linux"], "machines": ["x86_64", "aarch64"], "minimum_memory_gib": 0.5}


@pytest.mark.parametrize(("versions", "passed"), [(">=3.11,<3.12", True), (">=3.12", False), ("<3", False)])
def test_interpreter(sound, run, versions, passed):
    assert run("interpreter", sound, versions=versions).passed is passed


@pytest.mark.parametrize(
    ("change", "passed"),
    [
        ({}, True),
        ({"systems": ["Plan 9"]}, False),
        ({"machines": ["z80"]}, False),
        ({"minimum_memory_gib": 1e6}, False),
    ],
)
def test_operating_system(sound, run, change, passed):
    finding = run("operating-system", sound, **(SYSTEM | change))
    assert finding.passed is passed
    assert "GiB" in finding.actual


def constraints(root, change=lambda lines: lines):
    lines = [f"{name}=={version}" for name, version in installed_packages().items()]
    write(root / "list.txt", "\n".join(change(lines)) + "\n")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: [*lines, "no-such-package==1.0"], "no-such-package is missing"),
        (
            lambda lines: [*(x for x in lines if not x.startswith("numpy==")), "numpy==0.1"],
            "instead of ==0.1",
        ),
        (lambda lines: [x for x in lines if not x.startswith("numpy==")], "numpy is not listed"),
        (lambda lines: [], "is not listed"),
    ],
)
def test_packages(altered, run, change, words):
    constraints(altered)
    assert run("packages", context_of(altered), file="list.txt").passed is True
    constraints(altered, change)
    finding = run("packages", context_of(altered), file="list.txt")
    assert finding.passed is False
    assert words in finding.actual


def test_packages_that_need_not_be_listed(altered, run):
    constraints(altered, lambda lines: [line for line in lines if not line.startswith("numpy==")])
    assert run("packages", context_of(altered), file="list.txt", allowed_beyond=["num*"]).passed is True


@pytest.mark.parametrize(
    "line", ["numpy", "numpy>=1", "numpy==1.*", "numpy==1,<3", "./local", "-r other.txt"]
)
def test_a_list_without_exact_versions_is_refused(tmp_path, line):
    with pytest.raises(DefinitionError, match="exact version"):
        read_constraints(write(tmp_path / "list.txt", f"# heading\n{line}\n"))


def test_package_files(sound, run):
    finding = run("package-files-match-record", sound, packages=["imagehash", "jinja2"])
    assert finding.passed is True
    assert finding.values["packages"] == 2
    assert finding.values["files"] > 20


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package installed in a folder of its own: module and RECORD."""
    module = write(tmp_path / "made_up.py", "x = 1\n")
    digest = base64.urlsafe_b64encode(hashlib.sha256(module.read_bytes()).digest()).rstrip(b"=").decode()
    info = tmp_path / "made_up-1.0.dist-info"
    write(info / "METADATA", "Metadata-Version: 2.1\nName: made-up\nVersion: 1.0\n")
    write(info / "RECORD", f"made_up.py,sha256={digest},6\nmade_up-1.0.dist-info/RECORD,,\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda folder: (folder / "made_up.py").write_text("x = 2\n"),
            "1 differ, 0 missing: differs: made-up 1.0",
        ),
        (lambda folder: (folder / "made_up.py").unlink(), "0 differ, 1 missing"),
        (lambda folder: (folder / "made_up-1.0.dist-info" / "RECORD").unlink(), "RECORD"),
        (lambda folder: write(folder / "made_up-1.0.dist-info" / "RECORD", ""), "0 files of"),
    ],
)
def test_package_files_that_are_not_those_installed(sound, run, package, change, words):
    assert run("package-files-match-record", sound, packages=["made-up"]).passed is True
    change(package)
    finding = run("package-files-match-record", sound, packages=["made-up"])
    assert finding.passed is False
    assert words in finding.actual


def test_all_packages_but_the_exempt_are_looked_at(sound, run, monkeypatch):
    asked = []
    sound_report = InstalledReport(1, 1, 1, (), (), 0)
    monkeypatch.setattr(iq_software, "verify_installed", lambda names: asked.extend(names) or sound_report)
    assert run("package-files-match-record", sound, exempt=["Sealproof"]).passed is True
    assert set(asked) == set(installed_packages()) - {"sealproof"}


def test_a_package_that_is_not_installed_cannot_pass(sound, run):
    finding = run("package-files-match-record", sound, packages=["no-such-package"])
    assert finding.passed is False
    assert "not installed" in finding.actual


def test_arithmetic(altered, run):
    assert run("arithmetic", context_of(altered), torch="2.13.0").passed is True
    assert run("arithmetic", context_of(altered), torch="1.0").passed is False
    change_yaml(altered / "params.yaml", lambda params: params["compute"].update(threads=7))
    assert run("arithmetic", context_of(altered), torch="2.13.0").passed is False


def test_a_device_that_does_not_exist(altered, run):
    change_yaml(altered / "params.yaml", lambda params: params["compute"].update(device="cuda"))
    import torch

    assert run("arithmetic", context_of(altered), torch="2.13.0").passed is torch.cuda.is_available()


@pytest.mark.parametrize(
    ("change", "passed"), [({}, True), ({"minimum_pango": [99, 0]}, False), ({"minimum_fonts": 999}, False)]
)
def test_pdf_engine(sound, run, change, passed):
    parameters = {"minimum_pango": [1, 44], "fonts": "templates/fonts", "minimum_fonts": 1} | change
    finding = run("pdf-engine", sound, **parameters)
    assert finding.passed is passed
    assert "%PDF-" in finding.actual


def test_storage(sound, run):
    assert run("storage", sound, minimum_free_gib=0.001).passed is True
    assert run("storage", sound, minimum_free_gib=1e9).passed is False
    assert not list(sound.workspace.reports.glob(".storage-probe*"))


def test_storage_that_cannot_be_written(altered, run):
    context = context_of(altered)
    (context.workspace.reports / ".storage-probe").mkdir()
    with pytest.raises(OSError, match="directory"):
        run("storage", context, minimum_free_gib=0.001)


def test_clock(altered, run):
    assert run("clock", context_of(altered)).passed is True
    git = [
        "git",
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@localhost",
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "x",
    ]
    later = {"GIT_COMMITTER_DATE": "2099-01-01T00:00:00+00:00", "PATH": "/usr/bin:/bin"}
    subprocess.run(git, cwd=altered, check=True, env=later)
    finding = run("clock", context_of(altered))
    assert finding.passed is False
    assert finding.values["later_than_now"] == ["commit"]


def test_commit_and_clean_tree(altered, run):
    assert run("commit", context_of(altered)).passed is True
    write(altered / "dvc.lock", "schema: '2.0'\n")
    assert run("commit", context_of(altered)).passed is True, "the run itself writes dvc.lock"
    write(altered / "src" / "new.py", "x = 1\n")
    with (altered / "params.yaml").open("a") as stream:
        stream.write("# changed\n")
    finding = run("commit", context_of(altered))
    assert finding.passed is False
    assert finding.values["changed"] == ["params.yaml", "src/new.py"]


def test_no_repository(altered, run):
    (altered / ".git").rename(altered / ".was-git")
    with pytest.raises(EvidenceMissingError, match="commit"):
        run("commit", context_of(altered))


def lock(root, **changes):
    params = yaml.safe_load((root / "params.yaml").read_text())
    stages = ("ingest", "check", "roi", "train", "score", "cross_fit", "threshold", "challenge", "evaluate")
    recorded = {"seed": params["seed"], "threshold.method": params["threshold"]["method"]} | changes
    content = {"schema": "2.0", "stages": {stage: {"params": {"params.yaml": recorded}} for stage in stages}}
    write(root / "dvc.lock", yaml.safe_dump(content))


def test_pipeline_definition(altered, run):
    assert run("pipeline-definition", context_of(altered)).passed is None, "not started by DVC"
    lock(altered)
    finding = run("pipeline-definition", context_of(altered))
    assert finding.passed is True
    assert finding.values["compared"] == 18


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda root: lock(root, **{"threshold.method": "percentile"}), "ran with another threshold.method"),
        (lambda root: (root / "pipeline" / "train.py").unlink(), "pipeline/train.py is missing"),
        (
            lambda root: change_yaml(root / "dvc.lock", lambda content: content["stages"].pop("roi")),
            "stage roi is not in dvc.lock",
        ),
        (
            lambda root: change_yaml(root / "dvc.yaml", lambda content: content["stages"].pop("check")),
            "stage check is not in dvc.yaml",
        ),
    ],
)
def test_pipeline_definition_that_differs(altered, run, change, words):
    lock(altered)
    change(altered)
    finding = run("pipeline-definition", context_of(altered))
    assert finding.passed is False
    assert words in finding.actual


def test_telemetry(altered, run, monkeypatch):
    for name, value in SILENCE.items():
        monkeypatch.setenv(name, value)
    assert run("telemetry-off", context_of(altered)).passed is True
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "false")
    assert run("telemetry-off", context_of(altered)).passed is False
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    config = altered / ".dvc" / "config"
    config.write_text(config.read_text().replace("analytics = false", "analytics = true"))
    finding = run("telemetry-off", context_of(altered))
    assert finding.passed is False
    assert "analytics" in finding.actual


def test_images(altered, run):
    assert run("images-match-manifest", context_of(altered)).passed is True
    context = context_of(altered)
    first, second = context.manifest["path"][:2]
    with (context.workspace.images / first).open("ab") as stream:
        stream.write(b"\0")
    (context.workspace.images / second).unlink()
    finding = run("images-match-manifest", context_of(altered))
    assert finding.passed is False
    assert "2 differ or are missing" in finding.actual


def test_model_identity(altered, run):
    assert run("model-identity", context_of(altered)).passed is True
    path = context_of(altered).workspace.artifacts("train") / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(EvidenceAlteredError):
        run("model-identity", context_of(altered))


def test_records(altered, run):
    assert run("records-match-artefacts", context_of(altered)).passed is True
    context = context_of(altered)
    path = context.workspace.artifacts("threshold") / "thresholds.json"
    path.write_text(path.read_text() + "\n")
    write(context.workspace.artifacts("roi") / "records.json", [])
    finding = run("records-match-artefacts", context_of(altered))
    assert finding.passed is False
    assert "thresholds.json differs" in finding.actual
    assert "stage roi recorded nothing" in finding.actual


def test_ledger(altered, run):
    context = context_of(altered)
    assert run("ledger-chain", context).passed is True
    ledger = context.workspace.ledger
    line = json.loads(ledger.read_text())
    write(ledger, json.dumps(line | {"previous": "1" * 64}) + "\n")
    with pytest.raises(EvidenceAlteredError):
        run("ledger-chain", context_of(altered))
    ledger.write_text("")
    assert run("ledger-chain", context_of(altered)).passed is False
    ledger.unlink()
    with pytest.raises(EvidenceMissingError):
        run("ledger-chain", context_of(altered))
