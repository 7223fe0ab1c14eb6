"""The committed studies: readable, complete, and in words and figures."""

from pathlib import Path

import matplotlib as mpl
import pytest
from tests.thresholds.conftest import make_scores

from sealproof.thresholds.compare import compare
from sealproof.thresholds.drawing import save
from sealproof.thresholds.evt_figures import evt_stability_figure
from sealproof.thresholds.selection import calibration_scores
from sealproof.thresholds.settings import ThresholdSettings
from sealproof.thresholds.studies.reading import (
    EVT_STUDY,
    GUARANTEES,
    outdated,
    read_evt_study,
    read_guarantees,
)
from sealproof.thresholds.study_figures import evt_sample_size_figure, guarantees_figure

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def table():
    return read_guarantees(ROOT / GUARANTEES)


@pytest.fixture(scope="module")
def study():
    return read_evt_study(ROOT / EVT_STUDY)


def words(figure):
    return " ".join(text.get_text() for text in figure.findobj(mpl.text.Text))


def test_both_belong_to_the_code_and_settings_in_use(table, study):
    """When this fails a method was changed after its simulation: `make guarantees evt-study`."""
    for found in (table, study):
        assert outdated(found, ThresholdSettings()) == []


def test_no_promise_is_broken_in_the_committed_table(table):
    assert table["summary"]["broken"] == 0
    assert table["summary"]["broken_coverage"] == 0
    assert table["summary"]["cells"] == len(table["rows"]) >= 200


def test_mean_plus_two_sigma_would_break_its_promise_on_every_skew_shape(table):
    rows = [
        row
        for row in table["rows"]
        if row["method"] == "mean_sigma" and row["distribution"] in {"gamma", "lognormal"}
    ]
    assert len(rows) == 14
    assert {row["without_rule"]["verdict"] for row in rows} == {"broken"}
    assert {row["verdict"] for row in rows} == {"refused"}


def test_figures_say_what_the_studies_say_with_the_same_bytes_twice(table, study, tmp_path):
    for draw in (lambda: guarantees_figure(table), lambda: evt_sample_size_figure(study, 115)):
        for name in ("a.svg", "b.svg"):
            save(draw(), tmp_path / name)
        assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    found = words(guarantees_figure(table))
    assert "mean + k sigma" in found
    assert "heavy tail" in found
    assert "refused, would have broken its promise" in found
    found = words(evt_sample_size_figure(study, 115))
    assert "382: the paper" in found
    assert "115: held out here" in found
    assert "0.01 % quantile" in found


def test_stability_marks_the_level(tmp_path):
    scores = calibration_scores(make_scores(calibration=260))
    comparison = compare(scores, ThresholdSettings(bootstrap=20), 7)
    figure = evt_stability_figure(comparison)
    level = comparison.held_out["4-ms-ssim"]["evt_pot"].details["level"]
    for axes in figure.axes:
        assert [level, level] in [list(line.get_xdata()) for line in axes.lines]
    assert "77 of 257 above" in words(figure)
    save(figure, tmp_path / "a.svg")
