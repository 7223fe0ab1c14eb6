"""Small data sets that follow the real contract: real images, the real manifest, the real splits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from sealproof.datasets.manifest import Origin, build_manifest
from sealproof.datasets.sample import Sample
from sealproof.datasets.sealing import seal
from sealproof.datasets.settings import ClassCounts, SplitSettings
from sealproof.datasets.splits import Division, assign_splits
from sealproof.datasets.summary import summarise
from sealproof.quality.examination import Examination
from sealproof.quality.measure import Measured, measure
from sealproof.quality.schema import validate_measured
from sealproof.quality.settings import CheckSettings

SPLIT = SplitSettings(
    subset="small",
    subsets={"small": ClassCounts(normal=36, defective=12)},
    test=ClassCounts(normal=12, defective=12),
    calibration_fraction=1 / 3,
)


def picture(number: int, side: int = 64) -> np.ndarray:
    """A texture of its own for every number, uint8 (side, side)."""
    noise = np.random.default_rng(number).normal(0, 1, (side, side))
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    return np.uint8(np.clip(128 + 40 * smooth / smooth.std() + 4 * noise, 0, 255))


class Folder:
    """Images on disk and what a data set says of them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.samples: list[Sample] = []
        self.splits: dict[str, str] = {}

    def add(self, name, split, label=None, image=None, **facts) -> Path:
        """Write an image (or what stands for one) and remember its split."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = picture(len(self.samples)) if image is None else image
        path.write_bytes(content) if isinstance(content, bytes) else cv2.imwrite(str(path), content)
        known = {"train": 0, "calibration": 0, "tuning": 1}.get(split, label)
        sample = Sample(name, known, **facts)
        self.samples.append(sample)
        self.splits[sample.image_id] = "excluded" if sample.excluded_reason else split
        return path

    def fill(self, train=4, calibration=2, tuning=2, normal=2, defective=2) -> None:
        """A data set without a fault."""
        kinds = [("train", 0)] * train + [("calibration", 0)] * calibration + [("tuning", 1)] * tuning
        kinds += [("test", 0)] * normal + [("test", 1)] * defective
        for number, (split, label) in enumerate(kinds):
            image = picture(1000 + number)
            self.add(f"{split}/{number:03d}.png", split, label, image)

    def division(self) -> Division:
        frame = build_manifest(self.samples, self.root, Origin("test", "none", simulated=True))
        frame["split"] = frame["image_id"].map(self.splits).astype("string")
        used = frame["split"].isin(["train", "calibration", "tuning"])
        subset = frame["split"].where(frame["split"] == "test", "").mask(used, "small")
        frame["subset"] = subset.astype("string")
        return Division(frame, ())

    def examine(self, split=None, **limits) -> Examination:
        """Measure the images as they are now."""
        settings = split or SplitSettings(subset="all")
        division = self.division()
        manifest, _ = seal(division.frame)
        return self.again(manifest, summarise(division, settings, 1), settings, **limits)

    def again(self, manifest, summary, settings, **limits) -> Examination:
        measured = measure(manifest, self.root, threads=1, progress=False)
        return Examination(manifest, measured, summary, CheckSettings(**limits), settings)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "data")


@pytest.fixture(scope="session")
def sound(tmp_path_factory):
    """A data set without a fault, drawn by the real split; (examination, root)."""
    box = Folder(tmp_path_factory.mktemp("sound"))
    for number in range(72):
        label = int(number >= 48)
        stamp = datetime(2026, 1, 1, number % 24, number % 60, tzinfo=UTC)
        groups = {"setup": str(12 + number % 2)}
        box.add(f"{number:03d}.png", "unused", label, picture(number), captured_at=stamp, groups=groups)
    frame = build_manifest(box.samples, box.root, Origin("test", "none", simulated=True))
    division = assign_splits(frame, SPLIT, seed=1)
    manifest, _ = seal(division.frame)
    return box.again(manifest, summarise(division, SPLIT, 1), SPLIT, neighbour_seconds=0), box.root


def limited(data: Examination, **limits) -> Examination:
    """The same data under other limits."""
    return replace(data, checks=CheckSettings(**limits))


def with_manifest(data: Examination, **columns) -> Examination:
    """The same data with other manifest columns."""
    return replace(data, manifest=data.manifest.assign(**columns))


def made_up(splits, counts=(0, 0), level=0.01, *, contract=True, **measures) -> Examination:
    """An examination of numbers alone: `splits` a name an image, `measures` its measured columns."""
    n = len(splits)
    rng = np.random.default_rng(n)
    hashes = [rng.bytes(32).hex() for _ in range(n)]
    column = {"brightness": 0.5, "contrast": 0.1, "sharpness": 0.01, "saturated": 0.0} | measures
    frame = pd.DataFrame({"image_id": [f"{i:05d}" for i in range(n)], "split": splits, "sha256": hashes})
    frame = frame.assign(path=frame["image_id"] + ".png", excluded=False, label=pd.NA, width=64, height=64)
    frame = frame.assign(mode="grey8", readable=True, problem="", sha256_found=hashes, pixels_sha256=hashes)
    frame = frame.assign(perceptual_hash=[digest[:16] for digest in hashes], **column)
    summary = {"splits": {"test": {"normal": counts[0], "defective": counts[1]}}, "subgroups": {}}
    measured = Measured(validate_measured(frame) if contract else frame, np.zeros((n, 1024), np.float32))
    return Examination(frame, measured, summary, CheckSettings(drift_level=level), SplitSettings())
