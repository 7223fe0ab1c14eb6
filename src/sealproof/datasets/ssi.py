"""SSI: the Surface Seal Image dataset of sterile barrier packaging, as its authors publish it.

Zanon Diaz and Corcoran, Data in Brief 57 (2024), DOI 10.1016/j.dib.2024.110996; images: DOI
10.5281/zenodo.7834077. The images are put into `data/<product>/` by hand, together with the split lists (CSV,
columns `names`, `image_paths`, `notation_paths`, `classes`; Windows separators; `[1 0]` normal, `[0 1]`
defective). A file name carries facts: `seal_breach_0-12_20190906_010020.bmp` is class, set-up, date and time.
The names tell no time zone; times are taken as UTC, so that only differences between them mean something.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from sealproof.datasets.images import confined
from sealproof.datasets.sample import DEFECTIVE, NORMAL, Adapter, Sample, nothing_to_acquire
from sealproof.datasets.settings import ClassCounts
from sealproof.datasets.tables import listed, read_table
from sealproof.evidence import strict
from sealproof.evidence.errors import DataError
from sealproof.evidence.strict import StrictModel

_SOURCE = (
    "Surface Seal Image (SSI) dataset of sterile barrier packaging (Zanon Diaz and Corcoran, Data in Brief "
    "57, 2024, DOI 10.1016/j.dib.2024.110996; images DOI 10.5281/zenodo.7834077)"
)
_COLUMNS = ("names", "image_paths", "notation_paths", "classes")
_LABELS = {"[1 0]": NORMAL, "[0 1]": DEFECTIVE}
_NORMAL_CLASS = "NoLabel"
_NAME = re.compile(r"(?P<kind>[A-Za-z_]+?)(_\d+)?-(?P<setup>\d+)_(?P<time>\d{8}_\d{6})\.[A-Za-z]+")
_MEND = (
    "download the images (DOI 10.5281/zenodo.7834077) and the split lists into the data folder, "
    "or correct dataset.options in inspection.yaml"
)
#: Table 1 of the paper.
TABLE_1 = {
    "partial-10": ClassCounts(normal=382, defective=42),
    "partial-1": ClassCounts(normal=420, defective=4),
    "test": ClassCounts(normal=180, defective=180),
}


class Options(StrictModel):
    """Where images and lists lie below the data root, and how many images each list must name.

    `lists` maps the name of a set to its CSV file; `test` is the test split. `counts` is Table 1 of the
    paper; a list that is not in it is not counted. `masks` is the folder of the ground-truth masks, empty
    when they are not there.
    """

    images: str = ""
    masks: str = ""
    lists: dict[str, str] = Field(
        default={
            "partial-10": "rev_6_Partial-10/TrainingXVal.csv",
            "partial-1": "rev_8_Partial-01/TrainingXVal.csv",
            "test": "rev_6_Partial-10/Testing.csv",
        },
        min_length=2,
    )
    counts: dict[str, ClassCounts] = TABLE_1


@dataclass(frozen=True)
class Ssi:
    """The published lists and the images they name; images in no list are not part of the data set."""

    options: Options
    source: str = _SOURCE
    licence: str = ""
    simulated: bool = False

    def acquire(self, target: Path, seed: int) -> None:
        """There is nothing to acquire; raises DataError that says where the images come from."""
        raise nothing_to_acquire("ssi", _MEND)

    def scan(self, root: Path) -> list[Sample]:
        """Read the split lists and look for every image they name.

        Raises:
            DataError: a list is missing or cannot be read; a line contradicts itself, its image's name or
                another list; a list names other numbers of images than stated; images are absent. All of one
                kind at once.
        """
        rows = {name: _read_list(root, file) for name, file in sorted(self.options.lists.items())}
        self._refuse_wrong_counts(rows)
        merged: dict[str, Sample] = {}
        problems: list[str] = []
        for name, members in rows.items():
            for row in members:
                sample = self._sample(row, name, root)
                known = merged.get(sample.path)
                if known is not None and known.label != sample.label:
                    problems.append(f"{sample.path}: normal in one list, defective in another")
                merged[sample.path] = sample if known is None else _joined(known, name)
        _refuse("split lists contradict each other", root, problems)
        absent = sorted(path for path in merged if not confined(root, path).is_file())
        _refuse(f"{len(absent)} images of the split lists are missing", root, absent)
        return [merged[path] for path in sorted(merged)]

    def _refuse_wrong_counts(self, rows: dict[str, list[dict[str, str]]]) -> None:
        problems = []
        for name, members in rows.items():
            expected = self.options.counts.get(name)
            found = Counter(row["classes"] for row in members)
            normal, defective = found["[1 0]"], found["[0 1]"]
            if expected and (normal, defective) != (expected.normal, expected.defective):
                problems.append(
                    f"{self.options.lists[name]} ({name}): expected {expected.normal} normal and "
                    f"{expected.defective} defective (Table 1 of the paper), found {normal} and {defective}"
                )
        _refuse("split lists name other numbers of images than stated", Path(), problems)

    def _sample(self, row: dict[str, str], name: str, root: Path) -> Sample:
        relative = "/".join(filter(None, [self.options.images, row["image_paths"].replace("\\", "/")]))
        match = _NAME.fullmatch(row["names"])
        kind = match["kind"] if match else ""
        label = _LABELS[row["classes"]]
        mask = "/".join(filter(None, [self.options.masks, row["notation_paths"].replace("\\", "/")]))
        has_mask = bool(self.options.masks and row["notation_paths"]) and confined(root, mask).is_file()
        return Sample(
            path=relative,
            label=label,
            defect_type=kind.replace("_", " ") if label == DEFECTIVE else "",
            groups={"setup": match["setup"]} if match else {},
            captured_at=_time(match["time"]) if match else None,
            mask_path=mask if has_mask and label == DEFECTIVE else "",
            published=frozenset({name}),
        )


def make(options: dict[str, Any], where: str) -> Adapter:
    """The adapter for these options; DefinitionError when one is wrong."""
    return Ssi(strict.parse(Options, options, where))


def _read_list(root: Path, file: str) -> list[dict[str, str]]:
    """Rows of one list, each consistent in itself."""
    path = confined(root, file)
    rows = read_table(path, _COLUMNS, _MEND)
    problems = [
        f"line {number}: {why}" for number, row in enumerate(rows, start=2) for why in _contradictions(row)
    ]
    twice = [name for name, count in Counter(row["image_paths"] for row in rows).items() if count > 1]
    _refuse(
        "a split list contradicts itself", path, problems + [f"{name}: named twice" for name in sorted(twice)]
    )
    return rows


def _contradictions(row: dict[str, str]) -> list[str]:
    """What is wrong with a row.

    Example:
        >>> _contradictions({"names": "NoLabel-12_20190905_035310.bmp", "classes": "[0 1]", "image_paths":
        ...     "NoLabel\\\\NoLabel-12_20190905_035310.bmp"})
        ['NoLabel-12_20190905_035310.bmp: class [0 1] contradicts the name']
    """
    name, problems = row["names"], []
    match = _NAME.fullmatch(name)
    if row["classes"] not in _LABELS:
        problems.append(f"{name}: class {row['classes']!r} is neither [1 0] nor [0 1]")
    if match is None or _time(match["time"]) is None:
        problems.append(f"{name!r} is not of the form class-setup_date_time.bmp")
    elif row["classes"] in _LABELS and (match["kind"] == _NORMAL_CLASS) != (row["classes"] == "[1 0]"):
        problems.append(f"{name}: class {row['classes']} contradicts the name")
    if row["image_paths"].replace("\\", "/").rpartition("/")[2] != name:
        problems.append(f"{name}: the path {row['image_paths']} names another file")
    return problems


def _time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%d_%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _joined(known: Sample, name: str) -> Sample:
    return replace(known, published=known.published | {name})


def _refuse(what: str, where: Path, problems: list[str]) -> None:
    if problems:
        place = str(where) if where.parts else "dataset.options.lists"
        raise DataError(what, where=place, why=listed(problems), mend=_MEND)
