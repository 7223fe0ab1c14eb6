"""Putting a packaged or simulated data set in place, whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from sealproof.datasets.registry import make_adapter
from sealproof.datasets.settings import DatasetSettings
from sealproof.evidence.errors import DataError
from sealproof.evidence.files import unwritable, write_json

#: File that marks a folder as made by an acquisition, with what it was made from.
MARKER = ".acquired.json"


def acquire(target: Path, settings: DatasetSettings, seed: int) -> int:
    """Fill `target` with the images of a data set; it appears in its place only when it is complete.

    Args:
        target: `data/<product>`; replaced when it exists and was made by an earlier acquisition.
        settings: which data set.
        seed: draws simulated images.

    Returns:
        Number of images in place.

    Raises:
        DataError: the adapter reads images that the user puts in place, so that there is nothing to acquire.
        OutputError: the folder cannot be written.
    """
    adapter = make_adapter(settings)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _clear_partials(target)
        partial = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.", suffix=".partial"))
    except OSError as error:
        raise unwritable(target, error) from error
    try:
        adapter.acquire(partial, seed)
        count = len(adapter.scan(partial))
        write_json(partial / MARKER, {"adapter": settings.adapter, "options": settings.options, "seed": seed})
        partial.chmod(0o755)
        _replace(partial, target)
    except OSError as error:
        raise unwritable(target, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return count


def _clear_partials(target: Path) -> None:
    """Remove what a killed acquisition left behind; refuse to replace what is not ours."""
    for leftover in sorted(target.parent.glob(f".{target.name}.*.partial")):
        shutil.rmtree(leftover)
    if target.exists() and any(target.iterdir()) and not (target / MARKER).is_file():
        raise DataError(
            "the data folder holds files that no acquisition has put there",
            where=str(target),
            why="acquiring replaces the folder, and these files would be lost",
            mend="move them away, or give the product another name",
        )


def _replace(source: Path, target: Path) -> None:
    old = Path(f"{source}.old.partial")
    if target.exists():
        target.replace(old)
    source.replace(target)
    shutil.rmtree(old, ignore_errors=True)
