"""Sample sizes against printed tables, SciPy's binomial distribution and a search without any formula."""

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sealproof.evaluation.planning import (
    failures_allowed,
    provable_reliability,
    strongest_bound,
    units_needed,
)

SHARES = st.floats(0.5, 0.999)
CONFIDENCES = st.floats(0.5, 0.999)


@pytest.mark.parametrize(
    ("reliability", "confidence", "failures", "units"),
    [
        (0.95, 0.95, 0, 59),
        (0.99, 0.95, 0, 299),
        (0.95, 0.95, 1, 93),
        (0.95, 0.95, 2, 124),
        (0.90, 0.95, 0, 29),
        (0.90, 0.95, 1, 46),
        (0.90, 0.90, 0, 22),
        (0.99, 0.99, 0, 459),
        (0.95, 0.99, 0, 90),
        (0.99, 0.90, 0, 230),
        (0.99, 0.95, 1, 473),
        (0.5, 0.75, 0, 2),
    ],
)
def test_the_printed_tables(reliability, confidence, failures, units):
    assert units_needed(reliability, confidence, failures) == units


def tail(units, failures, reliability):
    """P(X <= failures), term by term."""
    p = 1 - reliability
    return sum(comb(units, k) * p**k * (1 - p) ** (units - k) for k in range(failures + 1))


@pytest.mark.parametrize("reliability", [0.6, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("confidence", [0.6, 0.9, 0.95])
@pytest.mark.parametrize("failures", [0, 1, 4])
def test_the_first_number_that_is_enough_by_counting_up(reliability, confidence, failures):
    units = failures + 1
    while tail(units, failures, reliability) > 1 - confidence + 1e-13:
        units += 1
    assert units_needed(reliability, confidence, failures) == units


@given(reliability=SHARES, confidence=CONFIDENCES, failures=st.integers(0, 30))
def test_one_unit_less_is_not_enough(reliability, confidence, failures):
    units = units_needed(reliability, confidence, failures)
    slack = 1e-9
    assert stats.binom.cdf(failures, units, 1 - reliability) <= (1 - confidence) * (1 + slack)
    if units > failures + 1:
        assert stats.binom.cdf(failures, units - 1, 1 - reliability) > (1 - confidence) * (1 - slack)


@given(units=st.integers(1, 3000), data=st.data(), confidence=CONFIDENCES)
def test_what_units_prove_is_the_one_sided_exact_bound(units, data, confidence):
    failures = data.draw(st.integers(0, units))
    expected = stats.binomtest(units - failures, units, alternative="greater").proportion_ci(
        confidence, "exact"
    )
    assert provable_reliability(units, failures, confidence) == pytest.approx(
        expected.low, rel=1e-9, abs=1e-12
    )


@given(units=st.integers(1, 2000), reliability=SHARES, confidence=CONFIDENCES)
def test_both_directions_agree(units, reliability, confidence):
    """As many failures as are allowed still prove the reliability, one more does not."""
    allowed = failures_allowed(units, reliability, confidence)
    proved = -1.0 if allowed is None else provable_reliability(units, allowed, confidence)
    assert allowed is None or proved >= reliability - 1e-9
    following = 0 if allowed is None else allowed + 1
    if following < units:
        assert provable_reliability(units, following, confidence) < reliability + 1e-9
    assert (allowed is None) == (units < units_needed(reliability, confidence))


def test_the_bound_holds_as_often_as_it_says():
    """Over all outcomes of 60 units, for each true share: the proved reliability exceeds it in 5 % at most."""
    bounds = [provable_reliability(60, failures, 0.95) for failures in range(61)]
    for true in (0.5, 0.8, 0.9, 0.95, 0.99):
        wrong = sum(stats.binom.pmf(k, 60, 1 - true) for k, bound in enumerate(bounds) if bound > true)
        assert wrong <= 0.05


def test_a_two_sided_bound_is_a_one_sided_one_at_half_the_rest():
    assert strongest_bound(180, "low", 0.90) == pytest.approx(provable_reliability(180, 0, 0.95), rel=1e-12)
    assert strongest_bound(72, "low", 0.95) >= 0.95 > strongest_bound(71, "low", 0.95)
    assert units_needed(0.95, 0.975) == 72


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: units_needed(1.0, 0.95), "reliability 1.0 is not between"),
        (lambda: units_needed(0.0, 0.95), "reliability 0.0 is not between"),
        (lambda: units_needed(0.9, 1.0), "confidence 1.0 is not between"),
        (lambda: units_needed(float("nan"), 0.9), "reliability nan"),
        (lambda: units_needed(0.9, 0.9, -1), "-1 failures"),
        (lambda: units_needed(1 - 1e-12, 0.95), "more than 1000000000 units"),
        (lambda: provable_reliability(0), "0 failures of 0 units"),
        (lambda: provable_reliability(3, 4), "4 failures of 3 units"),
        (lambda: provable_reliability(3, 0, 0.0), "confidence 0.0"),
        (lambda: failures_allowed(0, 0.9, 0.9), "0 units are no test"),
        (lambda: failures_allowed(9, 1.5, 0.9), "reliability 1.5"),
    ],
)
def test_questions_without_an_answer(call, words):
    with pytest.raises(ValueError, match=words):
        call()
