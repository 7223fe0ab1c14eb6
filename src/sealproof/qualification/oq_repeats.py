"""OQ checks of the test scores: scored again in other batches and orders, and once more from the image files."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import PositiveFloat, PositiveInt

from sealproof.datasets.images import read_image
from sealproof.evaluation.cases import score_names, verdicts
from sealproof.evidence.files import read_json
from sealproof.evidence.strict import StrictModel
from sealproof.qualification.context import NO_THRESHOLD, Context
from sealproof.qualification.detector import Detector, relative_difference
from sealproof.qualification.iq_software import shown
from sealproof.qualification.registry import Finding, check


class RepeatsParameters(StrictModel):
    """`minimum_repeats`: of the whole test set; `relative_tolerance`: largest relative difference of a score."""

    minimum_repeats: PositiveInt
    relative_tolerance: PositiveFloat


@check("test-set-repeats", RepeatsParameters)
def repeated_test_set(context: Context, parameters: RepeatsParameters) -> Finding:
    """Has each test image the scores and the verdict on record in every repetition of the stage `challenge`?"""
    stated_path = context.artefact("challenge", "repeatability.json")
    table_path = context.artefact("challenge", "repeats.parquet")
    files = (stated_path, table_path, context.artefact("score", "scores.parquet"))
    stated, repeats = read_json(stated_path), pd.read_parquet(table_path)
    recorded = _test_scores(context)
    known, names = recorded[recorded["decided"].astype(bool)], score_names(recorded)
    if not len(known):
        return Finding(passed=None, actual="no test image has a region of interest", files=files)
    largest, changed, problems = 0.0, 0, []
    for number, rows in repeats.groupby("repeat"):
        again = rows.set_index("image_id").sort_index()
        if not again.index.equals(known.index):
            problems.append(f"repetition {number} holds other images")
            continue
        first, second = known[names].to_numpy(), again[names].to_numpy()
        largest = max(largest, relative_difference(first.ravel(), second.ravel()))
        changed += int((_verdicts(context, known) != _verdicts(context, again)).sum())
    count = repeats["repeat"].nunique()
    if count < parameters.minimum_repeats:
        problems.append(f"{count} repetitions instead of {parameters.minimum_repeats}")
    flips = changed if context.has_threshold else None
    if not np.isclose(stated["largest_relative_difference"], largest) or stated["verdict_flips"] != flips:
        problems.append("repeatability.json states other figures")
    actual = (
        f"{len(known)} test images scored {count} times more: largest relative difference {largest:.1e}, "
        f"{changed} verdicts changed{shown(problems)}"
    )
    sound = not problems and largest <= parameters.relative_tolerance and changed == 0
    unanswerable = sound and not context.has_threshold
    return Finding(
        passed=None if unanswerable else sound,
        actual=f"{NO_THRESHOLD}: {actual}" if unanswerable else actual,
        values={
            "repeats": stated["repeats"],
            "largest": None if np.isinf(largest) else largest,
            "verdicts_changed": changed,
            "problems": problems,
        },
        files=files,
        records=("challenge.repeats.largest_relative_difference", "challenge.repeats.verdict_flips"),
    )


class RecomputedTestParameters(StrictModel):
    """`images`: drawn test images."""

    images: PositiveInt
    relative_tolerance: PositiveFloat


@check("test-images-recomputed", RecomputedTestParameters)
def recomputed_test_images(context: Context, parameters: RecomputedTestParameters) -> Finding:
    """Does the way from the image file to the verdict give the score and the verdict on record?"""
    detector, recorded = Detector.released(context), _test_scores(context)
    random = np.random.default_rng(context.settings.params.seed)
    drawn = random.choice(len(recorded), min(parameters.images, len(recorded)), replace=False)
    chosen = recorded.iloc[np.sort(drawn)]
    paths = context.manifest.set_index("image_id").loc[chosen.index, "path"]
    images = (read_image(context.workspace.images / path) for path in paths)
    found = detector.score_images(images, context.settings.inspection.roi)
    names = score_names(recorded)
    nothing = dict.fromkeys(names, float("nan"))
    again = pd.DataFrame([nothing if scores is None else scores for scores in found], index=chosen.index)
    again["decided"] = [scores is not None for scores in found]
    otherwise = int((again["decided"] != chosen["decided"].astype(bool)).sum())
    first, second = chosen[names].to_numpy(), again[names].to_numpy()
    largest = relative_difference(first.ravel(), second.ravel())
    changed = int((_verdicts(context, chosen) != _verdicts(context, again)).sum())
    actual = (
        f"{len(chosen)} test images scored from the file: largest relative difference {largest:.1e}, {otherwise} "
        f"decided otherwise, {changed} verdicts changed"
    )
    sound = bool(len(chosen)) and largest <= parameters.relative_tolerance and not otherwise and not changed
    unanswerable = sound and not context.has_threshold
    return Finding(
        passed=None if unanswerable else sound,
        actual=f"{NO_THRESHOLD}: {actual}" if unanswerable else actual,
        values={
            "images": list(chosen.index),
            "largest": None if np.isinf(largest) else largest,
            "decided_otherwise": otherwise,
            "verdicts_changed": changed,
        },
        files=(context.artefact("score", "scores.parquet"), context.artefact("train", "model.safetensors")),
    )


def _test_scores(context: Context) -> pd.DataFrame:
    """scores.parquet of the test split by image_id, sorted."""
    scores = context.scores
    return scores[scores["split"] == "test"].set_index("image_id").sort_index()


def _verdicts(context: Context, rows: pd.DataFrame) -> NDArray[np.str_]:
    force = context.thresholds["in_force"]
    decided = rows["decided"] if "decided" in rows else np.ones(len(rows), dtype=bool)
    return verdicts(rows[force["score"]], decided, force["threshold"], force.get("accept_below"))
