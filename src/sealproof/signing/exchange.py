"""A folder that changes in one step: at every moment, after a kill too, it is the former one or the new one."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sealproof.evidence.errors import OutputError
from sealproof.evidence.files import unwritable

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
#: Answers of a system or file system that knows no exchange of two names.
_UNKNOWN = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP}


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold a lock on a folder: who signs or releases is alone. It ends with the process, whatever ends that.

    Raises:
        OutputError: another process holds it, or the folder cannot be opened.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise OutputError(
            "another process signs or releases at this moment",
            where=str(folder),
            why="one at a time, so that each covers what came before",
            mend="wait until it has finished",
        ) from error
    finally:
        os.close(handle)


def partial_of(place: Path) -> Path:
    """Where the new folder is made, beside its place.

    Example:
        >>> partial_of(Path("reports/p/signed")).as_posix()
        'reports/p/signed.partial'
    """
    return place.with_name(f"{place.name}.partial")


def recover(place: Path) -> None:
    """Finish or roll back what a killed process left: the folder in its place is whole, and nothing is beside it.

    Raises:
        OutputError: the folders cannot be changed.
    """
    former = _former_of(place)
    try:
        if former.exists() and not place.exists():
            former.rename(place)
        for path in (former, partial_of(place)):
            if path.exists():
                shutil.rmtree(path)
    except OSError as error:
        raise unwritable(place, error) from error


def exchange(place: Path) -> None:
    """Put the finished `<place>.partial` into its place; a former folder there is removed after it.

    Raises:
        OutputError: the folders cannot be changed.
    """
    partial = partial_of(place)
    try:
        flush(partial)
        if not place.exists():
            partial.rename(place)
        elif swap(partial, place):
            flush_folder(place.parent)
            shutil.rmtree(partial)
        else:
            place.rename(_former_of(place))
            partial.rename(place)
            flush_folder(place.parent)
            shutil.rmtree(_former_of(place))
        flush_folder(place.parent)
    except OSError as error:
        raise unwritable(place, error) from error


def swap(one: Path, other: Path) -> bool:
    """Exchange two names in one step (Linux, renameat2); False where the system cannot.

    Raises:
        OSError: it can, but may not.
    """
    library = ctypes.CDLL(None, use_errno=True)
    function = getattr(library, "renameat2", None)
    if function is None:
        return False
    names = os.fsencode(one), os.fsencode(other)
    if function(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNKNOWN:
        return False
    raise OSError(number, os.strerror(number), str(other))


def flush(folder: Path) -> None:
    """Bring all files and folders below `folder` to the disk; raises OSError."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
        else:
            flush_folder(path)
    flush_folder(folder)


def flush_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk; raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _former_of(place: Path) -> Path:
    return place.with_name(f"{place.name}.former.partial")
