"""Probability of detection by type: hits, false calls, units, reasons, records and figure."""

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from sealproof.evaluation.detection import CURVE, NO_THRESHOLD, POINTS, Rule, curve_table, detection
from sealproof.evaluation.detection_evidence import record_detection
from sealproof.evaluation.detection_figures import detection_figure
from sealproof.evaluation.pod import fit_pod
from sealproof.evidence.files import write_json
from sealproof.evidence.pointers import resolve
from sealproof.evidence.records import Recorder
from sealproof.thresholds.drawing import save

FORCE = {"in_force": {"score": "mse", "threshold": 1.0, "accept_below": None}}


def seeded_table(seed=1, pixel_mm=None):
    """Scores around the threshold that rise with the size of blobs, and not with that of scratches."""
    random = np.random.default_rng(seed)
    rows = []
    for kind, slope in (("dark-blob", 2.5), ("scratch", 0.0), ("flood", 100.0)):
        for size in np.geomspace(3, 96, 6):
            for image in random.choice(50, 40, replace=False):
                hit = kind == "flood" or random.random() < special.expit(
                    slope * np.log(size / 15) - 8 * (slope == 0)
                )
                rows.append(
                    {
                        "image_id": f"n/{image:02d}",
                        "defect": kind,
                        "size_px": size,
                        "size_mm": np.nan if pixel_mm is None else size * pixel_mm,
                        "contrast": 0.6,
                        "decided": image != 7,
                        "mse": (1.0 if hit else 0.5) if image != 7 else np.nan,
                    }
                )
    return pd.DataFrame(rows)


def held_out_scores():
    values = np.where(np.arange(50) < 2, 1.5, 0.3)
    return pd.DataFrame(
        {"image_id": [f"n/{i:02d}" for i in range(50)], "decided": np.arange(50) != 7, "mse": values}
    )


def sample_cases(sizes=True):
    random = np.random.default_rng(2)
    size = np.exp(random.uniform(-1, 2, 80))
    hit = random.random(80) < special.expit(3 * np.log(size))
    defects = pd.DataFrame(
        {
            "image_id": [f"d/{i:02d}" for i in range(80)],
            "label": 1,
            "defect_type": np.where(np.arange(80) < 60, "Weld gap", "weld-gap"),
            "size_mm": size if sizes else np.nan,
            "decided": True,
            "mse": np.where(hit, 2.0, 0.2),
        }
    )
    normals = defects.head(40).assign(
        image_id=[f"g/{i:02d}" for i in range(40)],
        label=0,
        defect_type="",
        size_mm=np.nan,
        mse=[1.0] * 4 + [0.1] * 36,
    )
    return pd.concat([defects, normals], ignore_index=True)


@pytest.fixture
def found():
    return detection(seeded_table(), held_out_scores(), sample_cases(), FORCE)


def test_hits_and_undecided_are_counted_from_the_scores(found):
    table, item = seeded_table(), found["curves"]["seeded"]["dark-blob"]
    own = table[table["defect"] == "dark-blob"]
    assert item["n"] == len(own) == 240
    assert item["hits"] == (own["mse"] >= 1.0).sum()
    assert item["undecided"] == (~own["decided"]).sum() > 0
    assert item["images"] == own["image_id"].nunique()
    assert sum(group["hits"] for group in item["groups"]) == item["hits"]


def test_curve_is_the_fit_to_hits_misses_and_undecided_as_misses(found):
    table, item = seeded_table(), found["curves"]["seeded"]["dark-blob"]
    own = table[table["defect"] == "dark-blob"]
    curve, _ = fit_pod(own["size_px"], own["mse"] >= 1.0, own["image_id"], 2 / 49)
    assert item["reason_code"] == "fitted"
    assert item["unit"] == "px"
    assert (item["a50"], item["a90"]) == (curve.size_at(0.5), curve.size_at(0.9))
    assert item["a90_95"] in {curve.upper_size_at(0.9), None}
    assert item["slope"] == curve.slope > 0
    assert item["fitted_false_call_rate"] == item["false_call_rate"] == 2 / 49
    assert len(item["curve"]) == POINTS
    assert item["curve"][-1]["pod"] == pytest.approx(float(curve.pod(96)))


def test_false_call_rates_have_exact_bounds_over_decided_normals(found):
    held_out, test = found["false_call_rate"]["held_out"], found["false_call_rate"]["test"]
    assert (held_out["rejected"], held_out["n"], held_out["undecided"]) == (2, 49, 1)
    reference = stats.binomtest(4, 40).proportion_ci(method="exact")
    assert (test["value"], test["low"], test["high"]) == pytest.approx((0.1, reference.low, reference.high))
    assert found["curves"]["own"]["weld-gap"]["false_call_rate"] == 0.1


def test_types_without_a_curve_say_why(found):
    flood, scratch = found["curves"]["seeded"]["flood"], found["curves"]["seeded"]["scratch"]
    assert scratch["reason_code"] == "all-misses"
    assert flood["reason_code"] in {
        "undetermined",
        "slope-not-positive",
    }  # the misses are the undecided images
    for item in (flood, scratch):
        assert item["reason"]
        assert item["curve"] == []
        assert all(item[name] is None for name in ("a50", "a90", "a90_95", "slope", "fit_adequate"))


def test_own_defects_are_judged_in_millimetres_and_names_stay_apart(found):
    own = found["curves"]["own"]
    assert set(own) == {"weld-gap", "weld-gap-2"}
    assert {item["defect"] for item in own.values()} == {"Weld gap", "weld-gap"}
    assert all(item["unit"] == "mm" for item in own.values())
    assert own["weld-gap"]["n"] == 60
    assert found["own_reason"] == ""


def test_without_sizes_the_data_set_says_nothing():
    found = detection(seeded_table(), held_out_scores(), sample_cases(sizes=False), FORCE)
    assert found["curves"]["own"] == {}
    assert found["types"]["own"] == "none"
    assert found["own_reason"]


def test_seeded_sizes_are_in_millimetres_where_known():
    plain = detection(seeded_table(), held_out_scores(), sample_cases(), FORCE)["curves"]["seeded"][
        "dark-blob"
    ]
    scaled = detection(seeded_table(pixel_mm=0.1), held_out_scores(), sample_cases(), FORCE)
    item = scaled["curves"]["seeded"]["dark-blob"]
    assert item["unit"] == "mm"
    assert item["a50"] == pytest.approx(plain["a50"] / 10)
    assert item["largest_size"] == pytest.approx(9.6)


def test_without_a_valid_threshold_nothing_is_detected():
    force = {"in_force": {"score": "mse", "threshold": None}}
    found = detection(seeded_table(), held_out_scores(), sample_cases(), force)
    for item in [*found["curves"]["seeded"].values(), *found["curves"]["own"].values()]:
        assert (item["hits"], item["reason_code"], item["reason"]) == (0, "no-threshold", NO_THRESHOLD)
        assert item["undecided"] == item["n"]
        assert item["false_call_rate"] is None


def test_between_acceptance_and_rejection_is_undecided_and_a_miss():
    table = pd.DataFrame({"decided": [True] * 4, "mse": [0.3, 0.4, 0.9, 1.0]})
    hit, undecided = Rule("mse", 1.0, 0.4).hits(table)
    assert hit.tolist() == [False, False, False, True]
    assert undecided.tolist() == [False, True, True, False]


def test_sizes_far_beyond_those_tested_are_not_stated():
    table = seeded_table()
    small = detection(table[table["size_px"] < 25], held_out_scores(), sample_cases(), FORCE)
    item = small["curves"]["seeded"]["dark-blob"]
    assert item["slope"] > 0
    assert (item["a90"], item["a90_95"]) == (None, None)
    assert "a90 is beyond the largest size tested (24 px)" in item["reason"]
    table.loc[table.index[table["size_px"] == table["size_px"].max()][:1], "mse"] = 0.5
    large = detection(table[table["size_px"] > 23], held_out_scores(), sample_cases(), FORCE)
    item = large["curves"]["seeded"]["dark-blob"]
    assert item["a50"] is None
    assert "a50 is below the smallest size tested" in item["reason"]


def test_a_poor_fit_bounds_no_size():
    table = seeded_table()
    table.loc[table["size_px"] > 40, "mse"] = np.where(np.arange((table["size_px"] > 40).sum()) % 2, 1.0, 0.5)
    item = detection(table, held_out_scores(), sample_cases(), FORCE)["curves"]["seeded"]["dark-blob"]
    assert item["fit_adequate"] is False
    assert item["a90_95"] is None
    assert "fits poorly" in item["reason"]


def test_table_has_every_point_of_every_curve(found):
    table = curve_table(found)
    assert list(table.columns) == ["source", "defect", "unit", "size", *CURVE]
    fitted = [i for s in ("seeded", "own") for i in found["curves"][s].values() if i["curve"]]
    assert len(table) == POINTS * len(fitted) >= 2 * POINTS
    assert (table["low"] <= table["pod"]).all()
    assert (table["pod"] <= table["hit_rate"]).all()


def test_records_point_at_exactly_their_values(found, tmp_path):
    path = tmp_path / "detection.json"
    write_json(path, found)
    recorder = Recorder("evaluate")
    record_detection(recorder, found, path)
    records = {r.id: r for r in recorder.finish(lambda file: (file, file.name))}
    assert all(resolve(found, record.pointer) == record.value for record in records.values())
    assert records["evaluate.detection.seeded.dark-blob.a90_95"].unit == "px"
    assert records["evaluate.detection.own.weld-gap-2.a50"].unit == "mm"
    assert records["evaluate.detection.seeded.scratch.reason_code"].value == "all-misses"
    assert "too small" in records["evaluate.detection.seeded.scratch.a50"].definition
    assert records["evaluate.detection.types.seeded"].value == "dark-blob, flood, scratch"


def test_figure_is_the_same_bytes_twice(found, tmp_path):
    for name in ("one.svg", "two.svg"):
        save(detection_figure(found), tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_figure_without_any_defect_says_so():
    empty = {"curves": {"seeded": {}, "own": {}}, "confidence": 0.95}
    assert [t.get_text() for t in detection_figure(empty).axes[0].texts] == ["no defect of known size"]
