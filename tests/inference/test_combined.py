"""Fusion and decision on the way through the score stage and back from their files."""

import numpy as np
import pytest
from tests.inference.test_run import Blur

from sealproof.evidence.errors import DataError, EvidenceMissingError
from sealproof.inference.combined import CombinedScores
from sealproof.inference.run import score_all
from sealproof.scores.decision import fit_decision
from sealproof.scores.fusion import fit_fusion
from sealproof.scores.settings import ScoreSettings
from sealproof.scores.texture import texture_features

NAMES = ("mse", "4-ms-ssim", "fusion", "decision")
SETTINGS = ScoreSettings(
    precision="single", batch_size=16, names=NAMES, fusion={"scores": ["mse", "4-ms-ssim"]}
)


@pytest.fixture(scope="module")
def data():
    import pandas as pd

    random = np.random.default_rng(4)
    patches = random.integers(20_000, 30_000, (60, 16, 16), dtype=np.uint16)
    patches[45:, 4:8, 4:8] = random.integers(0, 65_536, (15, 4, 4), dtype=np.uint16)
    split = ["train"] * 30 + ["calibration"] * 10 + ["test"] * 5 + ["tuning"] * 15
    names = [f"i{n:02d}" for n in range(60)]
    return patches, pd.DataFrame(
        {"image_id": names, "patch": 0, "split": split, "decided": True, "row": range(60)}
    )


def run(data, settings=SETTINGS):
    patches, rows = data
    return score_all(Blur(), patches, rows, settings, seed=3, maps=None)


def test_columns_are_what_the_functions_give(data):
    patches, rows = data
    table = run(data).images
    train, tuning = (rows["split"] == "train").to_numpy(), (rows["split"] == "tuning").to_numpy()
    known = {name: table[name].to_numpy() for name in ("mse", "4-ms-ssim")}
    fusion = fit_fusion({name: column[train] for name, column in known.items()})
    np.testing.assert_array_equal(table["fusion"], fusion.fuse(known))
    pictures = patches.astype(np.float32) / np.float32(65535)
    inputs = known | texture_features(pictures)
    chosen = np.concatenate([np.flatnonzero(train), np.flatnonzero(tuning)])
    decision = fit_decision(
        {name: column[chosen] for name, column in inputs.items()}, tuning[chosen], "logistic", 3
    )
    np.testing.assert_allclose(table["decision"], decision.decide(inputs), rtol=1e-9)
    assert table.loc[tuning, "decision"].min() > table.loc[train, "decision"].max()


def test_test_and_calibration_images_have_no_part_in_the_fit(data):
    patches, rows = data
    changed = patches.copy()
    changed[30:45] = 0
    first, second = run(data), run((changed, rows))
    np.testing.assert_array_equal(first.combined.fusion.reference, second.combined.fusion.reference)
    np.testing.assert_array_equal(first.combined.decision.mean, second.combined.decision.mean)


def test_files_give_the_same_scores_bit_for_bit(data, tmp_path):
    scored = run(data)
    assert sorted(path.name for path in scored.combined.save(lambda name: tmp_path / name).values()) == [
        "decision.npz",
        "fusion.npz",
    ]
    loaded = CombinedScores.load(tmp_path, SETTINGS, NAMES)
    columns = {name: scored.patches[name].to_numpy() for name in ("mse", "4-ms-ssim")}
    pictures = data[0].astype(np.float32) / np.float32(65535)
    found = loaded.scores(columns, pictures)
    for name in ("fusion", "decision"):
        np.testing.assert_array_equal(found[name], scored.combined.scores(columns, pictures)[name])
    with pytest.raises(EvidenceMissingError):
        CombinedScores.load(tmp_path / "nowhere", SETTINGS, NAMES)
    assert CombinedScores.load(tmp_path / "nowhere", SETTINGS, ("mse",)).scores(columns, pictures) == {}


def test_a_decision_without_training_defects_is_refused(data):
    patches, rows = data
    with pytest.raises(DataError, match="`decision` cannot be fitted"):
        run((patches, rows[rows["split"] != "tuning"]))


@pytest.mark.parametrize(
    ("names", "why"),
    [(["mse", "fusion"], "4-ms-ssim, mahalanobis is not computed"), (["decision"], "made of other scores")],
)
def test_settings_name_what_is_combined(names, why):
    with pytest.raises(ValueError, match=why):
        ScoreSettings(names=names)
