"""The register of checks: what a test case may name, with which parameters, and what a check hands back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sealproof.evidence.strict import StrictModel

if TYPE_CHECKING:  # the context imports every room; a definition can be read without any of them
    from sealproof.qualification.context import Context


class NoParameters(StrictModel):
    """Parameters of a check that takes none."""


@dataclass(frozen=True)
class Finding:
    """What a check observed.

    Args:
        passed: True, False, or None when the question cannot be answered with what there is.
        actual: the observed values in a sentence; never "as expected".
        values: the observed values by name, JSON types only, written into the case's observation file.
        files: artefacts that were looked at.
        records: ids of evidence records that were looked at.

    Example:
        >>> Finding(passed=True, actual="3.11.7", values={"version": "3.11.7"}).passed
        True
    """

    passed: bool | None
    actual: str
    values: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    records: tuple[str, ...] = ()


Parameters = TypeVar("Parameters", bound=StrictModel)
Function = Callable[["Context", Parameters], Finding]


@dataclass(frozen=True)
class Check:
    """A registered check: its function and the model of its parameters."""

    name: str
    parameters: type[StrictModel]
    function: Callable[[Context, Any], Finding]


CHECKS: dict[str, Check] = {}


def check(name: str, parameters: type[Parameters]) -> Callable[[Function[Parameters]], Function[Parameters]]:
    """Register a function as the check `name`.

    Args:
        name: lower-case words joined by '-', as a protocol names it.
        parameters: strict model of the parameters a test case may give.

    Raises:
        ValueError: two checks of one name.
    """

    def register(
        function: Callable[[Context, Parameters], Finding],
    ) -> Callable[[Context, Parameters], Finding]:
        if name in CHECKS:
            raise ValueError(f"two checks are called {name!r}")
        CHECKS[name] = Check(name, parameters, function)
        return function

    return register
