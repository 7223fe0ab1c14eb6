"""Robustness, detection, repetitions and studies derived by the verifier against the pipeline's own figures."""

import copy
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sealproof.challenges.disturbed import DisturbancePlan, disturbances_json
from sealproof.challenges.repeats import InForce
from sealproof.challenges.repeats import repeatability as pipelines_repeatability
from sealproof.challenges.report import compare_undisturbed
from sealproof.challenges.settings import ChallengeSettings
from sealproof.evaluation.claims import Claim
from sealproof.evaluation.detection import detection
from sealproof.evaluation.localisation_measures import PRO_LIMIT
from sealproof.evaluation.noninferiority import difference_low as pipelines_difference_low
from sealproof.evaluation.robustness import evaluate_robustness
from sealproof.evaluation.robustness_result import Rule as PipelinesRule
from sealproof.evaluation.settings import EvaluateSettings
from sealproof.models.settings import TrainSettings
from sealproof.scores.settings import ALL_SCORES
from sealproof.thresholds.settings import ThresholdSettings
from sealproof.verification.challenge import amount, repeatability, undisturbed
from sealproof.verification.consequences import difference_low
from sealproof.verification.criteria import _SCORES
from sealproof.verification.detection import detection_problems
from sealproof.verification.differences import differences
from sealproof.verification.localisation import localisation_problems
from sealproof.verification.robustness import Rule, _statement_problems, derive_robustness
from sealproof.verification.settings import _DEFAULTS
from sealproof.verification.studies import verdict_problems

GUARANTEES = Path(__file__).parents[2] / "protocols" / "data" / "guarantees.json"
FORCES = [
    {"score": "mse", "threshold": 1.6, "accept_below": None},
    {"score": "mse", "threshold": 1.6, "accept_below": 0.8},
    {"score": "mse", "threshold": None, "accept_below": None},
]


def scored(random, names, means):
    """Images with two scores, a few of them undecided."""
    decided = random.random(len(names)) > 0.03
    table = pd.DataFrame({"image_id": names, "decided": decided})
    for score in ("mse", "ssim"):
        table[score] = np.where(decided, random.normal(means, 1.0), np.nan)
    return table


@pytest.fixture(scope="module")
def tables():
    """(test scores with labels, held-out normals, disturbed, plan, repeats, seeded)."""
    random = np.random.default_rng(4)
    labels = np.arange(80) % 2
    names = [f"t{index:03d}" for index in range(80)]
    test = scored(random, names, labels * 2.5)
    held_out = scored(random, [f"n{index:03d}" for index in range(60)], 0.0)
    plan = DisturbancePlan(
        {"shift": 4.0, "jpeg": 90.0}, (1.0, 2.0), tuple((name, "x") for name in names), 80, 1
    )
    parts = [test.assign(disturbance="none", severity=0.0, amount=0.0)]
    for kind, harm in (("shift", 0.3), ("jpeg", -0.6)):
        for severity, size in zip(plan.severities, plan.amounts(kind), strict=True):
            moved = test.assign(disturbance=kind, severity=severity, amount=size)
            parts.append(moved.assign(mse=test["mse"] + harm * severity))
    repeats = pd.concat(
        [
            test[test["decided"]].drop(columns="decided").assign(repeat=n, batch_size=size, order="reversed")
            for n, size in ((1, 1), (2, 16))
        ],
        ignore_index=True,
    )
    repeats.loc[3, "mse"] += 5.0
    rows = []
    for kind, slope in (("crack", 1.2), ("spot", 0.2), ("hole", 9.0)):
        for size in np.geomspace(2, 50, 8):
            for image in random.choice(60, 30, replace=False):
                value = random.normal(slope * np.log(size) - 1.0)
                rows.append((held_out["image_id"][image], kind, float(size), np.nan, 0.6, True, value))
    columns = ["image_id", "defect", "size_px", "size_mm", "contrast", "decided", "mse"]
    sizes = np.where(labels == 1, random.uniform(0.5, 5.0, 80), np.nan)
    cases = test.assign(label=labels, size_mm=sizes, defect_type=np.where(labels == 1, "dent", ""))
    return (
        cases,
        held_out,
        pd.concat(parts, ignore_index=True),
        plan,
        repeats,
        pd.DataFrame(rows, columns=columns),
    )


def scores_of(cases):
    return cases.drop(columns=["label", "size_mm", "defect_type"]).assign(split="test")


# --- robustness


CRITERIA = (
    {"id": "AC-1", "title": "a", "metric": "evaluate.mse.recall", "bound": "low", "limit": 0.5},
    {"id": "AC-2", "title": "b", "metric": "evaluate.mse.auroc", "bound": "low", "limit": 0.8},
)


def robustness(tables, force, criteria=CRITERIA):
    """(as the pipeline states it, as the verifier derives it)."""
    cases, _, disturbed, plan, _, _ = tables
    claims = tuple(
        Claim(*(row[key] for key in ("id", "title", "metric", "bound", "limit")), None) for row in criteria
    )
    rule = PipelinesRule(force["score"], force["threshold"], force["accept_below"], 0.95, claims)
    declared = disturbances_json(plan)
    stated = evaluate_robustness(disturbed, declared, cases, rule).as_json()
    own = Rule(force["score"], force["threshold"], force["accept_below"], 0.95, criteria)
    return stated, derive_robustness(disturbed, cases, own, declared)


def robustness_problems(stated, derived):
    return [place for place, _, _ in (*differences(derived, stated), *_statement_problems(stated, derived))]


@pytest.mark.parametrize("force", FORCES)
@pytest.mark.parametrize("limit", [0.5, 0.99])
def test_robustness_is_derived(tables, force, limit):
    criteria = ({**CRITERIA[0], "limit": limit}, CRITERIA[1])
    assert robustness_problems(*robustness(tables, force, criteria)) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("disturbances", "shift", "cells", "1_0", "metrics", "recall", "value"), 1.0),
        (("disturbances", "jpeg", "cells", "2_0", "loss", "defective", "lost"), 0),
        (("disturbances", "jpeg", "criteria_hold_up_to", "severity"), 3.0),
        (("undisturbed", "metrics", "auroc", "low"), 0.99),
        (
            ("statement",),
            "every criterion holds undisturbed, and with shift up to 80 px, jpeg down to 1 quality",
        ),
    ],
)
def test_another_figure_of_robustness_is_found(tables, path, value):
    stated, derived = robustness(tables, FORCES[0])
    forged = copy.deepcopy(stated)
    inner = forged
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    assert robustness_problems(forged, derived) == ["/" + "/".join(path)]


@pytest.mark.parametrize(
    ("name", "limit", "severity"),
    [("shift", 4.0, 1.5), ("jpeg", 90, 2.0), ("jpeg", 20, 2.0), ("noise", 0.4, 3.0)],
)
def test_amounts_are_those_of_the_pipeline(name, limit, severity):
    assert DisturbancePlan({name: limit}, (severity,), (), 0, 1).amounts(name) == [
        amount(name, limit, severity)
    ]


# --- repetitions


@pytest.mark.parametrize("force", FORCES)
def test_repetitions_are_derived(tables, force):
    cases, _, disturbed, _, repeats, _ = tables
    test = scores_of(cases)
    rule = InForce(force["score"], force["threshold"], force["accept_below"])
    stated = pipelines_repeatability(repeats, test, rule)
    derived = repeatability(repeats, test, force)
    assert list(differences(derived, stated)) == []
    assert list(differences(undisturbed(disturbed, test), compare_undisturbed(disturbed, test))) == []
    forged = stated | {"verdict_flips": 7}
    assert [place for place, _, _ in differences(derived, forged)] == ["/verdict_flips"]


# --- probability of detection


def detection_found(tables, force, change=None):
    """Where detection.json is wrong; after a change of a curve, with that defect alone."""
    cases, held_out, _, _, _, seeded = tables
    if change is not None:
        seeded, cases = seeded[seeded["defect"] == "crack"], cases.assign(size_mm=np.nan)
    stated = detection(seeded, held_out, cases, {"in_force": force}, 0.95)
    if change is not None:
        change(stated["curves"]["seeded"]["crack"])
    return [place for place, _, _ in detection_problems(stated, seeded, held_out, cases, force, 0.95)]


@pytest.mark.parametrize("force", FORCES)
def test_curves_of_detection_are_derived(tables, force):
    assert detection_found(tables, force) == []


@pytest.mark.parametrize("key", ["a50", "a90", "a90_95", "deviance", "hits", "a90_95_exact"])
def test_another_size_or_count_is_found(tables, key):
    def change(curve):
        curve[key] = 3.21 if curve[key] is None else curve[key] * 0.99

    assert detection_found(tables, FORCES[0], change) == [f"/curves/seeded/crack/{key}"]


def test_a_curve_that_is_no_maximum_of_the_likelihood_is_found(tables):
    def change(curve):
        curve["slope"] *= 1.05

    assert detection_found(tables, FORCES[0], change) == ["/curves/seeded/crack/slope"]


def test_a_curve_that_is_kept_back_is_found(tables):
    def change(curve):
        nothing = (
            "a50",
            "a90",
            "a90_95",
            "intercept",
            "slope",
            "deviance",
            "degrees_of_freedom",
            "fit_p_value",
        )
        curve.update(dict.fromkeys((*nothing, "fit_adequate")), curve=[], reason_code="undetermined")

    assert detection_found(tables, FORCES[0], change) == ["/curves/seeded/crack/reason_code"]


# --- localisation


def test_figures_of_localisation_are_held_against_each_other():
    labels = pd.DataFrame(
        {"image_id": list("abcd"), "label": [1, 1, 1, 0], "mask_path": ["m", "m", "", ""], "size_mm": np.nan}
    )
    regions = pd.DataFrame({"image_id": list("abcd"), "decided": [True, False, True, True]})
    stated = {
        "confidence": 0.95, "defective": 3, "with_mask": 2, "without_mask": 1, "undecided": 1, "outside": 0,
        "normal": 1, "pointing": {"value": 0.5, "low": 0.012579117093425, "high": 0.987420882906575, "hits": 1},
        "chance": 0.1, "better_than_chance": False, "pixel_auroc": 0.9, "pro": 0.5, "pro_limit": PRO_LIMIT,
    }  # fmt: skip
    assert list(localisation_problems(stated, labels, regions, 0.95)) == []
    forged = stated | {"pointing": stated["pointing"] | {"hits": 2}}
    assert "/pointing/hits" in [place for place, _, _ in localisation_problems(forged, labels, regions, 0.95)]
    forged = stated | {"better_than_chance": True}
    assert [place for place, _, _ in localisation_problems(forged, labels, regions, 0.95)] == [
        "/better_than_chance"
    ]


# --- studies, comparison with people, defaults


def test_verdicts_of_the_committed_guarantees_follow_from_their_figures():
    stated = json.loads(GUARANTEES.read_text())
    assert list(verdict_problems(stated)) == []
    row = next(row for row in stated["rows"] if row["verdict"] == "kept" and row["confidence"] is None)
    row["observed"] = row["promised"] + 0.2
    assert len(list(verdict_problems(stated))) == 1


@pytest.mark.parametrize("seed", range(20))
def test_bounds_of_differences_are_those_of_the_pipeline(seed):
    random = np.random.default_rng(seed)
    m, n = (int(value) for value in random.integers(1, 300, 2))
    x, y = (int(random.choice([0, whole, random.integers(0, whole + 1)])) for whole in (m, n))
    assert difference_low(x, m, y, n, 0.95) == pytest.approx(
        pipelines_difference_low(x, m, y, n, 0.95), abs=1e-9
    )


def test_what_holds_where_params_yaml_is_silent_is_what_the_pipeline_takes():
    sections = {
        "train": TrainSettings,
        "threshold": ThresholdSettings,
        "challenge": ChallengeSettings,
        "evaluate": EvaluateSettings,
    }
    assert {*_DEFAULTS} == {*sections}
    for name, values in _DEFAULTS.items():
        stated = json.loads(sections[name]().model_dump_json())
        assert {key: stated[key] for key in values} == json.loads(json.dumps(values)), name


def test_a_criterion_may_be_named_by_every_score_there_is():
    assert set(ALL_SCORES) == _SCORES
