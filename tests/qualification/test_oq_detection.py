"""OQ checks of detection by size and of localisation: they pass on sound evidence and notice what is altered."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import special

from sealproof.evaluation.detection import detection
from sealproof.evidence.files import read_json, write_json
from sealproof.qualification.context import NO_THRESHOLD

TOLERANCE = {"tolerance": 1e-4}


def seeded_table(slope):
    random, rows = np.random.default_rng(1), []
    for size in np.geomspace(3, 96, 6):
        for image in range(40):
            hit = random.random() < special.expit(slope * np.log(size / 17))
            rows.append((f"n/{image}", "dark-blob", size, np.nan, 0.6, image != 7, 1.2 if hit else 0.4))
    columns = ["image_id", "defect", "size_px", "size_mm", "contrast", "decided", "mse"]
    table = pd.DataFrame(rows, columns=columns)
    table.loc[~table["decided"], "mse"] = np.nan
    return table


def context(root, table, localisation=None, threshold=1.0):
    """What the two checks read of a context, in files below `root`."""
    thresholds = {"in_force": {"score": "mse", "threshold": threshold, "accept_below": None}}
    held_out = pd.DataFrame(
        {"image_id": list("abcdefghijklmnopqrst"), "decided": True, "mse": [1.5] + [0.1] * 19}
    )
    normals = held_out.assign(label=0, defect_type="", size_mm=np.nan)
    for stage in ("evaluate", "challenge", "score"):
        (root / stage).mkdir()
    table.to_parquet(root / "challenge" / "seeded.parquet")
    write_json(root / "evaluate" / "detection.json", detection(table, held_out, normals, thresholds))
    write_json(root / "evaluate" / "localisation.json", localisation or {})
    return SimpleNamespace(
        artefact=lambda stage, file: root / stage / file,
        thresholds=thresholds,
        has_threshold=threshold is not None,
        workspace=SimpleNamespace(definition=root),
        existing=lambda path: path,
    )


@pytest.fixture
def sound_detection(tmp_path):
    return context(tmp_path, seeded_table(2.5))


def test_curves_that_rise_pass_and_are_told(run, sound_detection):
    finding = run("probability-of-detection", sound_detection, **TOLERANCE)
    assert finding.passed is True
    assert "dark-blob (seeded)" in finding.actual
    assert "a90/95" in finding.actual
    assert "px" in finding.actual
    assert finding.values["types"][0]["slope"] > 0
    assert finding.records == ("evaluate.detection.seeded.dark-blob.a90_95",)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"hits": 3}, "counted again"),
        ({"slope": 2.0}, "not at the maximum"),
        ({"intercept": -1.0}, "not at the maximum"),
        ({"a50": 5.0}, "a50 does not follow"),
        ({"a90_95": None, "reason": ""}, "no bound and no reason"),
        ({"unit": ""}, "no bound and no reason"),
    ],
)
def test_altered_curves_fail(run, sound_detection, change, problem):
    path = sound_detection.artefact("evaluate", "detection.json")
    content = read_json(path)
    if "unit" in change:  # the recount needs the unit: only the statement is blank
        content["curves"]["own"]["x"] = content["curves"]["seeded"]["dark-blob"] | change
    else:
        content["curves"]["seeded"]["dark-blob"] |= change
    write_json(path, content)
    finding = run("probability-of-detection", sound_detection, **TOLERANCE)
    assert finding.passed is False
    assert problem in finding.actual


def test_detection_that_falls_with_size_fails(run, tmp_path):
    finding = run("probability-of-detection", context(tmp_path, seeded_table(-2.5)), **TOLERANCE)
    assert finding.passed is False
    assert "larger defects are detected less often" in finding.actual


def test_false_calls_at_small_sizes_are_no_fall(run, tmp_path):
    table = seeded_table(2.5).assign(mse=0.4)
    table.loc[3:5, "mse"] = 1.2  # three hits at the smallest size, none elsewhere
    finding = run("probability-of-detection", context(tmp_path, table), **TOLERANCE)
    assert finding.passed is None
    assert "larger defects are not detected more often" in finding.actual


def test_nothing_to_fit_is_not_evaluable(run, tmp_path):
    table = seeded_table(2.5).assign(mse=0.4)
    finding = run("probability-of-detection", context(tmp_path, table), **TOLERANCE)
    assert finding.passed is None
    assert "no defect was detected" in finding.actual


def test_without_a_threshold_nothing_can_be_detected(run, tmp_path):
    finding = run(
        "probability-of-detection", context(tmp_path, seeded_table(2.5), threshold=None), **TOLERANCE
    )
    assert (finding.passed, finding.actual) == (None, NO_THRESHOLD)


def located(low, chance, **changes):
    return {
        "with_mask": 30,
        "chance": chance,
        "pointing": {"value": 0.5, "low": low, "high": 0.7, "hits": 15},
        "pixel_auroc": 0.9,
        "pro": None,
        "undecided": 1,
        "outside": 2,
        "reason": "",
    } | changes


@pytest.mark.parametrize(
    ("content", "passed", "words"),
    [
        (
            located(0.31, 0.05),
            True,
            "0.500 (0.310 to 0.700), chance 0.050; pixel AUROC 0.900, PRO not evaluable",
        ),
        (located(0.05, 0.05), False, "1 undecided, 2 defects outside the regions"),
        (located(None, None, with_mask=0, reason="no masks: not evaluable"), None, "no masks: not evaluable"),
        (located(0.0, None), False, "not evaluable"),
    ],
)
def test_localisation(run, tmp_path, content, passed, words):
    finding = run("localisation", context(tmp_path, seeded_table(2.5), content))
    assert finding.passed is passed
    assert words in finding.actual


def test_without_masks_the_manufacturer_may_state_why(run, tmp_path):
    stated = "title: T\nmasks: {not_applicable: the part is rejected as a whole}\n"
    (tmp_path / "product.yaml").write_text(stated)
    without = located(None, None, with_mask=0, reason="no masks: not evaluable")
    finding = run("localisation", context(tmp_path, seeded_table(2.5), without))
    assert finding.passed is True
    assert "as the manufacturer states: the part is rejected as a whole" in finding.actual


def test_such_a_statement_does_not_hide_masks_that_are_there(run, tmp_path):
    (tmp_path / "product.yaml").write_text("title: T\nmasks: {not_applicable: a reason}\n")
    assert run("localisation", context(tmp_path, seeded_table(2.5), located(0.01, 0.05))).passed is False
