"""New values for the section `train` of params.yaml, line by line: comments and order stay as they are."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

import yaml

from sealproof.evidence.errors import DefinitionError
from sealproof.models.settings import TrainSettings

_SECTION = "train"
#: Indent, key, value, and the comment with the blanks before it.
_LINE = re.compile(r"^(?P<key>  (?P<name>[A-Za-z_]+): *)(?P<value>[^#\n]*?)(?P<comment>\s*(?:\s#.*)?)$")


def edited(text: str, wanted: TrainSettings) -> str:
    """params.yaml with the section `train` of `wanted`.

    A key whose value is already right is left alone, and one that has its default and is not there is not added.

    Args:
        text: of params.yaml.
        wanted: settings of the training.

    Raises:
        DefinitionError: a value that changes does not stand on one line.

    Example:
        >>> text = "train:  # how\\n  epochs: 60       # passes\\n  latent: 128\\n"
        >>> print(edited(text, TrainSettings(epochs=7, dropout=0.0)), end="")
        train:  # how
          epochs: 7        # passes
          latent: 128
          dropout: 0.0
    """
    before = yaml.safe_load(text)
    stated = before.get(_SECTION) or {}
    now = TrainSettings.model_validate(stated).model_dump(mode="json")
    changes = {name: value for name, value in wanted.model_dump(mode="json").items() if now[name] != value}
    if not changes:
        return text
    lines = text.splitlines()
    start, stop = _section(lines)
    for place in range(start, stop):
        found = _LINE.match(lines[place])
        if found and found["name"] in changes and found["value"]:
            lines[place] = _with_value(found, changes[found["name"]])
    added = [f"  {name}: {_flow(value)}" for name, value in changes.items() if name not in stated]
    lines[stop:stop] = added
    after = "\n".join(lines) + "\n"
    _check(before, after, {**stated, **changes})
    return after


def difference(before: str, after: str) -> str:
    """What changes, as a unified diff; empty when nothing does.

    Example:
        >>> print(difference("a: 1\\n", "a: 2\\n"), end="")
        --- params.yaml
        +++ params.yaml, tuned
        @@ -1 +1 @@
        -a: 1
        +a: 2
    """
    names = ("params.yaml", "params.yaml, tuned")
    return "".join(
        difflib.unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), *names)
    )


def _section(lines: list[str]) -> tuple[int, int]:
    """First line below `train:` and the line behind its last key."""
    heads = [place for place, line in enumerate(lines) if re.match(rf"^{_SECTION}:(\s|$)", line)]
    start = heads[0] + 1 if heads else len(lines)
    stop = start
    for place in range(start, len(lines)):
        if lines[place].startswith(" ") and lines[place].strip():
            stop = place + 1
        elif lines[place].strip() and not lines[place].startswith("#"):
            break
    return start, stop


def _with_value(found: re.Match[str], value: Any) -> str:
    """The line with another value, its comment in the same column where there is room."""
    text, comment = _flow(value), found["comment"].strip()
    if not comment:
        return found["key"] + text
    column = found.start("comment") + len(found["comment"]) - len(found["comment"].lstrip())
    return f"{(found['key'] + text).ljust(column - 1)} {comment}"


def _flow(value: Any) -> str:
    """A value as YAML on one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10_000)
    return text.removesuffix("\n").removesuffix("\n...")


def _check(before: Mapping[str, Any], after: str, train: Mapping[str, Any]) -> None:
    """What is written has to read as what was wanted."""
    try:
        found = yaml.safe_load(after)
    except yaml.YAMLError:
        found = None
    if found != {**before, _SECTION: dict(train)}:
        raise DefinitionError(
            "params.yaml cannot be edited line by line",
            where=f"params.yaml, section `{_SECTION}`",
            why="a value that changes does not stand behind its key on one line, indented by two blanks",
            mend="paste the section `train` of best.yaml over it",
        )
