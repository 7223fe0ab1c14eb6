"""Files that are whole or not there: written beside their place, flushed, then moved into it."""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import yaml

from sealproof.evidence.errors import DefinitionError, EvidenceAlteredError, EvidenceMissingError, OutputError


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that a reader, or a kill, never sees half of it.

    Raises:
        OutputError: when the place cannot be written (permissions, full disk, a folder of that name).
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> OutputError:
    """The one message for a place that cannot be written."""
    return OutputError(
        "result cannot be written",
        where=str(path),
        why=error.strerror or str(error),
        mend="check the owner and permissions of the folder and the free space of the disk, then run again",
    )


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON with sorted keys; raises ValueError for NaN and infinities."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_bytes(path, (text + "\n").encode())


def read_json(path: Path) -> Any:
    """Read a JSON file that an earlier stage wrote.

    Raises:
        EvidenceMissingError: the file does not exist.
        EvidenceAlteredError: it is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise EvidenceMissingError(
            "a result of an earlier stage is missing",
            where=str(path),
            why="the file does not exist",
            mend="run `dvc repro`",
        ) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise EvidenceAlteredError(
            "a result of an earlier stage cannot be read",
            where=str(path),
            why=f"it is not JSON: {error}",
            mend="delete it and run `dvc repro`",
        ) from error


class _Yaml(yaml.SafeLoader):
    """The safe loader, with YAML 1.2's rule that 1e-3 is a number, as DVC reads it; YAML 1.1 takes it for a text."""


_Yaml.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def read_yaml(path: Path) -> Any:
    """Read a YAML file safely (no tags that build objects); `1e-3` is a number.

    Raises:
        DefinitionError: the file is missing or not YAML.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Yaml)  # noqa: S506 - a safe loader
    except FileNotFoundError as error:
        raise DefinitionError(
            "a definition file is missing",
            where=str(path),
            why="the file does not exist",
            mend="create it; see the README",
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DefinitionError(
            "a definition file is not valid YAML",
            where=str(path),
            why=str(error),
            mend="correct the line named above",
        ) from error
