import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from sealproof.change.outputs import compare_output
from sealproof.change.tolerances import Tolerance, Tolerances, load_tolerances
from sealproof.evidence.errors import DefinitionError

TOLERANCE = Tolerance(files="*", absolute=0.01, relative=0.1, reason="r")


def save(path, values):
    """One array of floats in a file of each kind."""
    kind = path.suffix
    if kind == ".npy":
        np.save(path, values)
    elif kind == ".npz":
        np.savez(path, x=values)
    elif kind == ".safetensors":
        save_file({"x": values}, path)
    elif kind == ".parquet":
        pd.DataFrame({"x": values, "name": [f"n{n}" for n in range(len(values))]}).to_parquet(path)
    elif kind == ".csv":
        pd.DataFrame({"x": values}).to_csv(path, index=False)
    else:
        path.write_text(json.dumps({"x": values.tolist(), "n": len(values)}))


def result(folder, kind, here, clone, tolerance=TOLERANCE, alike=lambda first, second: False):
    paths = [folder / f"{side}{kind}" for side in ("here", "clone")]
    for path, values in zip(paths, (here, clone), strict=True):
        if callable(values):
            values(path)
        else:
            save(path, np.asarray(values, dtype=np.float64))
    return compare_output(f"artifacts/p/train/x{kind}", *paths, tolerance, alike)


KINDS = [".npy", ".npz", ".safetensors", ".parquet", ".csv", ".json"]


@pytest.mark.parametrize("kind", KINDS)
def test_identical_files_are_identical_without_a_look_inside(tmp_path, kind):
    found = result(tmp_path, kind, [1.0, 2.0], [1.0, 2.0], None)
    assert (found.verdict, found.absolute, found.relative) == ("identical", None, None)
    assert found.here == found.clone


@pytest.mark.parametrize("kind", KINDS)
def test_small_deviations_are_within_tolerance_and_larger_ones_are_not(tmp_path, kind):
    found = result(tmp_path, kind, [1.0, 100.0], [1.1, 109.0])
    assert (found.verdict, found.absolute, found.relative) == ("within tolerance", 9.0, pytest.approx(0.1))
    found = result(tmp_path, kind, [1.0, 100.0], [1.12, 109.0])
    assert (found.verdict, found.absolute) == ("different", 9.0)
    assert found.why.startswith("beyond")


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_tolerance_a_deviation_is_shown_and_is_different(tmp_path, kind):
    found = result(tmp_path, kind, [1.0, 2.0], [1.0, 2.0 + 1e-9], None)
    assert found.verdict == "different"
    assert found.absolute == pytest.approx(1e-9, rel=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_another_number_of_values_is_different(tmp_path, kind):
    assert result(tmp_path, kind, [1.0, 2.0], [1.0]).verdict == "different"


@pytest.mark.parametrize("kind", [".npy", ".npz", ".safetensors", ".parquet"])
@pytest.mark.parametrize("clone", [np.nan, np.inf])
def test_a_missing_or_infinite_number_is_different_unless_both_have_it(tmp_path, kind, clone):
    assert result(tmp_path, kind, [1.0, 2.0], [clone, 2.0]).verdict == "different"
    found = result(tmp_path, kind, [clone, 2.0], [clone, 2.001])
    assert (found.verdict, found.absolute) == ("within tolerance", pytest.approx(0.001))


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5),
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5),
)
def test_within_tolerance_is_what_the_formula_says(tmp_path_factory, here, clone):
    size = min(len(here), len(clone))
    first, second = np.array(here[:size]), np.array(clone[:size])
    expected = bool((np.abs(second - first) <= 0.01 + 0.1 * np.abs(first)).all())
    verdict = result(tmp_path_factory.mktemp("outputs"), ".npy", first, second).verdict
    assert (verdict in {"identical", "within tolerance"}) == expected


def test_whole_numbers_texts_and_truth_values_have_to_be_equal(tmp_path):
    for key, value in (("n", 3), ("s", "b"), ("t", False), ("z", None), ("l", [1, 3])):
        here = {"n": 2, "s": "a", "t": True, "z": 1, "l": [1, 2], "x": 1.0}
        first, second = (
            lambda path, content=content: path.write_text(json.dumps(content))
            for content in (here, here | {key: value})
        )
        found = result(tmp_path, ".json", first, second)
        assert found.verdict == "different", key
        assert found.why.startswith(f"{key}:")


def test_whole_number_arrays_have_a_tolerance_too(tmp_path):
    """Stored patches are whole grey levels of rounded numbers."""
    levels = Tolerance(files="*", absolute=1, reason="one grey level")
    first, second = (lambda path, n=n: np.save(path, np.array([n, 7], dtype=np.uint16)) for n in (0, 1))
    assert result(tmp_path, ".npy", first, second, levels).verdict == "within tolerance"
    assert result(tmp_path, ".npy", first, second, None).verdict == "different"


def test_types_and_columns_have_to_be_equal(tmp_path):
    single, double = (lambda path, kind=kind: np.save(path, np.ones(2, dtype=kind)) for kind in ("f4", "f8"))
    assert "another shape or type" in result(tmp_path, ".npy", single, double).why
    one, two = (lambda path, name=name: pd.DataFrame({name: [1.0]}).to_parquet(path) for name in ("a", "b"))
    assert "only on one side" in result(tmp_path, ".parquet", one, two).why
    one, two = (
        lambda path, text=text: pd.DataFrame({"s": [text], "x": [1.0]}).to_parquet(path)
        for text in ("a", "b")
    )
    assert result(tmp_path, ".parquet", one, two).verdict == "different"


def test_a_hash_inside_json_follows_the_output_that_it_names(tmp_path):
    first, second = (
        lambda path, n=n: path.write_text(json.dumps({"sha256": n * 64, "x": 1.0 + int(n) / 1000}))
        for n in ("1", "2")
    )
    assert result(tmp_path, ".json", first, second).verdict == "different"
    found = result(tmp_path, ".json", first, second, alike=lambda a, b: (a, b) == ("1" * 64, "2" * 64))
    assert found.verdict == "within tolerance"


@pytest.mark.parametrize("kind", [".json", ".npy", ".parquet", ".safetensors", ".bin", ".npz", ".csv"])
@pytest.mark.parametrize(
    "junk", [b"", b"PK\x03\x04 cut off", b"\x00\x01 no such file"], ids=["empty", "zip", "other"]
)
def test_a_file_that_cannot_be_read_is_different(tmp_path, kind, junk):
    first, second = (lambda path, n=n: path.write_bytes(junk + b" " * n) for n in (0, 1))
    assert result(tmp_path, kind, first, second).verdict == "different"


def test_an_output_that_one_side_lacks_is_different(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    there, missing = tmp_path / "a.json", tmp_path / "b.json"
    assert (
        compare_output("a", there, missing, TOLERANCE, lambda a, b: True).why == "the clone has not made it"
    )
    assert compare_output("a", missing, there, TOLERANCE, lambda a, b: True).verdict == "different"


def test_results_are_json(tmp_path):
    found = result(tmp_path, ".npy", [0.0], [1.0]).as_dict()
    assert found["largest_relative_deviation"] is None, "nothing is relative to zero"
    json.dumps(found, allow_nan=False)


def test_tolerances_by_the_first_pattern(tmp_path):
    path = tmp_path / "tolerances.yaml"
    path.write_text(
        "tolerances:\n"
        "  - {files: metrics.json, absolute: 0.5, reason: r}\n"
        "  - {files: 'train/*', absolute: 0.1, reason: r}\n"
        "  - {files: '*.json', absolute: 0.2, reason: r}\n"
    )
    declared = load_tolerances(path)
    assert declared.of("reports/p/metrics.json", "p").absolute == 0.5
    assert declared.of("artifacts/p/train/model.json", "p").absolute == 0.1
    assert declared.of("artifacts/p/score/records.json", "p").absolute == 0.2
    assert declared.of("artifacts/p/score/maps.npy", "p") is None


def test_nothing_is_declared_without_a_file_and_in_the_file_that_ships(tmp_path):
    assert load_tolerances(tmp_path / "none.yaml") == Tolerances()
    assert load_tolerances(Path("protocols/tolerances.yaml")) == Tolerances()


@pytest.mark.parametrize(
    "entry", ["{files: a, absolute: -1, reason: r}", "{files: a, absolute: .inf, reason: r}", "{files: a}"]
)
def test_a_malformed_tolerance_is_refused(tmp_path, entry):
    path = tmp_path / "tolerances.yaml"
    path.write_text(f"tolerances:\n  - {entry}\n")
    with pytest.raises(DefinitionError):
        load_tolerances(path)
