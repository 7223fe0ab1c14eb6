"""Galleries: who is shown, in which order, with which words, and what is said when there is nobody."""

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from sealproof.evaluation.gallery import galleries, gallery_figure
from sealproof.evaluation.panels import PanelSource
from sealproof.thresholds.drawing import save


@pytest.fixture
def source(project):
    artifacts = project / "artifacts" / "elpv-mono"
    return PanelSource.load(
        project / "data" / "elpv-mono",
        artifacts / "roi" / "regions.parquet",
        artifacts / "score" / "maps.npy",
    )


def words(figure):
    return [text.get_text() for text in figure.findobj(mpl.text.Text)]


def draw(evaluation, source, name, most=12):
    return gallery_figure(galleries(evaluation, most)[name], evaluation, source, (0.5, 4.0))


@pytest.mark.parametrize(("name", "label"), [("false_negatives.png", 1), ("false_positives.png", 0)])
def test_errors_are_shown_worst_first_with_score_and_threshold(evaluation, source, name, label):
    figure = draw(evaluation, source, name, most=2)
    expected = evaluation.errors(label).head(2)
    texts = words(figure)
    shown = [text for text in texts if text.startswith("set/")]
    assert shown == expected["image_id"].tolist()
    for score in expected["4-ms-ssim"]:
        assert any(f"score {score:.4g} {'<' if label else '≥'} 0.1" in text for text in texts)
    assert any(text.startswith(f"{len(expected)} of {len(evaluation.errors(label))} shown") for text in texts)
    assert len(figure.axes) == 2 * len(expected)


def test_each_case_has_its_boxes_beside_its_map(evaluation, source):
    figure = draw(evaluation, source, "false_negatives.png", most=1)
    plain, overlay = figure.axes
    assert len(plain.patches) == 2  # two regions of interest
    assert len(plain.images) == 1
    assert len(overlay.images) == 2
    colours = overlay.images[1].get_array()
    assert colours[..., 3].max() > 0.3
    assert colours[0, 0, 3] == 0  # outside every region of interest


def test_examples_are_right_decisions_of_both_classes(evaluation):
    cases = galleries(evaluation, 12)["examples.png"].cases
    assert (cases["label"] == (cases["verdict"] == "reject")).all()
    assert cases["label"].tolist() == [1, 1, 1, 0, 0, 0]


def test_nobody_to_show_is_said_in_words(evaluation, source):
    evaluation.cases.loc[evaluation.cases["verdict"] == "accept", "label"] = 0
    figure = draw(evaluation, source, "false_negatives.png")
    assert any(text.startswith("No missed defect: all") for text in words(figure))
    assert not figure.axes


def test_without_a_threshold_no_gallery_claims_that_nothing_was_missed(undecided_evaluation, source):
    for name in ("false_negatives.png", "false_positives.png", "examples.png"):
        assert any("no valid threshold" in text for text in words(draw(undecided_evaluation, source, name)))


def test_png_bytes_are_the_same_twice(evaluation, source, tmp_path):
    for name in ("a.png", "b.png"):
        save(draw(evaluation, source, "false_positives.png", most=3), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert np.asarray(Image.open(tmp_path / "a.png")).std() > 10


def test_wide_images_are_stacked(evaluation, source, project):
    for path in (project / "data" / "elpv-mono" / "set").glob("test-*.png"):
        Image.fromarray(np.full((20, 90), 99, dtype=np.uint8)).save(path)
    first, second = (
        axes.get_position() for axes in draw(evaluation, source, "false_negatives.png", most=1).axes
    )
    assert first.x0 == pytest.approx(second.x0)
    assert first.y0 > second.y0


@pytest.mark.parametrize("name", ["false_negatives.png", "examples.png"])
def test_no_word_is_cut_off(evaluation, source, name):
    figure = draw(evaluation, source, name)
    figure.canvas.draw()
    for text in figure.findobj(mpl.text.Text):
        if text.get_text() and text.get_visible():
            box = text.get_window_extent()
            assert box.x0 >= 0, text.get_text()
            assert box.x1 <= figure.bbox.x1, text.get_text()
