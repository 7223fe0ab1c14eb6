"""The gate's verdict for each situation a release can be in, by name, for criteria and for release."""

import json
import shutil

import pytest
from tests.qualification.build import write

from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.trail import append_event
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.challenge import (
    CRITERION,
    PRODUCT,
    write_made_up_disposition,
    write_project,
    write_release,
    write_signed,
)
from sealproof.qualification.gate import evaluate_gate

COMPLETE = {"verdicts": ("pass", "pass"), "demonstration": False, "missing_inputs": ()}
FAILED = COMPLETE | {"verdicts": ("pass", "fail")}
STAGES = ("IQ", "OQ", "PQ")


def disposed(decision, actual="0"):
    def prepare(place):
        for stage in STAGES:
            write_made_up_disposition(place, f"{stage}-002", decision, actual)

    return prepare


def nothing(place):
    """Leave the project as it was made."""


def stale(place):
    write_made_up_disposition(place, "OQ-002", "accepted")


def approved_afterwards(place):
    """The case that looks at it fails, as for any other reason; here with the words of that case."""
    path = place.artifacts("qualify") / "pq.json"
    content = json.loads(path.read_text())
    words = "opening 1 of 2026-01-01T00:00:00+00:00 was made before anybody approved"
    content["cases"][1]["actual"] = content["deviations"][0]["actual"] = words
    del content["deviations"][0]["failure_sha256"]
    write(path, content)


def remove(name):
    return lambda place: (place.root / name.format(p=PRODUCT)).unlink()


def alter(name):
    def change(place):
        path = place.root / name.format(p=PRODUCT)
        path.write_bytes(path.read_bytes() + b" \n")

    return change


def enter_late(place):
    write_made_up_disposition(place, "OQ-002", "accepted")


def sign(*roles):
    return lambda place: write_signed(place, *([roles] if roles else []))


def simulated(place):
    path = place.artifacts("ingest") / "records.json"
    rows = json.loads(path.read_text())
    next(row for row in rows if row["id"] == "ingest.simulated")["value"] = True
    write(path, rows)


MODEL, METRICS = "artifacts/{p}/train/model.safetensors", "reports/{p}/metrics.json"
ACCEPTANCE, PROTOCOL = "products/{p}/acceptance.yaml", "protocols/oq.yaml"
#: situation: (project, before the release is written, after it, exit code, exit code with --released, a word)
SITUATIONS = {
    "met and signed": (COMPLETE, nothing, sign(), 0, 0, ""),
    "met and unsigned": (COMPLETE, nothing, nothing, 0, 1, "not signed: author"),
    "met and signed by two": (COMPLETE, nothing, sign("author", "reviewer"), 0, 1, "not signed: approver"),
    "met, signed, a case not run": (COMPLETE | {"verdicts": ("pass", "not run")}, nothing, sign(), 0, 1, "not run"),
    "met, signed, input missing": (COMPLETE | {"missing_inputs": ("site",)}, nothing, sign(), 0, 1, "site"),
    "not met": (COMPLETE | {"low": 0.89}, nothing, nothing, 1, 1, "AC-01"),
    "not met and signed": (COMPLETE | {"low": 0.89}, nothing, sign(), 1, 1, "rejected"),
    "criterion not evaluable": (
        COMPLETE | {"criterion": CRITERION | {"metric": "evaluate.nothing"}}, nothing, sign(), 1, 1, "not evaluable",
    ),
    "case not evaluable": (COMPLETE | {"verdicts": ("not evaluable",)}, nothing, sign(), 0, 1, "not evaluable"),
    "weights missing": (COMPLETE, nothing, remove(MODEL), 2, 2, "model.safetensors"),
    "metrics missing": (COMPLETE, nothing, remove(METRICS), 2, 2, "metrics.json"),
    "release missing": (COMPLETE, nothing, remove("reports/{p}/release.json"), 2, 2, "release.json"),
    "weights altered": (COMPLETE, nothing, alter(MODEL), 3, 3, "model.safetensors"),
    "criteria altered": (COMPLETE, nothing, alter(ACCEPTANCE), 3, 3, "acceptance.yaml"),
    "protocol altered": (COMPLETE, nothing, alter(PROTOCOL), 3, 3, "oq.yaml"),
    "open deviation": (FAILED, nothing, nothing, 1, 1, "DEV-OQ-002 is open"),
    "open deviation, signed": (FAILED, nothing, sign(), 1, 1, "DEV-OQ-002 open"),
    "accepted deviation": (FAILED, disposed("accepted"), nothing, 0, 1, "DEV-OQ-002 accepted by made-up quality"),
    "accepted deviation, signed": (FAILED, disposed("accepted"), sign(), 0, 0, "DEV-OQ-002 accepted"),
    "rejected deviation": (FAILED, disposed("rejected"), sign(), 1, 1, "DEV-OQ-002 was rejected"),
    "stale disposition of another failure": (FAILED, disposed("accepted", "1"), nothing, 1, 1, "another failure"),
    "stale disposition of a failure that is gone": (COMPLETE, stale, sign(), 0, 0, "stale: deviations/DEV-OQ-002"),
    "disposition after the release": (FAILED, nothing, enter_late, 2, 2, "entered after it was written"),
    "criteria approved afterwards": (FAILED, approved_afterwards, nothing, 1, 1, "DEV-PQ-002 is open"),
    "demonstration": (COMPLETE | {"demonstration": True}, nothing, nothing, 0, 1, "demonstration"),
    "demonstration, signed": (COMPLETE | {"demonstration": True}, nothing, sign(), 0, 1, "demonstration"),
    "simulated images, signed": (COMPLETE, simulated, sign(), 0, 1, "demonstration"),
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Untouched projects by what they are made of; each situation gets a copy."""
    kept = {}

    def make(parameters, root):
        key = repr(sorted(parameters.items()))
        if key not in kept:
            kept[key] = write_project(tmp_path_factory.mktemp("made"), **parameters).root
        shutil.copytree(kept[key], root, dirs_exist_ok=True)
        return Workspace(root, PRODUCT)

    return make


@pytest.mark.parametrize("name", SITUATIONS)
def test_situation(made, tmp_path, name):
    parameters, before, after, met, released, words = SITUATIONS[name]
    place = made(parameters, tmp_path)
    before(place)
    write_release(place, missing_inputs=parameters["missing_inputs"])
    after(place)
    plain, strict = evaluate_gate(place), evaluate_gate(place, released=True)
    assert (plain.exit_code, strict.exit_code) == (met, released), strict
    assert words in "\n".join([*map(str, strict.problems), *strict.notes])
    for result in (plain, strict):
        content = json.loads(json.dumps(result.as_dict()))
        assert content["exit_code"] == result.exit_code
        assert all(str(text).replace("\n", " ") in result.as_markdown() for text in result.notes)


def signed_content(place):
    return json.loads((place.signed / "release.json").read_text())


@pytest.fixture
def signed(made, tmp_path):
    place = made(COMPLETE, tmp_path)
    document = write(place.reports / "dossier.pdf", "%PDF-1.7")
    write_release(place, (("reports/challenge/dossier.pdf", document),), missing_inputs=())
    write_signed(place)
    copy = write(place.signed / "dossier.pdf", "%PDF-1.7 signed")
    content = signed_content(place) | {
        "documents": {"reports/challenge/signed/dossier.pdf": sha256_file(copy)}
    }
    write(place.signed / "release.json", content)
    assert evaluate_gate(place, released=True).exit_code == 0
    return place


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"decision": "criteria_met"}, 3, "decides criteria_met"),
        ({"signatures": []}, 3, "missing signatures"),
        ({"missing_inputs": ["site"]}, 3, "missing_inputs is not that of the release"),
        ({"deviations": [], "criteria": []}, 3, "criteria is not that of the release"),
        ({"product": "other"}, 3, "other"),
        ({"unknown": 1}, 3, "unknown"),
        ({"documents": {}}, 2, "names no signed dossier.pdf"),
        ({"trail_head": "1" * 64}, 1, "sign"),
        ({"documents": {"reports/challenge/signed/dossier.pdf": "0" * 64}}, 3, "signed/dossier.pdf"),
    ],
)
def test_no_edit_of_the_signed_release_passes(signed, change, code, words):
    write(signed.signed / "release.json", signed_content(signed) | change)
    result = evaluate_gate(signed, released=True)
    assert result.exit_code == code, result
    assert words in "\n".join(map(str, result.problems))
    assert evaluate_gate(signed).exit_code == 0, "the criteria alone do not ask for it"


@pytest.mark.parametrize("content", ["", "{", "[]", "null"])
def test_a_signed_release_that_cannot_be_read_is_altered(signed, content):
    write(signed.signed / "release.json", content)
    assert evaluate_gate(signed, released=True).exit_code == 3


def test_signatures_of_a_release_that_was_made_anew_do_not_count(signed):
    """The pipeline ran again: the signed copies are of documents that are no longer these."""
    path = signed.artifacts("qualify") / "oq.json"
    path.write_text(path.read_text().replace("2026-01-01", "2026-01-02"))
    write_release(signed, missing_inputs=())
    result = evaluate_gate(signed, released=True)
    assert result.exit_code == 1
    assert "anew" in str(result.problems[0])


def test_a_trail_that_lost_the_line_of_the_release_is_altered(made, tmp_path):
    place = made(COMPLETE, tmp_path)
    approved = {"path": "x", "sha256": "0" * 64, "files": {}}
    append_event(place.trail, "criteria.approved", approved, by="A")
    write_release(place, missing_inputs=())
    append_event(place.trail, "criteria.approved", approved, by="B")
    assert evaluate_gate(place).exit_code == 0
    kept = place.trail.read_bytes()
    place.trail.write_bytes(b"")
    append_event(place.trail, "criteria.approved", approved, by="C")
    assert evaluate_gate(place).exit_code == 3
    place.trail.write_bytes(kept.replace(b'"by":"A"', b'"by":"X"'))
    assert evaluate_gate(place).exit_code == 3
    place.trail.unlink()
    assert evaluate_gate(place).exit_code == 2
