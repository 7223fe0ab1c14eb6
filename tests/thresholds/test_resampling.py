"""Resampling: reproducible, in blocks, and the BCa interval against SciPy."""

import numpy as np
import pytest
from scipy import stats

from sealproof.thresholds.resampling import bca_interval, generator, resampled_rows


def test_generators_depend_on_seed_and_every_name():
    draws = {
        tuple(generator(*names).integers(0, 2**40, 3))
        for names in [(1, "a"), (2, "a"), (1, "b"), (1, "a", "b")]
    }
    assert len(draws) == 4
    assert generator(1, "a").random() == generator(1, "a").random()


def test_blocks_add_up():
    rows = list(resampled_rows(generator(1), 7, 10, block=21))
    assert sum(len(block) for block in rows) == 10
    assert all(block.min() >= 0 and block.max() < 7 for block in rows)


def test_bca_agrees_with_scipy_on_the_same_kind_of_data():
    data = np.random.default_rng(5).exponential(size=60)
    reference = stats.bootstrap(
        (data,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(6)
    )
    draws = np.random.default_rng(7).integers(0, 60, (20_000, 60))
    jackknife = np.array([np.delete(data, i).mean() for i in range(60)])
    found = bca_interval(data.mean(), data[draws].mean(axis=1), jackknife, 0.95)
    interval = reference.confidence_interval
    assert found == pytest.approx((interval.low, interval.high), abs=0.02)


def test_bca_of_identical_resamples_is_a_point():
    assert bca_interval(1.0, np.ones(100), np.ones(10)) == (1.0, 1.0)
