"""What thresholds may see: never a test row."""

import numpy as np
import pandas as pd
import pytest

from sealproof.evidence.errors import DataError, EvidenceAlteredError, EvidenceMissingError
from sealproof.thresholds.selection import calibration_scores, check_against_manifest, read_scores


def test_scores_come_from_their_splits_only(score_table):
    found = calibration_scores(score_table)
    for split, group in (
        ("calibration", found.held_out),
        ("train", found.training),
        ("tuning", found.defects),
    ):
        rows = score_table[(score_table["split"] == split) & score_table["decided"]]
        assert group["mse"].tolist() == sorted(rows["mse"])
    assert found.names == ("4-ms-ssim", "mse")
    assert found.undecided == {"train": 0, "calibration": 3, "tuning": 0}


def test_poisoned_test_rows_change_nothing_even_where_they_break_the_contract(score_table):
    poisoned = score_table.copy()
    rows = poisoned["split"] == "test"
    poisoned.loc[rows, ["4-ms-ssim", "mse"]] = np.inf
    poisoned.loc[rows, "decided"] = True
    for before, after in zip(
        vars(calibration_scores(score_table)).values(),
        vars(calibration_scores(poisoned)).values(),
        strict=True,
    ):
        assert repr(before) == repr(after)


def test_test_rows_do_not_even_reach_memory(score_table, tmp_path):
    path = tmp_path / "scores.parquet"
    score_table.to_parquet(path)
    assert set(read_scores(path)["split"]) == {"train", "calibration", "tuning"}


def test_missing_and_broken_tables_have_their_own_errors(tmp_path):
    with pytest.raises(EvidenceMissingError, match="scores are missing"):
        read_scores(tmp_path / "scores.parquet")
    (tmp_path / "scores.parquet").write_text("not a table")
    with pytest.raises(EvidenceAlteredError, match="cannot be read"):
        read_scores(tmp_path / "scores.parquet")


@pytest.mark.parametrize("column", ["image_id", "split", "decided"])
def test_a_missing_column_is_named(score_table, column):
    with pytest.raises(EvidenceAlteredError, match=column):
        calibration_scores(score_table.drop(columns=column))


def test_a_table_without_scores_is_refused(score_table):
    with pytest.raises(EvidenceAlteredError, match="one or more scores"):
        calibration_scores(score_table[["image_id", "split", "decided"]])


def test_every_decided_image_without_a_finite_score_is_named(score_table):
    score_table.loc[score_table["image_id"] == "train-0001", "mse"] = np.nan
    score_table.loc[score_table["image_id"] == "tuning-0002", "4-ms-ssim"] = np.inf
    with pytest.raises(EvidenceAlteredError, match="finite") as error:
        calibration_scores(score_table)
    assert "train-0001: mse" in str(error.value)
    assert "tuning-0002: 4-ms-ssim" in str(error.value)


def test_long_lists_of_broken_scores_are_capped(score_table):
    score_table.loc[score_table["split"] == "train", "mse"] = np.nan
    with pytest.raises(EvidenceAlteredError, match="and 130 more"):
        calibration_scores(score_table)


def test_no_held_out_normal_is_an_error_of_the_data(score_table):
    score_table.loc[score_table["split"] == "calibration", "decided"] = False
    with pytest.raises(DataError, match="held-out") as error:
        calibration_scores(score_table)
    assert "120 images are in it" in str(error.value)


def test_splits_must_be_those_of_the_manifest(score_table, manifest):
    check_against_manifest(score_table, manifest)
    smuggled = score_table.copy()
    smuggled.loc[smuggled["image_id"] == "test-0001", "split"] = "calibration"
    smuggled = smuggled[smuggled["image_id"] != "train-0000"]
    with pytest.raises(EvidenceAlteredError, match="disagree") as error:
        check_against_manifest(smuggled, manifest)
    assert "test-0001: manifest none, scores calibration" in str(error.value)
    assert "train-0000: manifest train, scores none" in str(error.value)


def test_an_image_scored_twice_is_refused(score_table, manifest):
    twice = pd.concat([score_table, score_table[score_table["split"] == "train"].head(1)])
    with pytest.raises(EvidenceAlteredError, match="twice"):
        check_against_manifest(twice, manifest)


def test_times_of_capture_stand_at_the_place_of_their_scores(score_table, manifest):
    random = np.random.default_rng(2)
    hours = pd.Series(random.permutation(len(manifest)), index=manifest.index)
    manifest["captured_at"] = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(hours, unit="h")
    manifest.loc[manifest["image_id"] == "train-0003", "captured_at"] = pd.NaT
    found = calibration_scores(score_table.sample(frac=1, random_state=1), manifest)
    rows = score_table.merge(manifest[["image_id", "captured_at"]], on="image_id")
    for split, scores in (("calibration", found.held_out), ("train", found.training)):
        expected = rows[(rows["split"] == split) & rows["decided"]].sort_values("mse")
        assert scores["mse"].tolist() == expected["mse"].tolist()
        seconds = [time.timestamp() if pd.notna(time) else None for time in expected["captured_at"]]
        times = found.captured[split]["mse"]
        assert [None if np.isnan(time) else time for time in times] == seconds


def test_without_a_manifest_no_time_of_capture_is_known(score_table):
    assert np.isnan(calibration_scores(score_table).captured["calibration"]["mse"]).all()
