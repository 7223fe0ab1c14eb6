import math

import numpy as np
import pytest

from sealproof.evidence.errors import EvidenceMissingError
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.records import Record, RecordBook, Recorder, write_records


@pytest.fixture
def artefact(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("{}")
    return path


def finish(recorder):
    return recorder.finish(lambda path: (path, path.name))


def test_a_record_carries_the_hash_of_its_artefact_and_survives_a_round_trip(artefact, tmp_path):
    recorder = Recorder("score")
    recorder.add("b.mean", np.float64(0.5), unit="1", definition="mean", artefact=artefact, pointer="/b")
    recorder.add("a", None, unit="1", definition="not evaluable: no images", artefact=artefact)
    records = finish(recorder)
    assert [record.id for record in records] == ["score.a", "score.b.mean"]
    assert records[1].value == 0.5
    assert type(records[1].value) is float
    assert records[1].sha256 == sha256_file(artefact)
    write_records(tmp_path / "records.json", reversed(records))
    assert list(RecordBook.load([tmp_path / "records.json"])) == records


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float32("nan"), [1.0], {"a": 1}])
def test_what_is_not_a_plain_finite_value_is_refused(artefact, value):
    with pytest.raises(ValueError, match=r"score\.x"):
        Recorder("score").add("x", value, unit="1", definition="", artefact=artefact)


@pytest.mark.parametrize("name", ["", "Upper", "a b", "a..b", ".a", "a/b"])
def test_ids_are_plain_words(artefact, name):
    with pytest.raises(ValueError, match="lower-case"):
        Recorder("score").add(name, 1, unit="1", definition="", artefact=artefact)


def test_an_id_is_recorded_once(artefact):
    recorder = Recorder("score")
    recorder.add("x", 1, unit="1", definition="", artefact=artefact)
    with pytest.raises(ValueError, match="twice"):
        recorder.add("x", 1, unit="1", definition="", artefact=artefact)


def test_a_missing_record_is_an_error_never_a_blank(artefact):
    record = Record("a.b", 1, "1", "", "f", "", "0" * 64, "a")
    book = RecordBook([record])
    assert "a.b" in book
    assert book.under("a.") == [record]
    assert book.under("b") == []
    with pytest.raises(EvidenceMissingError, match=r"a\.c"):
        book["a.c"]
    with pytest.raises(ValueError, match="two stages"):
        RecordBook([record, record])
