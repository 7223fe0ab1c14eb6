"""OQ checks of the scores: reference values, repeatability, seeded defects."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PositiveFloat, PositiveInt

from sealproof.challenges.seeding import soft_disc
from sealproof.evidence.strict import StrictModel
from sealproof.qualification.context import Context
from sealproof.qualification.detector import Detector, Patches, Scores, draw_sample, relative_difference
from sealproof.qualification.iq_software import shown
from sealproof.qualification.registry import Finding, check
from sealproof.scores.ssim import similarity
from sealproof.scores.variants import VariantName


class ReferenceParameters(StrictModel):
    """`file`: image pairs with reference values; `tolerance`: largest absolute difference."""

    file: str
    tolerance: PositiveFloat
    minimum_values: PositiveInt


@check("similarity-reference", ReferenceParameters)
def similarity_reference(context: Context, parameters: ReferenceParameters) -> Finding:
    """Do the similarity scores agree with an independent implementation's values?"""
    path = context.existing(context.root / parameters.file)
    with np.load(path, allow_pickle=False) as content:
        expected, variants = (
            content["scores"],
            [cast("VariantName", str(name)) for name in content["variants"]],
        )
        names = [str(name) for name in content["names"]]
        pairs = [
            (content[f"a{i}"].astype(np.float64), content[f"b{i}"].astype(np.float64))
            for i in range(len(names))
        ]
    found = np.array([[similarity(a[None], b[None], variant)[0] for variant in variants] for a, b in pairs])
    difference = np.nan_to_num(np.abs(found - expected), nan=np.inf)
    wrong = [
        f"{names[i]} {variants[j]}: {found[i, j]:.8f} instead of {expected[i, j]:.8f}"
        for i, j in zip(*np.nonzero(difference > parameters.tolerance), strict=True)
    ]
    actual = (
        f"{expected.size} values of {len(variants)} variants on {len(pairs)} pairs, largest difference "
        f"{difference.max():.1e}{shown(wrong)}"
    )
    return Finding(
        passed=not wrong and expected.size >= parameters.minimum_values,
        actual=actual,
        values={"pairs": names, "variants": variants, "found": found.tolist(), "wrong": wrong},
        files=(path,),
    )


class RepeatParameters(StrictModel):
    """`images`: drawn calibration images; `batch_size`: of the repetition in small batches."""

    images: PositiveInt
    batch_size: PositiveInt
    relative_tolerance: PositiveFloat


@check("scores-repeat", RepeatParameters)
def scores_repeat(context: Context, parameters: RepeatParameters) -> Finding:
    """Has an image the same scores in every repetition, batch size and order?"""
    detector, sample = Detector.released(context), draw_sample(context, parameters.images)
    first = detector.score_patches(sample.patches, sample.positions)
    backwards = detector.score_patches(sample.patches[::-1], sample.positions[::-1], parameters.batch_size)
    others = {
        "one by one": detector.score_patches(sample.patches, sample.positions, 1),
        "small batches": detector.score_patches(sample.patches, sample.positions, parameters.batch_size),
        "reverse order": {name: values[::-1] for name, values in backwards.items()},
    }
    again = detector.score_patches(sample.patches, sample.positions)
    identical = all(np.array_equal(first[name], again[name]) for name in first)
    differences = {way: _largest(first, scores) for way, scores in others.items()}
    counted = [
        detector.changes(first[detector.score], scores[detector.score], parameters.relative_tolerance)
        for scores in others.values()
    ]
    changed, at_limit = (sum(pair[place] for pair in counted) for place in (0, 1))
    largest = max(differences.values())
    actual = (
        f"{len(sample.patches)} patches, {len(first)} scores: repetition {'identical' if identical else 'differs'}; "
        f"largest relative difference in other batches and order {largest:.1e}; {changed} verdicts changed"
        f"{at_the_limit(at_limit)}"
    )
    return Finding(
        passed=identical and largest <= parameters.relative_tolerance and changed == 0,
        actual=actual,
        values={
            "identical": identical,
            "differences": differences,
            "verdicts_changed": changed,
            "at_limit": at_limit,
        },
        files=(context.artefact("roi", "patches.npy"), context.artefact("train", "model.safetensors")),
    )


def at_the_limit(number: int) -> str:
    """What is said of verdicts that changed because the score lies at a limit.

    Example:
        >>> at_the_limit(0), at_the_limit(1)
        ('', ', and 1 of scores that equal the threshold within the tolerance')
    """
    return f", and {number} of scores that equal the threshold within the tolerance" if number else ""


def _largest(first: Scores, second: Scores) -> float:
    return max(relative_difference(first[name], second[name]) for name in first)


class DefectParameters(StrictModel):
    """Dark blobs: `sizes` as shares of the patch's shorter side, rising; `depth`: share of the light they take.

    `minimum_raised` and `minimum_detected` hold at the largest size.
    """

    images: PositiveInt
    sizes: tuple[float, ...] = Field(min_length=2)
    depth: float = Field(gt=0, le=1)
    minimum_raised: float = Field(gt=0, le=1)
    minimum_detected: float = Field(gt=0, le=1)


@check("seeded-defects", DefectParameters)
def seeded_defects(context: Context, parameters: DefectParameters) -> Finding:
    """Do dark blobs drawn into normal images raise the score in force, larger ones more often?"""
    detector, sample = Detector.released(context), draw_sample(context, parameters.images)
    if detector.threshold is None:
        return Finding(passed=None, actual="there is no valid threshold in force, so nothing can be detected")
    before = detector.score_patches(sample.patches, sample.positions)[detector.score]
    rows = []
    for size in sorted(parameters.sizes):
        challenged = blobs(sample.patches, size, parameters.depth, context.settings.params.seed)
        after = detector.score_patches(challenged, sample.positions)[detector.score]
        detected = (detector.verdicts(after) == "reject").mean()
        rows.append({"size": size, "raised": float((after > before).mean()), "detected": float(detected)})
    false_calls = float((detector.verdicts(before) == "reject").mean())
    largest, smallest = rows[-1], rows[0]
    words = "; ".join(
        f"size {r['size']:g}: raised {r['raised']:.0%}, detected {r['detected']:.0%}" for r in rows
    )
    passed = (
        largest["raised"] >= parameters.minimum_raised
        and largest["detected"] >= parameters.minimum_detected
        and largest["raised"] >= smallest["raised"]
    )
    return Finding(
        passed=passed,
        actual=f"{len(before)} patches; {words}; without blob {false_calls:.0%} rejected",
        values={"by_size": rows, "rejected_without": false_calls, "score": detector.score},
        files=(context.artefact("roi", "patches.npy"), context.artefact("train", "model.safetensors")),
    )


def blobs(patches: Patches, size: float, depth: float, seed: int) -> Patches:
    """Patches with one dark blob each, soft at the edge, at a place drawn in the middle half of the patch.

    Args:
        patches: (N, H, W), values in [0, 1]; not changed.
        size: diameter as a share of the shorter side.
        depth: share of the light that is taken at the middle, in (0, 1].
        seed: of the places; they are the same for every size.

    Returns:
        (N, H, W), nowhere brighter than before.

    Example:
        >>> dark = blobs(np.ones((2, 32, 32), np.float32), 0.25, 0.6, seed=1)
        >>> dark.shape, round(float(dark.min()), 3), float(dark.max())
        ((2, 32, 32), 0.4, 1.0)
    """
    count, height, width = patches.shape
    random = np.random.default_rng(seed)
    places = random.uniform(0.25, 0.75, (count, 2)) * (height, width)
    rows, columns = np.indices((height, width))
    radius = size * min(height, width) / 2
    distance: NDArray[np.float64] = np.hypot(
        rows - np.floor(places[:, 0, None, None]), columns - np.floor(places[:, 1, None, None])
    )
    share = depth * soft_disc(distance, radius, edge=radius)
    return np.asarray(patches * (1 - share), dtype=np.float32)
