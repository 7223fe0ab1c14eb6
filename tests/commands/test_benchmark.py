"""`sealproof benchmark`: what it is told, what it answers, and its exit codes; cells and DVC are played here."""

import subprocess
from types import SimpleNamespace

import pytest
from tests.benchmark.conftest import CELLS, PRODUCT, dump
from tests.qualification.build import ROOT
from typer.testing import CliRunner

from sealproof.benchmark import execution, runner
from sealproof.benchmark.cells import Benchmark
from sealproof.cli import build
from sealproof.commands import benchmark as command
from sealproof.evidence.errors import DataError, DefinitionError, EvidenceMissingError


def call(root, *words):
    found = CliRunner().invoke(build(["benchmark"]), ["benchmark", *words, "--root", str(root)])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found


@pytest.fixture
def project(tmp_path):
    """A declaration, no images, no results."""
    dump(tmp_path / "benchmark" / "cells.yaml", CELLS)
    (tmp_path / "products").symlink_to(ROOT / "products")
    return tmp_path


@pytest.fixture
def dvc(project, monkeypatch):
    """The targets that DVC was asked for; `failing` of them fail."""
    asked, failing = [], set()

    def run(command, **_):
        asked.append(command[-1])
        code = 1 if command[-1] in failing else 0
        return subprocess.CompletedProcess(command, code, "", "ERROR: diverged\n" if code else "")

    monkeypatch.setattr(runner.subprocess, "run", run)
    (project / "benchmark" / "dvc.yaml").touch()
    return asked, failing


@pytest.fixture
def played(monkeypatch):
    """Reports without results, and pages without layout."""
    asked = []
    monkeypatch.setattr(command, "build", lambda _, *arguments: asked.append(arguments))
    monkeypatch.setattr(command, "render", lambda *_: {".html": b"page", ".pdf": b"%PDF"})
    return asked


def test_run_runs_one_cell_in_this_process(project, monkeypatch):
    asked = []

    def run_cell(root, cell, circumstances, announce):
        asked.append((cell.id, circumstances))
        area = SimpleNamespace(auroc=SimpleNamespace(value=0.91))
        definition = {"headline": {"scoring": "standard", "score": "mse"}}
        return SimpleNamespace(definition=definition, score=lambda *_: area)

    monkeypatch.setattr(execution, "run_cell", run_cell)
    cell = f"{PRODUCT}/vanilla-autoencoder-3"
    found = call(project, "run", cell)
    assert found.exit_code == 0
    assert f"{cell}: AUROC 0.910" in found.output
    assert asked == [(cell, execution.Circumstances(f"sealproof benchmark run {cell}", "", modified=True))]


def test_several_cells_run_apart_and_the_first_failure_ends_it(project, monkeypatch):
    asked = []

    def run(words, **_):
        asked.append(words[words.index("run") + 1])
        return subprocess.CompletedProcess(words, 5 if len(asked) == 2 else 0)

    monkeypatch.setattr(command.subprocess, "run", run)
    cells = [f"{PRODUCT}/vanilla-autoencoder-{seed}" for seed in (1, 2, 3)]
    assert call(project, "run", *cells).exit_code == 5
    assert asked == cells[:2]


def test_report_writes_page_and_pdf(project, played):
    found = call(project, "report", PRODUCT, "--only", "vanilla*", "--seeds", "1")
    assert found.exit_code == 0
    assert played == [(PRODUCT, 1, "vanilla*")]
    folder = project / "reports" / "benchmark"
    assert (folder / f"{PRODUCT}.html").read_bytes() == b"page"
    assert (folder / f"{PRODUCT}.pdf").read_bytes() == b"%PDF"


def test_report_takes_all_products_when_none_is_named(project, played):
    call(project, "report")
    assert [product for product, *_ in played] == CELLS["products"]


def test_a_product_asks_dvc_for_each_cell(dvc, project, played):
    asked, _ = dvc
    assert call(project, PRODUCT).exit_code == 0
    assert asked == [
        f"benchmark/dvc.yaml:cell@{PRODUCT}-{seed}-{name}"
        for name in ("attention-autoencoder", "vanilla-autoencoder")
        for seed in (1, 2)
    ]
    assert played == [(PRODUCT, None, "*")]


def test_a_failed_cell_is_named_and_the_others_run(dvc, project):
    asked, failing = dvc
    failing.add(f"benchmark/dvc.yaml:cell@{PRODUCT}-1-attention-autoencoder")
    with pytest.raises(DataError) as error:
        call(project, PRODUCT)
    assert len(asked) == 4
    assert f"{PRODUCT}/attention-autoencoder-1: ERROR: diverged" in error.value.why
    assert not (project / "reports").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "does not know"),
        (["run"], "no cell is named"),
        (["run", "padim"], "is not a cell"),
        (["run", f"{PRODUCT}/padim-1"], "does not know"),
        (["run", f"{PRODUCT}/vanilla-autoencoder-8"], "does not know"),
        (["report", "nowhere"], "does not know"),
        ([PRODUCT, "padim"], "one product at a time"),
        ([PRODUCT, "--only", "x"], "no cell fits"),
        ([PRODUCT, "--seeds", "7"], "cannot be run"),
    ],
)
def test_what_is_not_there_is_refused(project, words, message):
    with pytest.raises(DefinitionError, match=message):
        call(project, *words)


def test_a_report_without_results(project):
    with pytest.raises(EvidenceMissingError, match="results are missing"):
        call(project, "report", PRODUCT, "--seeds", "3")


def test_without_a_pipeline_nothing_is_run(project):
    with pytest.raises(DefinitionError, match="pipeline of the benchmark is missing"):
        call(project, PRODUCT)


@pytest.mark.parametrize("text", ["", "padim-1", f"{PRODUCT}/padim", f"{PRODUCT}/-1", f"{PRODUCT}/padim-x"])
def test_a_cell_has_one_form(project, text):
    with pytest.raises(DefinitionError, match="is not a cell"):
        command.parse_cell(Benchmark.load(project), text)
