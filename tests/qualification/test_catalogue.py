"""Definitions stand as one linked whole or not at all; every problem is named."""

import re

import pytest
import yaml
from tests.qualification.build import ROOT, change_yaml, copy_protocols, write

from sealproof.evidence.errors import DefinitionError
from sealproof.qualification.catalogue import load_catalogue, load_clauses
from sealproof.qualification.definitions import STAGE_NAMES
from sealproof.qualification.library import CHECKS


@pytest.fixture
def root(tmp_path):
    copy_protocols(tmp_path)
    return tmp_path


def problems(root):
    with pytest.raises(DefinitionError) as caught:
        load_catalogue(root)
    return caught.value.why


def test_the_protocols_of_this_project_stand():
    catalogue = load_catalogue(ROOT)
    for stage in STAGE_NAMES:
        automated = [case for case in catalogue.protocols[stage].cases if case.automated]
        assert len(automated) >= 10
        assert any(not case.automated for case in catalogue.protocols[stage].cases)
    assert {case.check for case in catalogue.cases() if case.automated} == set(CHECKS), (
        "a check that no case runs"
    )


def test_what_is_expected_of_an_automated_case_is_quantified():
    vague = [
        case.id
        for case in load_catalogue(ROOT).cases()
        if case.automated and not re.search(r"\d|equal|identical|every|each|all", case.expected)
    ]
    assert vague == []


def test_what_was_approved_is_every_file_by_hash():
    hashes = load_catalogue(ROOT).hashes
    assert {
        "protocols/iq.yaml",
        "protocols/risks.yaml",
        "protocols/clauses/cfr_part_11.yaml",
    } <= hashes.keys()
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in hashes.values())


def test_clauses_come_from_all_files():
    clauses = load_clauses(ROOT / "protocols" / "clauses")
    assert {"annex-iv/2/g", "annex-22/4.2", "21cfr11/10/a", "art-15"} <= clauses.keys()


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        (
            "iq.yaml",
            lambda c: c["cases"][0].update(requirements=["URS-999"]),
            "IQ-001: unknown requirement URS-999",
        ),
        ("iq.yaml", lambda c: c["cases"][0].update(risks=["RC-99"]), "IQ-001: unknown risk RC-99"),
        ("iq.yaml", lambda c: c["cases"][0].update(clauses=["art-99"]), "IQ-001: unknown clause art-99"),
        ("iq.yaml", lambda c: c["cases"][0].update(check="nothing"), "IQ-001: unknown check nothing"),
        ("iq.yaml", lambda c: c["cases"][0].update(parameters={"x": 1}), "IQ-001: x: Extra inputs"),
        ("iq.yaml", lambda c: c["cases"][0].update(parameters={}), "IQ-001: versions: Field required"),
        ("iq.yaml", lambda c: c["cases"][0].update(id="OQ-001"), "OQ-001: given 2 times"),
        ("iq.yaml", lambda c: c["cases"][0].update(id="OQ-099"), "OQ-099: stands in iq.yaml"),
        ("iq.yaml", lambda c: c.update(stage="pq"), "iq.yaml: says it is stage pq"),
        (
            "risks.yaml",
            lambda c: c["risks"][0].update(requirements=["URS-999"]),
            "RC-01: unknown requirement URS-999",
        ),
        (
            "requirements.yaml",
            lambda c: c["requirements"][0].update(clauses=["x"]),
            "URS-001: unknown clause x",
        ),
    ],
)
def test_what_is_unknown_is_named(root, file, change, message):
    change_yaml(root / "protocols" / file, change)
    assert message in problems(root)


def test_a_requirement_or_risk_without_a_test_is_named(root):
    extra = {"id": "URS-900", "text": "new", "clauses": ["art-15"]}
    risk = {
        "id": "RC-90",
        "hazard": "h",
        "cause": "c",
        "severity": "minor",
        "probability": "remote",
        "control": "none",
        "requirements": ["URS-001"],
    }
    change_yaml(root / "protocols/requirements.yaml", lambda c: c["requirements"].append(extra))
    change_yaml(root / "protocols/risks.yaml", lambda c: c["risks"].append(risk))
    found = problems(root)
    assert "URS-900: no test case" in found
    assert "URS-900: no risk" in found
    assert "RC-90: no test case" in found


def test_all_problems_are_named_at_once(root):
    change_yaml(root / "protocols/iq.yaml", lambda c: c["cases"][0].update(requirements=["URS-998"]))
    change_yaml(root / "protocols/oq.yaml", lambda c: c["cases"][0].update(check="nothing"))
    change_yaml(root / "protocols/pq.yaml", lambda c: c["cases"][1].update(clauses=["art-99"]))
    found = problems(root)
    assert all(text in found for text in ("URS-998", "unknown check nothing", "art-99"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(extra=1), "extra: unknown key"),
        (lambda c: c.update(cases=c["cases"][:9]), "at least 10"),
        (lambda c: c["cases"][0].pop("check"), "names no check"),
        (lambda c: c["cases"][-1].update(check="clock"), "is for people"),
        (lambda c: c["cases"][0].update(procedure=[]), "procedure"),
        (lambda c: c["cases"][0].update(expected=""), "expected"),
        (lambda c: c["cases"][0].update(requirements=[]), "requirements"),
    ],
)
def test_a_malformed_protocol_is_refused(root, change, message):
    change_yaml(root / "protocols/iq.yaml", change)
    with pytest.raises(DefinitionError) as caught:
        load_catalogue(root)
    assert message in str(caught.value)


def test_files_that_cannot_be_read_are_all_named(root):
    change_yaml(root / "protocols/iq.yaml", lambda c: c.update(extra=1))
    (root / "protocols/risks.yaml").unlink()
    write(root / "protocols/pq.yaml", "{")
    with pytest.raises(DefinitionError, match="3 definition files") as caught:
        load_catalogue(root)
    assert all(name in caught.value.where for name in ("iq.yaml", "risks.yaml", "pq.yaml"))
    assert "extra: unknown key" in caught.value.why


def test_a_missing_file_is_named(root):
    (root / "protocols/risks.yaml").unlink()
    with pytest.raises(DefinitionError) as caught:
        load_catalogue(root)
    assert "risks.yaml" in caught.value.where


@pytest.mark.parametrize(
    "content", ["clauses: []", "[]", "meta: {}", yaml.safe_dump({"clauses": [{"title": "x"}]})]
)
def test_a_clause_file_without_clauses_is_refused(tmp_path, content):
    write(tmp_path / "empty.yaml", content)
    with pytest.raises(DefinitionError, match="no clauses"):
        load_clauses(tmp_path)
