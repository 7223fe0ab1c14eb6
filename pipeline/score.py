"""DVC stage `score`: anomaly scores of every image; higher is more anomalous."""

import pandas as pd
import torch
from rich.console import Console

from sealproof.models.data import open_patches
from sealproof.models.storage import load_model
from sealproof.scores.distance import save_distance
from sealproof.scores.report import record_scores, score_table
from sealproof.scores.run import score_all
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
    device = "cuda" if params.compute.device != "cpu" and torch.cuda.is_available() else "cpu"
    maps = stage.output("maps.npy")
    scored = score_all(
        load_model(stage.input("train", "model.json").parent).to(device),
        open_patches(stage.input("roi", "patches.npy")),
        rows,
        params.score,
        seed=params.seed,
        maps=maps,
        device=device,
    )
    scores, distance = stage.output("scores.parquet"), stage.output("feature_distance.npz")
    scored.images.to_parquet(scores, index=False)
    scored.patches.to_parquet(stage.output("patch_scores.parquet"), index=False)
    save_distance(scored.distance, distance)
    record_scores(
        stage.recorder, scored, params.score.mahalanobis, scores=scores, distance=distance, maps=maps
    )
    stage.params = params.score.model_dump(mode="json") | {"seed": params.seed}
    stage.metrics = {"undecided": float((~scored.images["decided"]).sum())}
    Console().print(score_table(scored))


if __name__ == "__main__":
    run_stage("score", work)
