"""A project that the real DVC runs in seconds: one stage writes what all stages of the pipeline would."""

import json
import shutil
import subprocess
import sys

import yaml
from tests.qualification.build import ROOT

from sealproof.qualification.results import RESULT_STAGES

PRODUCT = "tiny"
#: What the stage writes: records of each stage, the manifest and the metrics.
OUTPUTS = len(RESULT_STAGES) + 2
STAGE = """
import hashlib, json, pathlib
import pandas
from sealproof_marker import WORD
images = sorted(pathlib.Path("data/tiny").glob("*.png"))
digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in images]
for stage in STAGES:
    folder = pathlib.Path("artifacts/tiny") / stage
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "records.json").write_text(json.dumps({"stage": stage, "value": VALUE, "images": digests}))
table = pandas.DataFrame({"path": [path.name for path in images], "sha256": digests})
table.to_parquet("artifacts/tiny/ingest/manifest.parquet")
reports = pathlib.Path("reports/tiny")
reports.mkdir(parents=True, exist_ok=True)
(reports / "metrics.json").write_text(json.dumps({"recall": VALUE, "word": WORD}))
"""


def git(root, *arguments):
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost", "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(root, message="change"):
    git(root, "add", "-A")
    git(root, "commit", "-qm", message)
    return git(root, "rev-parse", "HEAD")


def write_stage(root, value="0.5", before=""):
    text = STAGE.replace("STAGES", str(list(RESULT_STAGES))).replace("VALUE", value)
    (root / "stage.py").write_text(before + text)


def make_project(root):
    """Committed sources, images that no stage makes, results as the stage makes them."""
    root.mkdir(parents=True)
    git(root, "init", "-q")
    shutil.copytree(ROOT / "protocols", root / "protocols")
    (root / ".gitignore").write_text("/data/\n/artifacts/\n/reports/\n__pycache__/\n.dvc/tmp/\n")
    (root / "params.yaml").write_text(f"product: {PRODUCT}\n")
    (root / "src").mkdir()
    (root / "src" / "sealproof_marker.py").write_text("WORD = 'own sources'\n")
    (root / "products" / PRODUCT).mkdir(parents=True)
    (root / "products" / PRODUCT / "product.yaml").write_text("title: T\n")
    write_stage(root)
    folders = [f"artifacts/{PRODUCT}/{stage}" for stage in RESULT_STAGES]
    outs = [{path: {"cache": False}} for path in (*folders, f"reports/{PRODUCT}/metrics.json")]
    stage = {"cmd": "python stage.py", "deps": ["stage.py", f"data/{PRODUCT}"], "outs": outs}
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"evaluate": stage}}))
    (root / ".dvc").mkdir()
    (root / ".dvc" / "config").write_text("[core]\n    analytics = false\n")
    (root / ".dvc" / ".gitignore").write_text("/config.local\n/tmp\n/cache\n")
    commit(root, "first")
    images = root / "data" / PRODUCT
    images.mkdir(parents=True)
    for name in ("a", "b"):
        (images / f"{name}.png").write_bytes(name.encode())
    run_stage(root)
    return root


def run_stage(root):
    """The results here; DVC runs it in the clone alone."""
    environment = {"PYTHONPATH": str(root / "src"), "PATH": ""}
    subprocess.run([sys.executable, "stage.py"], cwd=root, env=environment, check=True)


def report(root):
    return json.loads((root / "reports" / PRODUCT / "reproduction.json").read_text())
