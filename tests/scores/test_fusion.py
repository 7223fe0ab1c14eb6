import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealproof.evidence.errors import DataError, EvidenceAlteredError, EvidenceMissingError
from sealproof.scores.fusion import (
    MINIMUM_REFERENCE,
    fit_fusion,
    load_fusion,
    reference_share,
    save_fusion,
    surprise,
)
from sealproof.thresholds.conformal import conformal

ALPHA, REPEATS, NEW = 0.1, 300, 60


def named(values):
    return {f"score-{column}": values[:, column] for column in range(values.shape[1])}


def continuous(random, count):
    """Four scores that depend on one another, one of them with a heavy tail."""
    common = random.normal(size=(count, 1))
    scores = common + random.normal(size=(count, 4))
    scores[:, 3] = np.exp(2 * scores[:, 3])
    return scores


def with_ties(random, count):
    return np.floor(continuous(random, count).clip(-3, 9))


def rejected(draw, rule, *, own_ranks, shrink=1.0):
    """False rejects of new normals at the conformal threshold: one rate a repetition."""
    random = np.random.default_rng(7)
    rates = []
    for _ in range(REPEATS):
        calibration = draw(random, 29)
        reference = calibration if own_ranks else draw(random, 25) * shrink
        fusion = fit_fusion(named(reference), rule)
        threshold = conformal(fusion.fuse(named(calibration)), false_reject_rate=ALPHA).threshold
        rates.append((fusion.fuse(named(draw(random, NEW))) >= threshold).mean())
    return np.array(rates)


@pytest.mark.parametrize("rule", ["fisher", "smallest-p"])
@pytest.mark.parametrize("draw", [continuous, with_ties])
def test_a_conformal_threshold_keeps_its_promise(draw, rule):
    rates = rejected(draw, rule, own_ranks=False)
    assert rates.mean() <= ALPHA + 3 * rates.std() / np.sqrt(REPEATS)
    if draw is continuous:  # 29 normals: the promise is met exactly, not on the safe side
        assert rates.mean() >= ALPHA - 3 * rates.std() / np.sqrt(REPEATS)


@pytest.mark.parametrize("rule", ["fisher", "smallest-p"])
def test_an_overfitted_reference_does_not_break_the_promise(rule):
    """Every calibration score lies beyond most of the reference: only the tail tells them apart."""
    rates = rejected(continuous, rule, own_ranks=False, shrink=0.1)
    assert abs(rates.mean() - ALPHA) <= 3 * rates.std() / np.sqrt(REPEATS)


def test_ranks_among_the_normals_that_calibrate_would_break_it():
    """Why the reference must be apart."""
    rates = rejected(continuous, "smallest-p", own_ranks=True)
    assert rates.mean() > ALPHA + 3 * rates.std() / np.sqrt(REPEATS)


def test_surprise_is_the_rank_among_the_reference_and_fisher_their_sum():
    random = np.random.default_rng(1)
    reference = np.sort(random.choice([0.0, 1.0, 2.0, 3.0, 5.0], 50))
    expected = [-np.log((reference >= value).sum() / 51) for value in reference]
    np.testing.assert_allclose(surprise(reference, reference), expected, rtol=1e-12)
    scores = {"a": random.normal(size=60), "b": random.normal(size=60)}
    ranks = np.stack([-np.log([(known >= v).sum() / 61 for v in known]) for known in scores.values()])
    np.testing.assert_allclose(fit_fusion(scores, "fisher").fuse(scores), ranks.sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(fit_fusion(scores, "smallest-p").fuse(scores), ranks.max(axis=0), rtol=1e-12)


def test_beyond_the_largest_the_share_falls_as_a_pareto_tail():
    reference = np.arange(100.0)
    scale = np.mean(np.arange(80, 100) - 79.0)
    far = np.array([99.0, 99.5, 150.0, 1e9, 1e300])
    np.testing.assert_allclose(surprise(far, reference), np.log(101 * (1 + (far - 99) / scale)), rtol=1e-12)


@given(
    values=st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20),
    seed=st.integers(0, 50),
    ties=st.booleans(),
)
def test_a_higher_score_is_never_less_surprising(values, seed, ties):
    reference = np.sort(np.random.default_rng(seed).normal(size=30))
    reference = np.floor(reference * 2) if ties else reference
    found = surprise(np.sort(values), reference)
    assert (np.diff(found) >= -1e-12).all()
    assert (found >= 0).all()


def test_a_tail_of_equal_scores_still_has_a_scale():
    reference = np.r_[np.zeros(10), np.ones(20)]
    found = surprise(np.array([1.0, 2.0, 3.0]), reference)
    assert (np.diff(found) > 0).all()
    assert np.isfinite(found).all()


@pytest.fixture
def scores():
    return named(continuous(np.random.default_rng(0), 40))


def test_every_wrong_score_is_named(scores):
    fusion = fit_fusion(scores)
    wrong = scores | {
        "score-0": scores["score-0"] * np.nan,
        "score-1": scores["score-1"][:3],
        "score-2": np.ones((2, 2)),
    }
    del wrong["score-3"]
    with pytest.raises(DataError) as caught:
        fusion.fuse(wrong)
    for reason in (
        "score-3: missing",
        "score-2: not one-dimensional",
        "score-0: 40 values",
        "different lengths",
    ):
        assert reason in caught.value.why


def test_what_cannot_be_a_reference_is_refused(scores):
    with pytest.raises(DataError) as caught:
        fit_fusion({"a": np.arange(float(MINIMUM_REFERENCE - 1))})
    assert str(MINIMUM_REFERENCE) in caught.value.why
    with pytest.raises(DataError) as caught:
        fit_fusion(scores | {"constant": np.ones(40), "flat": np.zeros(40)})
    assert "constant: the same" in caught.value.why
    assert "flat: the same" in caught.value.why
    with pytest.raises(DataError):
        fit_fusion({})
    with pytest.raises(ValueError, match="fisher, smallest-p"):
        fit_fusion(scores, "largest")


def test_round_trip_is_exact_and_the_bytes_are_the_same(scores, tmp_path):
    fusion = fit_fusion(scores, "smallest-p")
    for name in "ab":
        save_fusion(fusion, tmp_path / f"{name}.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    loaded = load_fusion(tmp_path / "a.npz")
    assert (loaded.names, loaded.rule) == (fusion.names, fusion.rule)
    np.testing.assert_array_equal(loaded.fuse(scores), fusion.fuse(scores))


def test_what_is_no_fusion_is_refused_by_name(scores, tmp_path):
    with pytest.raises(EvidenceMissingError):
        load_fusion(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("text")
    (tmp_path / "empty.npz").write_text("")
    np.savez(tmp_path / "code.npz", names=np.array([print], dtype=object))
    for name in ("text", "empty", "code"):
        with pytest.raises(EvidenceAlteredError):
            load_fusion(tmp_path / f"{name}.npz")
    save_fusion(fit_fusion(scores), tmp_path / "good.npz")
    content = dict(np.load(tmp_path / "good.npz"))
    reference = content["reference"]
    for key, value in {
        "names": np.array(["a"] * 4),
        "rule": np.array("largest"),
        "reference": reference[:, :3],
    }.items():
        np.savez(tmp_path / "wrong.npz", **content | {key: value})
        with pytest.raises(EvidenceAlteredError) as caught:
            load_fusion(tmp_path / "wrong.npz")
        assert f"{key}:" in caught.value.why
    for value in (reference[::-1], reference[:5], reference * np.nan):
        np.savez(tmp_path / "wrong.npz", **content | {"reference": value})
        with pytest.raises(EvidenceAlteredError):
            load_fusion(tmp_path / "wrong.npz")


def test_the_share_is_drawn_by_the_seed_alone():
    drawn = reference_share(101, seed=3)
    assert drawn.sum() == 50
    assert np.array_equal(drawn, reference_share(101, seed=3))
    assert not np.array_equal(drawn, reference_share(101, seed=4))
    with pytest.raises(ValueError, match="share"):
        reference_share(10, seed=1, share=1.0)
