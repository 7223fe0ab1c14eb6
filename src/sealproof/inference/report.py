"""What the score stage puts on record and shows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from rich.table import Table

from sealproof.evidence.records import Recorder
from sealproof.inference.features import FeatureDistances, section
from sealproof.inference.run import Scored
from sealproof.scores.clusters import ClusterDistance
from sealproof.scores.distance import FeatureDistance
from sealproof.scores.settings import MahalanobisSettings, ScoreSettings

_SPLITS = (
    ("train", "normals that taught the weights"),
    ("calibration", "normals held out of training"),
    ("tuning", "training defects"),
)


def record_scores(
    recorder: Recorder,
    scored: Scored,
    map_of: str,
    *,
    scores: Path,
    maps: Path,
) -> None:
    """Record counts, and the mean and spread of each score a split, never of the test split.

    Args:
        recorder: of the score stage.
        scored: what was computed.
        map_of: the score that the anomaly maps show.
        scores: the image scores as written.
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
    for name in scored.names:
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
    recorder.add(
        "map.score", map_of, unit="1", definition="the score that the anomaly maps show", artefact=maps
    )


def record_distances(
    recorder: Recorder, distances: FeatureDistances, settings: ScoreSettings, files: Mapping[str, Path]
) -> None:
    """Record what each feature distance was fitted on, and how.

    Args:
        recorder: of the score stage.
        distances: as fitted.
        settings: of the distances.
        files: score name -> the fit as written.
    """
    for name, fitted in distances.fitted.items():
        chosen = section(settings, name)
        rows: list[tuple[str, float | int | str, str, str]] = [
            (
                "of",
                chosen.of,
                "1",
                "features of the patch, or of the residual: less those of its reconstruction",
            ),
            ("layer", chosen.layer, "1", "encoder layer that the features come from"),
            (
                "reduction",
                chosen.reduction,
                "1",
                "how the features were reduced: random is a draw by the seed",
            ),
            ("features", _reduced(fitted), "features", "features after the reduction"),
            (
                "available",
                distances.available[name],
                "features",
                "features of that layer before the reduction",
            ),
            ("patches", int(fitted.counts.min()), "patches", "training patches of the smallest position"),
        ]
        if isinstance(chosen, MahalanobisSettings) and isinstance(fitted, FeatureDistance):
            shrinkage = "share of the scaled identity in the covariance, mean over patch positions; 0 is none"
            rows += [
                ("covariance", chosen.covariance, "1", "estimator of the covariance"),
                (
                    "standardised",
                    str(chosen.standardised).lower(),
                    "1",
                    "true: features divided by their own spread",
                ),
                ("shrinkage", float(fitted.shrinkages.mean()), "1", shrinkage),
            ]
        if isinstance(fitted, ClusterDistance):
            rows.append(("clusters", int(fitted.centres.shape[1]), "1", "centres of each patch position"))
        for key, value, unit, definition in rows:
            recorder.add(f"{name}.{key}", value, unit=unit, definition=definition, artefact=files[name])


def _reduced(fitted: FeatureDistance | ClusterDistance) -> int:
    return int(fitted.means.shape[1])


def score_table(scored: Scored) -> Table:
    """Mean and standard deviation of each score a split; the gap between the first two columns is the optimism."""
    table = Table(title="anomaly scores, mean (standard deviation)", title_justify="left")
    table.add_column("score")
    for split, _ in _SPLITS:
        table.add_column(split, justify="right")
    for name in scored.names:
        cells = []
        for split, _ in _SPLITS:
            values = scored.images.loc[scored.images["split"] == split, name]
            cells.append(f"{values.mean():.4g} ({values.std(ddof=1):.2g})" if len(values) else "-")
        table.add_row(name, *cells)
    return table
