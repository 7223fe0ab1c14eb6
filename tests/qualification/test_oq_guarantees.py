"""OQ checks of the promises: they pass on the table in use, and not on one that is broken, stale or made up."""

import pytest
import yaml

from sealproof.evidence.files import read_json, write_json

FILE = "protocols/data/guarantees.json"
TABLE = {"file": FILE, "minimum_cells": 200}


@pytest.fixture
def table(sound, tmp_path, monkeypatch):
    """A copy of the committed table that a test may change; write(changes) puts it in its place."""
    content = read_json(sound.root / FILE)
    path = tmp_path / "guarantees.json"

    def write(**changes):
        write_json(path, content | changes)
        return {"file": str(path), "minimum_cells": 200}

    write.content = content
    return write


def test_the_committed_table_passes(sound, run):
    finding = run("guarantees-kept", sound, **TABLE)
    assert finding.passed is True
    assert "0 broken" in finding.actual


def test_a_broken_cell_fails_and_is_named(sound, run, table):
    rows = [dict(row) for row in table.content["rows"]]
    rows[0]["verdict"] = "broken"
    finding = run("guarantees-kept", sound, **table(rows=rows))
    assert finding.passed is False
    assert f"{rows[0]['method']}, {rows[0]['distribution']}, n = {rows[0]['n']}" in finding.actual
    rows[0]["verdict"] = "splendid"
    assert run("guarantees-kept", sound, **table(rows=rows)).passed is False
    assert run("guarantees-kept", sound, **table(rows=rows[1:9])).passed is False


def test_an_interval_below_nominal_fails(sound, run, table):
    coverage = [dict(row) for row in table.content["coverage"]]
    coverage[0]["verdict"] = "broken"
    assert run("guarantees-kept", sound, **table(coverage=coverage)).passed is False


@pytest.mark.parametrize(
    "change", [{"methods_sha256": "0" * 64}, {"parameters": {"sigmas": 3.0}}], ids=["code", "settings"]
)
def test_a_table_of_other_code_or_settings_is_no_pass(sound, run, table, change):
    finding = run("guarantees-kept", sound, **table(**change))
    assert finding.passed is None
    assert "make guarantees" in finding.actual
    cells = [{"method": "conformal", "distribution": "normal", "n": 100, "sets": 20}]
    again = run("guarantees-repeated", sound, file=table(**change)["file"], seed=4, cells=cells)
    assert again.passed is None


def test_the_short_simulation_of_the_protocol_agrees(sound, run):
    protocol = yaml.safe_load((sound.root / "protocols" / "oq.yaml").read_text())
    case = next(case for case in protocol["cases"] if case["id"] == "OQ-024")
    finding = run("guarantees-repeated", sound, **case["parameters"])
    assert finding.passed is True
    assert finding.actual.startswith("7 cells simulated, 0 do not agree")


def test_a_table_that_does_not_agree_fails_and_an_unknown_cell_is_no_pass(sound, run, table):
    rows = [dict(row) for row in table.content["rows"]]
    cell = {"method": "conformal", "distribution": "normal", "n": 100, "sets": 60}
    for row in rows:
        if (row["method"], row["distribution"], row["n"]) == ("conformal", "normal", 100):
            row["without_rule"] = row["without_rule"] | {"observed": 0.02}
    file = table(rows=rows)["file"]
    assert run("guarantees-repeated", sound, file=file, seed=4, cells=[cell]).passed is False
    unknown = run("guarantees-repeated", sound, file=file, seed=4, cells=[cell | {"n": 101}])
    assert unknown.passed is None
    assert "not in the table" in unknown.actual
