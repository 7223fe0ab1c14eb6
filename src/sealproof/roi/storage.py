"""Patches on disk: appended one image at a time, so that memory does not grow with the data set."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

#: Patches are stored as value in [0, 1] times this, rounded.
VALUE_SCALE = 65535


class PatchWriter:
    """Writes a `.npy` file of unknown length: uint16 (rows, height, width).

    The header is written again at the end with the number of rows; NumPy leaves room in it for any number.

    Args:
        path: the file.
        height: of the patches.
        width: of the patches.

    Attributes:
        rows: patches written so far; the row of the next one.
    """

    def __init__(self, path: Path, height: int, width: int) -> None:
        self._path, self._side = path, (height, width)
        self.rows = 0

    def __enter__(self) -> Self:
        self._stream = self._path.open("wb")
        self._write_header()
        self._start = self._stream.tell()
        return self

    def append(self, patches: NDArray[np.float32]) -> None:
        """Add patches (n, height, width) with values in [0, 1].

        Raises:
            ValueError: another size, or a value that is NaN or outside [0, 1].
        """
        if patches.shape[1:] != self._side:
            raise ValueError(f"patches are {patches.shape[1:]}, the file holds {self._side}")
        if not ((patches >= 0) & (patches <= 1)).all():
            raise ValueError("patches have values that are not in [0, 1]")
        stored = np.rint(patches * np.float64(VALUE_SCALE)).astype("<u2")
        self._stream.write(stored.tobytes())
        self.rows += len(patches)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stream:
            if kind is None:
                self._write_header()

    def _write_header(self) -> None:
        self._stream.seek(0)
        layout = {"descr": "<u2", "fortran_order": False, "shape": (self.rows, *self._side)}
        np.lib.format.write_array_header_1_0(self._stream, layout)
        if self.rows and self._stream.tell() != self._start:
            raise ValueError("the header of the patches has no room for the number of rows")
