"""PQ checks of claims: each passes on what the evaluation wrote and fails on anything else."""

import numpy as np
import pytest
import yaml
from tests.qualification.conftest import context_of

from sealproof.evaluation.counts import ConfusionCounts
from sealproof.evaluation.noninferiority import HumanInspection, difference_low, noninferiority_json
from sealproof.qualification.pq_claims import score_statistic

HUMAN = {"defective": 80, "found": 5, "normal": 90, "accepted": 50, "margin": 0.1, "source": "a study"}


def test_reliability_is_recomputed(sound, run):
    finding = run("reliability-stated", sound)
    assert finding.passed is True, finding.actual
    assert "95 % confidence that recall is at least" in finding.actual
    assert finding.values["compared"] == 2 * (1 + len(sound.evaluation["subgroups"]["all"]))


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r["recall"].update(reliability=0.99),
        lambda r: r["recall"].update(failures=0),
        lambda r: r["subgroups"][0]["specificity"].update(units=1),
        lambda r: r["subgroups"][0]["specificity"].update(reliability=None),
        lambda r: r["subgroups"][0].update(value="another"),
        lambda r: r.update(confidence=0.5),
    ],
)
def test_a_reliability_that_is_not_proved(sound, run, change):
    change(sound.evaluation["reliability"])
    assert run("reliability-stated", sound).passed is False


def test_every_method_is_reported(sound, run):
    finding = run("methods-reported", sound)
    assert finding.passed is True, finding.actual
    results = [sound.thresholds[key] for key in ("scores", "training_scores")]
    assert finding.values["combinations"] == sum(len(methods) for r in results for methods in r.values())


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.pop(),
        lambda rows: rows.append(dict(rows[0])),
        lambda rows: rows.append({**rows[0], "method": "another"}),
        lambda rows: next(row for row in rows if not row["eligible"]).update(eligible=True),
        lambda rows: next(row for row in rows if row["eligible"]).update(judged_at=0.0),
        lambda rows: next(row for row in rows if row["eligible"])["counts"].update(false_positive=999),
    ],
)
def test_a_method_that_is_reported_wrongly(sound, run, change):
    change(sound.evaluation["methods"])
    assert run("methods-reported", sound).passed is False


def test_three_way_settings_are_counted(sound, run):
    finding = run("three-way-reported", sound)
    assert finding.passed is True, finding.actual
    assert finding.values["settings"] == 12
    assert finding.values["with_limits"] > 0


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.pop(),
        lambda rows: next(row for row in rows if row["counts"])["counts"]["undecided"].update(normal=999),
        lambda rows: next(row for row in rows if row["counts"]).update(accept_below=-1.0),
        lambda rows: next(row for row in rows if row["counts"] is None).update(counts={}),
    ],
)
def test_a_three_way_setting_that_is_reported_wrongly(sound, run, change):
    change(sound.evaluation["three_way"])
    assert run("three-way-reported", sound).passed is False


def test_no_three_way_setting_is_not_evaluable(sound, run):
    sound.evaluation["three_way"] = []
    sound.thresholds["three_way"] = {}
    assert run("three-way-reported", sound).passed is None


def with_human(root, human):
    """The project with figures of human inspection, evaluated with them."""
    path = context_of(root).workspace.definition / "product.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"human_inspection": human}))
    context = context_of(root)
    counts = context.predictions.assign(right=context.predictions["correct"])
    defects, normals = (counts[counts["label"] == label]["right"] for label in (1, 0))
    matrix = _matrix(int(defects.sum()), len(defects), int(normals.sum()), len(normals))
    model = HumanInspection(**human)
    context.evaluation["non_inferiority"] = noninferiority_json(matrix, model, 0.95)
    return context


def _matrix(tp, defective, tn, normal):
    return ConfusionCounts(tp, normal - tn, tn, defective - tp)


def test_nothing_is_compared_without_figures(sound, run):
    finding = run("non-inferiority", sound)
    assert (finding.passed, finding.actual) == (None, "not provided: product.yaml gives no human_inspection")


@pytest.mark.parametrize(
    ("found", "accepted", "margin", "passed"),
    [(5, 50, 0.1, True), (80, 50, 0.1, False), (5, 90, 0.01, False)],
)
def test_the_detector_against_people(altered, run, found, accepted, margin, passed):
    """Random weights reject few parts: people who find few defects are no better, people who find all are."""
    context = with_human(altered, HUMAN | {"found": found, "accepted": accepted, "margin": margin})
    finding = run("non-inferiority", context)
    assert finding.passed is passed, finding.actual
    assert not finding.values["problems"]


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c["recall"].update(low=c["recall"]["low"] + 0.05),
        lambda c: c["recall"].update(shown=not c["recall"]["shown"]),
        lambda c: c["specificity"]["machine"].update(right=0),
        lambda c: c["specificity"]["human"].update(right=0),
        lambda c: c["recall"].update(low=None),
    ],
)
def test_a_comparison_that_is_stated_wrongly(altered, run, change):
    context = with_human(altered, HUMAN)
    change(context.evaluation["non_inferiority"])
    assert run("non-inferiority", context).passed is False


def test_no_inspection_is_replaced(altered, run):
    context = with_human(altered, {"not_applicable": "the line is new"})
    finding = run("non-inferiority", context)
    assert finding.passed is True
    assert finding.actual == "not applicable, as the manufacturer states: the line is new"
    context.evaluation["non_inferiority"]["not_applicable"] = None
    assert run("non-inferiority", context).passed is False


def test_the_second_implementation_finds_the_same_bound():
    random = np.random.default_rng(1)
    for _ in range(20):
        m, n = (int(size) for size in random.integers(10, 200, 2))
        x, y = int(random.integers(1, m)), int(random.integers(1, n))
        low = difference_low(x, m, y, n, 0.95)
        assert score_statistic((x, m), (y, n), low) == pytest.approx(1.6448536, abs=1e-5)


@pytest.mark.parametrize("name", ["reliability-stated", "non-inferiority", "predictive-values"])
def test_without_a_threshold_nothing_can_be_claimed(altered, run, name):
    context = with_human(altered, HUMAN)
    path = context.workspace.definition / "product.yaml"
    path.write_text(path.read_text() + "field_prevalence: 0.01\n")
    context.thresholds["in_force"]["threshold"] = None
    assert run(name, context).passed is None
