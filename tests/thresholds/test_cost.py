"""Expected cost against brute force, and the two rules that look at no part."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealproof.thresholds.cost import cost
from sealproof.thresholds.result import Basis
from sealproof.thresholds.settings import CostSettings

QUICK = Basis(resamples=30, minimum_normals=8)
PRICES = st.sampled_from([1, 2, 10, 0.5, 0.1])


def expected_cost(normals, defects, threshold, prices):
    """In fractions, so that ties are exact."""
    missed = Fraction(sum(x < threshold for x in defects), len(defects))
    rejected = Fraction(sum(x >= threshold for x in normals), len(normals))
    prevalence, negative, positive = (
        Fraction(str(value)) for value in (prices.prevalence, prices.false_negative, prices.false_positive)
    )
    return prevalence * negative * missed + (1 - prevalence) * positive * rejected


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 12).map(float), min_size=8, max_size=25),
    st.lists(st.integers(0, 12).map(float), min_size=1, max_size=15),
    st.builds(
        CostSettings, false_negative=PRICES, false_positive=PRICES, prevalence=st.sampled_from([0.1, 0.3])
    ),
)
def test_threshold_is_the_lowest_of_the_cheapest_midpoints(normals, defects, prices):
    result = cost(normals, defects, settings=prices, basis=QUICK)
    values = np.unique([*normals, *defects])
    midpoints = (values[:-1] + values[1:]) / 2
    costs = [expected_cost(normals, defects, point, prices) for point in midpoints]
    if len(set(normals)) == 1:
        assert result.reason_code == "constant-scores"
        return
    found = result.threshold if result.eligible else result.details["estimate"]
    assert found == pytest.approx(midpoints[costs.index(min(costs))])
    assert result.details["expected_cost"] == pytest.approx(float(min(costs)))
    trivial = min(expected_cost(normals, defects, point, prices) for point in (-1, 99))
    assert result.eligible == (min(costs) < trivial)


def test_dearer_misses_never_raise_the_threshold():
    random = np.random.default_rng(1)
    normals, defects = random.normal(size=80), random.normal(1.5, size=30)
    found = [
        cost(normals, defects, settings=CostSettings(false_negative=price), basis=QUICK)
        for price in (0.5, 2.0, 8.0, 12.0)
    ]
    thresholds = [result.threshold or result.details["estimate"] for result in found]
    assert thresholds == sorted(thresholds, reverse=True)


def test_a_rule_that_looks_at_no_part_can_be_cheaper():
    random = np.random.default_rng(2)
    normals = np.append(random.normal(size=80), 9.0)
    defects = np.append(random.normal(0.1, size=30), -9.0)
    result = cost(normals, defects, settings=CostSettings(false_negative=1000.0), basis=QUICK)
    assert result.reason_code == "no-better-than-one-verdict"
    assert "that of rejecting all parts" in result.reason
    other = cost(normals, defects, settings=CostSettings(false_negative=0.01), basis=QUICK)
    assert "that of accepting all parts" in other.reason


def test_without_a_prevalence_no_cost_can_be_expected():
    result = cost(np.arange(40.0), [50.0], settings=CostSettings(prevalence=None))
    assert result.threshold is None
    assert result.reason_code == "no-prevalence"
    assert result.details["prevalence"] is None
    codes = cost([], [], settings=CostSettings(prevalence=None)).details["reason_codes"]
    assert codes == ["no-prevalence", "too-few-normals", "no-defects"]


def test_without_defects_there_is_no_threshold():
    assert cost(np.arange(40.0), []).reason_code == "no-defects"
