"""A project of three stages with everything a figure is traced through, made by hand."""

import hashlib
import json

import pyarrow as pa
import yaml
from pyarrow import parquet

from sealproof.evidence import pipeline
from sealproof.evidence.files import write_json
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.trail import append_event
from sealproof.evidence.workspace import Workspace

PARAMS = {"product": "seals", "seed": 7, "train": {"epochs": 3}}
DVC = """
stages:
  acquire:
    foreach: [seals]
    do:
      cmd: python pipeline/acquire.py
      outs: ["data/${item}"]
  ingest:
    cmd: python pipeline/ingest.py
    deps: [pipeline/ingest.py, "data/${product}"]
    params: [seed]
    outs: ["artifacts/${product}/ingest"]
  train:
    cmd: python pipeline/train.py
    deps: [src/models, "artifacts/${product}/ingest/manifest.parquet"]
    params: [seed, train]
    outs: ["artifacts/${product}/train"]
  evaluate:
    cmd: python pipeline/evaluate.py
    deps: ["artifacts/${product}/train", "artifacts/${product}/ingest", "artifacts/${product}/ledger.jsonl"]
    params: [{"products/${product}/inspection.yaml": [roi.height, checks]}]
    outs: ["artifacts/${product}/evaluate"]
    metrics: ["reports/${product}/metrics.json"]
"""
PLAN = {
    "acquire@seals": ((), ("data/seals",), {"params.yaml": {"seed": 7}}),
    "ingest": (
        ("pipeline/ingest.py", "data/seals"),
        ("artifacts/seals/ingest",),
        {"params.yaml": {"seed": 7}},
    ),
    "train": (
        ("src/models", "artifacts/seals/ingest/manifest.parquet"),
        ("artifacts/seals/train",),
        {"params.yaml": {"seed": 7, "train": {"epochs": 3}}},
    ),
    "evaluate": (
        ("artifacts/seals/train", "artifacts/seals/ingest", "artifacts/seals/ledger.jsonl"),
        ("artifacts/seals/evaluate", "reports/seals/metrics.json"),
        {"products/seals/inspection.yaml": {"roi.height": 32, "checks": {"side": 8}}},
    ),
}


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def record(workspace, name, value, artefact, pointer, stage):
    path = workspace.root / artefact
    return {
        "id": f"{stage}.{name}", "value": value, "unit": "1", "definition": f"what {name} means",
        "artefact": artefact, "pointer": pointer, "sha256": sha256_file(path), "stage": stage,
    }  # fmt: skip


def make_traced(root):
    """All files, then dvc.lock, side records and trail as a run would have left them."""
    workspace = Workspace(root, "seals")
    write(root / "params.yaml", yaml.safe_dump(PARAMS))
    write(root / "dvc.yaml", DVC)
    write(root / "pipeline/ingest.py", "ingest")
    write(root / "src/models/net.py", "net")
    write(root / "src/models/__pycache__/net.pyc", "compiled")
    write(root / "products/seals/inspection.yaml", "roi: {height: 32}\nchecks: {side: 8}\n")
    images = {f"{name}.png": write(root / f"data/seals/{name}.png", name) for name in "abc"}
    manifest = workspace.artifacts("ingest") / "manifest.parquet"
    manifest.parent.mkdir(parents=True)
    hashes = [sha256_file(path) for path in images.values()]
    parquet.write_table(pa.table({"image_id": list("abc"), "sha256": hashes}), manifest)
    write(workspace.artifacts("train") / "model.safetensors", "weights")
    write_json(workspace.artifacts("train") / "model.json", {"weights": 5})
    scores = {"recall": 0.5, "errors": ["a"], "none": "", "group": {"a/b": [1, 2]}}
    write_json(workspace.artifacts("evaluate") / "evaluation.json", scores)
    write_json(workspace.reports / "metrics.json", {"recall": 0.5})
    write(workspace.ledger, "")
    evaluation = "artifacts/seals/evaluate/evaluation.json"
    manifest_name = "artifacts/seals/ingest/manifest.parquet"
    records = {
        "ingest": [record(workspace, "images", 3, manifest_name, "column image_id", "ingest")],
        "train": [record(workspace, "weights", 5, "artifacts/seals/train/model.json", "/weights", "train")],
        "evaluate": [
            record(workspace, "recall", 0.5, evaluation, "/recall", "evaluate"),
            record(workspace, "recall.report", 0.5, "reports/seals/metrics.json", "/recall", "evaluate"),
            record(workspace, "errors", 1, evaluation, "/errors", "evaluate"),
            record(workspace, "none", None, evaluation, "/none", "evaluate"),
            record(workspace, "second", 2, evaluation, "/group/a~1b/1", "evaluate"),
            record(workspace, "wrong", 0.75, evaluation, "/recall", "evaluate"),
            record(workspace, "nowhere", 0.75, evaluation, "/precision", "evaluate"),
        ],
    }
    for stage, rows in records.items():
        write_json(workspace.artifacts(stage) / "records.json", rows)
    printed = {"pq.pdf": ["evaluate.recall", "ingest.images"], "iq.pdf": []}
    write_json(workspace.artifacts("dossier") / "printed.json", printed)
    write_lock(root)
    for stage in records:
        run_stage(workspace, stage)
    return workspace


def write_lock(root):
    stages = {
        name: {
            "cmd": f"python {name}",
            "deps": [{"path": path, "hash": "md5", "md5": md5(root / path)} for path in deps],
            "params": params,
            "outs": [{"path": path, "hash": "md5", "md5": md5(root / path)} for path in outs],
        }
        for name, (deps, outs, params) in PLAN.items()
    }
    write(root / "dvc.lock", yaml.safe_dump({"schema": "2.0", "stages": stages}))


def run_stage(workspace, stage):
    fingerprint = sha256_file(workspace.artifacts(stage) / "records.json")
    declared = pipeline.declared_inputs(workspace.root, stage)
    write_json(
        workspace.runs / f"{stage}-{fingerprint[:16]}.json",
        {
            "stage": stage, "fingerprint": fingerprint, "mlflow_run": f"run-{stage}", "commit": "c" * 40,
            "dirty": False, "started": "2026-01-01T00:00:00+00:00", "host": "here",
            "inputs": pipeline.hash_inputs(workspace, declared),
        },
    )  # fmt: skip
    details = {
        "stage": stage,
        "fingerprint": fingerprint,
        "commit": "c" * 40,
        "mlflow_run": f"run-{stage}",
    }
    append_event(workspace.trail, "stage.run", details, by="test")


def md5(path):
    """As DVC does it, written a second time for the test."""
    if path.is_file():
        return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    rows = [
        {"md5": md5(file), "relpath": str(file.relative_to(path))}
        for file in sorted(path.rglob("*"))
        if file.is_file() and "__pycache__" not in str(file)
    ]
    listing = json.dumps(rows, sort_keys=True).encode()
    return hashlib.md5(listing, usedforsecurity=False).hexdigest() + ".dir"
