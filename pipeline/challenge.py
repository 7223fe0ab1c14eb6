"""Stage `challenge`: the released detector on disturbed images, in repetitions and on seeded defects; no labels."""

from __future__ import annotations

import cv2
import pandas as pd
import torch
from rich.console import Console

from sealproof.challenges.disturbed import challenge_disturbed, disturbances_json, plan_disturbances
from sealproof.challenges.repeats import InForce, repeat_scores, repeatability
from sealproof.challenges.report import challenge_table, compare_undisturbed, record_challenge
from sealproof.challenges.seeded import challenge_seeded, pixel_size_mm, plan_seeding, record_seeding
from sealproof.datasets.manifest import parquet_bytes, read_manifest
from sealproof.evidence.files import read_json, write_bytes, write_json
from sealproof.inference.released import ImageScorer, ReleasedDetector
from sealproof.models.data import open_patches
from sealproof.stage import Stage, run_stage


def work(stage: Stage) -> None:
    """Challenge, write and record."""
    params, settings = stage.settings.params, stage.settings.params.challenge
    torch.set_num_threads(params.compute.threads)
    cv2.setNumThreads(params.compute.threads)
    detector = ReleasedDetector.load(
        stage.workspace.artifacts("train"),
        stage.workspace.artifacts("score"),
        params.score,
        params.compute.device,
    )
    manifest = read_manifest(stage.input("ingest", "manifest.parquet"))
    scores = pd.read_parquet(stage.input("score", "scores.parquet"))
    recorded = scores[scores["split"] == "test"]

    plan = plan_disturbances(
        manifest, stage.settings.inspection.acquisition, settings.severities, settings.images, params.seed
    )
    scorer = ImageScorer(detector, stage.settings.inspection.roi)
    disturbed = challenge_disturbed(plan, stage.workspace.images, scorer, scores=detector.names)
    write_bytes(stage.output("disturbed.parquet"), parquet_bytes(disturbed))

    repeats = _repeat(stage, detector, recorded)
    seeded = write_seeded(stage, manifest, scorer)

    challenge = {
        "disturbed": disturbances_json(plan),
        "undisturbed": compare_undisturbed(disturbed, recorded),
        "seeded": seeded,
    }
    summary = stage.output("challenge.json")
    write_json(summary, challenge)
    record_challenge(
        stage.recorder, challenge, repeats, summary=summary, again=stage.output("repeatability.json")
    )
    record_seeding(stage.recorder, seeded, summary)
    stage.params = settings.model_dump(mode="json")
    stage.metrics = {"copies": float(challenge["disturbed"]["images"]["copies"])}
    Console().print(challenge_table(challenge, repeats))


def _repeat(stage: Stage, detector: ReleasedDetector, recorded: pd.DataFrame) -> dict[str, object]:
    """Score the test set again, and write scores and comparison; the comparison."""
    settings, seed = stage.settings.params.challenge, stage.settings.params.seed
    regions = pd.read_parquet(stage.input("roi", "regions.parquet"))
    repeats = repeat_scores(
        detector,
        open_patches(stage.input("roi", "patches.npy")),
        regions[regions["image_id"].isin(recorded["image_id"])],
        settings.repeat_batch_sizes,
        seed,
        scores=detector.names,
    )
    write_bytes(stage.output("repeats.parquet"), parquet_bytes(repeats))
    force = read_json(stage.input("threshold", "thresholds.json"))["in_force"]
    found = repeatability(
        repeats, recorded, InForce(force["score"], force["threshold"], force.get("accept_below"))
    )
    write_json(stage.output("repeatability.json"), found)
    return found


def write_seeded(stage: Stage, manifest: pd.DataFrame, scorer: ImageScorer) -> dict[str, object]:
    """Draw defects of known size into held-out normals, score them, and write the table; how it was done."""
    settings, seed = stage.settings.params.challenge.seeded, stage.settings.params.seed
    pixel_mm = pixel_size_mm(stage.settings.inspection.dataset)
    plan = plan_seeding(manifest, pd.read_parquet(stage.input("roi", "regions.parquet")), settings, seed)
    table = challenge_seeded(
        plan,
        dict(zip(manifest["image_id"], manifest["path"], strict=True)),
        stage.workspace.images,
        scorer,
        settings,
        seed=seed,
        pixel_mm=pixel_mm,
        scores=scorer.detector.names,
    )
    write_bytes(stage.output("seeded.parquet"), parquet_bytes(table))
    return plan.summary(settings, pixel_mm)


if __name__ == "__main__":
    run_stage("challenge", work)
