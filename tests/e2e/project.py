"""A small copy of this project that the real DVC runs, with a guard that notes every attempt to reach a network."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
PARTS = ("dvc.yaml", "params.yaml", "constraints.txt", "pyproject.toml", ".dvcignore", ".gitignore")
FOLDERS = ("pipeline", "products", "protocols", "templates", "src")
PRODUCT = "seal-sim"

#: Loaded by every Python process of the run (DVC, the stages, MLflow, Great Expectations) before anything else.
GUARD = """
import os, socket, sys
_log = os.environ["NETWORK_LOG"]
def _note(what):
    with open(_log, "a") as stream:
        stream.write(f"{sys.argv[:2]}: {what}\\n")
    raise OSError(101, f"network is closed in this test: {what}")
def _audit(event, arguments):
    if event == "socket.connect" and arguments[0].family in (socket.AF_INET, socket.AF_INET6):
        _note(f"connect {arguments[1]}")
    if event == "socket.getaddrinfo" and arguments[0] not in (None, "localhost", socket.gethostname()):
        _note(f"look up {arguments[0]}")
sys.addaudithook(_audit)
"""


class Project:
    """A project folder and the commands a user types in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.network_log = root.parent / f"{root.name}-network.log"
        guard = root.parent / f"{root.name}-guard"
        guard.mkdir()
        (guard / "sitecustomize.py").write_text(GUARD)
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("DVC_", "MLFLOW_", "GX_", "DO_NOT"))
        }
        self.environment = kept | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": f"{guard}{os.pathsep}{root / 'src'}",
            "NETWORK_LOG": str(self.network_log),
            "COLUMNS": "160",
            "HOME": str(root.parent),
        }

    @property
    def artifacts(self) -> Path:
        return self.root / "artifacts" / PRODUCT

    @property
    def reports(self) -> Path:
        return self.root / "reports" / PRODUCT

    def call(self, *command: str, timeout: float = 1200) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def repro(self, *targets: str) -> str:
        done = self.call("dvc", "repro", *(targets or ("dossier",)))
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
        return done.stdout

    def change(self, file: str, *path: str, value: object) -> None:
        content = yaml.safe_load((self.root / file).read_text())
        inner = content
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
        (self.root / file).write_text(yaml.safe_dump(content, sort_keys=False))


def make_project(root: Path) -> Project:
    """Copy what a clone would hold, make it a repository, and shrink the work to what a test can wait for."""
    root.mkdir(parents=True)
    for name in PARTS:
        shutil.copy(ROOT / name, root)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    (root / ".dvc").mkdir()
    for name in ("config", ".gitignore"):
        shutil.copy(ROOT / ".dvc" / name, root / ".dvc" / name)
    project = Project(root)
    project.change("params.yaml", "product", value=PRODUCT)
    project.change("params.yaml", "train", "epochs", value=3)
    project.change("params.yaml", "threshold", "score", value="4-ms-ssim")  # the forgeries name it
    project.change("params.yaml", "score", "mahalanobis", "features", value=50)
    project.change("params.yaml", "evaluate", "bootstrap", value=200)
    project.change("params.yaml", "threshold", "bootstrap", value=100)
    project.change("params.yaml", "challenge", "severities", value=[1.0, 2.0])
    project.change("params.yaml", "challenge", "images", value=20)
    project.change("params.yaml", "challenge", "seeded", "images", value=20)
    shrink = f"products/{PRODUCT}/inspection.yaml"
    project.change(shrink, "dataset", "options", "normal", value=110)
    project.change(shrink, "dataset", "options", "defective", value=50)
    project.change(shrink, "split", "subsets", value={"partial-10": {"normal": 70, "defective": 12}})
    project.change(
        shrink, "split", "test", value={"normal": 36, "defective": 36}
    )  # 35 cannot carry a bound of 0.9
    project.change(shrink, "roi", "patch_height", value=32)
    project.change(shrink, "roi", "patch_width", value=64)
    protocol = yaml.safe_load((root / "protocols" / "iq.yaml").read_text())
    case = next(item for item in protocol["cases"] if item.get("check") == "package-files-match-record")
    case["parameters"]["packages"] = ["imagehash"]  # all of them take seconds to hash, in each run
    (root / "protocols" / "iq.yaml").write_text(yaml.safe_dump(protocol, sort_keys=False))
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost"]
    for command in (["git", "init", "-q"], ["git", "add", "-A"], [*git, "commit", "-qm", "clone"]):
        subprocess.run(command, cwd=root, check=True, capture_output=True)
    return project
