"""Repetitions of the test set, and what they are compared with."""

import numpy as np
import pandas as pd
import pytest

from sealproof.challenges.repeats import InForce, repeat_scores, repeatability, verdict_codes

SCORES = ("mse", "mae")


@pytest.fixture
def patches():
    return np.random.default_rng(1).integers(0, 65536, (14, 4, 4)).astype(np.uint16)


@pytest.fixture
def regions():
    """Seven images of two patches; the last is undecided."""
    rows = [
        {"image_id": f"i{n}", "patch": p, "decided": not (n == 6 and p), "row": 2 * n + p}
        for n in range(7)
        for p in range(2)
    ]
    return pd.DataFrame(rows)


class Mean:
    """Scores a patch by its mean; `leak` lets a patch see the first of its batch."""

    def __init__(self, leak=0.0):
        self.leak, self.sizes, self.positions = leak, [], []

    def score_patches(self, patches, positions, batch_size=None):
        self.sizes.append(len(patches))
        self.positions += positions.tolist()
        mean = patches.mean(axis=(1, 2), dtype=np.float64) + self.leak * float(patches[0].mean())
        return {"mse": mean, "mae": -mean}


def recorded(patches, regions, leak=0.0):
    rows = regions.assign(mse=patches.astype(float).mean(axis=(1, 2)) / 65535)
    rows["mae"] = -rows["mse"]
    table = rows.groupby("image_id").agg(mse=("mse", "max"), mae=("mae", "max"), decided=("decided", "all"))
    table.loc[~table["decided"], list(SCORES)] = np.nan
    return table.reset_index().assign(split="test")


def repeat(detector, patches, regions):
    return repeat_scores(detector, patches, regions, (1, 5, 100), 3, scores=SCORES)


def test_each_repetition_holds_every_decided_image_once_in_its_batch_size(patches, regions):
    detector = Mean()
    table = repeat(detector, patches, regions)
    assert list(table.columns) == ["image_id", "repeat", "batch_size", "order", *SCORES]
    assert table.groupby("repeat")["image_id"].apply(list).tolist() == [[f"i{n}" for n in range(6)]] * 3
    assert table.groupby("repeat")[["batch_size", "order"]].first().to_numpy().tolist() == [
        [1, "reversed"],
        [5, "shuffled"],
        [100, "reversed"],
    ]
    assert detector.sizes == [1] * 12 + [5, 5, 2] + [12]
    assert detector.positions[:4] == [1, 0, 1, 0], "reversed"


def test_a_sound_detector_repeats(patches, regions):
    found = repeatability(repeat(Mean(), patches, regions), recorded(patches, regions), InForce("mse", 0.5))
    assert found["largest_relative_difference"] < 1e-6
    assert (found["verdict_flips"], found["unmatched"], found["images"], found["undecided"]) == (0, 0, 6, 1)
    assert [row["batch_size"] for row in found["repeats"]] == [1, 5, 100]
    assert set(found["scores"]) == set(SCORES)


def test_a_detector_that_looks_at_the_batch_is_found_out(patches, regions):
    table, known = repeat(Mean(leak=0.2), patches, regions), recorded(patches, regions)
    found = repeatability(table, known, InForce("mse", 0.6))
    own = table.merge(known, on="image_id", suffixes=("", ".first"))
    expected = max((abs(own[n] - own[f"{n}.first"]) / abs(own[f"{n}.first"])).max() for n in SCORES)
    assert found["largest_relative_difference"] == pytest.approx(expected)
    flips = ((own["mse"] >= 0.6) != (own["mse.first"] >= 0.6)).sum()
    assert found["verdict_flips"] == flips > 0


def test_without_a_threshold_there_is_no_number_of_flips(patches, regions):
    found = repeatability(repeat(Mean(), patches, regions), recorded(patches, regions), InForce("mse", None))
    assert found["verdict_flips"] is None


def test_scores_that_are_missing_on_one_side_are_counted(patches, regions):
    table, known = repeat(Mean(), patches, regions), recorded(patches, regions)
    fewer = table[~((table["repeat"] == 2) & (table["image_id"] == "i3"))]
    assert repeatability(fewer, known, InForce("mse", 0.5))["unmatched"] == 1
    undecided = known.assign(decided=known["image_id"] != "i0")
    assert repeatability(table, undecided, InForce("mse", 0.5))["unmatched"] == 3
    broken = table.assign(mse=table["mse"].where(table["image_id"] != "i1"))
    found = repeatability(broken, known, InForce("mse", 0.5))
    assert (found["unmatched"], found["verdict_flips"]) == (3, 3)


def test_no_decided_image_gives_no_difference(patches, regions):
    table = repeat_scores(Mean(), patches, regions.assign(decided=False), (1, 2), 3, scores=SCORES)
    known = recorded(patches, regions).assign(decided=False)
    found = repeatability(table, known, InForce("mse", 0.5))
    assert (found["largest_relative_difference"], found["images"], found["verdict_flips"]) == (None, 0, 0)


def test_verdicts_of_the_three_way_rule():
    rule = InForce("mse", 1.0, accept_below=0.5)
    assert verdict_codes([0.49, 0.5, 0.99, 1.0, np.nan, np.inf], rule).tolist() == [0, 2, 2, 1, 2, 2]
    assert verdict_codes([0.9, 1.0], InForce("mse", 1.0)).tolist() == [0, 1]
    assert verdict_codes([0.9], InForce("mse", 1.0, accept_below=2.0)).tolist() == [0]
    assert verdict_codes([0.9, 2.0], InForce("mse", None)).tolist() == [2, 2]
