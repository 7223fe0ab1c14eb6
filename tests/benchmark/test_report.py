"""The report as text: whose values, on which data, from which files; and as bytes."""

import re
from html.parser import HTMLParser

import pypdf
import pytest
from tests.benchmark.conftest import PRODUCT

from sealproof.benchmark.cells import Benchmark
from sealproof.benchmark.paper import Reference
from sealproof.benchmark.report import build, selected
from sealproof.benchmark.result import read_results
from sealproof.benchmark.statistics import PairedAreas
from sealproof.benchmark.summary import overview, verdict
from sealproof.benchmark.tables import value_of
from sealproof.commands.benchmark import render
from sealproof.evidence.errors import DefinitionError, EvidenceAlteredError
from sealproof.evidence.hashing import sha256_file


class Words(HTMLParser):
    """Text of a page, and every address in it."""

    def __init__(self):
        super().__init__()
        self.text, self.addresses, self.tags = [], [], set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def rendered(finished):
    return render(finished / "templates", build(Benchmark.load(finished), PRODUCT, None, "*"))


@pytest.fixture(scope="module")
def page(rendered):
    words = Words()
    words.feed(rendered[".html"].decode())
    return words


@pytest.fixture(scope="module")
def text(page):
    return re.sub(r"\s+", " ", " ".join(page.text))


@pytest.fixture(scope="module")
def results(finished):
    return read_results(finished, selected(Benchmark.load(finished), PRODUCT, None, "*"))


def by_cell(results):
    found = {}
    for result in results.values():
        found.setdefault(result.cell, []).append(result)
    return found


def test_the_page_needs_no_other_file_and_no_script(page):
    assert "script" not in page.tags
    assert all(address.startswith("data:") for address in page.addresses)
    assert len(page.addresses) == 2


def test_simulated_data_are_marked_on_page_and_pdf(text, rendered, tmp_path):
    assert "simulated images - not evidence about a real product" in text
    (tmp_path / "a.pdf").write_bytes(rendered[".pdf"])
    pages = [page.extract_text() for page in pypdf.PdfReader(tmp_path / "a.pdf").pages]
    assert len(pages) > 1
    assert all("simulated images - not evidence about a real product" in page for page in pages)
    assert "Comparison of detectors: seal-sim" in pages[0]


def test_every_line_says_whose_it_is_and_on_which_data(text):
    assert "SSI (paper)" in text
    assert f"{PRODUCT} (ours, threshold: training scores, the paper's way)" in text
    assert f"{PRODUCT} (ours, threshold: held-out normals)" in text


def test_corrections_and_impossible_rows_are_marked(text):
    assert "Corrected: the printed row is shifted by one column" in text
    assert "Printed: 0.664, 0.598, 1.000, 0.748, 0.664" in text
    assert "Impossible as printed: no counts of 180 and 180 images" in text


def test_what_is_not_there_says_why(text):
    assert "cell mocca was not run" in text
    assert "refused: the plain covariance" in text


def test_figures_are_those_of_the_files(text, results):
    found = by_cell(results)["vanilla-autoencoder"]
    areas = [result.score("standard", "mse").auroc.value for result in found]
    mean = sum(areas) / 2
    assert f"{mean:.3f} ({min(areas):.3f}\N{EN DASH}{max(areas):.3f})" in text
    wanted = Reference(
        cell="vanilla-autoencoder",
        scoring="standard",
        score="mse",
        method="percentile",
        metric="accuracy",
        run=None,
    )
    value = value_of(wanted, "held-out", by_cell(results), 0.95)
    counts = [result.verdict("standard", "mse", "percentile", "held-out").confusion for result in found]
    assert value.spread.values == pytest.approx([(c.tp + c.tn) / 26 for c in counts])


def test_every_file_is_named_with_its_hash(text, finished, results):
    for name in results:
        product, _, cell = name.partition("/")
        path = finished / "benchmark" / "results" / product / f"{cell}.json"
        assert sha256_file(path) in text
        assert "sealproof benchmark run" in text


def test_same_results_same_bytes(rendered, finished):
    again = render(finished / "templates", build(Benchmark.load(finished), PRODUCT, None, "*"))
    assert again == rendered


def test_one_run_of_several_and_runs_that_are_not_there(results):
    found = by_cell(results)
    wanted = {"cell": "attention-autoencoder", "scoring": "standard", "score": "mse", "method": None}
    second = value_of(Reference(**wanted, metric="auroc", run=2), "", found, 0.95)
    assert second.spread.values == (found["attention-autoencoder"][1].score("standard", "mse").auroc.value,)
    assert value_of(Reference(**wanted, metric="auroc", run=3), "", found, 0.95).reason == "there are 2 seeds"


def test_a_part_of_the_cells_gives_a_report_of_that_part(finished):
    report = build(Benchmark.load(finished), PRODUCT, 1, "vanilla*")
    assert [item.name for item in report.overviews] == ["vanilla-autoencoder"]
    assert report.context["comparisons"] == []
    assert report.context["seeds"] == [1]


def test_a_pattern_that_nothing_fits(finished):
    with pytest.raises(DefinitionError, match="no cell fits"):
        build(Benchmark.load(finished), PRODUCT, None, "resnet*")


def test_a_result_without_its_headline_is_refused(results):
    (first, *_) = results.values()
    bare = first.model_copy(update={"scores": ()})
    with pytest.raises(EvidenceAlteredError, match="stands for its cell"):
        overview([bare], 0.95)


def test_a_lead_counts_only_where_every_seed_shows_it():
    ahead = PairedAreas(0.8, 0.9, 0.1, 0.02, 0.18, 0.01)
    unclear = PairedAreas(0.8, 0.85, 0.05, -0.01, 0.11, 0.1)
    behind = PairedAreas(0.9, 0.8, -0.1, -0.18, -0.02, 0.01)
    assert verdict([ahead, ahead]) == "better"
    assert verdict([ahead, unclear]) == "no difference shown"
    assert verdict([behind]) == "worse"
