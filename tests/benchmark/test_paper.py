"""The paper's tables as data: what is impossible is marked, and every reference leads somewhere."""

import itertools

import numpy as np
import pytest
from tests.qualification.build import ROOT

from sealproof.benchmark.cells import Benchmark
from sealproof.benchmark.paper import WITHOUT_THRESHOLD, Column, Ours, Paper, PaperRow, PaperTable, reference
from sealproof.benchmark.tables import rebuild
from sealproof.evidence import strict
from sealproof.evidence.errors import DefinitionError

PAPER = Paper.load(ROOT)
RATES = {"accuracy", "precision", "recall", "f1"}


def stated(table, row):
    """All four rates of a row by name; None when it does not print them."""
    values = {column.metric: value for column, value in zip(table.columns, row.values, strict=True)}
    found = {name: value for name, value in values.items() if name in RATES and value is not None}
    return found if len(found) == 4 else None


def explaining(rates, normal, defective):
    """How many confusion matrices give these rates after rounding, by trying all of them."""
    tp, fp = np.meshgrid(np.arange(defective + 1), np.arange(normal + 1), indexing="ij")
    with np.errstate(invalid="ignore"):
        found = {
            "accuracy": (tp + normal - fp) / (normal + defective),
            "precision": tp / (tp + fp),
            "recall": tp / defective,
            "f1": 2 * tp / (tp + fp + defective),
        }
    near = [np.abs(found[name] - value) <= 0.0005 + 1e-9 for name, value in rates.items()]
    return int(np.logical_and.reduce(near).sum())


def rows(*numbers):
    return [
        (table, row)
        for table in PAPER.tables
        if not numbers or table.number in numbers
        for row in table.rows
        if row.values and stated(table, row)
    ]


def test_all_tables_are_there():
    assert [table.number for table in PAPER.tables] == [2, 3, 4, 5, 6, 7, 8, 9, 10, 13]


def test_exactly_the_impossible_rows_are_marked():
    for table, row in rows():
        found = explaining(stated(table, row), 180, 180)
        assert (found == 0) == bool(row.impossible), (table.number, row.name)
    marked = [(table.number, row.name) for table, row in rows() if row.impossible]
    assert marked == [(2, "PaDiM"), (4, "LR")]


@pytest.mark.parametrize("number", [6, 7])
def test_tables_6_and_7_are_not_of_the_training_subset(number):
    for table, row in rows(number):
        assert explaining(stated(table, row), 382, 42) == 0, row.name
        assert explaining(stated(table, row), 180, 180) == 1, row.name
    assert all("exactly one matrix" in table.note for table in PAPER.tables if table.number == number)


def test_accuracies_of_runs_are_shares_of_360_images():
    (table,) = [table for table in PAPER.tables if table.number == 9]
    values = [v for row in table.rows if row.name.startswith("Run") for v in row.values if v is not None]
    assert len(values) == 64
    assert all(any(abs(k / 360 - value) < 0.0005 + 1e-9 for k in range(361)) for value in values)


def test_averages_of_table_9_are_those_of_the_runs():
    (table,) = [table for table in PAPER.tables if table.number == 9]
    for layer in ("layer 1", "layer 2", "layer 3", "bottleneck"):
        runs = [row.values for row in table.rows if row.name.startswith("Run") and row.name.endswith(layer)]
        (mean,) = [row.values for row in table.rows if row.name == f"Average, {layer}"]
        for column, value in enumerate(mean):
            if value is not None:
                assert sum(run[column] for run in runs) / 3 == pytest.approx(value, abs=0.0005 + 1e-9)


def test_corrected_rows_keep_what_is_printed():
    corrected = [row for table in PAPER.tables for row in table.rows if row.correction]
    assert [row.name for row in corrected] == ["AG-PaDiM", "RAG-PaDiM"]
    for row in corrected:
        assert row.values[0] is None
        assert row.values[1:] == row.printed[:4]


def test_every_reference_is_declared():
    benchmark = Benchmark.load(ROOT)
    known = {}
    for table in PAPER.tables:
        for row, column in itertools.product(table.rows, table.columns):
            found = reference(table, row, column)
            if found is None:
                continue
            if found.cell not in known:
                known[found.cell] = benchmark.cell("elpv-mono", found.cell, 1)
            cell = known[found.cell]
            names = cell.scorings[found.scoring].names
            assert names is None or found.score in names, found
            assert (found.method is not None) or found.metric in WITHOUT_THRESHOLD


def test_a_row_without_counterpart_says_so():
    row = PaperRow(name="x", values=(0.5,))
    table = PaperTable(
        number=1, title="", caption="", columns=(Column(name="AUC", metric="auroc"),), rows=(row,)
    )
    found = rebuild(Paper(source="", data="SSI", tables=(table,)), {}, "seal-sim", 0.95)
    assert found[0].blocks[0].remark == "No counterpart here."


def test_a_reference_without_a_method_is_refused():
    table = PaperTable(
        number=1,
        title="",
        caption="",
        columns=(Column(name="ACC", metric="accuracy"),),
        rows=(PaperRow(name="x", ours=Ours(cell="a", score="mse")),),
    )
    with pytest.raises(ValueError, match="no method"):
        reference(table, table.rows[0], table.columns[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": [0.1]}, "another number of values"),
        ({"correction": "shifted"}, "go together"),
        ({"value": [0.1]}, "unknown key"),
    ],
)
def test_a_wrong_row_is_named(change, message):
    table = {"number": 2, "title": "", "caption": "", "columns": [{"name": "a"}, {"name": "b"}]}
    content = {"source": "", "data": "", "tables": [table | {"rows": [{"name": "x"} | change]}]}
    with pytest.raises(DefinitionError) as error:
        strict.parse(Paper, content, "paper.yaml")
    assert message in error.value.why
