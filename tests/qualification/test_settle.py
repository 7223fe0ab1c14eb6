"""Settling: entries count for exactly what they are about, and everything else is shown as stale."""

import json

import pytest
import yaml
from tests.qualification.build import people_project, write

from sealproof.evidence.errors import DataError, DefinitionError, EvidenceAlteredError, EvidenceMissingError
from sealproof.evidence.files import read_json
from sealproof.evidence.hashing import sha256_bytes, sha256_file
from sealproof.evidence.trail import read_trail
from sealproof.qualification.catalogue import load_catalogue
from sealproof.qualification.disposition import load_dispositions
from sealproof.qualification.entries import approve, dispose, note_deviations, record_case, settle_workspace
from sealproof.qualification.outcome import Deviation
from sealproof.qualification.recording import definition_sha256, load_recordings
from sealproof.qualification.results import results_id

AT = "2026-11-21T10:00:00+00:00"
WHO = {"by": "A. Person", "role": "quality assurance", "now": lambda: AT}
SAID = {"cause": "a lamp aged", "impact": "none: é", "corrective_action": "lamp\nreplaced"}


@pytest.fixture
def place(tmp_path):
    return people_project(tmp_path, failed=("OQ-004",))


def case_of(settled, name):
    return next(case for protocol in settled.protocols.values() for case in protocol.cases if case.id == name)


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def record(place, verdict="pass", case="IQ-016", **changes):
    return record_case(place, case, **({"verdict": verdict, "observed": "0 departures"} | WHO | changes))


# --- dispositions ---


def test_without_entries_nothing_changes(place):
    settled = settle_workspace(place)
    assert settled.stale == ()
    assert [item.id for item in settled.with_status("open")] == ["DEV-OQ-004"]
    assert case_of(settled, "IQ-016").verdict == "not run"


@pytest.mark.parametrize("decision", ["accepted", "rejected"])
def test_a_disposition_closes_its_deviation(place, decision):
    dispose(place, "DEV-OQ-004", decision=decision, **SAID, **WHO)
    (found,) = settle_workspace(place).deviations
    assert (found.status, found.disposition.cause) == (decision, "a lamp aged")
    path = place.definition / "deviations" / "DEV-OQ-004.yaml"
    failure = {"case": "OQ-004", "expected": found.expected, "actual": found.actual}
    assert yaml.safe_load(path.read_text(encoding="utf-8")) == {
        "deviation": "DEV-OQ-004",
        "case": "OQ-004",
        "failure_sha256": sha256_bytes(canonical(failure)),
        "decision": decision,
        "by": "A. Person",
        "role": "quality assurance",
        "at": AT,
        **SAID,
    }
    line = read_trail(place.trail)[-1]
    assert (line.event, line.by) == ("deviation.disposed", "A. Person")
    assert line.details == {
        "deviation": "DEV-OQ-004",
        "decision": decision,
        "path": "products/challenge/deviations/DEV-OQ-004.yaml",
        "sha256": sha256_file(path),
    }


def test_a_disposition_of_another_failure_leaves_the_deviation_open(place):
    dispose(place, "DEV-OQ-004", decision="accepted", **SAID, **WHO)
    path = place.artifacts("qualify") / "oq.json"
    content = read_json(path)
    for item in content["cases"] + content["deviations"]:
        if item.get("deviation", item["id"]) == "DEV-OQ-004":
            item.update(actual="another failure")
            item.pop("failure_sha256", None)
    write(path, content)
    settled = settle_workspace(place)
    assert [item.status for item in settled.deviations] == ["open"]
    assert settled.stale == (
        "deviations/DEV-OQ-004.yaml: it is about another failure of OQ-004; DEV-OQ-004 is open",
    )


def test_a_disposition_of_a_failure_that_is_gone_is_stale(place, tmp_path_factory):
    dispose(place, "DEV-OQ-004", decision="accepted", **SAID, **WHO)
    passed = people_project(tmp_path_factory.mktemp("passed"))
    path = "artifacts/challenge/qualify/oq.json"
    (place.root / path).write_bytes((passed.root / path).read_bytes())
    settled = settle_workspace(place)
    assert settled.deviations == ()
    assert settled.stale == ("deviations/DEV-OQ-004.yaml: the failure is no longer there",)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"decision": "forgiven"}, "decision"),
        ({"by": ""}, "by"),
        ({"cause": " "}, "cause"),
        ({"decision": "maybe", "impact": "", "role": ""}, "impact"),
    ],
)
def test_a_disposition_says_all_it_has_to(place, change, words):
    with pytest.raises(DefinitionError) as caught:
        dispose(place, "DEV-OQ-004", **({"decision": "accepted"} | SAID | WHO | change))
    assert words in caught.value.why
    assert len(caught.value.why.splitlines()) == len(change)
    assert not list((place.definition / "deviations").glob("*.yaml"))


@pytest.mark.parametrize("name", ["DEV-OQ-005", "OQ-004", ""])
def test_a_deviation_that_does_not_exist_cannot_be_disposed_of(place, name):
    with pytest.raises(DataError) as caught:
        dispose(place, name, decision="accepted", **SAID, **WHO)
    assert "DEV-OQ-004" in caught.value.why


def test_dispositions_written_by_hand_are_held_to_the_same_rules(place):
    dispose(place, "DEV-OQ-004", decision="accepted", **SAID, **WHO)
    folder = place.definition / "deviations"
    good = yaml.safe_load((folder / "DEV-OQ-004.yaml").read_text())
    unquoted = yaml.safe_dump(good).replace(f"'{AT}'", AT)
    write(folder / "DEV-OQ-004.yaml", unquoted)
    assert load_dispositions(place.definition)[0].at == AT, "YAML reads a time without quotes as a time"
    write(folder / "DEV-OQ-001.yaml", yaml.safe_dump(good))
    write(folder / "DEV-OQ-002.yaml", yaml.safe_dump(good | {"status": "closed"}))
    with pytest.raises(DefinitionError) as caught:
        settle_workspace(place)
    assert "DEV-OQ-001.yaml: is about DEV-OQ-004" in caught.value.why
    assert "DEV-OQ-002.yaml: status: unknown key" in caught.value.why


# --- recorded executions ---


def test_a_recorded_case_counts_for_its_results(place):
    photo = write(place.definition / "executions" / "evidence" / "photo.txt", "a photo")
    path = record(place, evidence=[photo])
    settled = settle_workspace(place)
    case = case_of(settled, "IQ-016")
    assert (case.verdict, case.actual, case.deviation) == ("pass", "0 departures", None)
    assert (case.executed_at, case.executed_by) == (AT, "A. Person (quality assurance)")
    assert [item.path for item in case.evidence] == [
        "products/challenge/executions/IQ-016.json",
        "products/challenge/executions/evidence/photo.txt",
    ]
    assert [item.sha256 for item in case.evidence] == [sha256_file(path), sha256_file(photo)]
    assert settled.counts["iq"].not_run == settled.protocols["iq"].counts.not_run
    assert read_trail(place.trail)[-1].details == {
        "case": "IQ-016",
        "verdict": "pass",
        "path": "products/challenge/executions/IQ-016.json",
        "sha256": sha256_file(path),
    }


def test_the_hashes_that_bind_a_record_are_those_of_the_contract(place):
    content = read_json(record(place))
    protocol = yaml.safe_load((place.root / "protocols" / "iq.yaml").read_text())
    definition = next(case for case in protocol["cases"] if case["id"] == "IQ-016")
    assert content["definition_sha256"] == sha256_bytes(canonical(definition))
    stages = ("ingest", "check", "roi", "train", "score", "cross_fit", "threshold", "challenge", "evaluate")
    files = [path for stage in stages for path in place.artifacts(stage).rglob("*") if path.is_file()]
    files.append(place.reports / "metrics.json")
    hashes = {path.relative_to(place.root).as_posix(): sha256_file(path) for path in files}
    assert content["results_id"] == sha256_bytes(canonical(hashes)) == results_id(place)


def test_the_definition_as_executed_has_the_hash_of_the_definition(place):
    catalogue = load_catalogue(place.root)
    settled = settle_workspace(place)
    for case in catalogue.cases():
        if not case.automated:
            assert definition_sha256(case) == definition_sha256(case_of(settled, case.id))


def test_a_failed_recorded_case_opens_a_deviation_that_can_be_disposed_of(place):
    record(place, "fail", observed="2 departures")
    settled = settle_workspace(place)
    opened = [item for item in settled.with_status("open") if item.case == "IQ-016"]
    assert [(item.id, item.actual) for item in opened] == [("DEV-IQ-016", "2 departures")]
    line = read_trail(place.trail)[-1]
    assert (line.event, line.details["failure_sha256"]) == ("deviation.opened", opened[0].failure_sha256)
    dispose(place, "DEV-IQ-016", decision="accepted", **SAID, **WHO)
    assert [item.id for item in settle_workspace(place).with_status("accepted")] == ["DEV-IQ-016"]


def change_results(place):
    write(place.artifacts("train") / "model.safetensors", "other weights")


def change_definition(place):
    path = place.artifacts("qualify") / "iq.json"
    content = read_json(path)
    next(case for case in content["cases"] if case["id"] == "IQ-016")["expected"] = "anything"
    write(path, content)


def change_evidence(place):
    write(place.root / "photo.txt", "another photo")


def remove_evidence(place):
    (place.root / "photo.txt").unlink()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (change_results, "it was recorded for other results"),
        (change_definition, "it was recorded for another definition of the case"),
        (change_evidence, "its evidence photo.txt is not the file that was recorded"),
        (remove_evidence, "its evidence photo.txt is missing"),
    ],
)
def test_a_record_about_something_else_counts_as_not_run_with_the_reason(place, change, reason):
    record(place, evidence=[write(place.root / "photo.txt", "a photo")])
    change(place)
    settled = settle_workspace(place)
    case = case_of(settled, "IQ-016")
    assert (case.verdict, case.evidence, case.deviation) == ("not run", (), None)
    assert case.actual == f"not run - a record exists, but {reason}"
    assert settled.stale == (f"executions/IQ-016.json: {reason}",)


@pytest.mark.parametrize(
    ("case", "reason"),
    [("IQ-001", "the case is executed by the pipeline, not by people"), ("IQ-777", "there is no such case")],
)
def test_a_record_cannot_stand_in_for_an_executed_case(place, case, reason):
    content = read_json(record(place))
    write(place.definition / "executions" / f"{case}.json", content | {"case": case})
    settled = settle_workspace(place)
    assert f"executions/{case}.json: {reason}" in settled.stale
    assert settled.counts["iq"].failed == 0


@pytest.mark.parametrize("case", ["IQ-001", "IQ-777", "DEV-OQ-004", ""])
def test_only_cases_for_people_are_recorded(place, case):
    with pytest.raises(DefinitionError, match="no case for people"):
        record(place, case=case)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"verdict": "passed"}, "verdict"),
        ({"observed": ""}, "observed"),
        ({"by": ""}, "by"),
        ({"role": ""}, "role"),
    ],
)
def test_a_record_says_all_it_has_to(place, change, words):
    with pytest.raises(DefinitionError) as caught:
        record(place, **change)
    assert words in caught.value.why
    assert not list((place.definition / "executions").glob("*.json"))


def test_evidence_that_is_missing_or_outside_is_named_at_once(place, tmp_path_factory):
    outside = write(tmp_path_factory.mktemp("outside") / "photo.txt", "x")
    with pytest.raises(DataError) as caught:
        record(place, evidence=[outside, place.root / "nothing.txt"])
    assert "photo.txt: it lies outside the project" in caught.value.why
    assert "nothing.txt: there is no such file" in caught.value.why


def test_nothing_is_recorded_for_results_that_are_not_there(place):
    (place.reports / "metrics.json").unlink()
    (place.artifacts("train") / "model.safetensors").unlink()
    (place.artifacts("train") / "records.json").unlink()
    with pytest.raises(EvidenceMissingError) as caught:
        record(place)
    assert "artifacts/challenge/train" in caught.value.where
    assert "metrics.json" in caught.value.where


def test_records_that_cannot_be_read_are_named_at_once(place):
    content = read_json(record(place))
    folder = place.definition / "executions"
    write(folder / "IQ-017.json", "{")
    write(folder / "IQ-018.json", content)
    write(folder / "IQ-019.json", content | {"case": "IQ-019", "verdict": "passed"})
    with pytest.raises(EvidenceAlteredError) as caught:
        load_recordings(place.definition)
    assert [line.split(":")[0] for line in caught.value.why.splitlines()] == [
        "IQ-017.json",
        "IQ-018.json",
        "IQ-019.json",
    ]


# --- trail ---


def test_a_failure_is_noted_once(place):
    deviations = settle_workspace(place).deviations
    assert len(note_deviations(place, deviations, by="x")) == 1
    assert note_deviations(place, deviations, by="x") == []
    fields = deviations[0].model_dump(include={"id", "case", "title", "expected"})
    other = Deviation(**fields, actual="another failure")
    assert [line.details["failure_sha256"] for line in note_deviations(place, [other], by="x")] == [
        other.failure_sha256
    ]
    assert len(read_trail(place.trail)) == 2


def test_a_broken_trail_stops_the_entry(place):
    approve(place, by="A", role="B")
    place.trail.write_text(place.trail.read_text().replace('"by":"A"', '"by":"B"') + "{}\n")
    for enter in (
        lambda: dispose(place, "DEV-OQ-004", decision="accepted", **SAID, **WHO),
        lambda: record(place),
        lambda: approve(place, by="A", role="B"),
    ):
        with pytest.raises(EvidenceAlteredError):
            enter()
    files = {path.name for path in place.definition.rglob("*") if path.is_file()}
    assert files == {"acceptance.yaml", "criteria.json"}
