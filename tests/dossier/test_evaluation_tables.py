from dataclasses import replace

import pytest

from sealproof.dossier.evaluation_tables import (
    SEEDS_CHECK,
    detected,
    disturbed,
    methods_on_test,
    planned_criteria,
    refuted,
    seeds_case,
)
from sealproof.dossier.inputs import load_inputs
from sealproof.settings import load_settings
from sealproof.thresholds.settings import METHOD_NAMES


@pytest.fixture(scope="module")
def inputs(shared_project):
    return load_inputs(load_settings(shared_project))


def test_each_method_has_a_row_for_each_calibration(inputs):
    rows = methods_on_test(inputs.results["evaluation"], "4-ms-ssim")
    assert [row.calibration for row in rows] == ["held-out", "training"] * len(METHOD_NAMES)
    assert [bool(row.name) for row in rows] == [True, False] * len(METHOD_NAMES)
    assert [row.stem for row in rows if row.in_force] == ["evaluate.method.4-ms-ssim.conformal.held-out"]
    for row in rows:
        assert inputs.book[f"{row.stem}.eligible"].value is row.eligible


@pytest.mark.parametrize(
    ("promised", "low", "eligible", "expected"),
    [
        (0.05, 0.12, True, True),
        (0.05, 0.05, True, False),
        (0.05, 0.01, True, False),
        (0.05, 0.12, False, False),
        (None, 0.12, True, False),
        (0.05, None, True, False),
    ],
)
def test_a_promise_is_refuted_by_the_lower_bound_alone(promised, low, eligible, expected):
    row = {"promised_false_reject_rate": promised, "eligible": eligible}
    assert refuted(row | {"observed_false_reject_rate": {"low": low}}) is expected


def test_a_limit_that_was_not_tested_is_not_passed_off_as_tested():
    def cell(*severities):
        cells = {str(step).replace(".", "_"): {"severity": step} for step in severities}
        return disturbed({"disturbances": {"blur": {"meaning": "m", "cells": cells}}})[0].cell

    assert cell(0.5, 1.0, 2.0).endswith("blur.1_0")
    assert cell(0.5, 0.75, 2.0).endswith("blur.0_75")
    assert cell(2.0, 4.0).endswith("blur.2_0")
    assert disturbed({"disturbances": {}}) == []


def test_only_criteria_on_shares_are_planned():
    plan = {"criteria": {"AC-01": {"id": "AC-01", "units": 30}, "AC-03": {"id": "AC-03", "units": None}}}
    assert [row["id"] for row in planned_criteria(plan)] == ["AC-01"]
    assert planned_criteria(None) == []


def test_defect_types_stand_with_where_they_come_from(inputs):
    rows = detected(inputs.results["detection"])
    assert [(row.name, row.source) for row in rows] == [("crack", "seeded"), ("dark-blob", "seeded")]
    assert rows[1].reason
    for row in rows:
        assert inputs.book[f"{row.stem}.reason"].value == row.reason


def test_the_case_on_other_seeds_is_found_by_its_check(inputs):
    case = seeds_case(inputs)
    assert next(item.check for item in inputs.protocols["pq"].cases if item.id == case) == SEEDS_CHECK
    none = replace(inputs.settled, protocols={**inputs.protocols, "pq": inputs.protocols["iq"]})
    assert seeds_case(replace(inputs, settled=none)) is None
