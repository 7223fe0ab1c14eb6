"""DVC stage `score`: anomaly scores of every image; higher is more anomalous."""

import pandas as pd
import torch
from rich.console import Console

from sealproof.inference.report import record_distances, record_scores, score_table
from sealproof.inference.run import score_all
from sealproof.models.data import open_patches
from sealproof.models.detector import chosen_device
from sealproof.models.storage import load_detector
from sealproof.stage import Stage, run_stage


def work(stage: Stage) -> None:
    """Score all patches with the trained model; labels are not read."""
    params = stage.settings.params
    torch.set_num_threads(params.compute.threads)
    splits = pd.read_parquet(stage.input("ingest", "manifest.parquet"), columns=["image_id", "split"])
    regions = pd.read_parquet(
        stage.input("roi", "regions.parquet"), columns=["image_id", "patch", "decided", "row"]
    )
    rows = regions.merge(splits, on="image_id", how="left", validate="many_to_one")
    device = chosen_device(params.compute.device)
    detector = load_detector(stage.input("train", "model.json").parent, params.train.detector)
    maps = stage.output("maps.npy")
    scored = score_all(
        detector.to(device),
        open_patches(stage.input("roi", "patches.npy")),
        rows,
        params.score,
        seed=params.seed,
        maps=maps,
        device=device,
    )
    scores = stage.output("scores.parquet")
    scored.images.to_parquet(scores, index=False)
    scored.patches.to_parquet(stage.output("patch_scores.parquet"), index=False)
    record_scores(stage.recorder, scored, detector.map_of or detector.kind, scores=scores, maps=maps)
    record_distances(stage.recorder, scored.distances, params.score, scored.distances.save(stage.output))
    scored.combined.save(stage.output)
    stage.params = params.score.model_dump(mode="json") | {"seed": params.seed}
    stage.metrics = {"undecided": float((~scored.images["decided"]).sum())}
    Console().print(score_table(scored))


if __name__ == "__main__":
    run_stage("score", work)
