"""What the score stage puts on record and shows."""

from __future__ import annotations

import math
from pathlib import Path

from rich.table import Table

from sealproof.evidence.records import Recorder
from sealproof.scores.patches import MAP_OF
from sealproof.scores.run import Scored
from sealproof.scores.settings import SCORE_NAMES, MahalanobisSettings

_SPLITS = (
    ("train", "normals that taught the weights"),
    ("calibration", "normals held out of training"),
    ("tuning", "training defects"),
)


def record_scores(
    recorder: Recorder,
    scored: Scored,
    settings: MahalanobisSettings,
    *,
    scores: Path,
    distance: Path,
    maps: Path,
) -> None:
    """Record counts, the mean and spread of each score a split (never of the test split), and the feature distance.

    Args:
        recorder: of the score stage.
        scored: what was computed.
        settings: of the feature distance.
        scores: the image scores as written.
        distance: the fitted feature distance as written.
        maps: the anomaly maps as written.
    """
    images = scored.images
    undecided = int((~images["decided"]).sum())
    recorder.add(
        "images", len(images), unit="images", definition="images that were scored or tried", artefact=scores
    )
    recorder.add(
        "undecided", undecided, unit="images", definition="images without a confident region", artefact=scores
    )
    for name in SCORE_NAMES:
        for split, meaning in _SPLITS:
            values = images.loc[(images["split"] == split) & images["decided"], name]
            for key, value in (("mean", values.mean()), ("sd", values.std(ddof=1))):
                word = "mean" if key == "mean" else "standard deviation (n - 1)"
                recorder.add(
                    f"{name}.{split}.{key}",
                    None if math.isnan(value) else float(value),
                    unit="dB" if name == "psnr" else "1",
                    definition=f"{word} of the anomaly score {name} over {len(values)} decided images: {meaning}",
                    artefact=scores,
                    pointer=f"column {name}, split {split}",
                )
    _record_distance(recorder, scored, settings, distance)
    recorder.add(
        "map.score", MAP_OF, unit="1", definition="the score that the anomaly maps show", artefact=maps
    )


def _record_distance(
    recorder: Recorder, scored: Scored, settings: MahalanobisSettings, distance: Path
) -> None:
    fitted = scored.distance
    for key, value, unit, definition in (
        ("mahalanobis.layer", settings.layer, "1", "encoder layer that the features come from"),
        ("mahalanobis.features", int(fitted.selected.size), "features", "features drawn at random"),
        (
            "mahalanobis.available",
            scored.features_available,
            "features",
            "features of that layer before the draw",
        ),
        (
            "mahalanobis.patches",
            int(fitted.counts.min()),
            "patches",
            "training patches of the smallest position",
        ),
        ("mahalanobis.covariance", settings.covariance, "1", "estimator of the covariance"),
        (
            "mahalanobis.shrinkage",
            float(fitted.shrinkages.mean()),
            "1",
            "share of the scaled identity in the covariance, mean over patch positions; 0 is none",
        ),
    ):
        recorder.add(key, value, unit=unit, definition=definition, artefact=distance)


def score_table(scored: Scored) -> Table:
    """Mean and standard deviation of each score a split; the gap between the first two columns is the optimism."""
    table = Table(title="anomaly scores, mean (standard deviation)", title_justify="left")
    table.add_column("score")
    for split, _ in _SPLITS:
        table.add_column(split, justify="right")
    for name in SCORE_NAMES:
        cells = []
        for split, _ in _SPLITS:
            values = scored.images.loc[scored.images["split"] == split, name]
            cells.append(f"{values.mean():.4g} ({values.std(ddof=1):.2g})" if len(values) else "-")
        table.add_row(name, *cells)
    return table
