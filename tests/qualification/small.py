"""A small project whose artefacts are made by the real functions of all rooms, without DVC, MLflow and training."""

import importlib
import shutil
import subprocess

import torch
import yaml
from tests.qualification.build import ROOT

from sealproof.datasets.acquisition import acquire
from sealproof.models.attention_autoencoder import AttentionAutoencoderDetector
from sealproof.models.autoencoder import AttentionAutoencoder
from sealproof.models.storage import save_detector
from sealproof.settings import load_settings
from sealproof.stage import Stage

PRODUCT = "seal-sim"
PARTS = ("dvc.yaml", "params.yaml", "constraints.txt", "pyproject.toml", ".gitignore")
FOLDERS = ("pipeline", "products", "protocols", "templates")


def make_small_project(root):
    """Project folder, all artefacts up to the evaluation, committed; returns its settings."""
    _copy(root)
    settings = load_settings(root)
    acquire(settings.workspace.images, settings.inspection.dataset, settings.params.seed)
    for stage in (
        "ingest",
        "check",
        "roi",
        "train",
        "score",
        "cross_fit",
        "threshold",
        "challenge",
        "evaluate",
    ):
        run_stage_script(settings, stage, OWN.get(stage))
    return settings


def run_stage_script(settings, name, work=None):
    """Run what `pipeline/<name>.py` does in a stage, or `work` in its place."""
    stage = Stage(name, settings)
    stage.start()
    (work or importlib.import_module(f"pipeline.{name}").work)(stage)
    stage.finish()


def _copy(root):
    root.mkdir(parents=True)
    for name in PARTS:
        shutil.copy(ROOT / name, root)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    (root / ".dvc").mkdir()
    shutil.copy(ROOT / ".dvc" / "config", root / ".dvc" / "config")
    params = yaml.safe_load((root / "params.yaml").read_text())
    params["product"] = PRODUCT
    params["compute"] = {"threads": torch.get_num_threads(), "device": "cpu"}
    params["score"]["mahalanobis"]["features"] = 20
    params["threshold"] |= {"bootstrap": 50, "score": "4-ms-ssim"}  # the score whose figures the tests know
    params["train"]["principal_components"] = 0
    params["evaluate"]["bootstrap"] = 50
    params["challenge"] |= {"severities": [1.0, 2.0], "images": 20}
    params["challenge"]["seeded"]["images"] = 20
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    path = root / "products" / PRODUCT / "inspection.yaml"
    inspection = yaml.safe_load(path.read_text())
    inspection["dataset"]["options"] |= {"normal": 110, "defective": 50, "height": 64, "width": 128}
    inspection["split"]["subsets"] = {"partial-10": {"normal": 70, "defective": 12}}
    inspection["split"]["test"] = {"normal": 30, "defective": 30}
    inspection["roi"] = {"method": "full_frame", "patch_height": 32, "patch_width": 64}
    path.write_text(yaml.safe_dump(inspection))
    path = root / "protocols" / "iq.yaml"
    protocol = yaml.safe_load(path.read_text())
    case = next(case for case in protocol["cases"] if case.get("check") == "package-files-match-record")
    case["parameters"]["packages"] = ["imagehash"]  # the others take seconds to hash
    path.write_text(yaml.safe_dump(protocol, sort_keys=False))
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost"]
    for command in (["git", "init", "-q"], ["git", "add", "-A"], [*git, "commit", "-qm", "clone"]):
        subprocess.run(command, cwd=root, check=True, capture_output=True)


def _model(stage):
    """Random weights: nothing is learnt here, and nothing has to be."""
    roi, description = stage.settings.inspection.roi, stage.output("model.json")
    train = stage.settings.params.train.model_copy(update={"filters": (4, 4, 8, 8), "latent": 8})
    torch.manual_seed(stage.settings.params.seed)
    model = AttentionAutoencoder(roi.patch_height, roi.patch_width, train)
    save_detector(AttentionAutoencoderDetector(model), description.parent, {"epochs": 0})
    stage.recorder.add("epochs", 0, unit="epochs", definition="passes", artefact=description)
    stage.recorder.add("device", "cpu", unit="1", definition="kind of processor", artefact=description)


OWN = {"train": _model}
