"""Repeatability over training seeds: the configured detector again from other seeds, held against the released one.

Not a single test label is read. Several systems judged on the sealed test set would each use it up; how far their
verdicts on the test images are the same needs no label.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from sealproof.evaluation.cases import verdicts
from sealproof.evaluation.counts import REJECT
from sealproof.evaluation.ranking import areas
from sealproof.evidence.errors import DefinitionError, EvidenceMissingError
from sealproof.evidence.files import read_json
from sealproof.evidence.workspace import Workspace
from sealproof.models.defects import scores_fitted_to_defects
from sealproof.repetition.agreement import cohen_kappa, equal_verdicts
from sealproof.repetition.crossfit import cross_fit
from sealproof.repetition.detector import Images, train_and_score
from sealproof.repetition.result import Development, Run, SeedStudy, Share, belongs_to, summarise
from sealproof.settings import Params, Settings
from sealproof.thresholds.compare import compare, thresholds_json
from sealproof.thresholds.cross_fit import cross_fit_scores
from sealproof.thresholds.selection import calibration_scores

#: Splits that are scored: held-out normals, training defects, and the test images, whose labels stay sealed.
_SCORED = ("calibration", "tuning", "test")
_KEYS = ("image_id", "split", "decided")
_NEEDED = ("ingest/manifest.parquet", "roi/regions.parquet", "roi/patches.npy", "train/model.json",
           "train/model.safetensors", "score/scores.parquet", "threshold/thresholds.json")  # fmt: skip
_LARGEST_SEED = 2**32


def other_seeds(seed: int, count: int) -> tuple[int, ...]:
    """The `count` seeds that follow `seed`.

    Raises:
        DefinitionError: no seed is asked for.

    Example:
        >>> other_seeds(2**32 - 2, 2)
        (4294967295, 0)
    """
    if count < 1:
        raise DefinitionError(
            "no seed is asked for",
            where="--seeds",
            why=f"{count} trainings repeat nothing",
            mend="give 1 or more; 3 is usual",
        )
    return tuple((seed + step) % _LARGEST_SEED for step in range(1, count + 1))


def study_seeds(
    settings: Settings, seeds: Sequence[int], announce: Callable[[str], object] = print
) -> SeedStudy:
    """Train the configured detector once for each seed and compare it with the released one.

    Images, splits and all settings stay; the seed alone differs. The threshold is computed anew by the configured
    method from the new detector's own scores.

    Args:
        settings: of the released system, as it lies in the workspace.
        seeds: none of them the released one.
        announce: told which seed comes next.

    Raises:
        EvidenceMissingError: results of the released system are missing, or it has no valid threshold.
        DefinitionError: params.yaml is not what it was made with, or training diverges.
    """
    params, workspace = settings.params, settings.workspace
    _require(workspace)
    force = read_json(workspace.artifacts("threshold") / "thresholds.json")["in_force"]
    model = read_json(workspace.artifacts("train") / "model.json")
    _check_released(params, force, model)
    subject = belongs_to(settings)
    released = pd.read_parquet(workspace.artifacts("score") / "scores.parquet")
    images, runs = Images.of(workspace, ("train", *_SCORED)), []
    for place, seed in enumerate(seeds, start=1):
        announce(f"seed {seed}, {place} of {len(seeds)}")
        with threadpool_limits(limits=params.compute.threads):
            runs.append(_run(images, params, seed, released, force))
    return SeedStudy(
        product=workspace.product,
        score=force["score"],
        method=force["method"],
        belongs_to=subject,
        released=Development(
            seed=params.seed,
            kept_epoch=model["training"].get("kept_epoch"),
            **_development(released, force),
        ),
        runs=tuple(runs),
        summary=summarise(runs),
    )


def _require(workspace: Workspace) -> None:
    folder = workspace.artifacts("train").parent
    if missing := [name for name in _NEEDED if not (folder / name).is_file()]:
        raise EvidenceMissingError(
            "there is no finished system to repeat",
            where=", ".join(f"{workspace.relative(folder)}/{name}" for name in missing),
            why="the files do not exist",
            mend="run `dvc repro`",
        )


def _check_released(params: Params, force: Mapping[str, Any], model: Mapping[str, Any]) -> None:
    """Another seed alone may differ: what was released has to be what params.yaml describes."""
    stated = {
        "seed": (params.seed, model["training"]["seed"]),
        "train": (params.train.model_dump(mode="json"), model["settings"]),
        "threshold.score": (params.threshold.score, force["score"]),
        "threshold.method": (params.threshold.method, force["method"]),
        "threshold.calibration": (params.threshold.calibration, force["calibration"]),
    }
    differing = [name for name, (wanted, found) in stated.items() if wanted != found]
    if differing:
        raise DefinitionError(
            "params.yaml does not describe the released detector",
            where=f"params.yaml, {', '.join(f'`{name}`' for name in differing)}",
            why="weights and threshold were made with other values, so more than the seed would differ",
            mend="run `dvc repro`, or restore the values",
        )
    if force["threshold"] is None:
        raise EvidenceMissingError(
            "the released detector has no verdicts to agree with",
            where="threshold/thresholds.json",
            why=f"there is no valid threshold in force: {force['reason']}",
            mend="choose a method that is eligible (params.yaml, key `threshold.method`) and run `dvc repro`",
        )


def _run(
    images: Images, params: Params, seed: int, released: pd.DataFrame, released_force: Mapping[str, Any]
) -> Run:
    detector = train_and_score(images, _SCORED, params, seed=seed)
    table = detector.scored.images
    force = threshold_in_force(table, params, seed, images)
    mine, theirs = _test_verdicts(table, force), _test_verdicts(released, released_force)
    if not mine.index.equals(theirs.index):
        raise EvidenceMissingError(
            "the released detector did not judge the same test images",
            where="score/scores.parquet and roi/regions.parquet",
            why=f"{len(theirs)} decided test images were scored, {len(mine)} are there now",
            mend="run `dvc repro`",
        )
    return Run(
        seed=seed,
        kept_epoch=detector.kept_epoch,
        **_development(table, force),
        equal=Share.made(equal_verdicts(mine, theirs), len(mine)),
        kappa=cohen_kappa(mine, theirs),
    )


def threshold_in_force(table: pd.DataFrame, params: Params, seed: int, images: Images) -> dict[str, Any]:
    """The threshold that the configured method gives for a detector, as `in_force` of thresholds.json has it.

    Args:
        table: image_id, split, decided and one column a score; rows of the test split are dropped first thing.
        params: sections `threshold` and, for calibration by cross-fitting, all that a training needs.
        seed: of the detector.
        images: what it was trained on.
    """
    settings = params.threshold
    own = table[[*_KEYS, settings.score]]
    crossed = None
    if settings.calibration == "cross-fit":
        found = cross_fit(images, params, folds=params.cross_fit.folds, seed=seed)
        crossed = cross_fit_scores(found.scores, own)
    fitted = scores_fitted_to_defects([settings.score], params.train.detector)
    scores = calibration_scores(own, fitted=fitted)
    return dict(thresholds_json(compare(scores, settings, seed, crossed))["in_force"])


def _test_verdicts(table: pd.DataFrame, force: Mapping[str, Any]) -> pd.Series[str]:
    """Verdicts on the test images whose region was found, by image_id; undecided throughout without a threshold."""
    rows = table[(table["split"] == "test") & table["decided"]].sort_values("image_id")
    return pd.Series(_verdicts(rows[force["score"]], force), index=pd.Index(rows["image_id"]))


def _verdicts(scores: pd.Series[float], force: Mapping[str, Any]) -> NDArray[np.str_]:
    """`reject`, `accept` or, where the rule in force has a range for people, `undecided`."""
    values = scores.to_numpy(dtype=np.float64)
    return verdicts(values, np.ones(len(values), dtype=bool), force["threshold"], force.get("accept_below"))


def _development(table: pd.DataFrame, force: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of `Development` that follow from scores and threshold."""
    decided = table[table["decided"]]
    normals = decided.loc[decided["split"] == "calibration", force["score"]]
    defects = decided.loc[decided["split"] == "tuning", force["score"]]
    both = bool(len(normals) and len(defects))
    labels = np.repeat([0, 1], [len(normals), len(defects)])
    return {
        "threshold": force["threshold"],
        "accept_below": force.get("accept_below"),
        "reason": force["reason"],
        "false_rejects": _rejected(normals, force),
        "detected": _rejected(defects, force),
        "auroc": areas(labels, np.concatenate([normals, defects]))[0] if both else None,
    }


def _rejected(scores: pd.Series[float], force: Mapping[str, Any]) -> Share:
    return Share.made(int((_verdicts(scores, force) == REJECT).sum()), len(scores))
