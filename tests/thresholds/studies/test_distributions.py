"""The known truth: SciPy's survival functions, and draws that follow them."""

import numpy as np
import pytest
from scipy import stats

from sealproof.thresholds.studies.distributions import SHAPES, STEP, normal_body, score_like

REFERENCES = {
    "normal": stats.norm(),
    "lognormal": stats.lognorm(0.5),
    "gamma": stats.gamma(2),
    "heavy-tail": stats.t(4),
}


@pytest.mark.parametrize("distribution", [*SHAPES[:4], *score_like()], ids=lambda d: d.name)
def test_quantile_survival_and_draws_belong_together(distribution):
    for probability in (0.5, 0.16, 0.14, 0.01, 0.0001):
        score = float(distribution.upper_quantile(np.array(probability)))
        assert distribution.rejected(score) == pytest.approx(probability, rel=1e-6)
    drawn = distribution.draw(np.random.default_rng(1), 4000)
    cdf = np.array([1 - distribution.rejected(score) for score in drawn[:800]])
    assert stats.kstest(cdf, "uniform").pvalue > 0.001


@pytest.mark.parametrize("distribution", SHAPES[:4], ids=lambda d: d.name)
def test_the_truth_is_scipys(distribution):
    reference = REFERENCES[distribution.name]
    assert distribution.rejected(1.7) == pytest.approx(reference.sf(1.7))
    assert distribution.mean == pytest.approx(reference.mean())
    assert distribution.deviation == pytest.approx(reference.std())


def test_ties_are_exact_and_a_score_equal_to_the_threshold_is_rejected():
    ties = SHAPES[4]
    drawn = ties.draw(np.random.default_rng(2), 200_000)
    assert np.unique(drawn).size < 100
    for threshold in (1.625, np.nextafter(1.625, 2), 1.7, -0.5):
        share = float((drawn >= threshold).mean())
        assert ties.rejected(float(threshold)) == pytest.approx(share, abs=0.004)
    assert ties.rejected(1.625) == pytest.approx(float(stats.norm.sf(1.625 - STEP / 2)))
    assert ties.rejected(float(np.nextafter(1.625, 2))) == pytest.approx(
        float(stats.norm.sf(1.625 + STEP / 2))
    )
    assert drawn.std() == pytest.approx(ties.deviation, rel=0.01)


def test_the_density_is_continuous_where_the_tail_begins():
    found = normal_body(0.3)
    level = stats.norm.isf(0.15)
    before, behind = (abs(found.rejected(level + h) - 0.15) / 1e-6 for h in (-1e-6, 1e-6))
    assert before == pytest.approx(behind, rel=1e-4)
