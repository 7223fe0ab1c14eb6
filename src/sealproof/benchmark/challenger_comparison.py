"""Champion and challenger on the same development images: held-out normals against training defects, paired.

The test split is neither cut nor scored, and none of its labels is read. An undecided image counts against the
detector that does not decide it, as in evaluation: leaving images out would reward whoever leaves out the hard ones.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from sealproof.benchmark.challenger import Challenger
from sealproof.benchmark.challenger_result import Counts, Result, Side, records_folder, trials_with
from sealproof.benchmark.champion import Champion
from sealproof.benchmark.declaration import Timing
from sealproof.benchmark.measuring import time_scoring
from sealproof.benchmark.statistics import compare_on_calibration
from sealproof.evaluation.cases import worst_case
from sealproof.evidence.errors import DataError, EvidenceAlteredError
from sealproof.evidence.hashing import sha256_file, sha256_json
from sealproof.inference.released import ReleasedDetector
from sealproof.models.data import open_patches
from sealproof.models.storage import WEIGHTS, save_detector
from sealproof.repetition.detector import Detector, Images, train_and_score
from sealproof.repetition.result import Share
from sealproof.roi.run import find_regions
from sealproof.settings import Params
from sealproof.thresholds.conformal import conformal
from sealproof.thresholds.result import Basis, is_rejected

Floats = NDArray[np.float64]
_COMPARED = ("calibration", "tuning")
_TIMING = Timing(batch=1, repeats=5)


@dataclass(frozen=True)
class Comparison:
    """What a comparison came to.

    Attributes:
        result: a function of images, definitions and code, and of the challengers that are on record.
        champion_ms, challenger_ms: milliseconds an image, as `measuring.INSIDE` says; they differ from run to run.
    """

    result: Result
    champion_ms: float
    challenger_ms: float


def compare(champion: Champion, challenger: Challenger) -> Comparison:
    """Train the challenger on the champion's training normals and compare both on development images.

    Raises:
        DataError: images are missing or cannot be trained on, or a score is not finite.
        DefinitionError: the challenger's settings do not fit the images or each other.
        EvidenceAlteredError: an image that has to be cut anew is not that of the manifest.
    """
    folder = records_folder(champion.settings.workspace)
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix=".work-", dir=folder) as work,
        threadpool_limits(limits=challenger.params.compute.threads),
    ):
        images = _images(champion, challenger, Path(work))
        detector = train_and_score(images, _COMPARED, challenger.params, seed=challenger.params.seed)
        save_detector(detector.fitted.detector, Path(work), {})
        weights = Path(work) / WEIGHTS
        table = detector.scored.images
        manifest = champion.images.manifest
        both = (
            development_scores(champion.table, manifest, champion.score),
            development_scores(table, manifest, challenger.score),
        )
        own = champion.settings.params
        sides = (
            _side(own, champion.score, both[0], champion.model_sha256, champion.model_bytes),
            _side(challenger.params, challenger.score, both[1], sha256_file(weights), weights.stat().st_size),
        )
        return Comparison(
            result=_result(champion, challenger, both, sides),
            champion_ms=time_scoring(champion.detector, champion.images, _TIMING).batch_1_ms,
            challenger_ms=_challenger_ms(detector, images, challenger.params),
        )


def _images(champion: Champion, challenger: Challenger, work: Path) -> Images:
    """The champion's patches where the challenger looks at the same regions; otherwise patches that are cut anew."""
    settings = champion.settings
    if challenger.roi == settings.inspection.roi:
        return champion.images
    manifest = pd.read_parquet(
        settings.workspace.artifacts("ingest") / "manifest.parquet",
        columns=["image_id", "path", "excluded", "sha256"],
    )
    manifest = manifest[manifest["image_id"].isin(champion.images.manifest["image_id"])]
    _check_files(manifest, settings.workspace.images)
    regions = find_regions(manifest, settings.workspace.images, challenger.roi, work / "patches.npy")
    kept = regions[["image_id", "patch", "decided", "row"]]
    return Images(champion.images.manifest, kept, open_patches(work / "patches.npy"))


def _check_files(manifest: pd.DataFrame, root: Path) -> None:
    rows = list(zip(manifest["path"], manifest["sha256"], strict=True))
    if missing := [path for path, _ in rows if not (root / path).is_file()]:
        raise DataError(
            f"{len(missing)} images are missing, and the challenger's regions have to be cut anew",
            where=f"{root}: {', '.join(missing[:5])}",
            why="the files do not exist",
            mend="restore them, or run `dvc repro`",
        )
    if altered := [path for path, digest in rows if sha256_file(root / path) != digest]:
        raise EvidenceAlteredError(
            f"{len(altered)} images are not those that the champion was trained on",
            where=f"{root}: {', '.join(altered[:5])}",
            why="their SHA-256 is not that of the manifest",
            mend="restore them, or run `dvc repro`",
        )


def development_scores(table: pd.DataFrame, manifest: pd.DataFrame, score: str) -> tuple[Floats, Floats]:
    """(held-out normals (n,), training defects (m,)) by image_id, an undecided image counted against the detector.

    Args:
        table: image_id, decided and the score; an image that is not in it is undecided.
        manifest: image_id and split.
        score: name of its column.

    Raises:
        DataError: a decided image has a score that is not finite.

    Example:
        >>> manifest = pd.DataFrame({"image_id": ["a", "b", "c"], "split": ["calibration", "calibration", "tuning"]})
        >>> table = pd.DataFrame({"image_id": ["c", "a"], "decided": [False, True], "mse": [np.nan, 2.0]})
        >>> [found.tolist() for found in development_scores(table, manifest, "mse")]
        [[2.0, inf], [-inf]]
    """
    images = manifest.loc[manifest["split"].isin(_COMPARED), ["image_id", "split"]]
    found = images.merge(
        table[["image_id", "decided", score]], on="image_id", how="left", validate="one_to_one"
    )
    found = found.sort_values("image_id", ignore_index=True)
    decided = found["decided"].fillna(value=False).astype(bool).to_numpy()
    values = found[score].to_numpy(dtype=np.float64)
    if bad := found.loc[decided & ~np.isfinite(values), "image_id"].tolist():
        raise DataError(
            f"the score {score} says nothing about {len(bad)} images",
            where=", ".join(map(str, bad[:5])),
            why="it is not finite, although their regions were found",
            mend="give settings that a detector learns with",
        )
    defective = (found["split"] == "tuning").to_numpy()
    ranked = worst_case(values, decided, defective.astype(int))
    return ranked[~defective], ranked[defective]


def _side(params: Params, score: str, scores: tuple[Floats, Floats], model: str, size: int) -> Side:
    """Figures of one of the two, but for its area."""
    normals, defects = scores
    known = normals[np.isfinite(normals)]
    limit = None
    if len(known):
        wanted = params.threshold
        basis = Basis(confidence=wanted.confidence, seed=params.seed, minimum_normals=wanted.minimum_normals)
        limit = conformal(known, false_reject_rate=wanted.conformal.false_reject_rate, basis=basis).threshold
    detected = 0 if limit is None else int(is_rejected(defects, limit).sum())
    return Side(
        detector=params.train.detector,
        score=score,
        scores_sha256=sha256_json(
            [[None if np.isinf(value) else value for value in part.tolist()] for part in scores]
        ),
        undecided=Counts(normals=len(normals) - len(known), defects=int(np.isinf(defects).sum())),
        threshold=limit,
        detected=None if limit is None else Share.made(detected, len(defects)),
        model_sha256=model,
        model_bytes=size,
    )


def _result(
    champion: Champion,
    challenger: Challenger,
    both: tuple[tuple[Floats, Floats], tuple[Floats, Floats]],
    sides: tuple[Side, Side],
) -> Result:
    params = champion.settings.params
    confidence = params.evaluate.confidence
    areas = compare_on_calibration(*both, confidence)
    splits = champion.images.manifest[["image_id", "split"]].to_numpy().tolist()
    split_sha256 = sha256_json(splits)
    against = sha256_json([sides[0].model_sha256, sides[0].scores_sha256, sides[0].score, split_sha256])
    trials = trials_with(champion.settings.workspace, challenger.file, challenger.sha256, against)
    return Result(
        format=1,
        product=champion.settings.workspace.product,
        file=challenger.file,
        definition=challenger.definition,
        definition_sha256=challenger.sha256,
        champion_sha256=against,
        split_sha256=split_sha256,
        images=Counts(normals=len(both[0][0]), defects=len(both[0][1])),
        confidence=confidence,
        false_reject_rate=params.threshold.conformal.false_reject_rate,
        champion=sides[0],
        challenger=sides[1],
        champion_auroc=areas.first,
        challenger_auroc=areas.second,
        difference=areas.difference,
        low=areas.low,
        high=areas.high,
        p_value=areas.p_value,
        trials=trials,
        remarks=tuple(_remarks(champion, challenger)),
    )


def _remarks(champion: Champion, challenger: Challenger) -> list[str]:
    """What else a reader has to know."""
    pairs = (("champion", champion.settings.params), ("challenger", challenger.params))
    found = [
        f"the {who} kept the epoch of the lowest loss on the held-out normals that it is compared on, which favours it"
        for who, params in pairs
        if params.train.keep == "best"
    ]
    if champion.changed_code:
        found.append(
            f"source code changed since the champion was made, and the challenger was made with it as it is now: "
            f"{', '.join(champion.changed_code)}"
        )
    return found


def _challenger_ms(detector: Detector, images: Images, params: Params) -> float:
    fitted, scored = detector.fitted, detector.scored
    model = fitted.detector.to(fitted.device)
    scorer = ReleasedDetector(model, scored.distances, scored.combined, params.score, fitted.device)
    return time_scoring(scorer, images, _TIMING).batch_1_ms
