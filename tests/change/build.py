"""Small hand-made releases: every file that a comparison reads, with as little in it as a test can do with."""

import json
import shutil

import numpy as np
import pandas as pd
import yaml

from sealproof.change.comparison import compare
from sealproof.evidence.hashing import sha256_file, sha256_json
from sealproof.evidence.trail import append_event
from sealproof.qualification.recording import DEFINED
from sealproof.qualification.release import release_id
from sealproof.qualification.results import RESULT_STAGES

PRODUCT = "demo"
ARTIFACTS = f"artifacts/{PRODUCT}"
COMMIT = "a" * 40
SPLITS = {"train": 4, "calibration": 4, "test": 8, "unused": 1}


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        content.to_parquet(path, index=False)
    elif path.suffix in {".yaml", ".lock"}:
        path.write_text(yaml.safe_dump(content, sort_keys=False))
    elif path.suffix == ".json":
        path.write_text(json.dumps(content, indent=1, sort_keys=True))
    else:
        path.write_text(content)
    return path


def manifest():
    rows = []
    for split, count in SPLITS.items():
        for n in range(count):
            name = f"{split}-{n}"
            rows.append(
                {
                    "image_id": name,
                    "path": f"{name}.png",
                    "sha256": sha256_json(name),
                    "label": None if split == "test" else 0,
                    "split": split,
                    "subset": "",
                    "group_setup": "12",
                }
            )
    return pd.DataFrame(rows).astype({"label": "Int8"})


def predictions():
    """Eight test images, four of each class; one missed defect, one falsely rejected normal part."""
    labels = [0, 0, 0, 0, 1, 1, 1, 1]
    scores = [0.1, 0.2, 0.3, 0.6, 0.4, 0.7, 0.8, 0.9]
    verdicts = ["reject" if score >= 0.5 else "accept" for score in scores]
    return pd.DataFrame(
        {
            "image_id": [f"test-{n}" for n in range(8)],
            "label": labels,
            "score": scores,
            "threshold": 0.5,
            "verdict": verdicts,
        }
    )


def estimate(value, low, high):
    return {"value": value, "low": low, "high": high}


def case(name, verdict="pass", *, automated=True, actual="observed"):
    return {
        "id": name,
        "title": f"title of {name}",
        "requirements": ["URS-001"],
        "risks": ["RC-01"],
        "clauses": ["annex-iv/1/a"],
        "objective": "objective",
        "procedure": ["look"],
        "expected": "0 differ",
        "automated": automated,
        "actual": actual,
        "verdict": verdict,
        "deviation": f"DEV-{name}" if verdict == "fail" else None,
    }


def criterion(name, limit, bound="low", comparison=">="):
    return {
        "id": name,
        "title": f"title of {name}",
        "metric": "evaluate.{score}.recall",
        "bound": bound,
        "comparison": comparison,
        "limit": limit,
    }


def _definitions(root):
    product = {"title": "Seal", "document_prefix": "D", "revision": "1", "demonstration": False}
    product |= {"intended_use": "inspects seals", "site": "hall 1"}
    folder = root / "products" / PRODUCT
    write(folder / "product.yaml", product)
    write(folder / "inspection.yaml", {"roi": {"method": "full_frame"}, "split": {"source": "seed"}})
    criteria = [criterion("AC-01", 0.9), criterion("AC-02", 0.05, "high", "<=")]
    write(folder / "acceptance.yaml", {"demonstration": False, "criteria": criteria})
    write(root / "params.yaml", {"product": PRODUCT, "seed": 1, "train": {"epochs": 3}})
    write(root / "constraints.txt", "# pinned\ntorch==2.13.0\nNumPy==2.4.6\n")
    for stage in ("iq", "oq", "pq"):
        defined = {key: value for key, value in case(f"{stage.upper()}-001").items() if key in DEFINED}
        write(root / f"protocols/{stage}.yaml", {"stage": stage, "title": stage, "cases": [defined]})
    write(root / "protocols/requirements.yaml", {"requirements": [{"id": "URS-001", "text": "t"}]})
    write(root / "protocols/risks.yaml", {"risks": [{"id": "RC-01", "hazard": "h"}]})
    write(root / "protocols/clauses/law.yaml", {"clauses": [{"id": "annex-iv/1/a", "title": "t"}]})


def _results(root):
    for stage in RESULT_STAGES:
        write(root / ARTIFACTS / stage / "records.json", [{"stage": stage}])
    write(root / ARTIFACTS / "ingest/manifest.parquet", manifest())
    write(root / ARTIFACTS / "ingest/sealed_labels.parquet", predictions()[["image_id", "label"]])
    counts = {split: {"normal": count, "defective": 0} for split, count in SPLITS.items()}
    summary = {"splits": counts, "source": "line 1", "licence": "own", "simulated": False, "images": 17}
    write(root / ARTIFACTS / "ingest/split_summary.json", summary)
    write(root / ARTIFACTS / "check/findings.json", {"findings": []})
    write(root / ARTIFACTS / "train/model.safetensors", "weights")
    weights = sha256_file(root / ARTIFACTS / "train/model.safetensors")
    described = {
        "architecture": "a",
        "training": {"loss": 0.1},
        "weights": {"sha256": weights, "parameters": 9},
    }
    write(root / ARTIFACTS / "train/model.json", described)
    in_force = {"score": "ssim", "method": "mean_sigma", "threshold": 0.5, "low": 0.45, "high": 0.55}
    in_force |= {"eligible": True, "calibration": "held-out", "details": {"mean": 0.3}}
    write(root / ARTIFACTS / "threshold/thresholds.json", {"in_force": in_force})
    groups = [{"column": "setup", "value": "12", "recall": estimate(0.75, 0.2, 0.99) | {"interval": "x"}}]
    evaluation = {
        "test": {"images": 8},
        "confidence": 0.95,
        "promise": {"kept": True},
        "subgroups": {"all": groups},
    }
    write(root / ARTIFACTS / "evaluate/evaluation.json", evaluation)
    write(root / ARTIFACTS / "evaluate/predictions.parquet", predictions())
    metrics = {"recall": estimate(0.75, 0.2, 0.99), "specificity": estimate(0.75, 0.2, 0.99)}
    write(root / f"reports/{PRODUCT}/metrics.json", {"ssim": metrics, "mse": metrics})


def _judged(root):
    rows = [{"id": name, "met": True} for name in ("AC-01", "AC-02")]
    write(root / ARTIFACTS / "qualify/criteria.json", {"criteria": rows})
    for stage in ("iq", "oq", "pq"):
        protocol = {"stage": stage, "finished_at": "2026-01-01T00:00:00+00:00"}
        write(
            root / ARTIFACTS / f"qualify/{stage}.json", protocol | {"cases": [case(f"{stage.upper()}-001")]}
        )
    write(root / ARTIFACTS / "ledger.jsonl", '{"number":1}\n')


def make_tree(root):
    """A sound release."""
    _definitions(root)
    _results(root)
    _judged(root)
    run_stages(root)
    return seal(root)


def run_stages(root, commit=COMMIT):
    """Notes the runs of all stages in the audit trail, as they stand."""
    for stage in RESULT_STAGES:
        fingerprint = sha256_file(root / ARTIFACTS / stage / "records.json")
        details = {"stage": stage, "fingerprint": fingerprint, "commit": commit, "mlflow_run": "r"}
        append_event(root / ARTIFACTS / "trail.jsonl", "stage.run", details, by="test")


def seal(root):
    """Writes release.json over what lies there now, so that an alteration is a change and no tampering."""
    folders = [
        "protocols",
        f"products/{PRODUCT}",
        *(f"{ARTIFACTS}/{stage}" for stage in (*RESULT_STAGES, "qualify")),
    ]
    files = sorted(path for folder in folders for path in (root / folder).rglob("*") if path.is_file())
    evidence = {path.relative_to(root).as_posix(): sha256_file(path) for path in files}
    evidence[f"reports/{PRODUCT}/metrics.json"] = sha256_file(root / f"reports/{PRODUCT}/metrics.json")
    release = {
        "product": PRODUCT,
        "release_id": release_id(evidence, PRODUCT),
        "evidence": evidence,
        "documents": {},
    }
    write(root / f"reports/{PRODUCT}/release.json", release)
    return root


def edit(root, name, change):
    """Change a parsed YAML, JSON or Parquet file in place."""
    path = root / name
    if path.suffix == ".parquet":
        content = pd.read_parquet(path)
    else:
        text = path.read_text()
        content = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    changed = change(content)
    write(path, content if changed is None else changed)


def put(root, name, value, *keys):
    """Set one key of a YAML or JSON file."""

    def change(content):
        inner = content
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value

    edit(root, name, change)


class Pair:
    """An old and a new release that begin alike."""

    def __init__(self, sound, folder):
        self.old, self.new = folder / "old", folder / "new"
        for root in (self.old, self.new):
            shutil.copytree(sound, root)

    def plan(self, what, **limits):
        """A pre-determined change in both releases: the plan itself does not change."""
        entry = {"id": "PCC-01", "what": what, "limits": limits, "reason": "r", "approved_by": "QA"}
        for root in (self.old, self.new):
            put(root, f"products/{PRODUCT}/product.yaml", [entry], "predetermined_changes")

    def compare(self):
        for root in (self.old, self.new):
            seal(root)
        return compare(self.old, self.new)

    def changes(self):
        """Path -> change, after both are sealed."""
        found = self.compare()
        assert not found.problems, found.problems
        paths = [change.path for change in found.changes]
        assert len(paths) == len(set(paths)), "a claim is changed twice"
        return {change.path: change for change in found.changes}


def random_scores(seed, size=40):
    """Labels and two correlated scores of the same images."""
    random = np.random.default_rng(seed)
    labels = np.repeat([0, 1], size // 2)
    common = random.normal(size=size) + labels
    return labels, common + random.normal(size=size), common + random.normal(size=size)
