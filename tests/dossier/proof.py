"""A made-up project whose tables, records, ledger and trail all fit together, and the attachments of its dossier."""

import json

import numpy as np
import pandas as pd
import pytest

from sealproof.challenges.disturbed import disturbances_json, plan_disturbances
from sealproof.challenges.repeats import InForce, repeatability
from sealproof.challenges.report import compare_undisturbed, record_challenge
from sealproof.datasets.ingest import Ingested
from sealproof.datasets.manifest import parquet_bytes
from sealproof.datasets.recording import record_ingest
from sealproof.datasets.settings import DatasetSettings
from sealproof.dossier.attachments import attachments
from sealproof.dossier.documents import draft_release
from sealproof.dossier.facts import fact_records, facts_json
from sealproof.dossier.inputs import load_inputs
from sealproof.dossier.quotations import all_facts
from sealproof.evaluation.cases import assemble_cases
from sealproof.evaluation.claims import plan_claims, units_before_opening
from sealproof.evaluation.detection import detection
from sealproof.evaluation.detection_evidence import record_detection
from sealproof.evaluation.documents import evaluation_json, metrics_json, predictions
from sealproof.evaluation.evaluate import Beforehand, evaluate
from sealproof.evaluation.evidence import record_evaluation
from sealproof.evaluation.localisation import localisation
from sealproof.evaluation.localisation_evidence import record_localisation
from sealproof.evaluation.noninferiority import HumanInspection
from sealproof.evaluation.settings import EvaluateSettings
from sealproof.evidence.files import read_json, write_bytes, write_json
from sealproof.evidence.hashing import sha256_bytes, sha256_file
from sealproof.evidence.ledger import record_opening
from sealproof.evidence.records import Recorder
from sealproof.evidence.trail import append_event
from sealproof.qualification.acceptance import claims, load_acceptance
from sealproof.qualification.approval import approval_in_force
from sealproof.qualification.context import Context
from sealproof.qualification.entries import approve, dispose, note_deviations, record_case
from sealproof.qualification.outcome import read_protocol
from sealproof.settings import load_settings

SIZES = {"train": 40, "calibration": 215, "tuning": 12, "test": 60, "unused": 5, "excluded": 3}
UNDECIDED = {"calibration-0007", "test-0010", "test-0011"}
SCORES = ("mse", "4-ms-ssim")
CLASSES = ("normal", "defective", "unlabelled")


def make_proof(build, root, method="conformal"):
    """Build the project and return (root, name -> content of the attachments)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "Place", place_class(build))
        patch.setattr(build, "made_up_scores", lambda: images()[1])
        patch.setattr(build, "Context", approved_context)
        build.build_project(root, failing=("OQ-005",), method=method)
    enter(root)
    return root, attached(root)


def approved_context(*arguments):
    """What checks look at, with the approval that is in force."""
    return Context(*arguments[:5], approval_in_force(arguments[0].workspace))


def attached(root):
    """The attachments of the project, as the dossier stage makes them."""
    return attachments(*drafted(root))


def drafted(root):
    """Inputs, draft and the dossier's own records of a project."""
    inputs = load_inputs(load_settings(root))
    draft = draft_release(inputs)
    facts = all_facts(inputs, draft)
    content = json.dumps(facts_json(facts), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    return inputs, draft, fact_records(facts, inputs.workspace, content.encode())


def enter(root):
    """People dispose of the failed case and record one that the pipeline cannot execute."""
    workspace = load_settings(root).workspace
    stages = ("iq", "oq", "pq")
    protocols = [read_protocol(workspace.artifacts("qualify") / f"{stage}.json") for stage in stages]
    note_deviations(workspace, [item for one in protocols for item in one.deviations], by="a stage")
    dispose(
        workspace,
        "DEV-OQ-005",
        decision="accepted",
        cause="made up",
        impact="none",
        corrective_action="none",
        by="A. Tester",
        role="quality",
    )
    manual = next(case.id for one in protocols for case in one.cases if not case.automated)
    record_case(workspace, manual, verdict="pass", observed="as drawn", by="B. Tester", role="operator")


def images():
    """(manifest with the labels of the test split, scores) of made-up images; some scores tie, some are missing."""
    random = np.random.default_rng(11)
    rows = []
    for split, size in SIZES.items():
        for index in range(size):
            name = f"{split}-{index:04d}"
            defective = split == "tuning" or (split in ("test", "unused") and index % 2 == 1)
            rows.append(_row(name, split, index, defective, random))
    table = pd.DataFrame(rows).sort_values("image_id", ignore_index=True)
    scores = table[table["split"] != "excluded"][["image_id", "split", "decided", *SCORES]]
    return table.drop(columns=["decided", *SCORES]), scores.reset_index(drop=True)


def _row(name, split, index, defective, random):
    excluded, decided = split == "excluded", name not in UNDECIDED
    tail = random.exponential(0.05)  # a tail that a generalised Pareto distribution fits
    values = {
        score: round(1 + tail + 0.05 * random.random() + 0.14 * defective, 3 if index % 9 else 2)
        for score in SCORES
    }
    return {
        "image_id": name,
        "path": f"images/{name}.png",
        "sha256": sha256_bytes(name.encode()),
        "width": 64,
        "height": 64,
        "mode": "grey8",
        "label": pd.NA if excluded else int(defective),
        "defect_type": "channel, wide" if defective else "",
        "split": split,
        "subset": "",
        "group_setup": "23" if split == "unused" else ("12" if index % 3 == 0 else "20"),
        "captured_at": pd.Timestamp("2024-01-08T06:00:00Z") if index % 2 else pd.NaT,
        "mask_path": "",
        "size_mm": float("nan"),
        "excluded": excluded,
        "excluded_reason": "not certain" if excluded else "",
        "source": "made up for a test",
        "licence": "CC0-1.0",
        "simulated": True,
        "decided": decided,
        **{score: value if decided else float("nan") for score, value in values.items()},
    }


class Challenged:
    """Stages whose outputs the script derives anew from tables: what is planned, challenged, detected."""

    def plan(self):
        """What the test set can carry, told from the summary of the splits."""
        accepted = load_acceptance(self.workspace.definition / "acceptance.yaml")
        wanted = claims(accepted, self.thresholds["in_force"]["score"])
        summary = read_json(self.workspace.artifacts("ingest") / "split_summary.json")
        return plan_claims(wanted, units_before_opening(summary), 0.95)

    def challenge(self, table):
        """Disturbances that move every score, repetitions that differ in the last digits, seeded defects."""
        test = table[table["split"] == "test"]
        envelope = load_settings(self.root).inspection.acquisition
        plan = plan_disturbances(test.assign(path="x"), envelope, (1.0, 2.0), None, 1)
        own = test[["image_id", "decided", *SCORES]]
        parts = [own.assign(disturbance="none", severity=0.0, amount=0.0)]
        for place, name in enumerate(plan.limits):
            for severity, amount in zip(plan.severities, plan.amounts(name), strict=True):
                moved = {score: own[score] + 0.01 * severity * (place - 2) for score in SCORES}
                parts.append(own.assign(disturbance=name, severity=severity, amount=amount, **moved))
        columns = ["image_id", "disturbance", "severity", "amount", "decided", *SCORES]
        disturbed = pd.concat(parts, ignore_index=True)[columns]
        force = self.thresholds["in_force"]
        repeats = self.repeats(own)
        again = repeatability(repeats, test, InForce(force["score"], force["threshold"]))
        content = {
            "disturbed": disturbances_json(plan),
            "undisturbed": compare_undisturbed(disturbed, test),
            "seeded": {},
        }
        self.seeded = seeded(table[table["split"] == "calibration"])
        self.parquet("challenge", "disturbed.parquet", disturbed)
        self.parquet("challenge", "repeats.parquet", repeats)
        self.parquet("challenge", "seeded.parquet", self.seeded)
        places = {
            "summary": self.json("challenge", "challenge.json", content),
            "again": self.json("challenge", "repeatability.json", again),
        }
        recorder = Recorder("challenge")
        record_challenge(recorder, content, again, **places)
        self.finish(recorder)
        self.disturbed = disturbed, content["disturbed"]

    def repeats(self, own):
        decided = own[own["decided"]].drop(columns="decided")
        parts = [decided.assign(repeat=n, batch_size=n, order="reversed") for n in (1, 2)]
        found = pd.concat(parts, ignore_index=True)
        found.loc[found.index[:1], list(SCORES)] += 1e-9
        return found[["image_id", "repeat", "batch_size", "order", *SCORES]]

    def detection(self, recorder, table, cases):
        held_out = table[table["split"] == "calibration"]
        found = detection(self.seeded, held_out, cases, self.thresholds)
        record_detection(recorder, found, self.json("evaluate", "detection.json", found))

    def localisation(self, recorder):
        """No test image has a mask."""
        maps = np.zeros((1, 8, 8), np.float16)
        found = localisation(self.sealed, {}, self.workspace.root, pd.DataFrame(), maps)
        record_localisation(recorder, found, self.json("evaluate", "localisation.json", found))


def place_class(build):
    """The builder of the other tests, with tables that can be read and a trail."""

    class ProofPlace(Challenged, build.Place):
        def finish(self, recorder):
            super().finish(recorder)
            digest = sha256_file(self.workspace.artifacts(recorder.stage) / "records.json")
            run = {"stage": recorder.stage, "fingerprint": digest, "commit": "c" * 40, "mlflow_run": "r" * 32}
            inputs = {"params.yaml#/seed": "5" * 64}
            side = run | {
                "seconds": 1.5,
                "started": build.AT,
                "finished": build.AT,
                "host": "h",
                "inputs": inputs,
            }
            write_json(self.workspace.runs / f"{recorder.stage}-{digest[:16]}.json", side)
            append_event(self.workspace.trail, "stage.run", run, by="a test")

        def ingest(self, simulated):
            approve(self.workspace, by="A. Tester", role="quality")
            manifest, _ = images()
            manifest["label"] = manifest["label"].astype("Int64")
            sealed = manifest[manifest["split"] == "test"][
                ["image_id", "label", "defect_type", "mask_path", "size_mm"]
            ]
            summary = summarise(manifest, simulated)
            path = self.json("ingest", "split_summary.json", summary)
            of_test = manifest["split"] == "test"
            manifest.loc[of_test, "label"], manifest.loc[of_test, "defect_type"] = pd.NA, ""
            self.manifest, self.sealed = manifest, sealed.reset_index(drop=True)
            self.parquet("ingest", "manifest.parquet", manifest)
            self.parquet("ingest", "sealed_labels.parquet", self.sealed)
            recorder = Recorder("ingest")
            place = self.workspace.artifacts("ingest") / "manifest.parquet"
            settings = DatasetSettings(adapter="seal_sim")
            record_ingest(recorder, Ingested(manifest, sealed, summary), settings, place, path)
            self.finish(recorder)

        def parquet(self, stage, name, table):
            write_bytes(self.workspace.artifacts(stage) / name, parquet_bytes(table))

        def score(self):
            table = images()[1]
            self.parquet("score", "scores.parquet", table)
            recorder, path = Recorder("score"), self.workspace.artifacts("score") / "scores.parquet"
            values = {"images": len(table), "undecided": len(UNDECIDED), "map.score": "4-ms-ssim"}
            values |= {"mahalanobis.features": 500, "mahalanobis.available": 900, "mahalanobis.layer": 2}
            values |= {
                "mahalanobis.covariance": "oas",
                "mahalanobis.patches": 80,
                "mahalanobis.shrinkage": 0.1,
                "mahalanobis.reduction": "random",
                "mahalanobis.of": "patch",
            }
            for score in SCORES:
                for split in ("train", "calibration", "tuning"):
                    chosen = table.loc[(table["split"] == split) & table["decided"], score]
                    values[f"{score}.{split}.mean"] = float(chosen.mean()) if len(chosen) else None
                    values[f"{score}.{split}.sd"] = float(chosen.std(ddof=1)) if len(chosen) > 1 else None
            for name, value in values.items():
                recorder.add(name, value, unit="1", definition=f"made up {name}", artefact=path)
            self.finish(recorder)

        def evaluate(self, table):
            cases = assemble_cases(self.sealed, table, self.manifest)
            hashes = {
                "labels": sha256_file(self.workspace.artifacts("ingest") / "sealed_labels.parquet"),
                "model": sha256_file(self.workspace.artifacts("train") / "model.safetensors"),
                "threshold": sha256_file(self.workspace.artifacts("threshold") / "thresholds.json"),
                "criteria": sha256_file(self.workspace.definition / "acceptance.yaml"),
                "approval": sha256_file(self.workspace.approval),
            }
            trail = self.workspace.trail
            record_opening(self.workspace.ledger, purpose="made up", **hashes, audit_trail=trail)
            known = Beforehand(self.plan(), prevalence=0.1, human=HUMAN)
            settings = EvaluateSettings(bootstrap=20)
            evaluation = evaluate(cases, self.thresholds, self.manifest, settings, 1, known)
            write_json(self.workspace.reports / "metrics.json", metrics_json(evaluation))
            recorder = Recorder("evaluate")
            artefact = self.json("evaluate", "evaluation.json", evaluation_json(evaluation))
            record_evaluation(recorder, evaluation, artefact)
            self.beyond(recorder, table, cases)
            self.parquet("evaluate", "predictions.parquet", predictions(evaluation))
            self.finish(recorder)

    return ProofPlace


HUMAN = HumanInspection(
    defective=40, found=30, normal=60, accepted=57, margin=0.2, source="made up for a test"
)


def seeded(held_out):
    """Cracks are found the better the larger they are, blobs hardly ever; images recur at several sizes."""
    random = np.random.default_rng(7)
    decided = held_out[held_out["decided"]]
    rows = []
    for kind, growth in (("blob", 0.0), ("crack", 0.12)):
        for size in (2.0, 4.0, 8.0, 16.0):
            part = decided.iloc[np.sort(random.choice(len(decided), 20, replace=False))]
            noise = random.normal(0, 0.1, len(part))
            moved = {score: part[score] + growth * np.log(size) - 0.1 + noise for score in SCORES}
            facts = {"defect": kind, "size_px": size, "size_mm": np.nan, "contrast": 0.6}
            rows.append(part.drop(columns="split").assign(**facts, **moved))
    columns = ["image_id", "defect", "size_px", "size_mm", "contrast", "decided", *SCORES]
    return pd.concat(rows, ignore_index=True)[columns]


def summarise(manifest, simulated):
    """split_summary.json of a manifest whose test labels are not sealed yet."""
    kinds = (
        manifest["label"]
        .map({0: "normal", 1: "defective"})
        .astype("object")
        .where(manifest["label"].notna(), "unlabelled")
    )
    table = manifest.assign(kind=kinds)

    def by_split(part):
        return {
            split: {kind: int(((part["split"] == split) & (part["kind"] == kind)).sum()) for kind in CLASSES}
            for split in SIZES
        }

    known = table[table["defect_type"] != ""]
    draw = {"wanted": 7, "found": 7, "shortfall": 0, "at_most": False, "in_use": True}
    return {
        "images": len(table),
        "source": "made up for a test",
        "licence": "CC0-1.0",
        "simulated": simulated,
        "split": {
            "seed": 1,
            "source": "seed",
            "subset": "all",
            "group_by": "",
            "calibration_fraction": 0.3,
            "test_fraction": None,
        },
        "splits": by_split(table),
        "defect_types": {split: {"channel, wide": len(part)} for split, part in known.groupby("split")},
        "subgroups": {"group_setup": {value: by_split(part) for value, part in table.groupby("group_setup")}},
        "sets": {"all": {"normal": draw, "defective": draw}},
        "excluded_reasons": {"not certain": int(table["excluded"].sum())},
        "unreadable": 0,
    }
