"""Your own images: a folder of normal ones, a folder of defective ones.

- `data/<product>/normal/...` (or `good`, `ok`);
- `data/<product>/defective/<type>/...` (or `defect`, `nok`, `bad`); folders of defect types below it are optional;
- `data/<product>/subgroups.csv`, optional: image, captured_at (a time), any further columns are subgroups.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealproof.datasets.images import ENDINGS
from sealproof.datasets.sample import DEFECTIVE, NORMAL, Adapter, Sample, nothing_to_acquire
from sealproof.datasets.tables import listed, parse_time, read_table
from sealproof.evidence import strict
from sealproof.evidence.errors import DataError
from sealproof.evidence.strict import StrictModel

NORMAL_NAMES = ("normal", "good", "ok")
DEFECTIVE_NAMES = ("defective", "defect", "nok", "bad")
_TIME = "captured_at"
_COLUMN = re.compile(r"[a-z0-9_]+")
_LAYOUT = "normal/ and defective/"


class Options(StrictModel):
    """Names of the class folders, when they are not among the usual ones, and of the table of subgroups."""

    normal: str = ""
    defective: str = ""
    subgroups: str = "subgroups.csv"


@dataclass(frozen=True)
class Folder:
    """Two class folders."""

    options: Options
    source: str = "images of the user"
    licence: str = ""
    simulated: bool = False

    def acquire(self, target: Path, seed: int) -> None:
        """There is nothing to acquire; raises DataError that says where images go."""
        raise nothing_to_acquire("folder", f"put your images into data/<product>/ ({_LAYOUT})")

    def scan(self, root: Path) -> list[Sample]:
        """List the images of both class folders.

        A folder below the defective one names the defect type. Files that are no images by their ending are
        an error, not a gap; hidden files are passed over.

        Raises:
            DataError: a class folder is missing, doubled or empty; a file has another ending; the subgroup
                table is wrong.
        """
        if not root.is_dir():
            raise no_images(root, _LAYOUT)
        normal = class_folder(root, self.options.normal, NORMAL_NAMES)
        defective = class_folder(root, self.options.defective, DEFECTIVE_NAMES)
        table = _read_subgroups(root / self.options.subgroups)
        samples = [_sample(root, path, NORMAL, "", table) for path in images_below(normal)]
        for path in images_below(defective):
            inside = path.relative_to(defective).parts
            samples.append(_sample(root, path, DEFECTIVE, inside[0] if len(inside) > 1 else "", table))
        _refuse_unused(table, samples, root / self.options.subgroups)
        return sorted(samples, key=lambda sample: sample.path)


def make(options: dict[str, Any], where: str) -> Adapter:
    """The adapter for these options; DefinitionError when one is wrong."""
    return Folder(strict.parse(Options, options, where))


def class_folder(root: Path, chosen: str, usual: tuple[str, ...]) -> Path:
    """The folder of a class: the chosen name, or the one of the usual names that is there.

    Raises:
        DataError: none is there, or more than one.
    """
    names = (chosen,) if chosen else usual
    found = [root / name for name in names if (root / name).is_dir()]
    if len(found) != 1:
        state = f"there are several: {', '.join(path.name for path in found)}" if found else "there is none"
        raise DataError(
            "a class folder is missing" if not found else "a class has several folders",
            where=str(root),
            why=f"one folder named {' or '.join(names)} is expected, {state}",
            mend="put the images of that class into one such folder, or name it under dataset.options",
        )
    return found[0]


def images_below(folder: Path) -> list[Path]:
    """All images below a folder, sorted.

    Raises:
        DataError: the folder holds no image, files that are no images by their ending, or links to folders or
            to nothing (their images would be passed over in silence).
    """
    entries = sorted(path for path in folder.rglob("*") if not _is_hidden(path, folder))
    files = [path for path in entries if path.is_file()]
    strange = [path for path in files if path.suffix.lower() not in ENDINGS]
    strange += [path for path in entries if path.is_symlink() and not path.is_file()]
    known = ", ".join(sorted(ENDINGS))
    if strange:
        raise DataError(
            f"{len(strange)} entries are no images",
            where=str(folder),
            why=f"{listed([str(path.relative_to(folder)) for path in strange])}\nknown endings: {known}",
            mend="move other files out of the image folders or convert them to PNG; copy what links lead to",
        )
    if not files:
        raise DataError(
            "a class folder is empty",
            where=str(folder),
            why=f"it holds no image ({known})",
            mend="put images there",
        )
    return files


def no_images(root: Path, layout: str) -> DataError:
    """The one message for a data folder that is not there."""
    return DataError(
        "there are no images yet",
        where=str(root),
        why="the folder does not exist",
        mend=f"put your images into {root}/ ({layout})",
    )


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _sample(root: Path, path: Path, label: int, defect_type: str, table: dict[str, dict[str, str]]) -> Sample:
    relative = path.relative_to(root).as_posix()
    row = dict(table.get(relative, {}))
    time = row.pop(_TIME, "")
    return Sample(relative, label, defect_type, row, parse_time(time) if time else None)


def _read_subgroups(path: Path) -> dict[str, dict[str, str]]:
    """image -> column -> value; empty when there is no table."""
    if not path.is_file():
        return {}
    rows = read_table(path, ["image"], "create it")
    problems = [
        f"{name!r} is no column name (a-z, 0-9, _)" for name in rows[0] if not _COLUMN.fullmatch(name)
    ]
    table: dict[str, dict[str, str]] = {}
    for number, row in enumerate(rows, start=2):
        image = row.pop("image").replace("\\", "/")
        if image in table:
            problems.append(f"line {number}: {image} is named twice")
        if not _is_time(row.get(_TIME, "")):
            problems.append(f"line {number}: {row[_TIME]!r} is no time (ISO 8601)")
        table[image] = row
    if problems:
        raise DataError(
            "the subgroup table is wrong",
            where=str(path),
            why=listed(problems),
            mend="correct the lines named above",
        )
    return table


def _is_time(text: str) -> bool:
    try:
        return not text or parse_time(text) is not None
    except ValueError:
        return False


def _refuse_unused(table: dict[str, dict[str, str]], samples: list[Sample], path: Path) -> None:
    """A table that names other images, or not all of them, would leave subgroups silently incomplete."""
    there = {sample.path for sample in samples}
    problems = [f"{name}: no such image" for name in sorted(set(table) - there)]
    problems += [f"{name}: has no line" for name in sorted(there - set(table))] if table else []
    if problems:
        raise DataError(
            "the subgroup table and the images do not match",
            where=str(path),
            why=listed(problems),
            mend="give every image one line, with its path relative to the data folder",
        )
