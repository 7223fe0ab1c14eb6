"""Outputs of two runs side by side: identical by hash, or else how far their numbers lie apart."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sealproof.change.claims import flatten
from sealproof.change.tolerances import Tolerance
from sealproof.evidence.hashing import sha256_file

Verdict = Literal["identical", "within tolerance", "different"]
Parts = Mapping[str, Any]
"""Name -> array of numbers, or any other value that has to be equal."""
_ROWS = 1 << 20
"""Numbers that are compared at once."""


@dataclass(frozen=True)
class OutputResult:
    """How one output came out.

    Attributes:
        path: relative to the root.
        verdict: `identical`, `within tolerance` or `different`.
        here, clone: SHA-256 of both files, None where there is none.
        absolute, relative: largest deviations of a number; None when nothing was comparable or the hash is the same.
        where: part of the file with the largest deviation.
        why: what else differs, or why it could not be compared.
        tolerance: declared for this file.
    """

    path: str
    verdict: Verdict
    here: str | None
    clone: str | None
    absolute: float | None = None
    relative: float | None = None
    where: str = ""
    why: str = ""
    tolerance: Tolerance | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON types only."""
        tolerance = None if self.tolerance is None else self.tolerance.model_dump(mode="json")
        return {
            "path": self.path,
            "verdict": self.verdict,
            "sha256": self.here,
            "sha256_clone": self.clone,
            "largest_absolute_deviation": self.absolute,
            "largest_relative_deviation": self.relative,
            "where": self.where,
            "why": self.why,
            "tolerance": tolerance,
        }


@dataclass
class _Deviation:
    """Collects the largest deviations over all parts of a file."""

    tolerance: Tolerance | None
    absolute: float | None = None
    relative: float | None = None
    where: str = ""
    beyond: list[str] = field(default_factory=list)
    unequal: list[str] = field(default_factory=list)

    def numbers(self, name: str, here: NDArray[Any], clone: NDArray[Any]) -> None:
        first, second = np.atleast_1d(here), np.atleast_1d(clone)
        step = max(1, _ROWS // max(1, int(np.prod(first.shape[1:]))))
        for start in range(0, len(first), step):
            rows = slice(start, start + step)
            self._rows(name, first[rows].astype(np.float64), second[rows].astype(np.float64))

    def _rows(self, name: str, here: NDArray[np.float64], clone: NDArray[np.float64]) -> None:
        same = (here == clone) | (np.isnan(here) & np.isnan(clone))
        if same.all():
            return
        here, clone = here[~same], clone[~same]
        if not (np.isfinite(here).all() and np.isfinite(clone).all()):
            self.unequal.append(f"{name}: a number is missing or infinite on one side only")
            return
        apart = np.abs(clone - here)
        size = np.abs(here)
        with np.errstate(over="ignore"):  # relative to next to nothing
            relative = float(np.max(np.divide(apart, size, out=np.full_like(apart, np.inf), where=size > 0)))
        if self.absolute is None or apart.max() > self.absolute:
            self.absolute, self.where = float(apart.max()), name
        if np.isfinite(relative):
            self.relative = max(relative, self.relative or 0.0)
        allowed = self.tolerance.absolute + self.tolerance.relative * size if self.tolerance else 0.0
        if (apart > allowed).any():
            self.beyond.append(name)


def compare_output(
    path: str, here: Path, clone: Path, tolerance: Tolerance | None, alike: Callable[[str, str], bool]
) -> OutputResult:
    """Compare one output of two runs; hash first, numbers only where it differs.

    Args:
        path: relative to the root, for the report.
        here, clone: the files.
        tolerance: declared for it; without one only identical files pass, and the deviation is for information.
        alike: whether two hashes inside JSON name the same output of each run.

    Returns:
        `within tolerance` only when every number is within and everything else is equal.
    """
    first, second = (sha256_file(item) if item.is_file() else None for item in (here, clone))
    if first is None or second is None:
        why = "only the clone has it" if first is None else "the clone has not made it"
        return OutputResult(path, "different", first, second, why=why, tolerance=tolerance)
    if first == second:
        return OutputResult(path, "identical", first, second, tolerance=tolerance)
    found = _Deviation(tolerance)
    try:
        _compare_parts(_read(here), _read(clone), found, alike)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        found.unequal.append(f"cannot be compared by value: {error}")
    within = tolerance is not None and not found.beyond and not found.unequal
    problems = [*found.unequal[:3], *([f"beyond: {', '.join(found.beyond[:3])}"] if found.beyond else [])]
    return OutputResult(
        path=path,
        verdict="within tolerance" if within else "different",
        here=first,
        clone=second,
        absolute=found.absolute,
        relative=found.relative,
        where=found.where,
        why="; ".join(problems),
        tolerance=tolerance,
    )


def _compare_parts(here: Parts, clone: Parts, found: _Deviation, alike: Callable[[str, str], bool]) -> None:
    for name in sorted({*here, *clone}):
        if name not in here or name not in clone:
            found.unequal.append(f"{name}: only on one side")
            continue
        first, second = here[name], clone[name]
        if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
            if first.shape != second.shape or first.dtype != second.dtype:
                found.unequal.append(f"{name}: another shape or type")
            elif np.issubdtype(first.dtype, np.number):
                found.numbers(name, first, second)
            elif not np.array_equal(first, second):
                found.unequal.append(f"{name}: other values")
        elif type(first) is not type(second) or (first != second and not _both_hashes(first, second, alike)):
            found.unequal.append(f"{name}: {first!r} here, {second!r} in the clone")


def _both_hashes(first: Any, second: Any, alike: Callable[[str, str], bool]) -> bool:
    return isinstance(first, str) and isinstance(second, str) and alike(first, second)


def _read(path: Path) -> Parts:
    """The parts of a file by its kind.

    Raises:
        ValueError: the kind is unknown, or the file is malformed.
    """
    reader = _READERS.get(path.suffix)
    if reader is None:
        raise ValueError(f"files of the kind {path.suffix or path.name} have no numbers to compare")
    return reader(path)


def _read_json(path: Path) -> Parts:
    leaves = flatten(json.loads(path.read_text(encoding="utf-8")))
    return dict(_numbered(leaves))


def _numbered(leaves: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Floats as arrays; a list of numbers with any float in it as one array."""
    for name, value in leaves.items():
        values = value if isinstance(value, list) else [value]
        numbers = all(isinstance(item, int | float) and not isinstance(item, bool) for item in values)
        is_float = numbers and any(isinstance(item, float) for item in values)
        yield name, np.array(value, dtype=np.float64) if is_float else value


def _read_npy(path: Path) -> Parts:
    return {"array": np.load(path, mmap_mode="r", allow_pickle=False)}


def _read_npz(path: Path) -> Parts:
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _read_safetensors(path: Path) -> Parts:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file  # slow to import, and only needed when weights differ

    try:
        return dict(load_file(path))
    except SafetensorError as error:
        raise ValueError(str(error)) from error


def _read_parquet(path: Path) -> Parts:
    return _columns(pd.read_parquet(path))


def _read_csv(path: Path) -> Parts:
    return _columns(pd.read_csv(path))


def _columns(table: pd.DataFrame) -> Parts:
    """Float columns as arrays; all others, counts and labels, have to be equal."""
    parts: dict[str, Any] = {}
    for name in table.columns:
        column = table[name]
        if pd.api.types.is_float_dtype(column):
            parts[str(name)] = column.to_numpy(dtype=np.float64, na_value=np.nan)
        else:
            parts[str(name)] = [None if pd.isna(value) else str(value) for value in column]
    return parts


_READERS: Mapping[str, Callable[[Path], Parts]] = {
    ".json": _read_json,
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".safetensors": _read_safetensors,
    ".parquet": _read_parquet,
    ".csv": _read_csv,
}
