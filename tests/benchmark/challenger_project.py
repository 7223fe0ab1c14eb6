"""A toy project with a champion on record: images, results of the stages, and the dvc.lock that names them."""

import hashlib

import numpy as np
import pandas as pd
import yaml
from PIL import Image
from tests.repetition.conftest import release, write_project

from sealproof.evidence.pipeline import md5_of
from sealproof.settings import load_settings

READ = {  # stage -> what it reads of others, and its parameters
    "ingest": ((), {"params.yaml": ["seed"], "products/toy/inspection.yaml": ["dataset", "split"]}),
    "roi": (("ingest/manifest.parquet",), {"products/toy/inspection.yaml": ["roi"]}),
    "train": (("ingest/manifest.parquet", "roi"), {"params.yaml": ["compute", "seed", "train"]}),
    "score": (("ingest/manifest.parquet", "roi", "train"), {"params.yaml": ["compute", "score", "seed"]}),
    "threshold": (
        ("ingest/manifest.parquet", "score/scores.parquet"),
        {"params.yaml": ["seed", "threshold"]},
    ),
}
SOURCE = "src/sealproof/models"


def champion_project(root):
    """Write the project into an empty folder."""
    write_project(root)
    _write_images(root)
    (root / SOURCE).mkdir(parents=True)
    (root / SOURCE / "padim.py").write_text("one")
    release(load_settings(root))
    write_lock(root)
    return root


def _write_images(root):
    """The stored patches as images of 8 bits below data/toy, and their paths and hashes in the manifest."""
    stored = np.load(artifact(root, "roi/patches.npy"))
    manifest = pd.read_parquet(artifact(root, "ingest/manifest.parquet"))
    folder = root / "data" / "toy"
    folder.mkdir(parents=True)
    hashes = []
    for place, name in enumerate(manifest["image_id"]):
        Image.fromarray((stored[place] >> 8).astype(np.uint8)).save(folder / f"{name}.png")
        hashes.append(hashlib.sha256((folder / f"{name}.png").read_bytes()).hexdigest())
    manifest = manifest.assign(path=manifest["image_id"] + ".png", excluded=False, sha256=hashes)
    manifest.to_parquet(artifact(root, "ingest/manifest.parquet"), index=False)


def write_lock(root):
    """dvc.lock as it would be if the pipeline had just run."""
    stages = {}
    for stage, (read, params) in READ.items():
        deps = [f"artifacts/toy/{name}" for name in read] + [SOURCE] * (stage == "train")
        values = {file: yaml.safe_load((root / file).read_text()) for file in params}
        stages[stage] = {
            "cmd": f"python pipeline/{stage}.py",
            "deps": [_entry(root, path) for path in deps],
            "params": {file: {key: values[file][key] for key in keys} for file, keys in params.items()},
            "outs": [_entry(root, f"artifacts/toy/{stage}")],
        }
    (root / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))


def _entry(root, path):
    return {"path": path, "md5": md5_of(root / path)}


def artifact(root, name):
    """A file of a stage."""
    return root / "artifacts" / "toy" / name


def challenger_file(root, content, name="other"):
    """A challenger's file in the project."""
    path = root / f"{name}.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def edit_yaml(path, section, **changes):
    """Change keys of a section."""
    content = yaml.safe_load(path.read_text())
    content[section] |= changes
    path.write_text(yaml.safe_dump(content))
