"""The challenge by disturbances: the test images as a line may deliver them, scored by the released detector.

Labels are not read. Each image is read once; all its disturbed copies are made from it and scored in batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.progress import track

from sealproof.challenges.disturbances import DISTURBANCES, Circumstances, alternating_signs, amount_at
from sealproof.challenges.settings import AcquisitionSettings
from sealproof.datasets.images import confined, read_image
from sealproof.thresholds.resampling import generator

Image = NDArray[np.float32]
#: Name of the undisturbed images in disturbed.parquet; their severity is 0.
UNDISTURBED = "none"
#: Columns of disturbed.parquet before those of the scores.
COLUMNS = ("image_id", "disturbance", "severity", "amount", "decided")


class ScoresImages(Protocol):
    """What the challenge needs of a detector."""

    def score_images(self, images: Iterable[Image]) -> list[dict[str, float] | None]:
        """Full images, (H, W) in [0, 1] each -> every score of each; None where an image is undecided."""


@dataclass(frozen=True)
class DisturbancePlan:
    """Which images are disturbed, how far.

    Attributes:
        limits: disturbance -> declared limit; empty when nothing is declared.
        severities: multiples of the limits, rising.
        images: (image_id, path below the data root), sorted by image_id.
        available: test images that there are.
        seed: of the run.
    """

    limits: dict[str, float]
    severities: tuple[float, ...]
    images: tuple[tuple[str, str], ...]
    available: int
    seed: int

    @property
    def sampled(self) -> bool:
        """Whether only some of the test images were drawn."""
        return 0 < len(self.images) < self.available

    def amounts(self, name: str) -> list[float]:
        """Amount of a disturbance at each severity."""
        return [amount_at(name, self.limits[name], severity) for severity in self.severities]


def plan_disturbances(
    manifest: pd.DataFrame,
    envelope: AcquisitionSettings | None,
    severities: Sequence[float],
    images: int | None,
    seed: int,
) -> DisturbancePlan:
    """Choose the images by the seed; without a declared envelope none is chosen.

    Args:
        manifest: columns image_id, path and split.
        envelope: as declared; None when the product declares none.
        severities: multiples of its limits.
        images: how many at most; None for all.
        seed: of the run.
    """
    test = manifest[manifest["split"] == "test"].sort_values("image_id")
    pairs = list(zip(test["image_id"].astype(str), test["path"].astype(str), strict=True))
    limits = envelope.limits() if envelope else {}
    wanted = 0 if not limits else len(pairs) if images is None else min(images, len(pairs))
    chosen = sorted(generator(seed, "disturbed").choice(len(pairs), wanted, replace=False).tolist())
    return DisturbancePlan(
        limits, tuple(severities), tuple(pairs[at] for at in chosen), available=len(pairs), seed=seed
    )


def challenge_disturbed(
    plan: DisturbancePlan, root: Path, detector: ScoresImages, *, scores: Sequence[str]
) -> pd.DataFrame:
    """Disturb and score every planned image.

    Args:
        plan: from `plan_disturbances`.
        root: the data root.
        detector: the released one.
        scores: names of the scores, in order.

    Returns:
        `COLUMNS` and one column a score, NaN where undecided: the undisturbed images (`UNDISTURBED`, severity
        0), then each disturbance and severity; within them sorted by image_id. A signed disturbance's amount
        carries the sign that the image got.

    Raises:
        DataError: an image cannot be read or its path leaves the data folder.
    """
    facts: list[dict[str, Any]] = []

    def copies() -> Iterator[Image]:
        signs = {
            name: alternating_signs(len(plan.images), plan.seed, name)
            for name in plan.limits
            if DISTURBANCES[name].signed
        }
        for number, (image_id, path) in enumerate(track(plan.images, description="disturbances")):
            image = read_image(confined(root, path))
            own = {name: drawn[number] for name, drawn in signs.items()}
            for case, copy in disturbed_copies(plan, image, image_id, own):
                facts.append({"image_id": image_id, **case})
                yield copy

    found = detector.score_images(copies()) if plan.images else []
    nothing = dict.fromkeys(scores, float("nan"))
    rows = [
        {
            **fact,
            "decided": own is not None,
            **(nothing if own is None else {name: own[name] for name in scores}),
        }
        for fact, own in zip(facts, found, strict=True)
    ]
    return _table(rows, scores)


def disturbed_copies(
    plan: DisturbancePlan, image: Image, image_id: str, signs: dict[str, int]
) -> Iterator[tuple[dict[str, Any], Image]]:
    """The image itself and every disturbed copy of it, each with disturbance, severity and amount.

    Args:
        plan: limits, severities and seed.
        image: (H, W), grey values in [0, 1].
        image_id: names its stream of random numbers.
        signs: disturbance -> +1 or -1, of the signed ones.
    """
    yield {"disturbance": UNDISTURBED, "severity": 0.0, "amount": 0.0}, image
    around = Circumstances((image.shape[0], image.shape[1]), signs, plan.seed, image_id)
    for name in plan.limits:
        for severity, amount in zip(plan.severities, plan.amounts(name), strict=True):
            case = {"disturbance": name, "severity": severity, "amount": signs.get(name, 1) * amount}
            yield case, DISTURBANCES[name].apply(image, amount, around)


def _table(rows: list[dict[str, Any]], scores: Sequence[str]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=[*COLUMNS, *scores])
    texts, numbers = ["image_id", "disturbance"], ["severity", "amount", *scores]
    table = table.astype(
        dict.fromkeys(texts, "str") | dict.fromkeys(numbers, "float64") | {"decided": "bool"}
    )
    order = {name: place for place, name in enumerate((UNDISTURBED, *DISTURBANCES))}
    keys = table.assign(disturbance=table["disturbance"].map(order).astype("int64"))
    return table.loc[keys.sort_values(["disturbance", "severity", "image_id"]).index].reset_index(drop=True)


def disturbances_json(plan: DisturbancePlan) -> dict[str, Any]:
    """How the test images were disturbed, as JSON types: for challenge.json."""
    return {
        "declared": bool(plan.limits),
        "severities": list(plan.severities),
        "envelope": {
            name: {
                "limit": limit,
                "unit": DISTURBANCES[name].unit,
                "signed": DISTURBANCES[name].signed,
                "meaning": DISTURBANCES[name].meaning,
                "amounts": plan.amounts(name),
            }
            for name, limit in plan.limits.items()
        },
        "images": {
            "test": plan.available,
            "disturbed": len(plan.images),
            "sampled": plan.sampled,
            "copies": len(plan.images) * len(plan.limits) * len(plan.severities),
        },
        "seed": plan.seed,
    }
