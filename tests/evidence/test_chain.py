"""The chained file: concurrent writers, writers that are killed, and every way to change a line."""

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from sealproof.evidence import chain
from sealproof.evidence.errors import EvidenceAlteredError, OutputError
from sealproof.evidence.hashing import canonical_json, sha256_bytes

NAME = "test chain"


def add(path, *values):
    return chain.append(path, lambda _: [{"value": value} for value in values], NAME)


def values(path):
    return [line.fields["value"] for line in chain.read(path, NAME).lines]


def test_no_file_is_an_empty_chain(tmp_path):
    found = chain.read(tmp_path / "none", NAME)
    assert (found.lines, found.torn, found.head) == ((), b"", "0" * 64)


def test_lines_are_canonical_json_and_chained_over_their_bytes(tmp_path):
    path = tmp_path / "new" / "folder" / "chain.jsonl"
    first, second = add(path, "é", 2)
    (third,) = add(path, 3)
    raw = path.read_bytes()
    assert raw.endswith(b"\n")
    rows = raw[:-1].split(b"\n")
    assert [json.loads(row)["previous"] for row in rows] == ["0" * 64, *map(sha256_bytes, rows[:-1])]
    assert [json.loads(row)["number"] for row in rows] == [1, 2, 3]
    assert [line.sha256 for line in (first, second, third)] == [sha256_bytes(row) for row in rows]
    assert rows[0].decode() == canonical_json({"value": "é", "number": 1, "previous": "0" * 64})
    assert chain.read(path, NAME).head == third.sha256


def test_nothing_to_append_writes_nothing(tmp_path):
    path = tmp_path / "chain.jsonl"
    add(path, 1)
    before = path.read_bytes()
    assert add(path) == []
    assert path.read_bytes() == before


def test_the_builder_sees_the_chain_and_may_not_forge_it(tmp_path):
    path = tmp_path / "chain.jsonl"
    add(path, 1)
    seen = []
    chain.append(path, lambda found: seen.append(found.head) or [{"value": len(found.lines)}], NAME)
    assert seen == [chain.read(path, NAME).lines[0].sha256]
    assert values(path) == [1, 1]
    with pytest.raises(ValueError, match="previous"):
        chain.append(path, lambda _: [{"previous": "0" * 64}], NAME)
    assert values(path) == [1, 1]


ALTERATIONS = {
    "value": lambda rows: [rows[0], rows[1].replace(b'"value":1', b'"value":9'), *rows[2:]],
    "dropped": lambda rows: [rows[0], *rows[2:]],
    "first dropped": lambda rows: rows[1:],
    "reordered": lambda rows: [rows[0], rows[2], rows[1], rows[3]],
    "repeated": lambda rows: [*rows[:2], rows[1], *rows[2:]],
    "inserted blank": lambda rows: [rows[0], b"", *rows[1:]],
    "first replaced": lambda rows: [rows[0].replace(b"000", b"111", 1), *rows[1:]],
    "not JSON": lambda rows: [b"{", *rows[1:]],
    "not text": lambda rows: [*rows[:3], b"\xff\xfe"],
    "not an object": lambda rows: [*rows[:3], b"[]"],
    "no number": lambda rows: [*rows[:3], rows[3].replace(b'"number":4,', b"")],
    "number as text": lambda rows: [*rows[:3], rows[3].replace(b'"number":4', b'"number":"4"')],
    "number as truth": lambda rows: [rows[0].replace(b'"number":1', b'"number":true')],
    "blanks in the last line": lambda rows: [*rows[:3], rows[3].replace(b":", b": ")],
    "key twice in the last line": lambda rows: [*rows[:3], rows[3].replace(b"{", b'{"number":4,')],
    "keys unsorted in the last line": lambda rows: [
        *rows[:3],
        json.dumps(dict(reversed(json.loads(rows[3]).items())), separators=(",", ":")).encode(),
    ],
    "NaN in the last line": lambda rows: [*rows[:3], rows[3].replace(b'"value":3', b'"value":NaN')],
    "deep nesting": lambda rows: [*rows[:3], b"[" * 100_000],
}


@pytest.mark.parametrize("how", ALTERATIONS)
def test_a_changed_line_is_named_and_nothing_is_appended(tmp_path, how):
    path = tmp_path / "chain.jsonl"
    add(path, *range(4))
    rows = path.read_bytes()[:-1].split(b"\n")
    changed = b"\n".join(ALTERATIONS[how](rows)) + b"\n"
    assert changed != path.read_bytes()
    path.write_bytes(changed)
    with pytest.raises(EvidenceAlteredError, match=r"test chain was altered") as caught:
        chain.read(path, NAME)
    assert "line " in caught.value.where
    with pytest.raises(EvidenceAlteredError):
        add(path, 9)
    assert path.read_bytes() == changed


@pytest.mark.parametrize("torn", [b'{"number":3,"prev', b"x" * 5000, b"\0" * 10, b"{}"])
def test_a_torn_line_is_told_apart_and_replaced_by_the_next(tmp_path, torn):
    path = tmp_path / "chain.jsonl"
    add(path, 1, 2)
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    found = chain.read(path, NAME)
    assert (len(found.lines), found.torn) == (2, torn)
    assert add(path) == []
    assert path.read_bytes() == whole + torn, "nothing was written, so nothing may vanish"
    seen = []
    chain.append(path, lambda now: seen.append(now.torn) or [{"value": 3}], NAME)
    assert seen == [torn]
    assert values(path) == [1, 2, 3]
    assert chain.read(path, NAME).torn == b""
    assert path.read_bytes().startswith(whole)


def test_a_file_of_nothing_but_a_torn_line(tmp_path):
    path = tmp_path / "chain.jsonl"
    path.write_bytes(b'{"num')
    assert chain.read(path, NAME).torn == b'{"num'
    add(path, 1)
    assert values(path) == [1]


def test_a_place_that_cannot_be_written_is_one_message(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OutputError, match="cannot be written"):
        add(tmp_path / "file" / "chain.jsonl", 1)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError):
        add(tmp_path / "folder", 1)


def test_a_full_disk_is_reported_and_leaves_a_chain_that_holds(tmp_path, monkeypatch):
    path = tmp_path / "chain.jsonl"
    add(path, 1)
    real = os.pwrite

    def half(handle, content, position):
        if position > len(raw):
            raise OSError(28, "No space left on device")
        return real(handle, content[:10], position)

    raw = path.read_bytes()
    monkeypatch.setattr(os, "pwrite", half)
    with pytest.raises(OutputError, match="cannot be written"):
        add(path, 2)
    monkeypatch.undo()
    assert chain.read(path, NAME).torn
    add(path, 3)
    assert values(path) == [1, 3]


def test_a_write_in_pieces_is_finished(tmp_path, monkeypatch):
    path = tmp_path / "chain.jsonl"
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda handle, content, at: real(handle, content[:7], at))
    add(path, 1, 2)
    assert values(path) == [1, 2]


def test_line_and_folder_are_on_disk_before_append_returns(tmp_path, monkeypatch):
    flushed = []
    real = os.fsync
    monkeypatch.setattr(
        os,
        "fsync",
        lambda handle: (flushed.append(str(Path(f"/proc/self/fd/{handle}").readlink())), real(handle)),
    )
    path = tmp_path / "a" / "chain.jsonl"
    add(path, 1)
    assert flushed == [str(path), str(path.parent), str(path.parent.parent)]
    del flushed[:]
    add(path, 2)
    assert flushed == [str(path)]


def write_many(path, writer, count):
    for number in range(count):
        add(path, f"{writer}.{number}")


def test_concurrent_processes_lose_nothing_and_keep_their_order(tmp_path):
    path = tmp_path / "chain.jsonl"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_many, args=(path, writer, 25)) for writer in range(6)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert chain.read(path, NAME).torn == b"", "a line being written must not look torn"
    assert [writer.exitcode for writer in writers] == [0] * 6
    found = values(path)
    assert sorted(found) == sorted(f"{writer}.{number}" for writer in range(6) for number in range(25))
    for writer in range(6):
        mine = [int(value.split(".")[1]) for value in found if value.startswith(f"{writer}.")]
        assert all(earlier < later for earlier, later in pairwise(mine))


LOOP = """
import sys
from pathlib import Path
from sealproof.evidence import chain
number = int(sys.argv[2])
while True:
    chain.append(Path(sys.argv[1]), lambda _: [{"value": number, "padding": "x" * 3000}], "loop")
    print(number, flush=True)
    number += 1
"""


def test_a_writer_killed_again_and_again_loses_no_acknowledged_line(tmp_path):
    path = tmp_path / "chain.jsonl"
    chance = random.Random(7)  # noqa: S311 - moments, not secrets
    acknowledged = []
    for start in range(0, 6_000_000, 1_000_000):
        running = subprocess.Popen(
            [sys.executable, "-c", LOOP, str(path), str(start)], stdout=subprocess.PIPE, text=True
        )
        assert running.stdout.readline() == f"{start}\n"
        time.sleep(chance.uniform(0, 0.08))
        running.send_signal(signal.SIGKILL)
        rest = running.communicate()[0]
        acknowledged += [start, *map(int, rest.split("\n")[:-1])]
    found = values(path)
    assert len(acknowledged) > 6
    assert set(acknowledged) <= set(found)
    assert len(found) == len(set(found))
    assert len(found) <= len(acknowledged) + 6, "at most one line a kill was written and not acknowledged"
