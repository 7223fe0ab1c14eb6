import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from sealproof.evidence import chain
from sealproof.evidence.errors import EvidenceAlteredError
from sealproof.evidence.hashing import canonical_json, sha256_bytes
from sealproof.evidence.ledger import read_ledger, reconcile_openings, record_opening
from sealproof.evidence.trail import append_event, read_trail


def open_once(ledger, number, **more):
    return record_opening(
        ledger, purpose=f"p{number}", labels="l" * 64, model=f"m{number}", threshold="t", criteria="c", **more
    )


def test_no_ledger_means_never_opened(tmp_path):
    assert read_ledger(tmp_path / "none.jsonl") == []


def test_openings_are_numbered_and_chained_under_concurrent_writers(tmp_path):
    ledger = tmp_path / "a" / "ledger.jsonl"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: open_once(ledger, number), range(24)))
    openings = read_ledger(ledger)
    assert [opening.number for opening in openings] == list(range(1, 25))
    assert {opening.purpose for opening in openings} == {f"p{number}" for number in range(24)}
    assert all(
        len(later.previous) == 64 and later.previous != first.previous for first, later in pairwise(openings)
    )


def tampered(lines, how):
    changed = list(lines)
    if how == "value":
        changed[1] = changed[1].replace('"p1"', '"p9"')
    elif how == "dropped":
        del changed[1]
    elif how == "reordered":
        changed[1], changed[2] = changed[2], changed[1]
    elif how == "first replaced":
        changed[0] = json.dumps(json.loads(changed[0]) | {"previous": "1" * 64})
    else:
        changed[1] = "not json"
    return changed


@pytest.mark.parametrize("how", ["value", "dropped", "reordered", "first replaced", "unreadable"])
def test_a_changed_line_is_noticed(tmp_path, how):
    ledger = tmp_path / "ledger.jsonl"
    for number in range(4):
        open_once(ledger, number)
    lines = ledger.read_text().splitlines()
    ledger.write_text("\n".join(tampered(lines, how)) + "\n")
    with pytest.raises(EvidenceAlteredError, match="line"):
        read_ledger(ledger)
    with pytest.raises(EvidenceAlteredError):
        open_once(ledger, 9)


def test_a_line_has_exactly_the_fields_of_the_contract(tmp_path):
    ledger = tmp_path / "ledger.jsonl"
    opening = open_once(ledger, 1, approval="a" * 64)
    (line,) = ledger.read_text().splitlines()
    assert set(json.loads(line)) == {
        "number", "opened_at", "purpose", "labels_sha256", "model_sha256", "threshold_sha256", "criteria_sha256",
        "approval_sha256", "previous",
    }  # fmt: skip
    assert opening.approval_sha256 == "a" * 64
    assert read_ledger(ledger) == [opening]
    assert open_once(ledger, 2).approval_sha256 == "", "nobody approved"


def write_chain(path, *rows):
    previous, lines = chain.ORIGIN, []
    for number, row in enumerate(rows, start=1):
        lines.append(canonical_json(row | {"number": number, "previous": previous}))
        previous = sha256_bytes(lines[-1].encode())
    path.write_text("".join(line + "\n" for line in lines))


OLD = dict.fromkeys(("opened_at", "purpose", "labels_sha256", "model_sha256", "threshold_sha256"), "x") | {
    "criteria_sha256": "c"
}


def test_a_line_from_before_approvals_existed_counts_as_not_approved(tmp_path):
    ledger = tmp_path / "ledger.jsonl"
    write_chain(ledger, OLD)
    open_once(ledger, 2, approval="a")
    assert [opening.approval_sha256 for opening in read_ledger(ledger)] == ["", "a"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (OLD | {"more": "x"}, "more"),
        ({"purpose": "x"}, "criteria_sha256"),
        (OLD | {"purpose": 1}, "no text"),
        (OLD | {"approval_sha256": None}, "no text"),
    ],
)
def test_a_line_that_is_no_opening_is_an_alteration(tmp_path, row, said):
    ledger = tmp_path / "ledger.jsonl"
    write_chain(ledger, row)
    with pytest.raises(EvidenceAlteredError) as caught:
        read_ledger(ledger)
    assert said in caught.value.why
    with pytest.raises(EvidenceAlteredError):
        open_once(ledger, 2)
    assert len(ledger.read_text().splitlines()) == 1


@pytest.fixture
def files(tmp_path):
    return tmp_path / "ledger.jsonl", tmp_path / "trail.jsonl"


def named(trail):
    return [
        (entry.details["opening"], entry.details["ledger_sha256"])
        for entry in read_trail(trail)
        if entry.event == "test-set.opened"
    ]


def lines_of(ledger):
    return [
        (number, sha256_bytes(line)) for number, line in enumerate(ledger.read_bytes().splitlines(), start=1)
    ]


def test_each_opening_is_in_the_trail_by_the_hash_of_its_line(files):
    ledger, trail = files
    for number in range(3):
        open_once(ledger, number, audit_trail=trail)
    assert named(trail) == lines_of(ledger)
    assert len(named(trail)) == 3
    assert reconcile_openings(ledger, trail) == 0


def test_an_opening_that_died_before_the_trail_knew_is_added_before_the_next(files):
    ledger, trail = files
    open_once(ledger, 1, audit_trail=trail)
    open_once(ledger, 2)
    open_once(ledger, 3, audit_trail=trail)
    assert named(trail) == lines_of(ledger)
    open_once(ledger, 4)
    open_once(ledger, 5)
    assert reconcile_openings(ledger, trail) == 2
    assert named(trail) == lines_of(ledger)
    assert len(named(trail)) == 5


def test_reconciling_nothing_writes_nothing(files):
    assert reconcile_openings(*files) == 0
    assert not any(path.exists() for path in files)


DYING = """
import os, sys
from pathlib import Path
from sealproof.evidence import ledger, trail
def die(*_, **__):
    os.kill(os.getpid(), 9)
trail.append_events = die
ledger.record_opening(Path(sys.argv[1]), purpose="p", labels="l", model="m", threshold="t", criteria="c",
                      audit_trail=Path(sys.argv[2]))
"""


def test_a_process_killed_between_ledger_and_trail_is_mended_by_the_next(files):
    ledger, trail = files
    assert subprocess.run([sys.executable, "-c", DYING, *map(str, files)], check=False).returncode == -9
    assert len(read_ledger(ledger)) == 1
    assert named(trail) == []
    open_once(ledger, 2, audit_trail=trail)
    assert named(trail) == lines_of(ledger)


def test_openings_at_once_are_each_named_once_and_in_order(files):
    ledger, trail = files
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: open_once(ledger, number, audit_trail=trail), range(24)))
    assert named(trail) == lines_of(ledger)
    assert len(named(trail)) == 24


@pytest.mark.parametrize("how", ["removed", "replaced", "all removed", "newline removed"])
def test_an_opening_that_the_ledger_no_longer_holds_is_noticed(files, how):
    ledger, trail = files
    for number in range(3):
        open_once(ledger, number, audit_trail=trail)
    content = ledger.read_bytes()
    ledger.write_bytes(b"".join(content.splitlines(keepends=True)[:2]))
    if how == "replaced":
        open_once(ledger, 9)
    elif how == "all removed":
        ledger.unlink()
    elif how == "newline removed":
        ledger.write_bytes(content[:-1])
    for use in (lambda: reconcile_openings(*files), lambda: open_once(ledger, 9, audit_trail=trail)):
        before = ledger.read_bytes() if ledger.exists() else None
        with pytest.raises(EvidenceAlteredError, match="contradict"):
            use()
        assert (ledger.read_bytes() if ledger.exists() else None) == before


def test_an_opening_named_twice_is_noticed(files):
    ledger, trail = files
    open_once(ledger, 1, audit_trail=trail)
    append_event(trail, "test-set.opened", dict(read_trail(trail)[0].details), by="x")
    with pytest.raises(EvidenceAlteredError, match="contradict"):
        reconcile_openings(ledger, trail)


def test_a_torn_opening_is_none_and_the_trail_keeps_a_note_of_it(files):
    ledger, trail = files
    open_once(ledger, 1, audit_trail=trail)
    ledger.write_bytes(ledger.read_bytes() + b'{"app')
    assert len(read_ledger(ledger)) == 1
    open_once(ledger, 2, audit_trail=trail)
    assert [entry.event for entry in read_trail(trail)] == [
        "test-set.opened",
        "trail.repaired",
        "test-set.opened",
    ]
    assert read_trail(trail)[1].details == {"bytes": 5, "sha256": sha256_bytes(b'{"app')}
    assert [opening.purpose for opening in read_ledger(ledger)] == ["p1", "p2"]


def test_an_altered_trail_stops_the_opening(files):
    ledger, trail = files
    open_once(ledger, 1, audit_trail=trail)
    trail.write_text("forged\n")
    with pytest.raises(EvidenceAlteredError, match="trail"):
        open_once(ledger, 2, audit_trail=trail)
    assert len(read_ledger(ledger)) == 1
