"""What is taken from the stage `cross_fit`, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from sealproof.evidence.errors import EvidenceAlteredError
from sealproof.thresholds.cross_fit import cross_fit_scores, read_cross_fit


@pytest.fixture
def table(score_table):
    rows = score_table[score_table["split"].isin(["train", "calibration"])].copy()
    return rows.assign(fold=np.arange(len(rows)) % 3 + 1, mse=rows["mse"] + 0.5)


def test_every_decided_normal_counts_once(table, score_table):
    found = cross_fit_scores(table.sample(frac=1, random_state=5), score_table)
    decided = table[table["decided"]]
    assert found.scores["mse"].tolist() == sorted(decided["mse"])
    assert (found.folds, found.undecided) == (3, 3)


def test_pairs_are_the_held_out_normals_of_both(table, score_table):
    found = cross_fit_scores(table, score_table)
    assert found.own["mse"].size == 117
    assert found.cross_fit["mse"] - found.own["mse"] == pytest.approx(np.full(117, 0.5))
    assert found.own["4-ms-ssim"].tolist() == found.cross_fit["4-ms-ssim"].tolist()


def test_times_of_capture_follow_the_scores(table, score_table, manifest):
    manifest["captured_at"] = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(manifest.index, unit="h")
    found = cross_fit_scores(table, score_table, manifest)
    rows = table[table["decided"]].merge(manifest[["image_id", "captured_at"]], on="image_id")
    expected = [time.timestamp() for time in rows.sort_values("mse")["captured_at"]]
    assert found.captured["mse"].tolist() == expected


def test_no_file_and_no_rows_mean_that_it_did_not_run(table, score_table, tmp_path):
    assert read_cross_fit(tmp_path / "scores.parquet") is None
    assert cross_fit_scores(None, score_table) is None
    assert cross_fit_scores(table.head(0), score_table) is None


def test_a_written_table_is_read_and_a_broken_one_refused(table, tmp_path):
    path = tmp_path / "scores.parquet"
    table.to_parquet(path)
    assert len(read_cross_fit(path)) == len(table)
    path.write_text("not a table")
    with pytest.raises(EvidenceAlteredError, match="cannot be read"):
        read_cross_fit(path)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda t: t.drop(columns="fold"), "missing columns: fold"),
        (lambda t: t.drop(columns="mse"), "missing columns: mse"),
        (lambda t: pd.concat([t, t.head(1)]), "scored by two folds"),
        (lambda t: t.assign(split="test"), "splits test"),
        (lambda t: t.assign(mse=np.nan), "no finite score"),
    ],
)
def test_a_table_that_is_not_the_stages_is_refused(table, score_table, change, text):
    with pytest.raises(EvidenceAlteredError, match=text):
        cross_fit_scores(change(table), score_table)
