from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import contingency
from tests.quality.conftest import limited, made_up

from sealproof.quality.confounding import (
    _associate,
    _lacks,
    associations,
    cramers_v,
    lacks_class,
    predicts_class,
)

# Surface Seal Image data set, published lists: normal and defective images of set-ups 12, 20 and 23.
SSI_TRAINING = {"12": (98, 23), "20": (181, 0), "23": (103, 19)}
SSI_TEST = {"12": (55, 101), "20": (79, 0), "23": (46, 79)}


def grouped(training, test, **limits):
    """An examination whose images have nothing but a class and a set-up."""
    rows = [
        (split, label, group)
        for group, numbers in training.items()
        for label, (split, number) in enumerate(zip(("train", "tuning"), numbers, strict=True))
        for _ in range(number)
    ]
    splits, labels, groups = zip(*rows, strict=True)
    data = made_up(list(splits))
    manifest = data.manifest.assign(label=pd.array(labels, dtype="Int64"), group_setup=list(groups))
    cells = {
        group: {"test": {"normal": normal, "defective": defective, "unlabelled": 0}}
        for group, (normal, defective) in test.items()
    }
    return limited(
        replace(data, manifest=manifest, summary=data.summary | {"subgroups": {"group_setup": cells}}),
        **limits,
    )


@pytest.mark.parametrize("table", [SSI_TRAINING, SSI_TEST, {"a": (10, 20), "b": (30, 5)}])
def test_cramers_v_agrees_with_scipy_before_the_correction(table):
    counts = np.array(list(table.values()))
    (r, k), n = counts.shape, counts.sum()
    plain = contingency.association(counts, method="cramer", correction=False)
    phi2 = plain**2 * (min(r, k) - 1)
    smaller = min(k - (k - 1) ** 2 / (n - 1), r - (r - 1) ** 2 / (n - 1)) - 1
    expected = np.sqrt(max(0, phi2 - (k - 1) * (r - 1) / (n - 1)) / smaller)
    assert cramers_v(counts) == pytest.approx(expected, rel=1e-12)
    assert cramers_v(counts.T) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("table", [[[3, 4]], [[3], [4]], [[0, 3], [0, 4]], [[0, 0], [3, 4]]])
def test_cramers_v_of_nothing_to_compare_is_refused(table):
    with pytest.raises(ValueError, match="two rows and two columns"):
        cramers_v(np.array(table))


def test_the_correction_removes_the_bias_of_small_samples():
    """Independent classes: the plain V is far from 0 on average, the corrected square is not (by simulation)."""
    rng = np.random.default_rng(5)
    tables = [
        t
        for t in rng.multinomial(60, np.full(10, 0.1), 600).reshape(600, 5, 2)
        if t.any(0).all() and t.any(1).all()
    ]
    corrected = np.array([cramers_v(table) ** 2 for table in tables])
    plain = np.array([contingency.association(table, method="cramer") ** 2 for table in tables])
    assert plain.mean() > 0.06
    assert corrected.mean() < plain.mean() / 2
    assert (corrected > 0.3**2).mean() < 0.05, "the default limit is rarely crossed by chance"


def test_a_known_association_is_recovered():
    """P(defective) 0.8 and 0.2 in two equal groups: V of the population is 0.6."""
    rng = np.random.default_rng(6)
    found = [
        cramers_v(np.array([[400 - a, a], [400 - b, b]])) for a, b in rng.binomial(400, [0.8, 0.2], (200, 2))
    ]
    assert np.mean(found) == pytest.approx(0.6, abs=0.01)


def test_the_ssi_confounder_is_found_and_said_in_words():
    data = grouped(SSI_TRAINING, SSI_TEST)
    found = lacks_class(data)
    assert [f.what for f in found] == [
        "in training, setup 20 has no defective image",
        "in test, setup 20 has no defective image",
    ]
    assert [f.observed for f in found] == ["0 defective, 181 normal", "0 defective, 79 normal"]
    assert found[0].expected.startswith("about 18 of its 181 images")
    (prediction,) = predicts_class(data)
    assert prediction.severity == "warning"
    assert prediction.what == "in test, the setup partly tells the class"
    assert prediction.where[1] == "setup 20: 0 of 79 defective"
    assert [a.cramers_v for a in associations(data)] == pytest.approx([0.2815, 0.5259], abs=1e-4)


def test_the_limit_decides():
    assert len(predicts_class(grouped(SSI_TRAINING, SSI_TEST, confounding_limit=0.28))) == 2
    assert predicts_class(grouped(SSI_TRAINING, SSI_TEST, confounding_limit=0.53)) == []


def test_a_balanced_data_set_gives_no_finding(sound):
    assert predicts_class(sound[0]) == []
    assert lacks_class(sound[0]) == []
    assert {a.pool for a in associations(sound[0])} == {"training", "test"}


def test_no_subgroup_column_or_one_subgroup_alone_cannot_confound():
    assert associations(made_up(["train"] * 3)) == []
    data = grouped({"12": (20, 10)}, {"12": (5, 5)})
    assert predicts_class(data) == lacks_class(data) == []
    assert [a.cramers_v for a in associations(data)] == [None, None]


def test_one_class_alone_is_not_a_pass():
    (found,) = predicts_class(grouped({"12": (20, 0), "20": (20, 0)}, {"12": (5, 5), "20": (5, 5)}))
    assert not found.evaluated
    assert "training" in found.what
    assert "one class only" in found.observed


def test_a_missing_class_is_reported_only_when_it_was_to_be_expected():
    """Of 50 defective among 100, a subgroup of 9 should hold 4.5, one of 10 holds 5."""
    assert lacks_class(grouped({"a": (9, 0), "b": (41, 50)}, {})) == []
    assert len(lacks_class(grouped({"a": (10, 0), "b": (40, 50)}, {}))) == 1
    assert lacks_class(grouped({"a": (0, 10), "b": (50, 40)}, {}))[0].what.endswith("a has no normal image")


def test_a_missing_class_is_rarely_reported_by_chance():
    """Subgroups that say nothing about the class: the share of false alarms stays below exp(-5) a subgroup."""
    rng = np.random.default_rng(7)

    def row(size, defective):
        return {"normal": size - defective, "defective": int(defective)}

    alarms = sum(
        bool(list(_lacks(_associate("training", "group_lot", {"a": row(50, k), "b": row(450, m)}))))
        for k, m in zip(rng.binomial(50, 0.1, 400), rng.binomial(450, 0.1, 400), strict=True)
    )
    assert alarms <= 8  # 400 exp(-5) = 2.7; the chance of more than 8 is below 0.005
