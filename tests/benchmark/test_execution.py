"""A cell from images to its result file, on a few simulated seals."""

import json

import pytest
from tests.benchmark.conftest import NOTHING, PRODUCT, silent

from sealproof.benchmark.cells import Benchmark
from sealproof.benchmark.execution import run_cell
from sealproof.benchmark.result import read_results
from sealproof.benchmark.workspace import CellWorkspace
from sealproof.evidence.errors import DataError
from sealproof.evidence.ledger import read_ledger

NAMES = ("attention-autoencoder", "vanilla-autoencoder")


@pytest.fixture(scope="module")
def result(finished):
    cell = Benchmark.load(finished).cell(PRODUCT, "attention-autoencoder", 1)
    return read_results(finished, [cell])[cell.id]


def test_every_score_threshold_and_calibration_is_there(result):
    rows = {(row.scoring, row.score) for row in result.scores}
    assert rows == {
        ("standard", "mse"),
        ("standard", "mahalanobis"),
        ("layer-2-500", "mahalanobis"),
        ("layer-2-500-plain", ""),
    }
    verdicts = {(row.scoring, row.score, row.method, row.calibration) for row in result.verdicts}
    methods = ("mean_sigma", "percentile", "conformal", "supervised_accuracy")
    assert verdicts == {
        (scoring, score, method, calibration)
        for scoring, score in rows - {("layer-2-500-plain", "")}
        for method in methods
        for calibration in ("held-out", "training")
    }


def test_a_declared_refusal_is_a_result(result):
    row = result.score("layer-2-500-plain", "")
    assert row.auroc is None
    assert "singular" in row.refused


def test_the_area_is_that_of_the_placements(result):
    m, n = len(result.placements.defective), len(result.placements.normal)
    assert (m, n) == (14, 12)
    found = result.score("standard", "mse").auroc.value
    assert sum(result.placements.defective) / (2 * m * n) == pytest.approx(found)
    assert sum(result.placements.normal) / (2 * m * n) == pytest.approx(found)


def test_counts_are_those_of_the_test_split(result):
    for row in result.verdicts:
        assert row.confusion.normal == 12
        assert row.confusion.defective == 14


def test_the_ledger_is_the_benchmark_s_own(finished):
    openings = read_ledger(finished / "benchmark" / PRODUCT / "ledger.jsonl")
    assert [opening.purpose.split(";")[0] for opening in openings] == [
        f"benchmark, cell {PRODUCT}/{name}-{seed}" for name in NAMES for seed in (1, 2)
    ]
    assert len({opening.threshold_sha256 for opening in openings}) == 4
    assert not (finished / "artifacts").exists()
    assert list((finished / "benchmark" / "work").rglob("*.json")) == []


def test_cells_of_one_seed_share_their_test_split(finished):
    benchmark = Benchmark.load(finished)
    cells = [benchmark.cell(PRODUCT, name, seed) for seed in (1, 2) for name in NAMES]
    found = read_results(finished, cells)
    hashes = [found[cell.id].images.test_sha256 for cell in cells]
    assert hashes[0] == hashes[1]
    assert hashes[2] == hashes[3]
    assert hashes[0] != hashes[2]


def test_a_second_run_gives_the_same_but_for_what_is_measured(finished, project):
    (project / "data").symlink_to(finished / "data")
    cell = Benchmark.load(project).cell(PRODUCT, "vanilla-autoencoder", 1)
    path = CellWorkspace.of(project, cell).result
    before = json.loads(path.read_text())
    run_cell(project, cell, NOTHING, silent)
    after = json.loads(path.read_text())
    assert before.pop("measured").keys() == after.pop("measured").keys()
    assert before == after


def test_without_images_nothing_is_written(project):
    cell = Benchmark.load(project).cell(PRODUCT, "vanilla-autoencoder", 3)
    with pytest.raises(DataError):
        run_cell(project, cell, NOTHING, silent)
    assert not CellWorkspace.of(project, cell).result.exists()
    assert not CellWorkspace.of(project, cell).work.exists()


def test_measurements_are_there(result):
    measured = result.measured
    assert set(measured.times) == {"standard", "layer-2-500"}
    assert measured.fit_seconds > 0
    assert measured.peak_memory_mib > 50
    assert measured.model_bytes > 1000
    assert measured.device == "cpu"
