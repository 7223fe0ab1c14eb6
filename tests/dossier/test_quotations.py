import json

import pytest

from sealproof.dossier.documents import draft_release
from sealproof.dossier.facts import fact_records, facts_json
from sealproof.dossier.index import index_records
from sealproof.dossier.inputs import load_inputs
from sealproof.dossier.quotations import all_facts
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.records import Record
from sealproof.settings import load_settings


@pytest.fixture(scope="module")
def facts(shared_project):
    inputs = load_inputs(load_settings(shared_project))
    return inputs, all_facts(inputs, draft_release(inputs))


def test_every_quotation_stands_where_its_record_says(facts, shared_project):
    inputs, found = facts
    content = json.dumps(facts_json(found)).encode()
    own = "artifacts/seal-sim/dossier/context.json"
    checked = 0
    for record in fact_records(found, inputs.workspace, content):
        if record.artefact == own:
            assert json.loads(content)[record.pointer.removeprefix("/")] == record.value
            continue
        value = json.loads((shared_project / record.artefact).read_text())
        for key in record.pointer.strip("/").split("/"):
            value = value[int(key)] if isinstance(value, list) else value[key]
        assert value == record.value, record.id
        assert record.sha256 == sha256_file(shared_project / record.artefact)
        checked += 1
    assert checked > 60


def test_every_reason_of_the_verdict_is_a_record(facts):
    _, found = facts
    reasons = [name for name in found if name.startswith("reason.")]
    assert reasons == [f"reason.{place}" for place in range(1, len(reasons) + 1)]
    assert any("DEV-OQ-005" in str(found[name].value) for name in reasons)


@pytest.mark.parametrize("length", [3, 88, 89, 200])
def test_the_index_loses_nothing_of_a_long_id(length):
    name = ".".join(["ab"] * (length // 3 + 1))[:length].strip(".")
    record = Record(
        name, 0.123456789123, "images", "d", "artifacts/p/x/y.json", "/" + "z" * 150, "0" * 64, "stage"
    )
    row = index_records([record], "p")[0]
    upper = f"{row.number}{row.record}{row.value}"
    assert "".join(line[5:93] for line in upper.split("\n")).replace(" ", "") == name
    assert "z" * 150 in "".join(line[42:114].strip() for line in row.source.split("\n"))
    assert max(len(line) for line in (*upper.split("\n"), *row.source.split("\n"))) <= 145
    assert "0.12345679 images" in upper
