"""Robustness against scikit-learn, SciPy and made-up disturbances of known effect."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from sealproof.evaluation.claims import Claim
from sealproof.evaluation.ranking import delong
from sealproof.evaluation.robustness import auroc, evaluate_robustness, paired_loss
from sealproof.evaluation.robustness_evidence import record_robustness
from sealproof.evaluation.robustness_figures import robustness_figure
from sealproof.evaluation.robustness_result import METRICS, Rule, severity_key
from sealproof.evidence.errors import EvidenceAlteredError
from sealproof.evidence.pointers import resolve, same_value
from sealproof.evidence.records import Recorder
from sealproof.thresholds.drawing import save

SEVERITIES = (0.5, 1.0, 2.0)
FORCE = {"score": "mse", "threshold": 1.0}
NORMALS = DEFECTS = 100


def claim(metric, limit, name="AC-01", bound="low"):
    return Claim(name, "title", f"evaluate.mse.{metric}", bound, limit, None)


CRITERIA = (claim("recall", 0.9, "AC-01"), claim("specificity", 0.9, "AC-02"), claim("auroc", 0.9, "AC-03"))
#: Disturbance -> share of the images whose score becomes wrong at each severity, per class (normal, defective).
EFFECTS = {"blur": ((0, 0), (0, 0.3), (0, 0.6)), "tilt": ((0, 0), (0.02, 0), (0.5, 0))}


@pytest.fixture
def labels():
    ids = [f"i{n:03d}" for n in range(NORMALS + DEFECTS)]
    return pd.DataFrame({"image_id": ids, "label": [0] * NORMALS + [1] * DEFECTS})


def challenge(**changes):
    envelope = {
        name: {"unit": unit, "limit": limit, "signed": False, "meaning": "made up", "amounts": amounts}
        for name, unit, limit, amounts in (
            ("blur", "px", 0.8, [0.4, 0.8, 1.6]),
            ("tilt", "degrees", 1, [0.5, 1, 2]),
        )
    }
    content = {
        "declared": True,
        "severities": list(SEVERITIES),
        "envelope": envelope,
        "images": {"test": 250, "disturbed": NORMALS + DEFECTS, "sampled": True},
    }
    return content | changes


def disturbed(labels, effects=EFFECTS):
    """Normals score about 0.5 and defects about 1.5; an effect moves the first images of a class across 1."""
    random = np.random.default_rng(1)
    truth = labels["label"].to_numpy()
    plain = truth + 0.5 + random.uniform(-0.3, 0.3, truth.size)

    def rows(name, severity, amount, shares):
        moved = plain.copy()
        for label, share in enumerate(shares):
            chosen = np.flatnonzero(truth == label)[: round(share * 100)]
            moved[chosen] += 1 - 2 * label
        fields = {"disturbance": name, "severity": severity, "amount": amount, "decided": True, "mse": moved}
        return labels[["image_id"]].assign(**fields)

    steps = [("none", 0.0, 0.0, (0, 0))]
    steps += [
        (name, s, s, shares)
        for name, all_shares in effects.items()
        for s, shares in zip(SEVERITIES, all_shares, strict=True)
    ]
    return pd.concat([rows(*step) for step in steps], ignore_index=True)


def judged(labels, table=None, criteria=CRITERIA, force=FORCE, **changes):
    table = disturbed(labels) if table is None else table
    return evaluate_robustness(table, challenge(**changes), labels, Rule.of(force, 0.95, criteria))


def series(found, name):
    return next(item for item in found.series if item.name == name)


def test_metrics_are_those_of_scikit_learn_and_scipy(labels):
    table = disturbed(labels)
    found = judged(labels, table)
    for item in found.series:
        for cell in item.cells:
            rows = table[(table["disturbance"] == item.name) & (table["severity"] == cell.severity)]
            truth, scores = labels["label"].to_numpy(), rows["mse"].to_numpy()
            for metric, right in (
                ("recall", scores[truth == 1] >= 1),
                ("specificity", scores[truth == 0] < 1),
            ):
                interval = binomtest(int(right.sum()), right.size).proportion_ci(0.95, "exact")
                estimate = cell.metrics[metric]
                assert estimate.value == right.mean()
                assert (estimate.low, estimate.high) == pytest.approx(tuple(interval), abs=1e-9)
            assert cell.metrics["auroc"].value == pytest.approx(roc_auc_score(truth, scores))
            assert cell.metrics["undecided"].value == 0


def test_the_envelope_ends_before_the_first_severity_at_which_a_criterion_fails(labels):
    found = judged(labels)
    blur, tilt = series(found, "blur"), series(found, "tilt")
    assert (blur.criteria.severity, blur.criteria.amount) == (0.5, 0.4)
    assert "AC-01 is not met" in blur.criteria.reason
    assert (tilt.criteria.severity, tilt.criteria.amount) == (1.0, 1)
    assert [row["criterion"] for row in found.lost] == ["AC-01", "AC-03"]
    assert {row["disturbance"] for row in found.lost} == {"blur"}
    assert (
        found.statement
        == "every criterion holds undisturbed, and with blur up to 0.4 px, tilt up to 1 degrees"
    )


def test_a_gap_among_the_severities_ends_the_envelope(labels):
    effects = {"blur": ((0, 0.5), (0, 0), (0, 0)), "tilt": ((0, 0),) * 3}
    found = judged(labels, disturbed(labels, effects))
    assert (series(found, "blur").criteria.severity, series(found, "blur").criteria.amount) == (0.0, None)
    assert "blur not even at 0.4 px" in found.statement
    assert series(found, "tilt").criteria.reason == "the largest amount tested"
    assert series(found, "tilt").criteria.severity == 2.0


def test_without_criteria_that_hold_undisturbed_no_envelope_is_stated(labels):
    strict = (claim("recall", 0.999), claim("specificity", 0.9, "AC-02"))
    found = judged(labels, criteria=strict)
    assert series(found, "tilt").criteria.severity is None
    assert found.statement.startswith(
        "criteria are not met without disturbance (AC-01), so no envelope can be stated"
    )
    assert found.statement.endswith("of those met without disturbance (AC-02), kept in the declared envelope")
    assert found.failing == ["AC-01"]
    assert found.lost == []
    none = judged(labels, criteria=(claim("recall", 0.999),))
    assert none.statement.endswith("so no envelope can be stated")
    assert (
        judged(labels, criteria=()).statement == "no acceptance criterion is on recall, specificity or AUROC"
    )


def test_criteria_on_other_metrics_and_scores_do_not_count():
    others = (claim("auprc", 0.9), Claim("AC-02", "t", "evaluate.mae.recall", "low", 0.9, None))
    assert Rule.of(FORCE, 0.95, (*CRITERIA, *others)).criteria == CRITERIA


def test_a_criterion_on_an_upper_bound_is_judged_on_that_side(labels):
    found = judged(labels, criteria=(claim("recall", 0.8, bound="high"),))
    assert found.undisturbed.holds == {"AC-01": False}
    assert series(found, "blur").cells[2].holds == {"AC-01": True}


def test_losses_are_counted_image_by_image_and_class_by_class(labels):
    found = judged(labels)
    severe = series(found, "tilt").cells[2]
    assert (severe.loss["normal"].lost, severe.loss["normal"].gained) == (50, 0)
    assert severe.loss["normal"].p_value == pytest.approx(0.5**50)
    assert severe.loss["defective"].p_value == 1.0
    assert (series(found, "tilt").no_loss.severity, series(found, "blur").no_loss.severity) == (1.0, 0.5)
    assert "30 defective images lost and 0 gained" in series(found, "blur").no_loss.reason


@pytest.mark.parametrize(("lost", "gained"), [(0, 0), (1, 0), (5, 0), (7, 2), (3, 9), (40, 21)])
def test_the_paired_test_is_that_of_scipy(lost, gained):
    before = [True] * lost + [False] * gained + [True, False] * 3
    after = [False] * lost + [True] * gained + [True, False] * 3
    found = paired_loss(before, after)
    expected = binomtest(lost, lost + gained, alternative="greater").pvalue if lost + gained else 1.0
    assert (found.lost, found.gained) == (lost, gained)
    assert found.p_value == pytest.approx(expected)


def test_the_paired_test_keeps_its_level_when_nothing_is_lost():
    random = np.random.default_rng(5)
    rejected = 0
    for _ in range(2000):
        flipped, towards = random.random(180) < 0.08, random.random(180) < 0.5
        before = np.where(flipped, towards, True)
        rejected += paired_loss(before, np.where(flipped, ~towards, True)).p_value <= 0.05
    assert rejected / 2000 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)


def test_undecided_images_count_against_the_detector(labels):
    table = disturbed(labels, {"blur": ((0, 0),) * 3, "tilt": ((0, 0),) * 3})
    hit = (
        (table["disturbance"] == "tilt")
        & (table["severity"] == 2.0)
        & table["image_id"].isin(["i000", "i150"])
    )
    table.loc[hit, ["decided", "mse"]] = [False, np.nan]
    cell = series(judged(labels, table), "tilt").cells[2]
    assert (cell.metrics["recall"].value, cell.metrics["specificity"].value) == (0.99, 0.99)
    assert cell.metrics["undecided"].value == 0.01
    assert cell.metrics["auroc"].value == pytest.approx(1 - (100 + 100 - 1) / 10_000)
    assert {name: loss.lost for name, loss in cell.loss.items()} == {"normal": 1, "defective": 1}


def test_between_the_limits_of_a_three_way_verdict_is_undecided(labels):
    force = FORCE | {"accept_below": 0.5}
    found = judged(labels, force=force)
    plain = disturbed(labels).iloc[: NORMALS + DEFECTS]["mse"]
    assert found.undisturbed.metrics["undecided"].value == ((plain >= 0.5) & (plain < 1)).mean()
    assert found.undisturbed.metrics["specificity"].value == (plain[:NORMALS] < 0.5).mean()


def test_perfect_separation_has_the_exact_bound_and_other_areas_that_of_delong():
    truth, scores = [0] * 30 + [1] * 20, [0.0] * 30 + [1.0] * 20
    assert auroc(truth, scores, 0.95).low == pytest.approx(0.025 ** (1 / 20))
    mixed = np.random.default_rng(1).normal(size=50)
    assert auroc(truth, mixed, 0.9) == delong(truth, mixed, 0.9)


def test_nothing_declared_is_said_and_nothing_is_judged(labels):
    content = {"declared": False, "envelope": {}, "images": {"test": 200, "disturbed": 0, "sampled": False}}
    found = judged(labels, disturbed(labels).iloc[:0], **content)
    assert (found.declared, found.series, found.undisturbed, found.lost) == (False, (), None, [])
    assert found.statement.startswith("not declared")
    assert found.as_json()["disturbances"] == {}


def test_no_threshold_leaves_the_ranking_alone_evaluable(labels):
    found = judged(labels, force=FORCE | {"threshold": None})
    cell = series(found, "blur").cells[1]
    assert cell.metrics["recall"].value is None
    assert cell.metrics["auroc"].value is not None
    assert cell.loss == {}
    assert series(found, "blur").no_loss.severity is None
    assert set(found.failing) == {"AC-01", "AC-02"}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: t[t["disturbance"] != "blur"], "blur at severity 0.5 is missing"),
        (lambda t: t.assign(disturbance=t["disturbance"].replace("blur", "haze")), "haze at severity"),
        (lambda t: t.iloc[:-1], "tilt at severity 2 holds other images"),
        (lambda t: t[t["image_id"] != "i000"], "199 images instead of 200"),
        (lambda t: pd.concat([t, t[t["severity"] == 2]]), "holds other images"),
        (lambda t: t.assign(image_id=t["image_id"].replace("i000", "x")), "1 of them without a label"),
        (lambda t: t.iloc[:0], "none at severity 0 is missing"),
    ],
)
def test_a_table_that_is_not_the_planned_one_is_refused(labels, spoil, message):
    with pytest.raises(EvidenceAlteredError, match=message):
        judged(labels, spoil(disturbed(labels)))


def test_every_record_is_the_value_its_pointer_leads_to(labels, tmp_path):
    found, path = judged(labels), tmp_path / "robustness.json"
    path.write_text(json.dumps(found.as_json()))
    recorder = Recorder("evaluate")
    record_robustness(recorder, found, path)
    records = {record.id: record for record in recorder.finish(lambda file: (file, file.name))}
    content = json.loads(path.read_text())
    for record in records.values():
        assert same_value(resolve(content, record.pointer), record.value), record.id
    for name in ("blur", "tilt"):
        for step in SEVERITIES:
            for metric in METRICS:
                assert f"evaluate.robustness.{name}.{severity_key(step)}.{metric}.low" in records
    assert records["evaluate.robustness.blur.criteria_hold_up_to"].value == 0.4
    assert records["evaluate.robustness.blur.criteria_hold_up_to"].unit == "px"
    assert records["evaluate.robustness.criteria_lost_inside"].value == 2


@pytest.mark.parametrize("changes", [{}, {"declared": False}])
def test_the_figure_is_drawn_and_has_the_same_bytes_twice(labels, tmp_path, changes):
    found = judged(labels, **changes)
    for name in ("one.svg", "two.svg"):
        save(robustness_figure(found), tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    axes = robustness_figure(found).axes
    if found.declared:
        assert [panel.get_xlabel() for panel in axes[:2]] == ["standard deviation (px)", "angle (degrees)"]
        assert [text.get_text() for text in axes[0].get_xticklabels()] == ["none", "0.4", "0.8", "1.6"]
    else:
        assert "not declared" in axes[0].texts[0].get_text()
