"""Simulated pouch seals with the statistics of the Surface Seal Image dataset: tests, teaching, challenges.

Every image is drawn from the seed and its own number, so a data set does not depend on how it is computed,
and a larger one begins with other images than a smaller one only in the order of its lots. File names tell
neither class nor set-up.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, field_validator, model_validator

from sealproof.datasets.drawing import allocate
from sealproof.datasets.sample import DEFECTIVE, NORMAL, Adapter, Sample
from sealproof.datasets.seal_defects import KINDS, Defect
from sealproof.datasets.seal_drawing import SETUPS, Scene, draw_scene, render, specks
from sealproof.datasets.tables import listed, parse_time, read_table
from sealproof.evidence import strict
from sealproof.evidence.errors import DataError
from sealproof.evidence.strict import StrictModel

_TABLE = "samples.csv"
_COLUMNS = (
    "image",
    "label",
    "setup",
    "lot",
    "captured_at",
    "defect_type",
    "size_mm",
    "row",
    "column",
    "mask",
)
_FIRST_LOT = datetime(2024, 1, 8, 6, 0, tzinfo=UTC)
_LOT_EVERY = timedelta(hours=3)
_PLAN, _IMAGES = 1, 2
_NOTE = "Simulated images - not evidence about a real product.\n"


class Options(StrictModel):
    """Numbers of images, their size and pixel pitch, set-ups and lots.

    `setups` gives each set-up its share; the default follows the normals of SSI. `defect_free_setups: ["20"]`
    rebuilds the confounder of SSI, where set-up 20 has no defective image; by default every set-up has
    defects in equal share. Images come in lots of `lot_size`, one set-up a lot, three hours between lots and
    seconds within one.
    """

    normal: PositiveInt = 600
    defective: NonNegativeInt = 240
    height: int = Field(default=192, ge=64, le=2048)
    width: int = Field(default=384, ge=64, le=4096)
    pixel_mm: float = Field(default=0.1, gt=0, le=0.3)
    setups: dict[str, PositiveFloat] = Field(default={"12": 0.27, "20": 0.46, "23": 0.27}, min_length=1)
    defect_free_setups: tuple[str, ...] = ()
    lot_size: PositiveInt = 35

    @field_validator("setups")
    @classmethod
    def _are_known(cls, setups: dict[str, float]) -> dict[str, float]:
        if unknown := sorted(set(setups) - set(SETUPS)):
            raise ValueError(f"unknown set-up {', '.join(unknown)}; there are {', '.join(SETUPS)}")
        return setups

    @model_validator(mode="after")
    def _defects_have_a_place(self) -> Self:
        if self.defective and not set(self.setups) - set(self.defect_free_setups):
            raise ValueError("defects are asked for, but every set-up is free of them")
        return self


@dataclass(frozen=True)
class Planned:
    """One image before it is drawn."""

    number: int
    setup: str
    lot: int
    captured_at: datetime
    defect_type: str
    size_mm: float | None

    @property
    def name(self) -> str:
        """Name without ending, by time of capture."""
        return f"seal_{self.number:05d}"


@dataclass(frozen=True)
class SealSim:
    """A simulated data set."""

    options: Options
    source: str = "simulated pouch seals, drawn by sealproof"
    licence: str = "Apache-2.0"
    simulated: bool = True

    def acquire(self, target: Path, seed: int) -> None:
        """Draw all images below `target`: `images/`, `masks/` of the defects, and `samples.csv`.

        Raises:
            OSError: the folder cannot be written.
        """
        (target / "images").mkdir()
        (target / "masks").mkdir()
        table = io.StringIO()
        writer = csv.DictWriter(table, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        for planned in plan(self.options, seed):
            image, defect = draw(planned, self.options, seed)
            _write_png(target / "images" / f"{planned.name}.png", image)
            if defect is not None:
                _write_png(target / "masks" / f"{planned.name}.png", defect.mask.astype(np.uint8) * 255)
            writer.writerow(_row(planned, defect))
        (target / _TABLE).write_text(table.getvalue(), encoding="utf-8")
        (target / "README.txt").write_text(_NOTE, encoding="utf-8")

    def scan(self, root: Path) -> list[Sample]:
        """Read `samples.csv` below the data root.

        Raises:
            DataError: the table is missing or wrong.
        """
        path = root / _TABLE
        mend = f"run `dvc repro acquire@{root.name}` or `python pipeline/acquire.py {root.name}`"
        samples, problems = [], []
        for number, row in enumerate(read_table(path, _COLUMNS, mend), start=2):
            try:
                samples.append(_sample(row))
            except ValueError as error:
                problems.append(f"line {number}: {error}")
        if problems:
            raise DataError(
                "the table of simulated images is wrong", where=str(path), why=listed(problems), mend=mend
            )
        return sorted(samples, key=lambda sample: sample.path)


def make(options: dict[str, Any], where: str) -> Adapter:
    """The adapter for these options; DefinitionError when one is wrong."""
    return SealSim(strict.parse(Options, options, where))


def plan(options: Options, seed: int) -> list[Planned]:
    """Set-up, lot, time, defect type and size of every image, in order of time.

    Normals are shared among the set-ups by their shares, defects among those that may have them; the four
    defect types come equally often (to one image), sizes are uniform on a logarithmic scale between the
    limits of their type.
    """
    rng = np.random.default_rng([seed, _PLAN])
    defects = list(
        rng.permutation([name for name, _ in zip(_cycle(), range(options.defective), strict=False)])
    )
    with_defects = {
        name: part for name, part in options.setups.items() if name not in options.defect_free_setups
    }
    normals = _shares(options.setups, options.normal, rng)
    lots: list[tuple[str, list[str]]] = []
    for setup, count in _shares(with_defects, options.defective, rng).items():
        kinds = rng.permutation([""] * normals.pop(setup) + [defects.pop() for _ in range(count)])
        lots += [
            (setup, list(kinds[at : at + options.lot_size])) for at in range(0, len(kinds), options.lot_size)
        ]
    for setup, count in normals.items():
        lots += [
            (setup, [""] * min(options.lot_size, count - at)) for at in range(0, count, options.lot_size)
        ]
    order = rng.permutation(len(lots))
    planned: list[Planned] = []
    for place, chosen in enumerate(order):
        setup, kinds = lots[chosen]
        seconds = np.cumsum(rng.uniform(7, 17, len(kinds)))
        for kind, second in zip(kinds, seconds, strict=True):
            time = _FIRST_LOT + place * _LOT_EVERY + timedelta(seconds=int(second))
            size = _draw_size(str(kind), rng) if kind else None
            planned.append(Planned(len(planned) + 1, setup, place + 1, time, str(kind), size))
    return planned


def draw(planned: Planned, options: Options, seed: int) -> tuple[NDArray[np.uint8], Defect | None]:
    """Draw one planned image.

    Returns:
        (uint8 (height, width), the defect in it or None).
    """
    rng = np.random.default_rng([seed, _IMAGES, planned.number])
    shape = (options.height, options.width)
    scene: Scene = draw_scene(SETUPS[planned.setup], shape, rng)
    dust = specks(shape, rng)
    if planned.size_mm is None:
        return render(scene, scene.sealed, dust, rng), None
    column = rng.uniform(0.25, 0.75) * options.width
    defect = KINDS[planned.defect_type].draw(scene, planned.size_mm / options.pixel_mm, column, rng)
    return render(scene, defect.sealed, dust * defect.gain, rng), defect


def _cycle() -> Any:
    while True:
        yield from KINDS


def _shares(parts: dict[str, float], count: int, rng: np.random.Generator) -> dict[str, int]:
    if not parts:
        return {}
    sizes = [round(1_000_000 * part) for part in parts.values()]
    return dict(zip(parts, allocate(sizes, count, rng), strict=True))


def _draw_size(kind: str, rng: np.random.Generator) -> float:
    low, high = KINDS[kind].smallest_mm, KINDS[kind].largest_mm
    return round(float(np.exp(rng.uniform(np.log(low), np.log(high)))), 3)


def _row(planned: Planned, defect: Defect | None) -> dict[str, object]:
    return {
        "image": f"images/{planned.name}.png",
        "label": DEFECTIVE if defect else NORMAL,
        "setup": planned.setup,
        "lot": planned.lot,
        "captured_at": planned.captured_at.isoformat(),
        "defect_type": planned.defect_type,
        "size_mm": "" if planned.size_mm is None else planned.size_mm,
        "row": f"{defect.row:.1f}" if defect else "",
        "column": f"{defect.column:.1f}" if defect else "",
        "mask": f"masks/{planned.name}.png" if defect else "",
    }


def _sample(row: dict[str, str]) -> Sample:
    if row["label"] not in {str(NORMAL), str(DEFECTIVE)}:
        raise ValueError(f"label {row['label']!r} is neither {NORMAL} nor {DEFECTIVE}")
    return Sample(
        path=row["image"],
        label=int(row["label"]),
        defect_type=row["defect_type"],
        groups={"setup": row["setup"]},
        captured_at=parse_time(row["captured_at"]),
        mask_path=row["mask"],
        size_mm=float(row["size_mm"]) if row["size_mm"] else None,
    )


def _write_png(path: Path, image: NDArray[np.uint8]) -> None:
    path.write_bytes(cv2.imencode(".png", image)[1].tobytes())
