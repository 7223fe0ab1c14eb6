import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealproof.dossier.values import NARROW, Quotes, format_value
from sealproof.evidence.errors import DefinitionError, EvidenceMissingError
from sealproof.evidence.records import Record, RecordBook


def record(value, unit="1", name="a.b"):
    return Record(name, value, unit, "share of <found> defects", "m.json", "/x", "0" * 64, "a")


@pytest.mark.parametrize(
    ("value", "unit", "spec", "printed"),
    [
        (0.91234, "1", ".3f", "0.912"),
        (180, "images", "d", f"180{NARROW}images"),
        (0.5, "1", ".1%", "50.0%"),
        (-1.5, "score", ".1f", f"\N{MINUS SIGN}1.5{NARROW}score"),
        (True, "1", "", "yes"),
        (False, "1", "", "no"),
        ("mean_sigma", "1", "words", "mean sigma"),
        ("mean_sigma", "1", "", "mean_sigma"),
        (None, "1", ".3f", "not evaluable: share of <found> defects"),
    ],
)
def test_printed_form(value, unit, spec, printed):
    assert format_value(record(value, unit), spec) == printed


def test_a_format_that_does_not_fit_is_a_mistake_of_the_template():
    with pytest.raises(DefinitionError, match="cannot be printed"):
        format_value(record(0.5), "d")


def test_a_missing_record_is_an_error_never_a_blank():
    quotes = Quotes(RecordBook([]))
    for printer in (quotes.value, quotes.cell, quotes.interval, quotes.record):
        with pytest.raises(EvidenceMissingError):
            printer("a.b")
    assert quotes.used == []


def test_what_is_printed_is_linked_escaped_and_remembered():
    quotes = Quotes(RecordBook([record(None), record(2, name="a.c"), record(3, name="a.d")]))
    assert quotes.value("a.b") == (
        '<a class="not-evaluable" href="#record-a.b">not evaluable: share of &lt;found&gt; defects</a>'
        f'{NARROW}<a class="ix" href="#index-a.b">1</a>'
    )
    assert quotes.cell("a.c", "d") == (
        f'<a class="value" href="#record-a.c">2</a>{NARROW}<a class="ix" href="#index-a.c">2</a>'
    )
    assert quotes.cell("a.b").endswith('href="#index-a.b">1</a>')  # printed again, the number stays
    assert [item.id for item in quotes.used] == ["a.b", "a.c"]


def test_a_narrow_cell_of_nothing_prints_the_short_word_and_is_remembered():
    quotes = Quotes(RecordBook([record(None)]))
    assert ">none</a>" in quotes.cell("a.b", ".3f", none="none")
    assert [item.id for item in quotes.used] == ["a.b"]


def test_an_interval_prints_three_records():
    quotes = Quotes(
        RecordBook([record(0.5, name="a.b"), record(0.4, name="a.b.low"), record(0.6, name="a.b.high")])
    )
    quotes.interval("a.b")
    assert [item.id for item in quotes.used] == ["a.b", "a.b.low", "a.b.high"]


def test_what_is_looked_at_and_not_printed_is_not_indexed():
    quotes = Quotes(RecordBook([record(2, name="a.c"), record(3, name="a.d")]))
    assert quotes.record("a.c").value == 2
    quotes.value("a.d")
    assert [item.id for item in quotes.used] == ["a.d"]


@given(st.floats(min_value=-1e6, max_value=1e6))
def test_the_printed_number_reads_back_within_its_precision(value):
    printed = format_value(record(value), ".6f").replace("\N{MINUS SIGN}", "-")
    assert float(printed) == pytest.approx(value, abs=5e-7)
