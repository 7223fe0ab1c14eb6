"""A small made-up project with all evidence of one product, written with the recorders of the rooms themselves."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from sealproof.challenges.disturbed import disturbances_json, plan_disturbances
from sealproof.challenges.repeats import InForce, repeatability
from sealproof.challenges.report import compare_undisturbed, record_challenge
from sealproof.datasets.ingest import Ingested
from sealproof.datasets.manifest import parquet_bytes
from sealproof.datasets.recording import record_ingest
from sealproof.datasets.settings import DatasetSettings
from sealproof.evaluation.claims import plan_claims
from sealproof.evaluation.detection import detection
from sealproof.evaluation.detection_evidence import record_detection
from sealproof.evaluation.documents import evaluation_json, metrics_json, predictions
from sealproof.evaluation.evaluate import Beforehand, evaluate
from sealproof.evaluation.evidence import record_evaluation
from sealproof.evaluation.localisation_evidence import record_localisation
from sealproof.evaluation.robustness import evaluate_robustness
from sealproof.evaluation.robustness_evidence import record_robustness
from sealproof.evaluation.robustness_result import Rule
from sealproof.evaluation.settings import EvaluateSettings
from sealproof.evidence.files import write_bytes, write_json
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.ledger import record_opening
from sealproof.evidence.records import RecordBook, Recorder, write_records
from sealproof.models.cards import attention_autoencoder_card
from sealproof.models.report import DEFINITIONS, record_training
from sealproof.models.settings import TrainSettings
from sealproof.qualification.acceptance import claims, load_acceptance
from sealproof.qualification.catalogue import load_catalogue
from sealproof.qualification.context import Context
from sealproof.qualification.criteria import judge_product
from sealproof.qualification.execution import Runner, execute
from sealproof.qualification.registry import CHECKS, Check, Finding
from sealproof.qualification.run import Qualification, record_qualification
from sealproof.qualification.trace import trace_matrix
from sealproof.quality.findings import CHECKS as DATA_CHECKS
from sealproof.quality.report import MEASURES
from sealproof.quality.report import record as record_check
from sealproof.repetition.folds import CrossFit, no_scores
from sealproof.roi.report import record_regions
from sealproof.roi.settings import RoiSettings
from sealproof.settings import load_settings
from sealproof.thresholds.compare import compare, thresholds_json
from sealproof.thresholds.evidence import record_thresholds
from sealproof.thresholds.selection import calibration_scores
from sealproof.thresholds.settings import ThresholdSettings
from sealproof.thresholds.studies.evidence import record_evt_study, record_guarantees, with_own_answer
from sealproof.thresholds.studies.reading import EVT_STUDY, GUARANTEES, read_evt_study, read_guarantees

REPOSITORY = Path(__file__).parents[2]
PRODUCT = "seal-sim"
SCORES = ("mse", "4-ms-ssim")
AT = "2026-01-02T03:04:05+00:00"
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="120">'
    '<rect width="300" height="120" fill="#e8ecee"/><text x="20" y="60" font-family="DejaVu Sans">made up</text></svg>'
)
SPLITS = ("train", "calibration", "tuning", "test", "unused", "excluded")
CLASSES = ("normal", "defective", "unlabelled")


def build_project(root, *, simulated=True, failing=("OQ-005",), method="conformal"):
    """Write params, product, protocols and every artefact of a made-up product below `root`."""
    shutil.copytree(REPOSITORY / "protocols", root / "protocols")
    shutil.copytree(REPOSITORY / "products" / PRODUCT, root / "products" / PRODUCT)
    (root / "templates").symlink_to(REPOSITORY / "templates")
    for name in ("constraints.txt", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, root)
    params = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    params["product"] = PRODUCT
    (root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    place = Place(root)
    table = made_up_scores()
    place.ingest(simulated)
    place.check()
    place.regions()
    place.train()
    place.score()
    place.cross_fit()
    place.threshold(table, method)
    place.challenge(table)
    place.evaluate(table)
    place.qualify(set(failing))
    place.figures()
    return root


def made_up_scores():
    """image_id, split, decided and three scores; defects score higher."""
    random = np.random.default_rng(3)
    rows = []
    for split, size in {"train": 80, "calibration": 60, "tuning": 12, "test": 80}.items():
        for index in range(size):
            defective = split == "tuning" or (split == "test" and index % 2)
            values = {name: 1 + 0.1 * random.normal() + 0.35 * bool(defective) for name in SCORES}
            rows.append({"image_id": f"{split}-{index:04d}", "split": split, "decided": True, **values})
    return pd.DataFrame(rows).sort_values("image_id", ignore_index=True)


def seeded_defects(table):
    """Seeded defects of two types: one is found the better the larger it is, one never."""
    held_out = table[table["split"] == "calibration"].drop(columns="split")
    rows = [
        held_out.assign(
            defect=name,
            size_px=size,
            size_mm=np.nan,
            contrast=0.6,
            **{score: held_out[score] + growth * np.log(size / 4) for score in SCORES},
        )
        for name, growth in (("crack", 0.2), ("dark-blob", 0.0))
        for size in (2.0, 4.0, 8.0, 16.0, 32.0)
    ]
    return pd.concat(rows, ignore_index=True)


class Place:
    """Writes the artefacts of one product, stage by stage."""

    def __init__(self, root):
        self.root, self.workspace = root, load_settings(root).workspace

    def file(self, stage, name, content=b"made up\n"):
        path = self.workspace.artifacts(stage) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_bytes(content)
        return path

    def table(self, stage, name, table):
        path = self.workspace.artifacts(stage) / name
        write_bytes(path, parquet_bytes(table))
        return path

    def json(self, stage, name, value):
        path = self.workspace.artifacts(stage) / name
        write_json(path, value)
        return path

    def finish(self, recorder):
        records = recorder.finish(lambda path: (path, self.workspace.relative(path)))
        write_records(self.workspace.artifacts(recorder.stage) / "records.json", records)

    def ingest(self, simulated):
        counts = {split: dict.fromkeys(CLASSES, 7) for split in SPLITS}
        draw = {"wanted": 7, "found": 7, "shortfall": 0, "at_most": False, "in_use": True}
        summary = {
            "images": 126,
            "source": "made up for a test",
            "licence": "CC BY-NC-SA 4.0",
            "simulated": simulated,
            "split": {
                "seed": 1,
                "source": "seed",
                "subset": "all",
                "group_by": "",
                "calibration_fraction": 0.3,
                "test_fraction": None,
            },
            "splits": counts,
            "defect_types": {},
            "subgroups": {"group_setup": {"12": counts}},
            "sets": {"all": {"normal": draw, "defective": draw}},
            "excluded_reasons": {"not certain": 7},
            "unreadable": 0,
        }
        manifest = pd.DataFrame({"image_id": ["a"], "sha256": ["0" * 64]})
        recorder = Recorder("ingest")
        path = self.json("ingest", "split_summary.json", summary)
        ingested = Ingested(manifest, manifest, summary)
        record_ingest(
            recorder,
            ingested,
            DatasetSettings(adapter="seal_sim"),
            self.table("ingest", "manifest.parquet", manifest),
            path,
        )
        self.file("ingest", "sealed_labels.parquet")
        self.finish(recorder)

    def check(self):
        told = {
            code: {"question": found.question, "reason": found.reason, "findings": 0, "severity": None}
            for code, found in DATA_CHECKS.items()
        }
        told["time_neighbours_across_splits"]["findings"] = None
        facts = {
            "images": 126,
            "counts": {"error": 0, "warning": 1, "info": 0},
            "checks": told,
            "findings": [
                {
                    "severity": "warning",
                    "what": "an image is dark",
                    "observed": "0.1",
                    "mend": "look",
                    "code": "x",
                }
            ],
            "measured": {"all": {name: {"minimum": 0.1, "median": 0.2, "maximum": 0.3} for name in MEASURES}},
            "associations": [],
            "drift": [],
        }
        recorder = Recorder("check")
        record_check(recorder, facts, self.json("check", "findings.json", facts))
        self.finish(recorder)

    def regions(self):
        images = pd.DataFrame({"image_id": ["a"], "split": ["test"], "decided": [True], "confidence": [0.9]})
        regions = pd.DataFrame({"image_id": ["a"], "row": [0]})
        recorder = Recorder("roi")
        settings = RoiSettings(method="full_frame")
        record_regions(recorder, regions, images, settings, self.file("roi", "regions.parquet"))
        self.finish(recorder)

    def train(self):
        without_defects = [name for name in DEFINITIONS if not name.startswith("defect_")]
        facts = dict.fromkeys(without_defects, 3) | {
            "loss": "mse",
            "keep": "last",
            "train_loss": 0.01,
            "calibration_loss": 0.02,
            "device": "cpu",
        }
        settings = TrainSettings()
        description = {
            "card": attention_autoencoder_card(settings).as_dict(),
            "input": {"height": 64, "width": 64},
            "settings": settings.model_dump(mode="json"),
            "training": facts,
            "weights": {"file": "model.safetensors", "sha256": "1" * 64, "parameters": 3},
        }
        self.file("train", "model.safetensors")
        recorder = Recorder("train")
        record_training(recorder, facts, self.json("train", "model.json", description))
        self.finish(recorder)

    def score(self):
        path = self.table("score", "scores.parquet", made_up_scores())
        recorder = Recorder("score")
        values = {"images": 232, "undecided": 0, "map.score": "4-ms-ssim", "mahalanobis.features": 500}
        values |= {"mahalanobis.available": 900, "mahalanobis.layer": 2, "mahalanobis.covariance": "oas"}
        values |= {"mahalanobis.patches": 80, "mahalanobis.shrinkage": 0.1}
        values |= {"mahalanobis.reduction": "random", "mahalanobis.of": "patch"}
        values |= {
            f"{s}.{p}.{k}": 0.5
            for s in SCORES
            for p in ("train", "calibration", "tuning")
            for k in ("mean", "sd")
        }
        for name, value in values.items():
            recorder.add(name, value, unit="1", definition=f"made up {name}", artefact=path)
        self.finish(recorder)

    def cross_fit(self):
        found = CrossFit(no_scores(), ())
        self.table("cross_fit", "scores.parquet", found.scores)
        recorder, path = Recorder("cross_fit"), self.json("cross_fit", "cross_fit.json", found.as_json())
        for name in ("folds", "images", "undecided"):
            recorder.add(name, 0, unit="1", definition="made up", artefact=path, pointer=f"/{name}")
        self.finish(recorder)

    def threshold(self, table, method):
        settings = ThresholdSettings(bootstrap=20, method=method)
        comparison = compare(calibration_scores(table), settings, 1)
        recorder = Recorder("threshold")
        record_thresholds(
            recorder, comparison, self.json("threshold", "thresholds.json", thresholds_json(comparison))
        )
        guarantees = read_guarantees(self.root / GUARANTEES)
        record_guarantees(recorder, guarantees, self.json("threshold", GUARANTEES.name, guarantees))
        study = with_own_answer(read_evt_study(self.root / EVT_STUDY), 60)
        record_evt_study(recorder, study, self.json("threshold", EVT_STUDY.name, study))
        self.finish(recorder)
        self.thresholds = thresholds_json(comparison)

    def challenge(self, table):
        """Every declared disturbance at its limit changes nothing, and so do three repetitions."""
        test = table[table["split"] == "test"]
        envelope = load_settings(self.root).inspection.acquisition
        plan = plan_disturbances(test.assign(path="x"), envelope, (1.0,), None, 1)
        steps = [("none", 0.0, 0.0), *((name, 1.0, plan.amounts(name)[0]) for name in plan.limits)]
        own = test[["image_id", "decided", *SCORES]]
        disturbed = pd.concat([own.assign(disturbance=n, severity=s, amount=a) for n, s, a in steps])
        repeats = pd.concat(
            [own.drop(columns="decided").assign(repeat=n, batch_size=n, order="reversed") for n in (1, 2, 3)]
        )
        force = self.thresholds["in_force"]
        again = repeatability(repeats, test, InForce(force["score"], force["threshold"]))
        content = {
            "disturbed": disturbances_json(plan),
            "undisturbed": compare_undisturbed(disturbed, test),
            "seeded": {},
        }
        self.table("challenge", "disturbed.parquet", disturbed)
        self.table("challenge", "repeats.parquet", repeats)
        self.table("challenge", "seeded.parquet", seeded_defects(table))
        recorder, summary = Recorder("challenge"), self.json("challenge", "challenge.json", content)
        record_challenge(
            recorder,
            content,
            again,
            summary=summary,
            again=self.json("challenge", "repeatability.json", again),
        )
        self.finish(recorder)
        self.disturbed = disturbed, content["disturbed"]

    def evaluate(self, table):
        test = table[table["split"] == "test"].drop(columns="split").reset_index(drop=True)
        setups = np.where(np.arange(len(test)) % 3 == 0, "12", "20")
        cases = test.assign(label=np.arange(len(test)) % 2, size_mm=np.nan, path="x", group_setup=setups)
        cases["defect_type"] = np.where(cases["label"] == 1, "channel", "")
        manifest = cases.assign(excluded=False, split="test")
        settings = EvaluateSettings(bootstrap=20)
        units = {"evaluate.test.defective": 40, "evaluate.test.normal": 40, "evaluate.test.images": 80}
        plan = plan_claims(self.claims(), units, settings.confidence)
        evaluation = evaluate(cases, self.thresholds, manifest, settings, 1, Beforehand(plan))
        write_json(self.workspace.reports / "metrics.json", metrics_json(evaluation))
        recorder = Recorder("evaluate")
        artefact = self.json("evaluate", "evaluation.json", evaluation_json(evaluation))
        record_evaluation(recorder, evaluation, artefact)
        self.beyond(recorder, table, cases)
        self.table("evaluate", "predictions.parquet", predictions(evaluation))
        self.finish(recorder)
        hashes = {"labels": "a" * 64, "model": "b" * 64, "threshold": "c" * 64, "criteria": "d" * 64}
        record_opening(self.workspace.ledger, purpose="made up", **hashes)

    def claims(self):
        """What the acceptance criteria claim."""
        acceptance = load_acceptance(self.workspace.definition / "acceptance.yaml")
        return claims(acceptance, self.thresholds["in_force"]["score"])

    def beyond(self, recorder, table, cases):
        """What is evaluated beside the test images as they are."""
        rule = Rule.of(self.thresholds["in_force"], 0.95, self.claims())
        found = evaluate_robustness(*self.disturbed, cases, rule)
        record_robustness(recorder, found, self.json("evaluate", "robustness.json", found.as_json()))
        self.detection(recorder, table, cases)
        self.localisation(recorder)

    def detection(self, recorder, table, cases):
        """Probability of detection of the seeded defects."""
        held_out = table[table["split"] == "calibration"]
        found = detection(seeded_defects(table), held_out, cases, self.thresholds)
        record_detection(recorder, found, self.json("evaluate", "detection.json", found))

    def localisation(self, recorder):
        """What masks would have shown."""
        found = {
            "pointing": {"value": 0.75, "low": 0.6, "high": 0.87, "hits": 30},
            "chance": 0.11,
            "better_than_chance": True,
            "pixel_auroc": 0.92,
            "pro": 0.81,
            "reason": "",
            "confidence": 0.95,
            "pro_limit": 0.3,
            "tolerance_px": 1,
            "patch_width": 64,
            "patch_height": 64,
        }
        counts = {"regions": 41, "defective": 40, "with_mask": 40, "without_mask": 0, "undecided": 2}
        found |= counts | {"outside": 1, "normal": 38}
        record_localisation(recorder, found, self.json("evaluate", "localisation.json", found))

    def qualify(self, failing):
        settings = load_settings(self.root)
        stages = (
            "ingest",
            "check",
            "roi",
            "train",
            "score",
            "cross_fit",
            "threshold",
            "challenge",
            "evaluate",
        )
        book = RecordBook.load(self.workspace.artifacts(stage) / "records.json" for stage in stages)
        path = self.workspace.definition / "acceptance.yaml"
        acceptance, catalogue = load_acceptance(path), load_catalogue(self.root)
        judged = judge_product(acceptance, sha256_file(path), book)
        approved = {**catalogue.hashes, self.workspace.relative(path): sha256_file(path)}
        context = Context(settings, book, acceptance, judged.criteria, approved)
        folder = self.workspace.artifacts("qualify")
        runner = Runner(
            folder / "observations", self.workspace.relative(folder / "observations"), lambda: AT, CHECKS
        )
        protocols = []
        for stage, protocol in catalogue.protocols.items():
            checks = {case.check: made_up_check(case, failing) for case in protocol.cases if case.check}
            protocols.append(
                execute(protocol, context, Runner(runner.observations, runner.printed, runner.now, checks))
            )
            self.json("qualify", f"{stage}.json", protocols[-1].model_dump(mode="json"))
        done = Qualification(judged, tuple(protocols), tuple(trace_matrix(catalogue, protocols)))
        self.json("qualify", "criteria.json", judged.model_dump(mode="json"))
        self.json("qualify", "trace.json", [row.model_dump(mode="json") for row in done.trace])
        recorder = Recorder("qualify")
        record_qualification(recorder, done, folder)
        self.finish(recorder)

    def figures(self):
        from PIL import Image

        reports = self.workspace.reports
        drawn = {
            "training": ("learning_curves",),
            "thresholds": ("thresholds", "calibration_gap", "evt", "evt_stability"),
            "evaluation": ("roc", "pr", "histogram", "confusion", "robustness", "detection"),
        }
        drawn["thresholds"] += ("evt_sample_size", "guarantees")
        for folder, names in drawn.items():
            for name in names:
                self.svg(reports / folder / f"{name}.svg")
        for name in ("false_negatives", "false_positives", "examples"):
            Image.new("RGB", (210, 60), "#8090a0").save(reports / "evaluation" / f"{name}.png")
        Image.new("RGB", (60, 40), "#8090a0").save(reports / "training" / "reconstructions.png")

    def svg(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SVG)


def made_up_check(case, failing):
    """A check that observes what it is told to; its parameters are those of the real one."""
    passed = case.id not in failing
    finding = Finding(passed=passed, actual=f"{'0' if passed else '2'} of 12 differ", values={"n": 12})
    return Check(case.check, CHECKS[case.check].parameters, lambda context, parameters: finding)
