"""The profile-likelihood interval against a brute-force profile and by simulation."""

import numpy as np
import pytest
from scipy import optimize, stats

from sealproof.thresholds import tail_interval
from sealproof.thresholds.evt_pot import split_tail
from sealproof.thresholds.tail_interval import TailSample, quantile_excess_interval


def brute_force_deviance(sample, excess, best):
    """Profile over shape and share by SciPy's density and a global search."""

    def loss(nuisance):
        shape, share = nuisance
        log_ratio = np.log(share / sample.probability)
        scale = excess * shape / np.expm1(shape * log_ratio)
        k = sample.excesses.size
        return -(
            stats.genpareto(shape, scale=scale).logpdf(sample.excesses).sum()
            + k * np.log(share)
            + (sample.n - k) * np.log1p(-share)
        )

    found = optimize.differential_evolution(
        lambda x: min(loss(x), 1e9),
        [(-0.9, 2.0), (sample.probability * 1.05, 0.4)],
        rng=1,
        tol=1e-8,
        maxiter=60,
    )
    return 2 * (best + found.fun)


def test_ends_lie_where_a_brute_force_profile_crosses_the_limit():
    scores = np.sort(stats.lognorm(0.7).rvs(300, random_state=1))
    _, excesses = split_tail(scores, 0.15)
    sample = TailSample(excesses, 300, 0.01)
    low, high = quantile_excess_interval(sample, 0.95)
    c, _, scale = stats.genpareto.fit(excesses, floc=0)
    k = excesses.size
    best = (
        stats.genpareto(c, scale=scale).logpdf(excesses).sum()
        + k * np.log(k / 300)
        + (300 - k) * np.log1p(-k / 300)
    )
    limit = stats.f.ppf(0.95, 1, k - 2)
    for end in (low, high):
        assert brute_force_deviance(sample, end, best) == pytest.approx(limit, abs=0.02)


def test_more_confidence_widens_and_scaling_scales():
    scores = np.sort(stats.norm.rvs(size=400, random_state=2))
    _, excesses = split_tail(scores, 0.15)
    narrow, wide = (quantile_excess_interval(TailSample(excesses, 400, 0.01), c) for c in (0.8, 0.95))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]
    scaled = quantile_excess_interval(TailSample(excesses * 1000, 400, 0.01), 0.8)
    assert scaled == pytest.approx([end * 1000 for end in narrow], rel=1e-4)


def test_very_many_excesses_are_put_together_without_moving_the_ends(monkeypatch):
    scores = np.sort(stats.gamma(2).rvs(1500, random_state=4))
    _, excesses = split_tail(scores, 0.3)
    sample = TailSample(excesses, 1500, 0.001)
    grouped = quantile_excess_interval(sample)
    monkeypatch.setattr(tail_interval, "_GROUPS", 120)
    monkeypatch.setattr(tail_interval, "_ALONE", 210)
    assert quantile_excess_interval(sample) == pytest.approx(grouped, rel=1e-4)


def test_interval_covers_the_quantile_about_as_often_as_stated():
    """Asymptotic, so a little below the nominal 95 %: 89 to 95 % in long simulations of score-like tails."""
    random = np.random.default_rng(3)
    truth = stats.lognorm(0.6).isf(0.01)
    inside = 0
    for _ in range(40):
        scores = np.sort(stats.lognorm(0.6).rvs(300, random_state=random))
        level, excesses = split_tail(scores, 0.15)
        low, high = quantile_excess_interval(TailSample(excesses, 300, 0.01))
        inside += level + low <= truth <= level + high
    assert inside / 40 >= 0.83


@pytest.mark.parametrize("probability", [0.0, 0.2, 0.15])
def test_the_quantile_must_lie_in_the_tail(probability):
    with pytest.raises(ValueError, match="tail share"):
        quantile_excess_interval(TailSample(np.arange(1.0, 16.0), 100, probability))
