"""Strict settings: an unknown key or an impossible value is an error that names the key."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.files import read_yaml

Model = TypeVar("Model", bound=BaseModel)


class StrictModel(BaseModel):
    """Base of all settings and product files: frozen, no unknown keys, no NaN."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True)


def parse(model: type[Model], content: Any, where: str) -> Model:
    """Build `model` from parsed YAML; all problems are reported at once.

    Raises:
        DefinitionError: naming every key that is unknown, missing or has an impossible value.
    """
    try:
        return model.model_validate(content if content is not None else {})
    except ValidationError as error:
        lines = [_line(problem) for problem in error.errors()]
        raise DefinitionError(
            f"{len(lines)} setting{'s are' if len(lines) > 1 else ' is'} wrong",
            where=where,
            why="\n".join(lines),
            mend="correct the keys named above; the comments in the file and the README say what each may be",
        ) from error


def problem_lines(error: ValidationError, whole: str = "(whole file)") -> list[str]:
    """A line a problem: the key as a path, and what is wrong there.

    Args:
        error: of pydantic.
        whole: stands for the key where the content as a whole is wrong.

    Example:
        >>> class Patch(StrictModel):
        ...     height: int
        >>> try:
        ...     Patch.model_validate({"height": "tall"})
        ... except ValidationError as error:
        ...     problem_lines(error)
        ['height: Input should be a valid integer, unable to parse string as an integer']
    """
    return [
        f"{'.'.join(str(part) for part in problem['loc']) or whole}: {problem['msg']}"
        for problem in error.errors()
    ]


def load(model: type[Model], path: Path) -> Model:
    """Read a YAML file into `model`; raises DefinitionError as `parse` does, or when the file is missing."""
    return parse(model, read_yaml(path), str(path))


def _line(problem: Any) -> str:
    key = ".".join(str(part) for part in problem["loc"]) or "(whole file)"
    if problem["type"] == "extra_forbidden":
        return f"{key}: unknown key"
    if problem["type"] == "missing":
        return f"{key}: missing"
    return f"{key}: {problem['msg']}, got {problem['input']!r}"
