"""The table of guarantees, a few cells of it: who keeps the promise, who is refused, and who would break it."""

import math

import numpy as np
import pytest
from scipy import stats

from sealproof.evidence.errors import EvidenceAlteredError, EvidenceMissingError
from sealproof.evidence.files import write_json
from sealproof.evidence.records import Recorder
from sealproof.thresholds.result import Basis, Fault, no_threshold
from sealproof.thresholds.settings import ThresholdSettings
from sealproof.thresholds.studies import simulated
from sealproof.thresholds.studies.cells import Outcome, cell, judged
from sealproof.thresholds.studies.coverage import coverage_row
from sealproof.thresholds.studies.distributions import SHAPES
from sealproof.thresholds.studies.evidence import record_guarantees
from sealproof.thresholds.studies.guarantees import Task, guarantees, plan, run_task
from sealproof.thresholds.studies.reading import outdated, read_guarantees
from sealproof.thresholds.studies.repeat import repeat

SETTINGS = ThresholdSettings()
TASKS = [
    Task("mean_sigma", "normal", 200, 120),
    Task("mean_sigma", "gamma", 200, 80),
    Task("conformal", "ties", 100, 150),
    Task("tolerance_order", "heavy-tail", 100, 150),
    Task("evt_pot", "normal", 200, 8),
    Task("recall_bound", "gamma", 50, 100),
    Task("bca", "normal", 50, 20),
]


@pytest.fixture(scope="module")
def table():
    return guarantees(SETTINGS, 3, TASKS)


def row_of(table, method, distribution):
    return next(r for r in table["rows"] if (r["method"], r["distribution"]) == (method, distribution))


def test_promises_are_kept_and_mean_plus_two_sigma_is_caught(table):
    kept = row_of(table, "mean_sigma", "normal")
    assert kept["verdict"] == "kept"
    assert kept["share_eligible"] > 0.85
    assert kept["promised"] == pytest.approx(stats.t.sf(2 / math.sqrt(1 + 1 / 200), 199), rel=1e-4)
    caught = row_of(table, "mean_sigma", "gamma")
    assert caught["verdict"] == "refused"
    assert caught["observed"] is None
    assert caught["without_rule"]["verdict"] == "broken"
    assert caught["without_rule"]["observed"] == pytest.approx(0.048, abs=0.006)
    assert table["summary"]["broken"] == 0
    assert "would break its promise in 1 of 2 cells" in table["summary"]["sentence"]
    assert "200 normals of the distribution gamma" in table["summary"]["sentence"]


def test_the_observed_rate_of_a_conformal_threshold_is_its_exact_expectation():
    row = run_task(Task("conformal", "normal", 99, 400), SETTINGS, 5)["rows"][0]
    assert row["promised"] == 0.05
    assert row["observed"] == pytest.approx(0.05, abs=4 * row["standard_error"])
    spread = stats.beta(5, 95).std() / math.sqrt(400)
    assert row["standard_error"] == pytest.approx(spread, rel=0.15)


def test_a_promise_with_confidence_counts_data_sets(table):
    row = row_of(table, "tolerance_order", "heavy-tail")
    assert row["confidence"] == 0.95
    assert row["share_exceeding"] == pytest.approx(row["exceeding"] / row["eligible"], rel=1e-5)
    assert row["verdict"] == "kept"
    recall = row_of(table, "recall_bound", "gamma")
    assert recall["quantity"] == "missed-defect rate"
    assert recall["promised"] == pytest.approx(0.1)
    assert recall["verdict"] == "kept"


def test_processes_and_repetitions_change_nothing(table):
    few = [Task("conformal", "gamma", 50, 20), Task("tolerance_order", "ties", 100, 20)]
    assert guarantees(SETTINGS, 3, few, processes=2) == guarantees(SETTINGS, 3, few)
    again = run_task(TASKS[0], SETTINGS, 3)["rows"][0]
    assert row_of(table, "mean_sigma", "normal")["observed"] == pytest.approx(again["observed"], rel=1e-5)


def outcome(rate, promised=0.05, *, eligible=True):
    result = no_threshold("percentile", 20, Basis(), [Fault("too-few-normals", "")])
    return Outcome(eligible, promised, rate, result)


def test_a_broken_promise_is_called_broken():
    random = np.random.default_rng(1)
    found = [outcome(0.08 + 0.01 * random.normal()) for _ in range(50)]
    assert cell("percentile", SHAPES[0], 20, found, None)["verdict"] == "broken"
    assert cell("percentile", SHAPES[0], 20, found, 0.95)["verdict"] == "broken"
    kept = [outcome(0.04 + 0.01 * random.normal()) for _ in range(50)]
    assert cell("percentile", SHAPES[0], 20, kept, None)["verdict"] == "kept"


def test_fewer_than_a_tenth_eligible_is_refused_and_nothing_computed_is_none():
    found = [outcome(0.5, eligible=index == 0) for index in range(20)]
    assert cell("percentile", SHAPES[0], 20, found, None)["verdict"] == "refused"
    empty = cell("percentile", SHAPES[0], 20, [outcome(math.nan, eligible=False)], None)
    assert empty["without_rule"]["observed"] is None
    assert empty["verdict"] == "refused"


@pytest.mark.parametrize(("exceeding", "verdict"), [(5, "kept"), (13, "kept"), (14, "broken")])
def test_data_sets_above_the_promise_are_judged_by_the_binomial(exceeding, verdict):
    assert (stats.binomtest(exceeding, 100, 0.05, "greater").pvalue < 0.001) == (verdict == "broken")
    assert judged(0.0, 0.1, exceeding, 100, 0.95) == verdict


def test_coverage_below_nominal_is_broken_only_where_it_is_promised(table):
    poor = [True] * 80 + [False] * 20 + [None] * 5
    row = coverage_row("x", "", "normal", 20, 0.95, poor, exact=True)
    assert (row["verdict"], row["covered"], row["datasets"]) == ("broken", 0.8, 100)
    assert coverage_row("x", "", "normal", 20, 0.95, poor, exact=False)["verdict"] == "approximate"
    assert coverage_row("x", "", "normal", 20, 0.95, [None], exact=True)["verdict"] == "none"
    assert {row["interval"] for row in table["coverage"]} >= {
        "BCa bootstrap",
        "bound of Wilks",
        "Clopper-Pearson",
    }
    assert table["summary"]["broken_coverage"] == 0


def test_the_plan_has_every_method_shape_and_size():
    tasks = plan()
    assert {task.kind for task in tasks} == {*simulated.CALLS, "recall_bound", "bca"}
    assert {task.distribution for task in tasks} == {shape.name for shape in SHAPES}
    assert {task.n for task in tasks if task.kind == "mean_sigma"} >= {20, 50, 100, 200, 500, 1000, 5000}


def test_records_point_to_what_they_say(table, tmp_path):
    path = tmp_path / "guarantees.json"
    write_json(path, table)
    recorder = Recorder("threshold")
    record_guarantees(recorder, read_guarantees(path), path)
    records = {record.id: record for record in recorder.finish(lambda p: (p, p.name))}
    assert records["threshold.guarantees.broken"].value == 0
    assert "threshold.guarantees.mean_sigma.gamma.200.without_rule.observed" in records
    assert "threshold.guarantees.conformal.worst.observed" in records
    for record in records.values():
        found = table
        for key in record.pointer.strip("/").split("/"):
            found = found[int(key)] if isinstance(found, list) else found[key]
        assert found == record.value, record.id


def test_reading_refuses_what_is_no_table(table, tmp_path):
    path = tmp_path / "guarantees.json"
    with pytest.raises(EvidenceMissingError):
        read_guarantees(path)
    for content, words in (
        ([], "missing keys"),
        ({key: value for key, value in table.items() if key != "coverage"}, "coverage"),
        (table | {"rows": []}, "no rows"),
        (table | {"rows": [{"method": "x"}]}, "rows without all of"),
    ):
        write_json(path, content)
        with pytest.raises(EvidenceAlteredError, match=words) as error:
            read_guarantees(path)
        assert "make guarantees" in str(error.value)


def test_the_digest_follows_the_code_not_the_comments(table, monkeypatch, tmp_path):
    assert outdated(table, SETTINGS) == []
    assert outdated(table, SETTINGS.model_copy(update={"percentile": 90.0})) == [
        "percentile: 95.0 simulated, 90.0 in use"
    ]
    for name in simulated.modules():
        text = (simulated._FOLDER / f"{name}.py").read_text()
        (tmp_path / f"{name}.py").write_text(text + "\n# a remark\n")
    monkeypatch.setattr(simulated, "_FOLDER", tmp_path)
    assert outdated(table, SETTINGS) == []
    changed = tmp_path / "bounds.py"
    changed.write_text(changed.read_text().replace("tail = (1 - confidence) / 2", "tail = 1 - confidence", 1))
    assert "run" not in outdated(table, SETTINGS)[0]
    assert outdated(table, SETTINGS)[0].startswith("methods: source")


def test_a_repetition_agrees_or_says_where_not(table):
    tasks = [Task("mean_sigma", "gamma", 200, 60), Task("conformal", "gamma", 100, 20)]
    agreed, unknown = repeat(table, tasks, SETTINGS, 4)
    assert agreed.agrees is True
    assert unknown.agrees is None
    wrong = table | {"rows": [dict(row) for row in table["rows"]]}
    row = row_of(wrong, "mean_sigma", "gamma")
    row["without_rule"] = row["without_rule"] | {"observed": 0.02}
    assert repeat(wrong, tasks[:1], SETTINGS, 4)[0].agrees is False
    with pytest.raises(ValueError, match="compared with themselves"):
        repeat(table, tasks, SETTINGS, 3)
