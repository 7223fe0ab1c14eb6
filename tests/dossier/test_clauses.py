import shutil
from pathlib import Path

import pytest
import yaml

from sealproof.dossier.answers import (
    FRAMES,
    PRODUCT_FIELDS,
    check_answers,
    load_supplied,
    missing_inputs,
    report_annex_iv,
    report_frame,
)
from sealproof.dossier.classification import answer, load_classification
from sealproof.dossier.clauses import FILES, load_instruments
from sealproof.dossier.product import Product
from sealproof.evidence.errors import DefinitionError

PROTOCOLS = Path("protocols")
BARE = {"title": "T", "document_prefix": "D", "demonstration": True}


@pytest.fixture(scope="module")
def instruments():
    return load_instruments(PROTOCOLS / "clauses")


@pytest.fixture(scope="module")
def supplied(instruments):
    return load_supplied(PROTOCOLS / "answers.yaml", instruments)


def test_every_clause_of_every_instrument_is_read(instruments):
    for name, file in FILES.items():
        raw = yaml.safe_load((PROTOCOLS / "clauses" / file).read_text())["clauses"]
        assert [clause.id for clause in instruments[name].clauses] == [row["id"] for row in raw]
    assert [len(instruments[name].clauses) for name in FILES] == [26, 37, 27, 15]


def test_a_clause_id_given_twice_is_refused(tmp_path):
    shutil.copytree(PROTOCOLS / "clauses", tmp_path / "clauses")
    path = tmp_path / "clauses" / FILES["annex-iv"]
    content = yaml.safe_load(path.read_text())
    content["clauses"].append(content["clauses"][0])
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(DefinitionError, match="clause file") as caught:
        load_instruments(tmp_path / "clauses")
    assert "annex-iv/1/a" in str(caught.value)


def test_a_clause_without_a_requirement_is_refused(tmp_path):
    shutil.copytree(PROTOCOLS / "clauses", tmp_path / "clauses")
    path = tmp_path / "clauses" / FILES["part-11"]
    content = yaml.safe_load(path.read_text())
    del content["clauses"][3]["requirement"]
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(DefinitionError, match="clause file"):
        load_instruments(tmp_path / "clauses")


def test_nothing_provided_leaves_every_clause_open(instruments, supplied):
    reports = report_annex_iv(instruments["annex-iv"], supplied["annex-iv"], Product(**BARE))
    assert {item.status for item in reports} == {"open"}
    assert len(missing_inputs(reports)) == 26
    assert missing_inputs(reports)[1] == "Annex IV 1(b) Interaction with outside hardware and software"


def test_one_missing_part_keeps_a_clause_open(instruments, supplied):
    product = Product(**BARE, intended_use="inspects seals")
    found = {
        item.clause.id: item
        for item in report_annex_iv(instruments["annex-iv"], supplied["annex-iv"], product)
    }
    assert found["annex-iv/1/a"].status == "open"
    assert found["annex-iv/1/a"].missing == ("provider",)


def test_all_provided_answers_every_clause(instruments, supplied):
    product = Product(
        **BARE,
        intended_use="u",
        provider={"name": "n", "address": "a"},
        interfaces=("camera",),
        oversight="o",
        standards=("s",),
        hazards=({"id": "H-1", "hazard": "h", "harm": "m", "control": "c"},),
        annex_iv={
            clause.id: {"not_applicable": "reason"} if clause.id.endswith("/f") else {"text": "written"}
            for clause in instruments["annex-iv"].clauses
            if clause.id not in PRODUCT_FIELDS
        },
    )
    reports = report_annex_iv(instruments["annex-iv"], supplied["annex-iv"], product)
    assert missing_inputs(reports) == []
    assert {item.status for item in reports} == {"answered", "not applicable"}


def test_an_answer_to_an_unknown_clause_is_refused(instruments, supplied):
    product = Product(**BARE, annex_iv={"annex-iv/1/z": {"text": "x"}})
    with pytest.raises(DefinitionError, match="clauses that do not exist"):
        report_annex_iv(instruments["annex-iv"], supplied["annex-iv"], product)


def test_every_clause_needs_exactly_one_entry(tmp_path, instruments):
    content = yaml.safe_load((PROTOCOLS / "answers.yaml").read_text())
    content["annex-22"]["annex-22/99"] = content["annex-22"].pop("annex-22/2.1")
    path = tmp_path / "answers.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(DefinitionError) as caught:
        load_supplied(path, instruments)
    assert "annex-22/2.1: no entry" in str(caught.value)
    assert "annex-22/99: unknown clause" in str(caught.value)


def test_the_classification_asks_and_never_answers():
    test = load_classification(PROTOCOLS / "classification.yaml")
    answered = answer(test, {})
    assert [item.answer for item in answered] == [None] * 14
    assert answer(test, {"component": "no"})[4].answer == "no"


def test_an_answer_to_a_question_that_is_not_asked_is_refused():
    test = load_classification(PROTOCOLS / "classification.yaml")
    with pytest.raises(DefinitionError, match="not asked"):
        answer(test, {"risk-class": "low"})


def test_a_frame_shows_what_people_wrote_and_what_they_did_not(instruments, supplied):
    product = Product(**BARE, clauses={"21cfr11/10/d": {"text": "procedure 12"}})
    rows = {
        row.clause.id: row for row in report_frame(instruments["part-11"], supplied["part-11"], product, ())
    }
    assert len(rows) == 27
    assert rows["21cfr11/10/d"].answer.text == "procedure 12"
    assert rows["21cfr11/10/i"].answer is None


def test_an_answer_to_a_clause_that_no_frame_has_is_refused(instruments):
    check_answers(instruments, Product(**BARE, clauses={"iso-13485/7.5.6/g": {"not_applicable": "r"}}))
    with pytest.raises(DefinitionError, match="clauses that do not exist") as caught:
        check_answers(instruments, Product(**BARE, clauses={"annex-iv/1/a": {"text": "x"}}))
    assert "annex-iv/1/a" in str(caught.value)


def test_every_frame_carries_its_date_and_says_how_far_it_was_checked(instruments):
    for name in FRAMES:
        meta = instruments[name].meta
        assert meta["as_of"] == "2026-11-21"
        assert meta["instrument"]
    iso = instruments["iso-13485"]
    assert {clause.verification for clause in iso.clauses} == {"knowledge"}


def test_answers_name_sections_of_the_dossier_and_nothing_is_claimed_before_it_is_built(supplied):
    from sealproof.dossier.dossier_document import SECTIONS
    from sealproof.dossier.outline import Outline

    known = {entry.id for entry in Outline(SECTIONS).entries}
    named = {name for answers in supplied.values() for item in answers.values() for name in item.sections}
    assert named <= known
    for clause in ("21cfr11/50/b", "21cfr11/70"):
        assert supplied["part-11"][clause].supplied.startswith("Only after signing")
