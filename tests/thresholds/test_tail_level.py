"""Choosing the level of a tail: the stop rule by hand, the table of p-values by simulation, and known tails."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sealproof.thresholds.anderson_darling_table import (
    CRITICAL_VALUES,
    P_VALUES,
    SHAPES,
    critical_values,
    table_p_value,
)
from sealproof.thresholds.generalised_pareto import bootstrap_fit, fit
from sealproof.thresholds.resampling import generator
from sealproof.thresholds.settings import EvtSettings
from sealproof.thresholds.tail_level import choose_level, forward_stop


def stop_by_hand(p_values, rate):
    best = 0
    for k in range(1, len(p_values) + 1):
        if sum(-np.log(1 - p) for p in p_values[:k]) / k <= rate:
            best = k
    return best


@given(st.lists(st.floats(0.001, 0.999), max_size=8), st.floats(0.01, 0.5))
def test_the_stop_rule_is_its_definition(p_values, rate):
    assert forward_stop(p_values, rate) == stop_by_hand(p_values, rate)


def test_a_p_value_of_one_is_no_infinity():
    assert forward_stop([1.0, 1.0], 0.1) == 0


def test_the_table_is_what_a_smaller_simulation_gives():
    found = critical_values(-0.35, 1000)
    stated = np.array(CRITICAL_VALUES[SHAPES.index(-0.35)])
    middle = [P_VALUES.index(p) for p in (0.5, 0.25, 0.1)]
    assert found[middle] == pytest.approx(stated[middle], rel=0.08)


def test_the_table_agrees_with_choulakian_and_stephens():
    """Technometrics 43 (2001), table 2, A^2 at shape 0 (their k = 0): 0.796 at 10 %, 0.974 at 5 %."""
    row = CRITICAL_VALUES[SHAPES.index(0.0)]
    assert row[P_VALUES.index(0.1)] == pytest.approx(0.796, rel=0.02)
    assert row[P_VALUES.index(0.05)] == pytest.approx(0.974, rel=0.02)


def test_p_values_fall_with_the_statistic_and_agree_with_the_bootstrap():
    grid = [table_p_value(a, 0.13) for a in np.linspace(0, 4, 60)]
    assert (np.diff(grid) <= 0).all()
    for seed in range(3):
        y = stats.genpareto(0.2).rvs(60, random_state=seed)
        tail = fit(y)
        test = bootstrap_fit(y, tail, generator(seed), 999)
        assert table_p_value(test.statistic, float(tail.shape)) == pytest.approx(test.p_value, abs=0.08)


def test_a_pareto_tail_is_taken_from_the_lowest_level():
    scores = np.sort(stats.genpareto(0.1).rvs(1000, random_state=1))
    choice = choose_level(scores, EvtSettings())
    assert choice.share == 0.3
    assert [found.share for found in choice.candidates] == [0.3, 0.25, 0.2, 0.15, 0.1]
    assert [found.exceedances for found in choice.candidates] == [300, 250, 200, 150, 100]
    assert not choice.none_fits


def test_a_tail_that_begins_late_moves_the_level_up():
    random = np.random.default_rng(2)
    body, tail = random.uniform(0, 1, 3400), 1 + 5 * random.pareto(5, 600)
    choice = choose_level(np.sort(np.concatenate([body, tail])), EvtSettings())
    assert choice.rejected >= 3
    assert choice.share <= 0.15
    stated = [found.p_value for found in choice.candidates]
    assert choice.rejected == stop_by_hand(stated, 0.1)


def test_a_fixed_share_tries_nothing():
    choice = choose_level(np.arange(100.0), EvtSettings(level="fraction", tail_fraction=0.2))
    assert (choice.share, choice.candidates, choice.none_fits) == (0.2, (), False)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"candidates": [0.1, 0.2]}, "have to fall"),
        ({"candidates": [0.01]}, "largest of candidates"),
        ({"candidates": []}, "at least 1"),
    ],
)
def test_settings_refuse_impossible_candidates(changes, words):
    with pytest.raises(ValueError, match=words):
        EvtSettings(**changes)
