"""What two runs must agree on: hashes of all outputs that are functions of their inputs, and the release id."""

import json

from tests.e2e.project import Project

from sealproof.evidence.hashing import sha256_file

FUNCTIONS_OF_THEIR_INPUTS = (
    "ingest/manifest.parquet",
    "ingest/sealed_labels.parquet",
    "check/findings.json",
    "roi/regions.parquet",
    "roi/patches.npy",
    "train/model.safetensors",
    "train/model.json",
    "score/scores.parquet",
    "score/maps.npy",
    "threshold/thresholds.json",
    "evaluate/evaluation.json",
    "evaluate/predictions.parquet",
    "qualify/criteria.json",
)


def hashes(project: Project) -> dict[str, str]:
    """SHA-256 of each such file, and of metrics.json."""
    found = {name: sha256_file(project.artifacts / name) for name in FUNCTIONS_OF_THEIR_INPUTS}
    return found | {"metrics.json": sha256_file(project.reports / "metrics.json")}


def release_id(project: Project) -> str:
    """The id of the release that lies there."""
    return str(json.loads((project.reports / "release.json").read_text())["release_id"])
