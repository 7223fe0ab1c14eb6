"""Named arrays in one file: uncompressed npz without pickled objects, so that no code is executed from it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sealproof.evidence.errors import EvidenceAlteredError, EvidenceMissingError
from sealproof.evidence.files import write_bytes

Arrays = dict[str, NDArray[Any]]


def save_arrays(arrays: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Write arrays; same arrays in the same order, same bytes.

    Raises:
        OutputError: the file cannot be written.
    """
    buffer = io.BytesIO()
    np.savez(buffer, **dict(arrays))  # type: ignore[arg-type] # mypy takes the arrays for the flag allow_pickle
    write_bytes(path, buffer.getvalue())


def load_arrays(path: Path, what: str) -> Arrays:
    """Read arrays.

    Args:
        path: of the file.
        what: is in it, for the message.

    Raises:
        EvidenceMissingError: there is no such file.
        EvidenceAlteredError: it is no such file, or holds pickled objects.
    """
    try:
        content = np.load(path, allow_pickle=False)
        if not isinstance(content, np.lib.npyio.NpzFile):
            raise altered(path, what, "it holds one array without a name")
        with content:
            return {key: content[key] for key in content.files}
    except FileNotFoundError as error:
        raise EvidenceMissingError(
            f"{what} is missing", where=str(path), why="the file does not exist", mend="run `dvc repro`"
        ) from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise altered(path, what, str(error)) from error


def altered(path: Path, what: str, why: str) -> EvidenceAlteredError:
    """The error about a file that is not what was saved."""
    return EvidenceAlteredError(
        f"{what} cannot be read", where=str(path), why=why, mend="delete it and run `dvc repro`"
    )
