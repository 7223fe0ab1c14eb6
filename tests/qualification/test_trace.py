"""The trace matrix is built, and every link that does not hold is named."""

import pytest
from tests.qualification.build import ROOT

from sealproof.evidence.errors import DefinitionError
from sealproof.qualification.catalogue import load_catalogue
from sealproof.qualification.challenge import executed_case, executed_protocol
from sealproof.qualification.outcome import Evidence
from sealproof.qualification.trace import trace_matrix


@pytest.fixture(scope="module")
def catalogue():
    return load_catalogue(ROOT)


@pytest.fixture(scope="module")
def protocols(catalogue):
    """Every case of the catalogue, each with the requirements and risks it names."""

    def cases(stage):
        for case in catalogue.protocols[stage].cases:
            links = {"requirements": case.requirements, "risks": case.risks}
            yield executed_case(case.id, "pass" if case.automated else "not run", **links)

    return {
        stage: executed_protocol(stage, {}, ("pass",)).model_copy(update={"cases": tuple(cases(stage))})
        for stage in ("iq", "oq", "pq")
    }


def test_each_requirement_has_risks_cases_and_evidence(catalogue, protocols):
    rows = trace_matrix(catalogue, protocols.values())
    assert [row.requirement for row in rows] == list(catalogue.requirements)
    for row in rows:
        assert row.clauses
        assert row.risks
        assert row.cases
        for case in row.cases:
            assert case.evidence or case.verdict == "not run"


def test_a_row_is_what_the_definitions_say(catalogue, protocols):
    row = next(row for row in trace_matrix(catalogue, protocols.values()) if row.requirement == "URS-012")
    direct = [case.id for case in catalogue.cases() if "URS-012" in case.requirements]
    assert [case.id for case in row.cases] == direct
    assert "RC-02" in row.risks


def test_a_case_that_was_dropped_is_named(catalogue, protocols):
    with pytest.raises(DefinitionError) as caught:
        trace_matrix(catalogue, [protocols["iq"], protocols["pq"]])
    assert "URS-012: no executed case" in caught.value.why
    assert "RC-02: no executed case" in caught.value.why


def test_unknown_links_and_missing_evidence_are_named(catalogue, protocols):
    strange = executed_case("OQ-777", requirements=("URS-777",), risks=("RC-77",))
    bare = executed_case("OQ-778", "fail", evidence=())
    extra = executed_protocol("oq", {}, ("pass",)).model_copy(update={"cases": (strange, bare)})
    with pytest.raises(DefinitionError) as caught:
        trace_matrix(catalogue, [*protocols.values(), extra])
    assert caught.value.why.splitlines() == [
        "OQ-777: unknown URS-777",
        "OQ-777: unknown RC-77",
        "OQ-778: no evidence",
    ]


def test_evidence_travels_unchanged(catalogue, protocols):
    row = trace_matrix(catalogue, protocols.values())[0]
    assert row.cases[0].evidence == (Evidence(path="params.yaml", sha256="0" * 64),)
