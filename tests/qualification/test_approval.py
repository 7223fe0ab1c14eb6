"""Approval: what is frozen, what is refused, and what the audit trail keeps of it."""

import pytest
from PIL import Image
from tests.qualification.build import ROOT, change_yaml, people_project, write

from sealproof.datasets.scaffold import init_product
from sealproof.evidence.errors import DefinitionError, EvidenceAlteredError
from sealproof.evidence.files import read_json
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.trail import read_trail
from sealproof.qualification.approval import approval_in_force, differences, read_approval
from sealproof.qualification.entries import approve

AT = "2026-11-21T10:00:00+00:00"
WHO = {"by": "A. Person", "role": "head of quality", "now": lambda: AT}
FILES = [
    "products/challenge/acceptance.yaml",
    *(f"protocols/{name}.yaml" for name in ("iq", "oq", "pq", "requirements", "risks")),
]


def test_a_new_product_has_the_folders_for_what_people_enter(tmp_path):
    for kind in ("normal", "defective"):
        for number in range(3):
            picture = tmp_path / "pictures" / kind / f"{number}.png"
            picture.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (8, 8), number).save(picture)
    init_product(tmp_path, "part", tmp_path / "pictures")
    kept = sorted(path.parent.name for path in (tmp_path / "products" / "part").rglob(".gitkeep"))
    assert kept == ["approvals", "deviations", "executions", "repeatability"]


def test_every_product_of_this_project_has_them():
    for product in (ROOT / "products").iterdir():
        assert {path.name for path in product.iterdir()} >= {
            "approvals",
            "deviations",
            "executions",
            "repeatability",
        }, product


@pytest.fixture
def place(tmp_path):
    return people_project(tmp_path)


def test_the_file_is_what_the_contract_says(place):
    approve(place, **WHO, meaning="I approve")
    content = read_json(place.approval)
    hashes = {name: sha256_file(place.root / name) for name in FILES}
    assert content == {
        "product": "challenge",
        "by": "A. Person",
        "role": "head of quality",
        "meaning": "I approve",
        "at": AT,
        "files": hashes,
    }
    (line,) = read_trail(place.trail)
    assert (line.event, line.by) == ("criteria.approved", "A. Person")
    path = "products/challenge/approvals/criteria.json"
    assert line.details == {"path": path, "sha256": sha256_file(place.approval), "files": hashes}


def test_who_approved_is_what_protocols_carry(place):
    assert approval_in_force(place) is None
    approve(place, **WHO)
    found = approval_in_force(place)
    assert found.model_dump() == {
        "by": "A. Person",
        "role": "head of quality",
        "at": AT,
        "sha256": sha256_file(place.approval),
    }


def test_approving_again_after_a_change_keeps_the_former_approval(place):
    kept = []
    for limit in ("0.9", "0.8", "0.7"):
        path = place.definition / "acceptance.yaml"
        path.write_text(path.read_text().replace('"limit": 0.9', f'"limit": {limit}'))
        path.write_text(path.read_text().replace('"limit": 0.8', f'"limit": {limit}'))
        approve(place, **WHO)
        kept.append(place.approval.read_bytes())
    folder = place.approval.parent
    names = [path.name for path in sorted(folder.iterdir())]
    assert names == ["criteria-1.json", "criteria-2.json", "criteria.json"]
    assert [(folder / name).read_bytes() for name in names] == kept
    assert [line.event for line in read_trail(place.trail)] == ["criteria.approved"] * 3


def test_approving_the_very_same_definitions_again_is_refused(place):
    approve(place, **WHO)
    before = place.approval.read_bytes()
    with pytest.raises(DefinitionError, match="approved already"):
        approve(place, by="B", role="R")
    assert place.approval.read_bytes() == before
    assert len(read_trail(place.trail)) == 1


def test_an_approval_that_the_trail_does_not_name_is_noted_there(place):
    """A fresh clone brings the approval, not the trail."""
    approve(place, **WHO)
    before = place.approval.read_bytes()
    place.trail.unlink()
    assert approve(place, by="B", role="R").by == "A. Person"
    assert place.approval.read_bytes() == before
    (line,) = read_trail(place.trail)
    assert (line.by, line.details["sha256"]) == ("A. Person", sha256_file(place.approval))


@pytest.mark.parametrize("empty", [{"by": ""}, {"by": "  "}, {"role": ""}, {"meaning": ""}])
def test_nobody_cannot_approve(place, empty):
    with pytest.raises(DefinitionError) as caught:
        approve(place, **(WHO | empty))
    assert next(iter(empty)) in caught.value.why
    assert not place.approval.exists()
    assert not place.trail.exists()


def test_definitions_that_do_not_load_are_not_approved_and_all_errors_are_named(place):
    write(place.definition / "acceptance.yaml", "criteria: []")
    change_yaml(place.root / "protocols/risks.yaml", lambda c: c["risks"][0].update(extra=1))
    change_yaml(place.root / "protocols/iq.yaml", lambda c: c["cases"][0].pop("title"))
    with pytest.raises(DefinitionError) as caught:
        approve(place, **WHO)
    assert all(
        words in caught.value.why for words in ("demonstration", "risks.0.extra", "cases.0.title: missing")
    )
    assert not place.approval.exists()


def test_criteria_that_answer_to_nothing_are_not_approved(place):
    path = place.definition / "acceptance.yaml"
    path.write_text(path.read_text().replace("URS-017", "URS-999"))
    with pytest.raises(DefinitionError, match="answer to nothing"):
        approve(place, **WHO)


@pytest.mark.parametrize("content", ["{}", "[]", "no JSON", '{"product": "challenge"}'])
def test_an_approval_that_cannot_be_read_is_no_approval(place, content):
    write(place.approval, content)
    with pytest.raises(EvidenceAlteredError):
        read_approval(place.approval)


def test_a_time_without_a_zone_is_refused(place):
    with pytest.raises(DefinitionError, match="wrong"):
        approve(place, **(WHO | {"now": lambda: "2026-11-21T10:00:00"}))


def test_what_was_executed_is_held_against_what_was_approved(place):
    approval = approve(place, **WHO)
    executed = dict(approval.files) | {"protocols/clauses/x.yaml": "0" * 64}
    assert differences(approval, "challenge", executed) == []
    del executed["protocols/oq.yaml"]
    executed["protocols/iq.yaml"] = "1" * 64
    assert differences(approval, "other", executed) == [
        "the approval is about challenge",
        "protocols/iq.yaml: executed in another version",
        "protocols/oq.yaml: approved, not executed",
    ]
