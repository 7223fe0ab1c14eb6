"""Where people sign: three boxes on the first page, whose places are read from the layout, never measured by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sealproof.evidence.errors import DefinitionError
from sealproof.qualification.decision import REQUIRED_SIGNATURES

SMALLEST = (155.9, 56.6)
"""Width and height in points: 55 mm and 20 mm, room for name, role, meaning and time."""
_POINTS = 0.75
"""A CSS pixel is 1/96 of an inch, a point 1/72."""


@dataclass(frozen=True)
class SignatureBox:
    """A rectangle on a page, in points, origin at the lower left corner.

    Args:
        page: 0 for the first.
        x0, y0: lower left corner.
        x1, y1: upper right corner.
    """

    page: int
    x0: float
    y0: float
    x1: float
    y1: float


def box_anchor(role: str) -> str:
    """The id of a role's box in the templates.

    Example:
        >>> box_anchor("author")
        'sign-author'
    """
    return f"sign-{role}"


def find_boxes(pages: Sequence[Any]) -> dict[str, SignatureBox]:
    """The signature boxes of a laid-out document.

    Args:
        pages: of WeasyPrint: `anchors` maps an id to (left, top, right, bottom) in CSS pixels from the top left.

    Returns:
        role -> its box, rounded to 1/1000 point; empty for a document without any.

    Raises:
        DefinitionError: some boxes are missing, not on the first page, or too small to be signed in.

    Example:
        >>> from types import SimpleNamespace
        >>> anchors = {f"sign-{role}": (40, 900, 250, 1000) for role in ("author", "reviewer", "approver")}
        >>> find_boxes([SimpleNamespace(height=1122.5, anchors=anchors)])["author"]
        SignatureBox(page=0, x0=30.0, y0=91.875, x1=187.5, y1=166.875)
    """
    found = {
        role: _box(number, page.height, page.anchors[box_anchor(role)])
        for number, page in enumerate(pages)
        for role in REQUIRED_SIGNATURES
        if box_anchor(role) in page.anchors
    }
    if found:
        _reject_unusable(found)
    return found


def boxes_json(boxes: Mapping[str, Mapping[str, SignatureBox]]) -> dict[str, Any]:
    """The content of `signature_boxes.json`: document -> role -> page and corners."""
    return {
        name: {role: asdict(box) for role, box in sorted(roles.items())}
        for name, roles in sorted(boxes.items())
    }


def _box(page: int, height: float, anchor: tuple[float, float, float, float]) -> SignatureBox:
    left, top, right, bottom = anchor
    corners = (left, height - bottom, right, height - top)
    return SignatureBox(page, *(round(value * _POINTS, 3) for value in corners))


def _reject_unusable(found: Mapping[str, SignatureBox]) -> None:
    wrong = [f"{role}: there is no box" for role in REQUIRED_SIGNATURES if role not in found]
    for role, box in found.items():
        if box.page != 0:
            wrong.append(f"{role}: on page {box.page + 1}")
        if box.x1 - box.x0 < SMALLEST[0] or box.y1 - box.y0 < SMALLEST[1]:
            wrong.append(f"{role}: {box.x1 - box.x0:.1f} x {box.y1 - box.y0:.1f} points")
    if wrong:
        raise DefinitionError(
            "the first page cannot be signed",
            where="templates/macros.html, signature boxes",
            why="; ".join(wrong),
            mend="give author, reviewer and approver a box of 55 x 20 mm each on page 1: shorten what stands above",
        )
