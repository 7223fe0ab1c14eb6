import json

import pytest
from tests.signing.build import BOXES, ROLES

from sealproof.evidence.errors import EvidenceAlteredError, EvidenceMissingError
from sealproof.signing.boxes import read_boxes

DOCUMENTS = ("iq.pdf", "oq.pdf")


def read(path, content):
    path.write_text(json.dumps(content))
    return read_boxes(path, DOCUMENTS, ROLES)


def test_boxes_by_document_and_role(tmp_path):
    found = read(tmp_path / "boxes.json", dict.fromkeys(DOCUMENTS, BOXES))
    assert found["oq.pdf"]["author"].rectangle == (40, 80, 205, 150)


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(EvidenceMissingError, match="not known where") as caught:
        read_boxes(tmp_path / "none.json", DOCUMENTS, ROLES)
    assert "dvc repro dossier" in caught.value.mend
    lacking = {"iq.pdf": BOXES, "oq.pdf": {role: BOXES[role] for role in ROLES[:2]}}
    with pytest.raises(EvidenceMissingError) as caught:
        read(tmp_path / "boxes.json", lacking)
    assert "oq.pdf: approver" in caught.value.why


@pytest.mark.parametrize(
    "change",
    [{"x1": 40}, {"y1": 10}, {"page": -1}, {"page": "first"}, {"more": 1}, {"x0": None}],
)
def test_boxes_that_cannot_be(tmp_path, change):
    wrong = BOXES | {"author": BOXES["author"] | change}
    with pytest.raises(EvidenceAlteredError):
        read(tmp_path / "boxes.json", dict.fromkeys(DOCUMENTS, wrong))
