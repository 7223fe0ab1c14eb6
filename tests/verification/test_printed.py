"""Printed forms: what a document may print of a value, and what not; against the formatter of the documents."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealproof.dossier.values import format_value, limit
from sealproof.evidence.records import Record
from sealproof.verification.printed import prints, squeeze, unmatched

FINITE = st.floats(-1e9, 1e9, allow_nan=False)


def record(value, unit="1", definition="why"):
    return {"value": value, "unit": unit, "definition": definition}


def printed(value, spec, unit="1"):
    return format_value(Record("a.b", value, unit, "why", "a.json", "/x", "0" * 64, "a"), spec)


@given(
    FINITE,
    st.sampled_from([".3f", ".1%", ".4g", "g", ".0%", ",.2f", ".2e", ""]),
    st.sampled_from(["1", "px", "images"]),
)
def test_every_form_of_the_documents_is_accepted(value, spec, unit):
    assert prints(record(value, unit), printed(value, spec, unit))


@given(st.integers(-(10**9), 10**9), st.sampled_from(["d", ",d", ""]))
def test_whole_numbers(value, spec):
    assert prints(record(value, "images"), printed(value, spec, "images"))
    assert not prints(record(value + 1, "images"), printed(value, spec, "images"))


@given(FINITE)
def test_another_number_is_not_accepted(value):
    assert not prints(record(value + 0.002), printed(value, ".3f"))


@pytest.mark.parametrize(
    ("value", "text", "good"),
    [
        (True, "yes", True),
        (True, "no", False),
        (False, "no", True),
        (None, "not evaluable", True),
        (None, "not evaluable: why", True),
        (None, "\N{EN DASH}", True),
        (None, "0.9", False),
        (0.9, "not evaluable", False),
        ("mean_sigma", "mean sigma", True),
        ("mean_sigma", "percentile", False),
        ("one two three", "one two \N{HORIZONTAL ELLIPSIS}", True),
        ("one two three", "one six \N{HORIZONTAL ELLIPSIS}", False),
        ("one two three", "\N{HORIZONTAL ELLIPSIS}", False),
        ("too-few exceedances", "toofew exceedances", True),
        (-0.5, "\N{MINUS SIGN}0.50", True),
        (-0.5, "0.50", False),
        (0.5, "0.5 and more", False),
        (5, "5 px", False),
        (1.0, "1.0.0", False),
        (0.0, "", False),
    ],
)
def test_words_and_signs(value, text, good):
    assert prints(record(value), text) is good


def test_the_unit_may_stand_behind_the_number_and_no_other_one():
    assert prints(record(64, "px"), "64\N{NARROW NO-BREAK SPACE}px")
    assert prints(record(64, "px"), "64")
    assert not prints(record(64, "px"), "64 mm")


@given(st.text(st.characters(categories=["L", "N", "Zs"]), min_size=1, max_size=60), st.integers(10, 40))
def test_cut_texts_of_the_documents_are_accepted(text, most):
    if squeeze(text):
        assert (
            prints(record(text), limit(text, most)) or squeeze(limit(text, most)) == "\N{HORIZONTAL ELLIPSIS}"
        )


def test_a_text_over_several_lines_is_put_together():
    assert unmatched(record("one two three"), ["one", "two", "three", "one two", "three"]) is None
    assert unmatched(record("one two three"), ["one", "two"]) == "one two"
    assert unmatched(record(0.5), ["0.5", "0.50", "0.4"]) == "0.4"
