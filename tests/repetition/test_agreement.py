import numpy as np
import pytest
from sklearn.metrics import accuracy_score, cohen_kappa_score

from sealproof.repetition.agreement import cohen_kappa, equal_verdicts

VERDICTS = ("accept", "reject", "undecided")


@pytest.mark.parametrize("seed", range(8))
def test_against_scikit_learn(seed):
    random = np.random.default_rng(seed)
    first = random.choice(VERDICTS, size=60, p=[0.6, 0.3, 0.1])
    second = np.where(random.random(60) < 0.7, first, random.choice(VERDICTS, size=60))
    assert equal_verdicts(first, second) / 60 == accuracy_score(first, second)
    assert cohen_kappa(first, second) == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)
    assert cohen_kappa(second, first) == pytest.approx(cohen_kappa(first, second), abs=1e-12)


def test_kappa_of_the_paper_s_kind_of_table():
    """Two by two, by hand: 20, 5, 10, 15 of 50: observed 0.7, by chance 0.5, kappa 0.4."""
    first = ["accept"] * 25 + ["reject"] * 25
    second = ["accept"] * 20 + ["reject"] * 5 + ["accept"] * 10 + ["reject"] * 15
    assert equal_verdicts(first, second) == 35
    assert cohen_kappa(first, second) == pytest.approx(0.4, abs=1e-15)


def test_where_chance_agrees_as_well_there_is_no_kappa():
    assert cohen_kappa([], []) is None
    assert cohen_kappa(["reject"] * 3, ["reject"] * 3) is None
    assert cohen_kappa(["reject"] * 3, ["accept"] * 3) == 0.0
    assert cohen_kappa(["reject", "accept"], ["reject", "accept"]) == 1.0


def test_verdicts_of_different_length_cannot_be_paired():
    for function in (equal_verdicts, cohen_kappa):
        with pytest.raises(ValueError, match="cannot be paired"):
            function(["accept"], ["accept", "reject"])
