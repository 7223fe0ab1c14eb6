"""`protocols/tolerances.yaml`: how far outputs may lie apart on other hardware, declared before it is needed."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from sealproof.evidence import strict
from sealproof.evidence.strict import StrictModel

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Tolerance(StrictModel):
    """How far the numbers of some outputs may lie apart: |clone - here| <= absolute + relative x |here|.

    Args:
        files: pattern of the file, stage first: `train/model.safetensors`, `*.npy`.
        absolute, relative: at least 0.
        reason: why so much does not matter.

    Example:
        >>> Tolerance(files="*.npy", absolute=1, reason="one grey level of 65535").relative
        0.0
    """

    files: Text
    absolute: float = Field(default=0.0, ge=0)
    relative: float = Field(default=0.0, ge=0)
    reason: Text


class Tolerances(StrictModel):
    """The declared tolerances: the first whose pattern fits a file counts; one that none fits has to be identical."""

    tolerances: tuple[Tolerance, ...] = ()

    def of(self, path: str, product: str) -> Tolerance | None:
        """The tolerance of an output, by its path relative to the root.

        Example:
            >>> declared = Tolerances(tolerances=[{"files": "score/*.npy", "absolute": 1e-3, "reason": "r"}])
            >>> declared.of("artifacts/p/score/maps.npy", "p").absolute, declared.of("artifacts/p/roi/patches.npy", "p")
            (0.001, None)
        """
        name = path.removeprefix(f"artifacts/{product}/").removeprefix(f"reports/{product}/")
        return next((item for item in self.tolerances if fnmatchcase(name, item.files)), None)


def load_tolerances(path: Path) -> Tolerances:
    """Read the tolerances; without a file every output has to be identical.

    Raises:
        DefinitionError: an entry is malformed.
    """
    return strict.load(Tolerances, path) if path.is_file() else Tolerances()
