import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from sealproof.evidence.errors import DataError, EvidenceAlteredError, EvidenceMissingError
from sealproof.scores import decision as module
from sealproof.scores.decision import MINIMUM_DEFECTS, fit_decision, load_decision, save_decision

KINDS = ["forest", "svm", "logistic"]


@pytest.fixture(autouse=True)
def _few_trees(monkeypatch):
    monkeypatch.setattr(module, "_TREES", 25)


@pytest.fixture(scope="module")
def images():
    random = np.random.default_rng(6)
    defective = np.arange(160) >= 120
    values = random.normal(size=(160, 5)) * [1, 10, 0.1, 1, 0] + defective[:, None] * [1.5, 10, 0, 0, 0]
    return {f"input-{at}": column for at, column in enumerate(values.T)}, defective


def standardised(inputs):
    values = np.stack(list(inputs.values()), axis=1)
    spread = values.std(axis=0)
    return (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1)


def reference(kind, points, defective, seed):
    if kind == "forest":
        model = RandomForestClassifier(
            25,
            min_samples_leaf=2,
            class_weight="balanced",
            random_state=np.random.RandomState(seed),
        )
        return model.fit(points.astype(np.float32), defective).predict_proba(points.astype(np.float32))[:, 1]
    if kind == "svm":
        model = SVC(kernel="rbf", gamma="scale", class_weight="balanced")
    else:
        model = LogisticRegression(class_weight="balanced", tol=1e-8, max_iter=10_000)
    return model.fit(points, defective).decision_function(points)


@pytest.mark.parametrize("kind", KINDS)
def test_against_scikit_learn(images, kind):
    inputs, defective = images
    found = fit_decision(inputs, defective, kind, seed=4).decide(inputs)
    expected = reference(kind, standardised(inputs), defective, 4)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    assert found[defective].mean() > found[~defective].mean()


@pytest.mark.parametrize("kind", KINDS)
def test_round_trip_is_exact_and_the_bytes_are_the_same(images, kind, tmp_path):
    inputs, defective = images
    for name in "ab":
        save_decision(fit_decision(inputs, defective, kind, seed=4), tmp_path / f"{name}.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    loaded = load_decision(tmp_path / "a.npz")
    expected = fit_decision(inputs, defective, kind, seed=4).decide(inputs)
    np.testing.assert_array_equal(loaded.decide(inputs), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_does_not_depend_on_the_others_nor_on_the_order_of_inputs(images, kind):
    inputs, defective = images
    decision = fit_decision(inputs, defective, kind, seed=4)
    together = decision.decide(inputs)
    some = {name: inputs[name][[30, 7]] for name in reversed(inputs)} | {"more": np.zeros(1)}
    np.testing.assert_array_equal(decision.decide(some), together[[30, 7]])


def test_the_seed_draws_the_forest(images):
    first, again, other = (fit_decision(*images, "forest", seed=seed).decide(images[0]) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_too_few_images_are_refused_with_every_reason(images):
    inputs, _ = images
    with pytest.raises(DataError) as caught:
        fit_decision(inputs, np.arange(160) < MINIMUM_DEFECTS - 1, "svm", seed=1)
    assert f"{MINIMUM_DEFECTS - 1} training defects, {MINIMUM_DEFECTS} are needed" in caught.value.why
    with pytest.raises(DataError) as caught:
        fit_decision(inputs, np.arange(160) > 2, "svm", seed=1)
    assert "3 normals" in caught.value.why
    for labels in (np.zeros(3, bool), np.zeros(160, int)):
        with pytest.raises(DataError) as caught:
            fit_decision(inputs, labels, "svm", seed=1)
        assert "labels are" in caught.value.why
    with pytest.raises(ValueError, match="forest, svm, logistic"):
        fit_decision(inputs, np.arange(160) < 50, "tree", seed=1)


def test_every_wrong_input_is_named(images):
    inputs, defective = images
    decision = fit_decision(inputs, defective, "logistic", seed=1)
    wrong = inputs | {"input-0": inputs["input-0"] * np.nan, "input-1": np.ones((2, 2))}
    del wrong["input-2"]
    with pytest.raises(DataError) as caught:
        decision.decide(wrong)
    for reason in (
        "input-2: missing",
        "input-1: not one-dimensional",
        "input-0: values",
        "different lengths",
    ):
        assert reason in caught.value.why
    with pytest.raises(DataError):
        fit_decision({}, defective, "logistic", seed=1)


@pytest.mark.parametrize(
    ("kind", "key", "change"),
    [
        ("logistic", "weights", lambda each: each[:-1]),
        ("logistic", "weights", lambda each: each * np.nan),
        ("logistic", "deviation", lambda each: each * 0),
        ("logistic", "kind", lambda _: np.array("tree")),
        ("logistic", "names", lambda each: np.arange(each.size)),
        ("svm", "vectors", lambda each: each[:, :-1]),
        ("svm", "width", lambda each: each[None]),
        ("forest", "left", lambda each: np.where(each >= 0, 0, each)),
        ("forest", "right", lambda each: np.where(each >= 0, each + 10**6, each)),
        ("forest", "feature", lambda each: each + 5),
        ("forest", "roots", lambda each: each - 1),
        ("forest", "share", lambda each: each[:-1]),
    ],
)
def test_parts_that_do_not_belong_together_are_refused_by_name(images, kind, key, change, tmp_path):
    save_decision(fit_decision(*images, kind, seed=1), tmp_path / "good.npz")
    content = dict(np.load(tmp_path / "good.npz"))
    np.savez(tmp_path / "wrong.npz", **content | {key: change(content[key])})
    with pytest.raises(EvidenceAlteredError) as caught:
        load_decision(tmp_path / "wrong.npz")
    assert f"{key}:" in caught.value.why


def test_what_is_no_decision_is_refused(tmp_path, images):
    with pytest.raises(EvidenceMissingError):
        load_decision(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("text")
    np.savez(tmp_path / "code.npz", kind=np.array([print], dtype=object))
    np.savez(tmp_path / "other.npz", weights=np.ones(2))
    save_decision(fit_decision(*images, "svm", seed=1), tmp_path / "good.npz")
    content = dict(np.load(tmp_path / "good.npz"))
    del content["vectors"]
    np.savez(tmp_path / "less.npz", **content, more=np.ones(2))
    for name in ("text", "code", "other", "less"):
        with pytest.raises(EvidenceAlteredError) as caught:
            load_decision(tmp_path / f"{name}.npz")
    assert "vectors: missing" in caught.value.why
    assert "more: unknown" in caught.value.why
