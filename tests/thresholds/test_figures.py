"""Figures: the same bytes twice, in two processes' worth of state, and the words they must carry."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from sealproof.thresholds.compare import compare
from sealproof.thresholds.drawing import colour_key, house_style, save
from sealproof.thresholds.figures import evt_figure, mean_residual_life, thresholds_figure
from sealproof.thresholds.gap_figure import gap_figure
from sealproof.thresholds.selection import calibration_scores
from sealproof.thresholds.settings import EvtSettings, ThresholdSettings


def comparison(table, **changes):
    return compare(calibration_scores(table), ThresholdSettings(bootstrap=40, **changes), 7)


def words(figure):
    return " ".join(text.get_text() for text in figure.findobj(mpl.text.Text))


@pytest.mark.parametrize("draw", [thresholds_figure, gap_figure, evt_figure])
def test_bytes_are_the_same_twice_and_carry_no_date(score_table, tmp_path, draw):
    for name in ("a.svg", "b.svg"):
        with house_style():
            save(draw(comparison(score_table)), tmp_path / name)
    content = (tmp_path / "a.svg").read_bytes()
    assert content == (tmp_path / "b.svg").read_bytes()
    assert b"<dc:date>" not in content
    assert b"Matplotlib v" not in content


def test_a_figure_saved_outside_the_style_has_the_same_bytes(score_table, tmp_path):
    figure = thresholds_figure(comparison(score_table))
    save(figure, tmp_path / "a.svg")
    figure = thresholds_figure(comparison(score_table))
    with house_style():
        save(figure, tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_thresholds_figure_names_methods_promises_and_what_is_not_valid(score_table):
    found = words(thresholds_figure(comparison(score_table)))
    assert "extreme value theory" in found
    assert "too few exceedances" in found
    assert "promised 5.0%" in found
    assert "recall 90.0% at 95%" in found
    assert "held-out normals (117)" in found
    assert "4-ms-ssim" in found


def test_gap_figure_shows_what_each_calibration_does_to_the_held_out_normals(score_table):
    found = comparison(score_table)
    figure = gap_figure(found)
    drawn = {
        round(float(line.get_xdata()[0]), 9) for line in figure.axes[0].lines if len(line.get_xdata()) == 1
    }
    scores = found.scores.held_out["4-ms-ssim"]
    for results in (found.held_out, found.training):
        for result in results["4-ms-ssim"].values():
            threshold = result.threshold or result.details["estimate"]
            assert round(float((scores >= threshold).mean()), 9) in drawn
    assert "117 held-out normals" in words(figure)


def test_gap_figure_without_anything_to_compare(score_table, tmp_path):
    rest = score_table[score_table["split"].isin(["calibration", "test"])]
    save(gap_figure(comparison(rest)), tmp_path / "a.svg")
    assert (tmp_path / "a.svg").stat().st_size > 5000


def test_the_threshold_in_force_is_a_line_through_both_panels(score_table):
    found = comparison(score_table)
    figure = thresholds_figure(found)
    for axes in figure.axes:
        lines = [
            line.get_xdata()[0]
            for line in axes.lines
            if list(line.get_xdata()) == [found.in_force.threshold] * 2
        ]
        assert lines
    without = thresholds_figure(comparison(score_table, method="mean_sigma"))
    assert not any(
        len(set(line.get_xdata())) == 1 and len(line.get_xdata()) == 2 for line in without.axes[0].lines
    )


def test_evt_figure_says_whether_it_may_be_used(score_table):
    assert "not eligible: too few exceedances" in words(evt_figure(comparison(score_table)))
    allowed = comparison(score_table, evt=EvtSettings(minimum_exceedances=10))
    assert "not eligible" not in words(evt_figure(allowed))


def test_evt_figure_of_scores_that_cannot_be_fitted(score_table):
    score_table["4-ms-ssim"] = score_table["4-ms-ssim"].round(1)
    assert "the tail is not fitted" in words(evt_figure(comparison(score_table)))


def test_figures_without_defects_or_training_normals(score_table, tmp_path):
    rest = score_table[score_table["split"].isin(["calibration", "test"])]
    save(thresholds_figure(comparison(rest)), tmp_path / "a.svg")
    assert (tmp_path / "a.svg").stat().st_size > 5000


def test_mean_residual_life_is_the_mean_excess():
    scores = np.sort(np.random.default_rng(1).exponential(size=300))
    levels, means, errors = mean_residual_life(scores)
    for index in (0, 100, len(levels) - 1):
        excess = scores[scores > levels[index]] - levels[index]
        assert means[index] == pytest.approx(excess.mean())
        assert errors[index] == pytest.approx(excess.std(ddof=1) / np.sqrt(excess.size))
    assert (scores > levels[-1]).sum() >= 5


def test_other_endings_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"figure\.gif"):
        save(Figure(), tmp_path / "figure.gif")


def test_style_leaves_no_trace():
    before = dict(mpl.rcParams)
    with house_style():
        figure = Figure()
        colour_key(figure.subplots(), [("one", "red"), ("two", "blue")])
    assert dict(mpl.rcParams) == before
