from dataclasses import replace

import pandas as pd
import pytest
from tests.quality.conftest import with_manifest

from sealproof.datasets.settings import ClassCounts, SplitSettings
from sealproof.quality import counts


def asked(data, subset, test):
    split = SplitSettings(subset="small", subsets={"small": subset}, test=test)
    return replace(data, split=split)


def test_a_sound_data_set_gives_no_finding(sound):
    for check in (
        counts.class_count,
        counts.empty_split,
        counts.missing_class,
        counts.label_value,
        counts.label_not_sealed,
    ):
        assert check(sound[0]) == []


def test_every_number_that_differs_is_told(sound):
    data = asked(sound[0], ClassCounts(normal=40, defective=10), ClassCounts(normal=12, defective=20))
    found = counts.class_count(data)
    assert [(f.severity, f.where[0], f.expected, f.observed) for f in found] == [
        ("error", "small, normal", "40 images", "36 images"),
        ("error", "small, defective", "10 images", "12 images"),
        ("error", "test, defective", "20 images", "12 images"),
    ]


def test_a_declared_shortfall_is_a_warning_but_a_surplus_is_not(sound):
    fewer = ClassCounts(normal=40, defective=11, at_most=True)
    found = counts.class_count(asked(sound[0], fewer, None))
    assert [(f.severity, f.where[0]) for f in found] == [
        ("warning", "small, normal"),
        ("error", "small, defective"),
    ]


def test_numbers_that_nobody_stated_are_not_checked(sound):
    assert counts.class_count(replace(sound[0], split=SplitSettings(subset="all"))) == []


def test_a_summary_of_another_manifest_is_an_error(sound):
    data = sound[0]
    shorter = replace(data, manifest=data.manifest[data.manifest["split"] != "tuning"])
    found = counts.class_count(shorter)
    assert [(f.severity, f.where[0], f.expected, f.observed) for f in found] == [
        ("error", "tuning, all classes", "12 images", "0 images")
    ]


@pytest.mark.parametrize("split", ["train", "calibration", "test"])
def test_an_empty_split_is_an_error(sound, split):
    data = sound[0]
    (found,) = counts.empty_split(replace(data, manifest=data.manifest[data.manifest["split"] != split]))
    assert found.severity == "error"
    assert found.where == (split,)


def test_missing_training_defects_are_told(folder):
    folder.fill(tuning=0)
    data = folder.examine()
    (found,) = counts.missing_class(data)
    assert (found.severity, found.where) == ("info", ("tuning",))
    assert counts.empty_split(data) == []


@pytest.mark.parametrize(("lacking", "measure"), [("normal", "specificity"), ("defective", "recall")])
def test_a_test_split_of_one_class_is_a_warning(folder, lacking, measure):
    folder.fill(**{lacking: 0})
    (found,) = counts.missing_class(folder.examine())
    assert found.severity == "warning"
    assert measure in found.what


def labelled(data, **labels):
    column = data.manifest["label"].astype(object)
    for split, label in labels.items():
        column[data.manifest.index[data.manifest["split"] == split][0]] = label
    return with_manifest(data, label=column)


@pytest.mark.parametrize(
    "wrong",
    [{"train": 1}, {"calibration": pd.NA}, {"tuning": 0}, {"train": 2}, {"tuning": -1}, {"train": 0.5}],
)
def test_impossible_labels_are_errors(sound, wrong):
    (found,) = counts.label_value(labelled(sound[0], **wrong))
    assert found.severity == "error"
    assert len(found.where) == 1
    assert next(iter(wrong)) in found.where[0]


def test_unused_images_need_a_label_and_excluded_ones_do_not(folder):
    folder.fill()
    folder.add("left.png", "unused", None, excluded_reason="doubtful")
    folder.add("over.png", "unused", 1)
    data = folder.examine()
    assert counts.label_value(data) == []
    (found,) = counts.label_value(labelled(data, unused=pd.NA))
    assert found.where == ("over (unused): missing",)


def test_a_readable_test_label_is_an_error(sound):
    (found,) = counts.label_not_sealed(labelled(sound[0], test=0))
    assert found.severity == "error"
    assert len(found.where) == 1
