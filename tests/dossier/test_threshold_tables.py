import json

import pytest

from sealproof.dossier.inputs import load_inputs
from sealproof.dossier.ordering import known_first
from sealproof.dossier.threshold_tables import (
    assumptions,
    guarantee_table,
    method_rows,
    study_context,
    three_way_settings,
)
from sealproof.evidence.records import Record, RecordBook
from sealproof.settings import load_settings
from sealproof.thresholds.settings import METHOD_NAMES


@pytest.fixture(scope="module")
def inputs(shared_project):
    return load_inputs(load_settings(shared_project))


def test_all_methods_stand_in_their_order_and_one_is_in_force(inputs):
    rows = method_rows(inputs.results["thresholds"], "4-ms-ssim")
    assert [row.stem.rpartition(".")[2] for row in rows] == list(METHOD_NAMES)
    assert [row.name for row in rows if row.in_force] == ["conformal"]
    for row in rows:
        assert row.promises == bool(inputs.book[f"{row.stem}.promise"].value)


def test_with_calibration_by_cross_fitting_no_held_out_row_is_in_force(inputs):
    thresholds = inputs.results["thresholds"]
    crossed = thresholds | {"in_force": thresholds["in_force"] | {"calibration": "cross-fit"}}
    assert not any(row.in_force for row in method_rows(crossed, "4-ms-ssim"))


def test_a_p_value_is_found_by_its_place():
    tests = [
        {"name": "held out", "meaning": "m", "holds": True, "p_value": None},
        {"name": "normality", "meaning": "m", "holds": False, "p_value": 0.01},
        {"name": "order", "meaning": "m", "holds": None, "p_value": None},
    ]
    book = RecordBook(
        Record(f"threshold.in_force.{name}.p_value", value, "1", "d", "t.json", place, "0" * 64, "threshold")
        for name, value, place in (
            ("normality", 0.01, "/in_force/assumptions/1/p_value"),
            ("exchangeability", None, "/in_force/assumptions/2/p_value"),
        )
    )
    found = assumptions({"assumptions": tests}, book)
    assert [item.p_value for item in found] == ["", "threshold.in_force.normality.p_value", ""]
    assert [item.holds for item in found] == [True, False, None]


def test_every_cell_of_the_simulation_is_a_record_and_none_is_lost(inputs, shared_project):
    table = json.loads((shared_project / "artifacts/seal-sim/threshold/guarantees.json").read_text())
    own = [row for row in table["rows"] if row["method"] == "mean_sigma"]
    found = guarantee_table(table)
    assert sum(len(cells) for _, cells in found.rows) == len(own)
    assert {len(cells) for _, cells in found.rows} == {len(found.sizes)} == {len(found.promised)}
    for row, cell in zip(own, [cell for _, cells in found.rows for cell in cells], strict=True):
        assert inputs.book[cell.observed].value == row["without_rule"]["observed"]
        assert cell.verdict == row["verdict"]
        assert cell.would_break == (row["without_rule"]["verdict"] == "broken")


def test_the_promise_of_the_simulation_depends_on_the_number_of_normals_alone(inputs):
    """One row of promised rates stands for all distributions, so they have to be the same."""
    rows = [row for row in inputs.results["guarantees"]["rows"] if row["method"] == "mean_sigma"]
    for size in {row["n"] for row in rows}:
        promised = [row["without_rule"]["promised"] for row in rows if row["n"] == size]
        assert max(promised) - min(promised) < 1e-9


def test_methods_that_promise_nothing_are_not_in_the_table_of_promises(inputs):
    promising = study_context(inputs)["promising"]
    assert promising[0] == "mean_sigma"
    assert "cost" not in promising


def test_settings_are_found_in_both_results(inputs):
    settings = three_way_settings(inputs)
    asked = inputs.settings.params.threshold.three_way
    assert sum(item.first for item in settings) == len(asked.false_reject_rates)
    assert not any(item.in_force for item in settings)
    for item in settings:
        assert f"{item.tested}.share_to_person.all" in inputs.book
        limits = [inputs.book[f"{item.stem}.{name}"].value for name in ("accept_below", "reject_from")]
        assert item.complete == (None not in limits)


def test_unknown_names_follow_the_known_ones():
    assert known_first(("b", "a"), ["new", "a", "b"]) == ["b", "a", "new"]
