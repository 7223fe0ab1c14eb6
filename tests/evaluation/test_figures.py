"""Figures of the evaluation: the same bytes twice, and the words they must carry."""

import matplotlib as mpl
import pytest

from sealproof.evaluation import figures
from sealproof.evaluation.intervals import Estimate
from sealproof.evaluation.tables import metrics_table, scores_table
from sealproof.thresholds.drawing import save

ALL = [
    figures.roc_figure,
    figures.precision_recall_figure,
    figures.histogram_figure,
    figures.confusion_figure,
]


def words(figure):
    return " ".join(text.get_text() for text in figure.findobj(mpl.text.Text))


@pytest.mark.parametrize("draw", ALL)
@pytest.mark.parametrize("which", ["evaluation", "undecided_evaluation"])
def test_bytes_are_the_same_twice(draw, which, request, tmp_path):
    evaluation = request.getfixturevalue(which)
    for name in ("a.svg", "b.svg"):
        save(draw(evaluation), tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_curves_show_the_operating_point_and_the_bounds(evaluation):
    found = evaluation.in_force.metrics
    figure = figures.roc_figure(evaluation)
    assert f"{found['auroc'].low:.3f}" in words(figure)
    points = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert points[0].get_xydata()[0].tolist() == pytest.approx(
        [1 - found["specificity"].value, found["recall"].value]
    )
    figure = figures.precision_recall_figure(evaluation)
    points = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert points[0].get_xydata()[0].tolist() == pytest.approx(
        [found["recall"].value, found["precision"].value]
    )


def test_without_a_threshold_there_is_no_operating_point(undecided_evaluation):
    for draw in (figures.roc_figure, figures.precision_recall_figure):
        assert not [line for line in draw(undecided_evaluation).axes[0].lines if line.get_marker() == "o"]
    assert "no valid threshold" in words(figures.histogram_figure(undecided_evaluation))


def test_histogram_carries_threshold_and_undecided_images(evaluation):
    found = words(figures.histogram_figure(evaluation))
    assert "rejected at or above 0.1" in found
    assert "undecided, without a score (3)" in found


def test_confusion_matrix_shows_all_counts(evaluation):
    found = words(figures.confusion_figure(evaluation)).split()
    counts = evaluation.in_force.counts
    for count in (
        counts.tp,
        counts.fp,
        counts.tn,
        counts.fn,
        counts.undecided_normal,
        counts.undecided_defective,
    ):
        assert str(count) in found
    assert "undecided" in found


def test_estimates_without_bounds_say_so():
    assert figures.estimate_text(Estimate(1.0, None, None, reason="why")) == "1.000 (no bounds)"


def test_terminal_tables(evaluation, undecided_evaluation):
    table = metrics_table(evaluation)
    assert len(table.columns) == 3  # undecided images: both ways side by side
    assert table.row_count == 8
    assert "not evaluable" in list(metrics_table(undecided_evaluation).columns[1].cells)
    assert scores_table(evaluation).row_count == 2
    assert "-" in list(scores_table(undecided_evaluation).columns[1].cells)
