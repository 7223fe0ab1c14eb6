"""The audit trail: known events with exactly their details, repair that is on record."""

import getpass
import json
from datetime import datetime

import pytest

from sealproof.evidence import chain, trail
from sealproof.evidence.errors import EvidenceAlteredError
from sealproof.evidence.hashing import canonical_json, sha256_bytes
from sealproof.evidence.trail import append_event, append_events, head, is_torn, read_trail

RUN = {"stage": "train", "fingerprint": "f" * 64, "commit": "", "mlflow_run": "r"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "trail.jsonl"


def example(kinds):
    made = {str: "text", int: 3, dict: {"a": "b"}}
    return {name: made[kind] for name, kind in kinds.items()}


def test_every_event_of_the_contract_survives_the_round_trip(path):
    written = [append_event(path, event, example(kinds), by="QA") for event, kinds in trail.EVENTS.items()]
    assert read_trail(path) == written
    assert [entry.event for entry in written] == list(trail.EVENTS)
    assert [entry.number for entry in written] == list(range(1, len(written) + 1))
    rows = path.read_bytes()[:-1].split(b"\n")
    assert set(json.loads(rows[0])) == {"at", "by", "details", "event", "number", "previous"}
    assert written[-1].sha256 == sha256_bytes(rows[-1]) == head(path)
    assert datetime.fromisoformat(written[0].at).utcoffset().total_seconds() == 0


def test_no_trail(path):
    assert read_trail(path) == []
    assert head(path) == "0" * 64
    assert not is_torn(path)


@pytest.mark.parametrize(
    ("event", "details", "by", "said"),
    [
        ("stage.ran", RUN, "a", "unknown"),
        (None, RUN, "a", "unknown"),
        ("stage.run", RUN | {"host": "x"}, "a", "no other"),
        ("stage.run", {"stage": "train"}, "a", "all of them"),
        ("stage.run", None, "a", "all of them"),
        ("stage.run", RUN | {"commit": None}, "a", "wrong kind: commit"),
        ("test-set.opened", {"opening": True, "ledger_sha256": "a"}, "a", "wrong kind: opening"),
        ("criteria.approved", {"path": "p", "sha256": "s", "files": {"a": 1}}, "a", "wrong kind: files"),
        ("criteria.approved", {"path": "p", "sha256": "s", "files": ["a"]}, "a", "wrong kind: files"),
        ("stage.run", RUN, " ", "nobody"),
    ],
)
def test_an_event_that_is_not_in_the_contract_is_refused(path, event, details, by, said):
    append_event(path, "stage.run", RUN, by="first")
    with pytest.raises(ValueError, match=said):
        append_event(path, event, details, by=by)
    assert [entry.by for entry in read_trail(path)] == ["first"]


def forge(path, **changes):
    """A line whose chain holds but which says what no event may say."""
    line = {"at": "2026-01-01T00:00:00+00:00", "by": "x", "event": "stage.run", "details": RUN} | changes
    line |= {"number": 1, "previous": chain.ORIGIN}
    path.write_text(canonical_json({key: value for key, value in line.items() if value is not ...}) + "\n")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"by": ...}, "fields"),
        ({"more": 1}, "fields"),
        ({"at": 5}, "no text"),
        ({"by": None}, "no text"),
        ({"event": "stage.ran"}, "unknown"),
        ({"event": ["stage.run"]}, "unknown"),
        ({"details": RUN | {"x": 1}}, "no other"),
        ({"details": "text"}, "no other"),
    ],
)
def test_a_line_that_is_no_event_is_an_alteration(path, changes, said):
    forge(path, **changes)
    for use in (read_trail, head, lambda trail: append_event(trail, "stage.run", RUN, by="x")):
        with pytest.raises(EvidenceAlteredError) as caught:
            use(path)
        assert said in caught.value.why
        assert "line 1" in caught.value.where


def test_a_torn_line_is_replaced_by_a_note_of_it(path):
    first = append_event(path, "stage.run", RUN, by="x")
    torn = b'{"at":"2026-01-01T00:00:0'
    path.write_bytes(path.read_bytes() + torn)
    assert is_torn(path)
    assert read_trail(path) == [first]
    assert head(path) == first.sha256
    last = append_event(path, "stage.run", RUN | {"stage": "score"}, by="y")
    entries = read_trail(path)
    assert [entry.event for entry in entries] == ["stage.run", "trail.repaired", "stage.run"]
    assert entries[1].details == {"bytes": len(torn), "sha256": sha256_bytes(torn)}
    assert entries[-1] == last
    assert last.details["stage"] == "score"
    assert not is_torn(path)


def test_a_repair_alone_is_no_reason_to_write(path):
    append_event(path, "stage.run", RUN, by="x")
    path.write_bytes(path.read_bytes() + b"torn")
    before = path.read_bytes()
    assert append_events(path, lambda entries: [], by="x") == []
    assert path.read_bytes() == before


def test_the_builder_decides_on_what_stands_there(path):
    append_event(path, "stage.run", RUN, by="x")

    def once(entries):
        return [] if len(entries) > 1 else [("stage.run", RUN | {"commit": entries[0].sha256})]

    assert len(append_events(path, once, by="x")) == 1
    assert append_events(path, once, by="x") == []
    assert read_trail(path)[1].details["commit"] == read_trail(path)[0].sha256


def test_account_is_the_systems(monkeypatch):
    assert trail.account() == getpass.getuser()

    def nameless():
        raise KeyError("no such uid")

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert trail.account().startswith("uid ")
