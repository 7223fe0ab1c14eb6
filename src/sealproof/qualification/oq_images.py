"""OQ checks from the image file to the verdict: scores computed again, invalid input, regions without confidence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveFloat, PositiveInt

from sealproof.datasets.images import read_image
from sealproof.datasets.manifest import Origin, build_manifest
from sealproof.datasets.sample import NORMAL, Sample
from sealproof.evidence.errors import DataError
from sealproof.evidence.strict import StrictModel
from sealproof.qualification.context import Context
from sealproof.qualification.detector import Detector, draw_sample, relative_difference
from sealproof.qualification.iq_software import shown
from sealproof.qualification.oq_scores import at_the_limit
from sealproof.qualification.registry import Finding, NoParameters, check
from sealproof.quality.examination import Examination
from sealproof.quality.measure import measure
from sealproof.quality.run import RUN
from sealproof.roi.propose import propose
from sealproof.roi.settings import RoiSettings

Image = NDArray[np.float32]
#: Data checks that judge an image by itself or against its neighbours, not splits or labels.
_GUARDS = ("unreadable_image", "image_too_small", "mixed_size", "mixed_mode", "blank_image")
_GOOD = 8


def score_image(detector: Detector, image: Image, settings: RoiSettings) -> dict[str, float] | None:
    """Every score of one image, the most anomalous patch deciding; None when it is undecided."""
    return detector.score_images([image], settings)[0]


class RecomputedParameters(StrictModel):
    """`images`: drawn calibration images."""

    images: PositiveInt
    relative_tolerance: PositiveFloat


@check("scores-recomputed", RecomputedParameters)
def scores_recomputed(context: Context, parameters: RecomputedParameters) -> Finding:
    """Are the scores on record those of the images, the regions and the weights on record?"""
    detector, settings = Detector.released(context), context.settings.inspection.roi
    chosen = sorted(set(draw_sample(context, parameters.images).images))
    paths = context.manifest.set_index("image_id").loc[chosen, "path"]
    recorded = context.scores.set_index("image_id").loc[chosen]
    found = [score_image(detector, read_image(context.workspace.images / path), settings) for path in paths]
    undecided = [image for image, scores in zip(chosen, found, strict=True) if scores is None]
    differences = {}
    for name in [] if undecided else list(found[0] or {}):
        again = np.array([scores[name] for scores in found if scores is not None])
        differences[name] = relative_difference(recorded[name].to_numpy(dtype=np.float64), again)
    known = np.array([scores[detector.score] for scores in found if scores is not None])
    before = recorded[detector.score].to_numpy(dtype=np.float64)
    changed, at_limit = len(chosen), 0
    if not undecided:
        changed, at_limit = detector.changes(before, known, parameters.relative_tolerance)
    largest = max(differences.values(), default=float("nan"))
    return Finding(
        passed=not undecided and largest <= parameters.relative_tolerance and changed == 0,
        actual=(
            f"{len(chosen)} images, {len(differences)} scores: largest relative difference {largest:.1e}; "
            f"{changed} verdicts changed{at_the_limit(at_limit)}"
            f"{shown([f'{image} is undecided' for image in undecided])}"
        ),
        values={
            "images": chosen,
            "differences": differences,
            "verdicts_changed": changed,
            "at_limit": at_limit,
        },
        files=(context.artefact("score", "scores.parquet"), context.artefact("train", "model.safetensors")),
    )


def invalid_files(good: Path, folder: Path, seed: int) -> list[Path]:
    """Write files that are no valid image of the part, made from a good one.

    Args:
        good: a valid image.
        folder: where to; exists.
        seed: of the noise.

    Returns:
        the files, each named after its fault.
    """
    image: Any = cv2.imread(str(good), cv2.IMREAD_UNCHANGED)
    top = np.iinfo(image.dtype).max
    pictures = {
        "black": np.zeros_like(image),
        "white": np.full_like(image, top),
        "one-grey-value": np.full_like(image, top // 3),
        "too-small": image[:8, :8],
        "half-cut-off": np.concatenate([image[: len(image) // 2], np.zeros_like(image[len(image) // 2 :])]),
        "noise": np.random.default_rng(seed).integers(0, top, image.shape, image.dtype, endpoint=True),
    }
    encoded = cv2.imencode(".png", image)[1].tobytes()
    contents = {
        "truncated": encoded[: len(encoded) * 2 // 5],
        "text": b"this is no image\n",
        "empty": b"",
        **{name: cv2.imencode(".png", picture)[1].tobytes() for name, picture in pictures.items()},
    }
    paths = [folder / f"{name}.png" for name in contents]
    for path, content in zip(paths, contents.values(), strict=True):
        path.write_bytes(content)
    return paths


@check("invalid-input", NoParameters)
def invalid_input(context: Context, parameters: NoParameters) -> Finding:
    """Is each invalid file refused, undecided or rejected on its way from file to verdict?"""
    del parameters
    detector = Detector.released(context)
    chosen = sorted(set(draw_sample(context, _GOOD).images))
    paths = context.manifest.set_index("image_id").loc[chosen, "path"]
    with context.scratch() as folder, context.silent_decoders():
        for number, path in enumerate(paths):
            source = context.workspace.images / path
            (folder / f"good-{number}{source.suffix}").write_bytes(source.read_bytes())
        files = invalid_files(context.workspace.images / paths.iloc[0], folder, context.settings.params.seed)
        refused = _refused(context, folder)
        ends = {path.stem: _end(context, detector, path, refused) for path in files}
    accepted = [name for name, end in ends.items() if end == "accept"]
    listing = ", ".join(f"{name}: {end}" for name, end in ends.items())
    return Finding(
        passed=not accepted and len(ends) > 0,
        actual=f"{len(ends)} invalid files, {len(accepted)} accepted; {listing}",
        values={"ends": ends},
        files=(
            context.artefact("train", "model.safetensors"),
            context.artefact("threshold", "thresholds.json"),
        ),
    )


def _end(context: Context, detector: Detector, path: Path, refused: dict[str, str]) -> str:
    """Where a file's way ends: unreadable, refused by a data check, undecided, or a verdict."""
    try:
        image = read_image(path)
    except DataError:
        return "unreadable"
    if path.stem in refused:
        return f"refused ({refused[path.stem]})"
    scores = score_image(detector, image, context.settings.inspection.roi)
    if scores is None:
        return "undecided"
    return str(detector.verdicts(np.array([scores[detector.score]]))[0])


def _refused(context: Context, folder: Path) -> dict[str, str]:
    """Name of a file -> reason code of the data check that stops the run because of it."""
    samples = [Sample(path.name, NORMAL) for path in sorted(folder.iterdir())]
    manifest = build_manifest(samples, folder, Origin("made on purpose", "", simulated=True))
    manifest["split"] = "calibration"
    measured = measure(manifest, folder, progress=False)
    data = Examination(
        manifest, measured, {}, context.settings.inspection.checks, context.settings.inspection.split
    )
    found: dict[str, str] = {}
    for code in _GUARDS:
        for finding in RUN[code](data):
            names = [place.split(" (")[0].split(":")[0].removesuffix(".png") for place in finding.where]
            found |= dict.fromkeys(names, code) if finding.severity == "error" else {}
    return found


@check("region-undecided", NoParameters)
def region_undecided(context: Context, parameters: NoParameters) -> Finding:
    """Is an image undecided when its region is not found with confidence?"""
    del parameters
    own = context.settings.inspection.roi
    sample = sorted(set(draw_sample(context, 1).images))
    path = context.manifest.set_index("image_id").loc[sample[0], "path"]
    real = read_image(context.workspace.images / str(path))
    flat = np.full_like(real, 0.5)
    finder = RoiSettings(method="sobel_transition", minimum_confidence=1.0)
    beyond = {"name": "beyond", "x0": 0, "y0": 0, "x1": real.shape[1] + 1, "y1": real.shape[0]}
    challenges: dict[str, tuple[Image, RoiSettings]] = {
        "no structure, transition wanted": (flat, finder.model_copy(update={"minimum_confidence": 0.0})),
        "confidence of 1 asked for": (real, finder),
        "region beyond the image": (real, RoiSettings(method="fixed", options={"regions": [beyond]})),
    }
    if own.method == "sobel_transition":
        challenges["no structure, settings of the product"] = (flat, own)
        challenges["settings of the product, confidence of 1 asked for"] = (
            real,
            own.model_copy(update={"minimum_confidence": 1.0}),
        )
    decided = [
        name
        for name, (image, settings) in challenges.items()
        if all(region.decided for region in propose(image, settings))
    ]
    return Finding(
        passed=not decided,
        actual=f"{len(challenges)} challenges, {len(decided)} images decided{shown(decided)}",
        values={"challenges": list(challenges), "decided": decided},
        files=(context.existing(context.workspace.definition / "inspection.yaml"),),
    )
