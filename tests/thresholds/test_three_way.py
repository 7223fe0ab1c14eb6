"""Three-way verdicts: conformal p-values by counting, both promises by simulation, limits out of reach."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealproof.thresholds.settings import ThreeWaySettings
from sealproof.thresholds.three_way import three_way, three_way_grid

SCORES = st.lists(st.integers(0, 20).map(float), min_size=1, max_size=30)
RATES = st.sampled_from([0.05, 0.1, 0.2, 0.3, 0.45])


def p_values(score, normals, defects):
    p_normal = (1 + sum(x >= score for x in normals)) / (len(normals) + 1)
    p_defect = (1 + sum(x <= score for x in defects)) / (len(defects) + 1)
    return p_normal, p_defect


@settings(max_examples=150, deadline=None)
@given(SCORES, SCORES, RATES, RATES)
def test_verdicts_are_those_of_the_p_values(normals, defects, reject_rate, miss_rate):
    found = three_way(normals, defects, false_reject_rate=reject_rate, missed_defect_rate=miss_rate)
    for score in np.arange(-1, 22, 0.5).tolist():
        p_normal, p_defect = p_values(score, normals, defects)
        no_normal, no_defect = p_normal <= reject_rate + 1e-9, p_defect <= miss_rate + 1e-9
        if found.accept_below is None or found.reject_from is None:
            continue
        assert (score >= found.reject_from) == (no_normal and not no_defect)
        assert (score < found.accept_below) == (no_defect and not no_normal)


@pytest.mark.parametrize("shift", [0.5, 2.0, 6.0])
def test_both_rates_are_kept_on_average(shift):
    random = np.random.default_rng(3)
    rejected, accepted = [], []
    for _ in range(600):
        normals, defects = random.normal(size=59), random.normal(shift, size=29)
        found = three_way(normals, defects, false_reject_rate=0.05, missed_defect_rate=0.1)
        rejected.append(np.mean(random.normal(size=50) >= found.reject_from))
        accepted.append(np.mean(random.normal(shift, size=50) < found.accept_below))
    for rates, promised in ((rejected, 0.05), (accepted, 0.1)):
        assert np.mean(rates) <= promised + 3 * np.std(rates) / np.sqrt(len(rates))


def test_where_classes_lie_far_apart_the_gap_between_them_is_undecided():
    found = three_way(
        np.arange(99.0), np.arange(200.0, 299.0), false_reject_rate=0.05, missed_defect_rate=0.1
    )
    assert found.accept_below == np.nextafter(94.0, 95)
    assert found.reject_from == 209
    assert "too high for a normal part and too low for a defective one" in found.reason
    assert found.share_undecided["tuning"] == 9 / 99


def test_shares_are_counted():
    normals, defects = np.arange(99.0), np.arange(50.0, 149.0)
    found = three_way(normals, defects, false_reject_rate=0.1, missed_defect_rate=0.2)
    low, high = found.accept_below, found.reject_from
    for name, scores in (("calibration", normals), ("tuning", defects)):
        assert found.share_undecided[name] == sum(low <= x < high for x in scores) / 99


@pytest.mark.parametrize(
    ("normals", "defects", "missing", "text"),
    [
        (18, 30, "reject_from", "18 normals cannot hold a rate of 5 %, 19 can"),
        (30, 8, "accept_below", "8 training defects cannot hold a rate of 10 %, 9 can"),
        (30, 0, "accept_below", "0 training defects cannot hold a rate of 10 %, 9 can"),
    ],
)
def test_a_limit_out_of_reach_is_none_and_says_what_is_needed(normals, defects, missing, text):
    found = three_way(np.arange(normals), np.arange(defects), false_reject_rate=0.05, missed_defect_rate=0.1)
    assert getattr(found, missing) is None
    assert found.reason == text
    assert found.share_undecided == {"calibration": None, "tuning": None}


def test_the_pair_in_force_is_always_in_the_grid():
    settings_ = ThreeWaySettings(false_reject_rate=0.03, missed_defect_rate=0.15)
    grid = three_way_grid(np.arange(50.0), np.arange(50.0), settings_)
    pairs = [(item.false_reject_rate, item.missed_defect_rate) for item in grid]
    assert len(pairs) == len(set(pairs)) == 20
    assert pairs == sorted(pairs)
    assert (0.03, 0.15) in pairs


@pytest.mark.parametrize("name", ["false_reject_rate", "missed_defect_rate"])
def test_rates_are_checked(name):
    rates = {"false_reject_rate": 0.1, "missed_defect_rate": 0.1} | {name: 0}
    with pytest.raises(ValueError, match=name):
        three_way([1.0], [1.0], **rates)
