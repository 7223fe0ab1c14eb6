"""The conformal promise holds in finite samples, with ties as well."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sealproof.thresholds.conformal import conformal
from sealproof.thresholds.result import is_rejected

SCORES = arrays(np.float64, st.integers(20, 80), elements=st.floats(0.0625, 10, width=32))


@pytest.mark.parametrize(("n", "alpha"), [(115, 0.05), (99, 0.1), (382, 0.01), (20, 0.2)])
def test_threshold_lies_just_above_the_kth_smallest(n, alpha):
    scores = np.random.default_rng(n).random(n)
    result = conformal(scores, false_reject_rate=alpha)
    kth = np.sort(scores)[int(np.ceil(round((n + 1) * (1 - alpha), 9))) - 1]
    assert result.threshold == np.nextafter(kth, 2)
    assert not is_rejected([kth], result.threshold)[0]


DRAWS = {
    "normal": lambda random, size: random.normal(size=size),
    "lognormal": lambda random, size: random.lognormal(size=size),
    "heavy": lambda random, size: random.standard_cauchy(size=size),
    "ties": lambda random, size: random.poisson(3, size=size).astype(float),
    "many ties": lambda random, size: random.integers(0, 3, size=size).astype(float),
}


@pytest.mark.parametrize("shape", DRAWS)
@pytest.mark.parametrize(("n", "alpha"), [(20, 0.05), (60, 0.1)])
def test_a_new_normal_part_is_rejected_at_most_as_often_as_promised(shape, n, alpha):
    random = np.random.default_rng(11)
    rejected = total = 0
    for _ in range(1200):
        drawn = DRAWS[shape](random, n + 20)
        result = conformal(drawn[:n], false_reject_rate=alpha)
        if result.eligible:
            rejected += int(is_rejected(drawn[n:], result.threshold).sum())
            total += 20
    # Parts judged by one threshold are not independent; the allowance is three standard errors of 1200 groups.
    assert total > 0
    assert rejected / total <= alpha + 3 * np.sqrt(alpha * (1 - alpha) / 1200)


def test_without_ties_the_promise_is_not_wasted():
    result = conformal(np.random.default_rng(0).random(115), false_reject_rate=0.05)
    assert 0.05 - 1 / 116 < result.details["expected_false_reject_rate"] <= 0.05


@pytest.mark.parametrize(("n", "eligible"), [(98, False), (99, True)])
def test_a_rate_beyond_the_sample_gives_no_threshold(n, eligible):
    result = conformal(np.arange(float(n)), false_reject_rate=0.01)
    assert result.eligible is eligible
    assert eligible or (result.reason_code == "promise-out-of-reach" and "99 can" in result.reason)


@pytest.mark.parametrize("alpha", [0, 1, -0.1])
def test_rate_is_checked(alpha):
    with pytest.raises(ValueError, match="false_reject_rate"):
        conformal(np.arange(30.0), false_reject_rate=alpha)


@settings(max_examples=60, deadline=None)
@given(SCORES, st.floats(0.05, 0.4), st.floats(0, 0.09), st.floats(0.01, 100))
def test_raising_alpha_never_raises_the_threshold(scores, alpha, more, factor):
    one, looser = (
        conformal(scores, false_reject_rate=alpha),
        conformal(scores, false_reject_rate=alpha + more),
    )
    assert not one.eligible or looser.threshold <= one.threshold
    if one.eligible:
        scaled = conformal(scores * factor, false_reject_rate=alpha)
        assert scaled.threshold == pytest.approx(one.threshold * factor, rel=1e-9)
        assert conformal(scores[::-1], false_reject_rate=alpha).as_json() == one.as_json()
