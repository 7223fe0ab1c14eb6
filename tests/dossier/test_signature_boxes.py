from types import SimpleNamespace

import pytest

from sealproof.dossier.render import lay_out
from sealproof.dossier.signature_boxes import SignatureBox, boxes_json, find_boxes
from sealproof.evidence.errors import DefinitionError

ROLES = ("author", "reviewer", "approver")


def pages(**anchors):
    return [
        SimpleNamespace(height=1122.52, anchors={f"sign-{name}": place for name, place in anchors.items()})
    ]


def html(body):
    head = '<meta charset="utf-8"><title>t</title><link rel="stylesheet" href="document.css">'
    return f'<!DOCTYPE html><html lang="en"><head>{head}</head><body>{body}</body></html>'


def test_a_box_is_measured_from_the_lower_left_corner_in_points(shared_project):
    style = "position: absolute; top: 10mm; height: 25mm; width: 58mm; left: {}mm"
    body = "".join(
        f'<div id="sign-{role}" style="{style.format(60 * place)}"></div>' for place, role in enumerate(ROLES)
    )
    done = lay_out(html(body), shared_project / "templates", {}, identifier="x")
    author, reviewer = done.boxes["author"], done.boxes["reviewer"]
    # the page is 297 mm high; its margins are 29 mm at the top and 22 mm at the left
    for found, wanted in (
        (author.x0, 22),
        (author.x1, 80),
        (author.y1, 297 - 39),
        (author.y0, 297 - 64),
        (reviewer.x0, 82),
    ):
        assert found == pytest.approx(wanted / 25.4 * 72, abs=0.01)
    assert author.page == 0


def test_a_document_without_boxes_has_none(shared_project):
    assert lay_out(html("<p>x</p>"), shared_project / "templates", {}, identifier="x").boxes == {}


@pytest.mark.parametrize(
    ("anchors", "told"),
    [
        ({"author": (0, 0, 220, 90), "reviewer": (0, 0, 220, 90)}, "approver: there is no box"),
        ({role: (0, 0, 200 if role == "author" else 220, 90) for role in ROLES}, "author: 150.0 x"),
        (dict.fromkeys(ROLES, (0, 0, 220, 70)), "approver: 165.0 x 52.5 points"),
    ],
    ids=["missing", "narrow", "low"],
)
def test_a_page_that_cannot_be_signed_is_refused(anchors, told):
    with pytest.raises(DefinitionError, match="cannot be signed") as caught:
        find_boxes(pages(**anchors))
    assert told in caught.value.why


def test_boxes_on_a_later_page_are_refused():
    two = [SimpleNamespace(height=1122.5, anchors={}), *pages(**dict.fromkeys(ROLES, (0, 0, 220, 90)))]
    with pytest.raises(DefinitionError) as caught:
        find_boxes(two)
    assert "author: on page 2" in caught.value.why


def test_the_file_names_document_role_page_and_corners():
    box = SignatureBox(0, 1.0, 2.0, 3.0, 4.0)
    assert boxes_json({"b.pdf": {"author": box}, "a.pdf": {}}) == {
        "a.pdf": {},
        "b.pdf": {"author": {"page": 0, "x0": 1.0, "y0": 2.0, "x1": 3.0, "y1": 4.0}},
    }
