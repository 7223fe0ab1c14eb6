"""A score table with every split, as the score stage writes it."""

import numpy as np
import pandas as pd
import pytest


def make_scores(seed=1, *, train=150, calibration=120, tuning=30, test=40, undecided=3):
    """image_id, split, decided and two scores; the last images of calibration and test are undecided."""
    random = np.random.default_rng(seed)
    sizes = {"train": train, "calibration": calibration, "tuning": tuning, "test": test, "unused": 4}
    rows = []
    for split, size in sizes.items():
        for index in range(size):
            defective = split == "tuning" or (split == "test" and index % 2)
            shift = 1.2 * bool(defective) - 0.2 * (split == "train")
            decided = not (split in {"calibration", "test"} and index >= size - undecided)
            base = random.normal() + 2 * shift
            rows.append(
                {
                    "image_id": f"{split}-{index:04d}",
                    "split": split,
                    "decided": decided,
                    "4-ms-ssim": np.exp(0.4 * base) * 0.05 if decided else np.nan,
                    "mse": 0.01 + 0.001 * random.normal() + 0.004 * shift if decided else np.nan,
                }
            )
    return pd.DataFrame(rows).sort_values("image_id", ignore_index=True)


@pytest.fixture
def score_table():
    return make_scores()


@pytest.fixture
def manifest(score_table):
    return score_table[["image_id", "split"]].copy()
