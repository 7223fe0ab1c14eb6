"""Where in a document each role signs, as the documents' own layout says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import NonNegativeInt, RootModel, ValidationError

from sealproof.evidence.errors import EvidenceAlteredError, EvidenceMissingError
from sealproof.evidence.files import read_json
from sealproof.evidence.strict import StrictModel

NAME = "signature_boxes.json"


class Box(StrictModel):
    """A rectangle on a page.

    Args:
        page: number of the page, 0 for the first.
        x0, y0, x1, y1: lower left and upper right corner in points (1/72 inch), from the lower left of the page.
    """

    page: NonNegativeInt
    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def rectangle(self) -> tuple[float, float, float, float]:
        """The corners as a PDF holds them."""
        return (self.x0, self.y0, self.x1, self.y1)


Boxes = Mapping[str, Mapping[str, Box]]


class _File(RootModel[dict[str, dict[str, Box]]]):
    pass


def read_boxes(path: Path, documents: tuple[str, ...], roles: tuple[str, ...]) -> Boxes:
    """Read `signature_boxes.json`: document -> role -> box.

    Raises:
        EvidenceMissingError: the file does not exist, or a document or role has no box.
        EvidenceAlteredError: it is not such a file, or a box has no area.
    """
    if not path.is_file():
        raise _missing(path, "the file does not exist")
    try:
        boxes = _File.model_validate(read_json(path)).root
    except ValidationError as error:
        raise _altered(path, str(error.errors()[0]["msg"])) from error
    lacking = [f"{name}: {role}" for name in documents for role in roles if role not in boxes.get(name, {})]
    if lacking:
        raise _missing(path, f"there is no box for {', '.join(lacking)}")
    flat = [
        f"{name}: {role}"
        for name in documents
        for role in roles
        if boxes[name][role].x1 - boxes[name][role].x0 < 1 or boxes[name][role].y1 - boxes[name][role].y0 < 1
    ]
    if flat:
        raise _altered(path, f"a box has no area: {', '.join(flat)}")
    return boxes


def _missing(path: Path, why: str) -> EvidenceMissingError:
    return EvidenceMissingError(
        "it is not known where in the documents to sign",
        where=str(path),
        why=why,
        mend="run `dvc repro dossier`",
    )


def _altered(path: Path, why: str) -> EvidenceAlteredError:
    return EvidenceAlteredError(
        "the places to sign cannot be read", where=str(path), why=why, mend="run `dvc repro dossier`"
    )
