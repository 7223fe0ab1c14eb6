"""Disturbed test images: which are chosen, what is done to them, and what is written."""

import cv2
import numpy as np
import pandas as pd
import pytest

from sealproof.challenges.disturbed import (
    UNDISTURBED,
    challenge_disturbed,
    disturbances_json,
    plan_disturbances,
)
from sealproof.challenges.settings import AcquisitionSettings
from sealproof.evidence.errors import DataError

ENVELOPE = AcquisitionSettings(brightness=0.1, shift=2, jpeg=90)
SEVERITIES = (0.5, 1.0, 2.0)


@pytest.fixture
def manifest(tmp_path):
    """Twelve test images, darkest first, and a training image that does not exist."""
    for number in range(12):
        cv2.imwrite(str(tmp_path / f"{number:02d}.png"), np.full((20, 24), 60 + 5 * number, np.uint8))
    rows = [{"image_id": f"{n:02d}", "path": f"{n:02d}.png", "split": "test"} for n in range(12)]
    return pd.DataFrame([{"image_id": "train", "path": "gone.png", "split": "train"}, *reversed(rows)])


class Darkness:
    """Scores how dark an image is; is undecided about images brighter than `limit`."""

    def __init__(self, limit=1.0):
        self.limit, self.seen = limit, []

    def score_images(self, images):
        means = [float(image.mean()) for image in images]
        self.seen += means
        return [None if mean > self.limit else {"mse": 1 - mean, "mae": mean} for mean in means]


def plan(manifest, envelope=ENVELOPE, images=None, seed=3):
    return plan_disturbances(manifest, envelope, SEVERITIES, images, seed)


def test_all_test_images_and_no_other_are_planned_in_order(manifest):
    found = plan(manifest)
    assert [image for image, _ in found.images] == [f"{n:02d}" for n in range(12)]
    assert (found.available, found.sampled) == (12, False)
    assert found.amounts("jpeg") == [95, 90, 80]


def test_a_sample_is_drawn_by_the_seed_and_said_to_be_one(manifest):
    first, again, other = (plan(manifest, images=5, seed=seed).images for seed in (3, 3, 4))
    assert len(first) == 5
    assert first == again != other
    assert list(first) == sorted(first)
    assert plan(manifest, images=5).sampled is True
    assert plan(manifest, images=99).sampled is False


@pytest.mark.parametrize("envelope", [None, AcquisitionSettings()])
def test_without_an_envelope_nothing_is_read_and_there_are_no_rows(manifest, envelope, tmp_path):
    found = plan(manifest, envelope)
    detector = Darkness()
    table = challenge_disturbed(found, tmp_path / "nowhere", detector, scores=("mse", "mae"))
    assert table.empty
    assert list(table.columns) == ["image_id", "disturbance", "severity", "amount", "decided", "mse", "mae"]
    assert table.dtypes["mse"] == np.float64
    assert detector.seen == []
    content = disturbances_json(found)
    assert (content["declared"], content["envelope"], content["images"]["disturbed"]) == (False, {}, 0)
    assert content["images"]["sampled"] is False


def test_rows_hold_every_image_disturbance_and_severity_once(manifest, tmp_path):
    table = challenge_disturbed(plan(manifest), tmp_path, Darkness(), scores=("mse", "mae"))
    assert len(table) == 12 * (1 + 3 * 3)
    counts = table.groupby(["disturbance", "severity"])["image_id"].nunique()
    assert set(counts.index) == {(UNDISTURBED, 0.0)} | {
        (name, step) for name in ("brightness", "shift", "jpeg") for step in SEVERITIES
    }
    assert (counts == 12).all()
    assert table["decided"].all()
    plain = table[table["disturbance"] == UNDISTURBED].set_index("image_id")
    assert np.allclose(plain["mae"], (60 + 5 * np.arange(12)) / 255)


def test_a_signed_disturbance_goes_either_way_for_half_of_the_images(manifest, tmp_path):
    table = challenge_disturbed(plan(manifest), tmp_path, Darkness(), scores=("mse", "mae"))
    plain = table[table["disturbance"] == UNDISTURBED].set_index("image_id")["mae"]
    for severity in SEVERITIES:
        rows = table[(table["disturbance"] == "brightness") & (table["severity"] == severity)]
        assert np.allclose(rows["mae"], rows["image_id"].map(plain) * (1 + rows["amount"]))
        assert sorted(set(rows["amount"].round(9))) == [-0.1 * severity, 0.1 * severity]
        assert rows["amount"].sum() == pytest.approx(0)
    signs = np.sign(table[table["disturbance"] == "brightness"].pivot_table("amount", "image_id", "severity"))
    assert (signs.max(axis=1) == signs.min(axis=1)).all(), "an image keeps its direction"
    assert (table.loc[table["disturbance"] == "shift", "amount"] > 0).all()


def test_undecided_images_have_no_score_and_stay_in_the_table(manifest, tmp_path):
    table = challenge_disturbed(plan(manifest), tmp_path, Darkness(limit=0.3), scores=("mse", "mae"))
    assert len(table) == 12 * 10
    assert 0 < (~table["decided"]).sum() < len(table)
    assert table.loc[~table["decided"], ["mse", "mae"]].isna().all(axis=None)
    assert table.loc[table["decided"], ["mse", "mae"]].notna().all(axis=None)


def test_the_same_seed_gives_the_same_table_and_another_another(manifest, tmp_path):
    first, again = (
        challenge_disturbed(plan(manifest), tmp_path, Darkness(), scores=("mse",)) for _ in range(2)
    )
    pd.testing.assert_frame_equal(first, again)
    other = challenge_disturbed(plan(manifest, seed=4), tmp_path, Darkness(), scores=("mse",))
    assert not first.equals(other)


def test_an_image_that_is_gone_stops_the_challenge(manifest, tmp_path):
    (tmp_path / "03.png").unlink()
    with pytest.raises(DataError, match=r"03\.png"):
        challenge_disturbed(plan(manifest), tmp_path, Darkness(), scores=("mse",))


def test_the_description_names_limits_units_seeds_and_counts(manifest):
    content = disturbances_json(plan(manifest, images=5))
    assert content["images"] == {"test": 12, "disturbed": 5, "sampled": True, "copies": 45}
    assert content["envelope"]["shift"]["limit"] == 2
    assert content["envelope"]["shift"]["unit"] == "px"
    assert content["envelope"]["jpeg"]["amounts"] == [95, 90, 80]
    assert (content["seed"], content["severities"], content["declared"]) == (3, [0.5, 1.0, 2.0], True)
