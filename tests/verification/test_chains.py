"""The verifier's own reader of chains, against chains that the other code path wrote."""

import json

import pytest

from sealproof.evidence.trail import append_event
from sealproof.verification.chains import read_chain
from sealproof.verification.digests import canonical
from sealproof.verification.findings import Findings


@pytest.fixture
def lines(tmp_path):
    path = tmp_path / "trail.jsonl"
    for number in range(4):
        details = {"path": f"a{number}", "sha256": "0" * 64, "verdict": "same"}
        append_event(path, "reproduction.done", details, by="somebody")
    return path.read_bytes().splitlines(keepends=True)


def codes(content):
    findings = Findings()
    entries = read_chain(content, "t", findings, "trail")
    return entries, [(item.code, item.place) for item in findings]


def test_an_untouched_chain_has_no_findings(lines):
    entries, found = codes(b"".join(lines))
    assert (len(entries), found) == (4, [])


def test_an_empty_chain_is_a_chain():
    assert codes(b"") == ([], [])


def test_a_dropped_line_is_named(lines):
    assert codes(b"".join(lines[:1] + lines[2:]))[1] == [("trail-line-missing", "line 2")]


def test_a_dropped_first_line_is_named(lines):
    assert ("trail-line-missing", "line 1") in codes(b"".join(lines[1:]))[1]


def test_an_edited_line_is_named(lines):
    lines[1] = lines[1].replace(b"somebody", b"nobody!!")
    assert codes(b"".join(lines))[1] == [("trail-line-altered", "line 2")]


def test_reordered_lines_are_named(lines):
    assert ("trail-reordered", "") in codes(b"".join([lines[1], lines[0], *lines[2:]]))[1]


def test_a_line_twice_is_named(lines):
    assert ("trail-reordered", "") in codes(b"".join([*lines, lines[3]]))[1]


def test_a_torn_line_is_told_apart(lines):
    assert codes(b"".join(lines) + b'{"at"')[1] == [("trail-torn", "behind line 4")]


@pytest.mark.parametrize(
    "raw", [b"{}", b"[]", b"nonsense", b'{"number": 5}', b'{"number":"5"}', b"[" * 100000, b"\xff"]
)
def test_what_is_no_canonical_line_is_named(lines, raw):
    assert ("trail-line-unreadable", "line 5") in codes(b"".join(lines) + raw + b"\n")[1]


def test_a_first_line_that_names_one_before_it_is_named(lines):
    fields = json.loads(lines[0]) | {"previous": "1" * 64}
    assert ("trail-line-altered", "line 1") in codes(canonical(fields) + b"\n")[1]
