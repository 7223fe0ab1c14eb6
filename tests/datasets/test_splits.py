from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealproof.datasets.contract import Manifest, validate
from sealproof.datasets.drawing import allocate, draw, sessions, share
from sealproof.datasets.settings import ClassCounts, SplitSettings
from sealproof.datasets.splits import assign_splits
from sealproof.evidence import strict
from sealproof.evidence.errors import DataError, DefinitionError

COUNTS = SplitSettings(
    subset="small",
    subsets={"small": ClassCounts(normal=30, defective=6), "large": ClassCounts(normal=44, defective=6)},
    test=ClassCounts(normal=16, defective=12),
)


def count(table, split, label):
    return int(((table["split"] == split) & (table["label"] == label).fillna(value=False)).sum())


def test_counts_are_exact_and_every_class_is_where_it_belongs(unsplit):
    division = assign_splits(unsplit(), COUNTS, 7)
    table = validate(division.frame, Manifest)
    assert (count(table, "test", 0), count(table, "test", 1)) == (16, 12)
    assert (count(table, "train", 0), count(table, "calibration", 0)) == (21, 9)
    assert count(table, "tuning", 1) == 6
    assert count(table, "unused", 0) == 60 - 16 - 30
    assert set(table.loc[table["split"].isin(["train", "calibration", "tuning"]), "subset"]) == {"small"}
    assert set(table.loc[table["split"] == "test", "subset"]) == {"test"}


def test_the_same_seed_gives_the_same_splits_and_another_seed_others(unsplit):
    first, again, other = (assign_splits(unsplit(), COUNTS, seed).frame for seed in (7, 7, 8))
    pd.testing.assert_frame_equal(first, again)
    assert (first["split"] != other["split"]).any()


def test_another_subset_leaves_the_test_split_as_it_is(unsplit):
    small = assign_splits(unsplit(), COUNTS, 7).frame
    large = assign_splits(unsplit(), COUNTS.model_copy(update={"subset": "large"}), 7).frame
    assert (small["split"] == "test").tolist() == (large["split"] == "test").tolist()
    assert count(large, "train", 0) + count(large, "calibration", 0) == 44


def test_splits_are_stratified_by_subgroup_and_defect_type(unsplit):
    table = assign_splits(unsplit(normal=90, defective=36), COUNTS, 3).frame
    test = table[table["split"] == "test"]
    normal = test[test["label"] == 0]["group_setup"].value_counts()
    assert normal.max() - normal.min() <= 1, "16 of three equal set-ups"
    strata = test[test["label"] == 1].groupby(["group_setup", "defect_type"]).size()
    assert strata.tolist() == [2] * 6, "12 of six equal strata"


def test_excluded_and_unreadable_images_are_never_drawn(unsplit):
    table = unsplit(normal=60, defective=24, excluded=9, unreadable=5)
    result = assign_splits(table, SplitSettings(), 1).frame
    assert set(result.loc[result["excluded"], "split"]) == {"excluded"}
    assert set(result.loc[result["mode"] == "unreadable", "split"]) == {"unused"}


def test_fractions_hold_where_no_numbers_are_given(unsplit):
    table = assign_splits(unsplit(normal=61, defective=25), SplitSettings(test_fraction=0.3), 1).frame
    assert (count(table, "test", 0), count(table, "test", 1)) == (18, 8)
    assert (count(table, "calibration", 0), count(table, "train", 0)) == (13, 30)
    assert count(table, "tuning", 1) == 17
    assert count(table, "unused", 0) == 0


def test_every_image_has_the_same_chance_of_being_drawn(unsplit):
    """400 draws: the frequency of each image stays within a simultaneous 99.9 % band around 16 / 60."""
    table = unsplit(normal=60, defective=0)
    hits = np.zeros(60)
    for seed in range(400):
        hits[draw(table, 16, np.random.default_rng(seed)).to_numpy()] += 1
    wanted = 16 / 60
    assert np.abs(hits / 400 - wanted).max() < 4.3 * np.sqrt(wanted * (1 - wanted) / 400)
    assert hits.sum() == 400 * 16


def test_a_shortfall_in_use_is_an_error_with_wanted_and_found(unsplit):
    with pytest.raises(DataError) as caught:
        assign_splits(unsplit(normal=40, defective=10, unreadable=3), COUNTS, 1)
    assert "small, normal: expected 30, found 24" in caught.value.why
    assert "test, defective: expected 12, found 10" in caught.value.why
    assert "small, defective: expected 6, found 0" in caught.value.why
    assert "images/00050.png" in caught.value.why, "unreadable images are named"
    assert "at_most" in caught.value.mend


def test_a_declared_shortfall_takes_what_there_is_and_records_it(unsplit):
    modest = COUNTS.model_copy(
        update={"subsets": {"small": ClassCounts(normal=300, defective=4, at_most=True)}}
    )
    division = assign_splits(unsplit(), modest, 1)
    assert count(division.frame, "train", 0) + count(division.frame, "calibration", 0) == 44
    draw = next(draw for draw in division.draws if (draw.name, draw.label) == ("small", "normal"))
    assert (draw.wanted, draw.found, draw.shortfall, draw.in_use) == (300, 44, 256, True)


def test_a_shortfall_of_a_subset_not_in_use_goes_on_record_only(unsplit):
    table = unsplit(normal=50)
    division = assign_splits(table, COUNTS, 1)
    draw = next(draw for draw in division.draws if (draw.name, draw.label) == ("large", "normal"))
    assert (draw.wanted, draw.found, draw.shortfall, draw.in_use) == (44, 34, 10, False)


def test_no_normal_left_is_an_error_even_where_fewer_are_declared(unsplit):
    greedy = COUNTS.model_copy(
        update={
            "test": ClassCounts(normal=60, defective=1, at_most=True),
            "subsets": {"small": ClassCounts(normal=5, defective=0, at_most=True)},
        }
    )
    with pytest.raises(DataError, match="no image is left for train, calibration"):
        assign_splits(unsplit(), greedy, 1)


# Groups ---------------------------------------------------------------------------------------------------------


def lots(unsplit, **options):
    table = unsplit(**options)
    table.insert(10, "group_lot", [f"lot-{number % 20:02d}" for number in range(len(table))])
    return table.astype({"group_lot": "str"})


def held(table, column):
    """Group -> the set of purposes it serves: test, held out of training, or training."""
    used = table[~table["split"].isin(["unused", "excluded"])]
    purpose = used["split"].replace({"tuning": "held", "calibration": "held"})
    return purpose.groupby(column if isinstance(column, pd.Series) else used[column]).agg(set)


@pytest.mark.parametrize("seed", range(8))
def test_no_lot_serves_two_purposes(unsplit, seed):
    grouped = SplitSettings(group_by="group_lot", test_fraction=0.3)
    table = assign_splits(lots(unsplit, normal=200, defective=40), grouped, seed).frame
    assert held(table, "group_lot").map(len).max() == 1
    assert 0.25 <= count(table, "test", 0) / 200 <= 0.45
    assert count(table, "calibration", 0) >= 0.3 * (200 - count(table, "test", 0))
    assert count(table, "tuning", 1) > 0


def test_stated_numbers_are_exact_with_lots_too(unsplit):
    grouped = COUNTS.model_copy(update={"group_by": "group_lot"})
    table = assign_splits(lots(unsplit, normal=200, defective=80), grouped, 5).frame
    assert (count(table, "test", 0), count(table, "test", 1)) == (16, 12)
    assert count(table, "train", 0) + count(table, "calibration", 0) == 30
    assert count(table, "tuning", 1) == 6
    assert held(table, "group_lot").map(len).max() == 1


def test_too_few_lots_for_the_numbers_is_an_error(unsplit):
    grouped = COUNTS.model_copy(update={"group_by": "group_setup"})
    with pytest.raises(DataError, match="other numbers"):
        assign_splits(unsplit(normal=60, defective=24), grouped, 5)


@pytest.mark.parametrize("seed", range(4))
def test_sessions_of_capture_are_kept_together(unsplit, seed):
    table = unsplit(normal=140, defective=56, gap=7200)
    result = assign_splits(table, SplitSettings(group_by="captured_at"), seed).frame
    used = result[~result["split"].isin(["unused", "excluded"])].sort_values("captured_at")
    for (_, before), (_, after) in pairwise(used.iterrows()):
        if (after["captured_at"] - before["captured_at"]).total_seconds() <= 1800:
            one, other = (
                "held" if x in {"calibration", "tuning"} else x for x in (before["split"], after["split"])
            )
            assert one == other


def test_group_by_must_name_what_the_data_have(unsplit):
    with pytest.raises(DefinitionError) as caught:
        assign_splits(unsplit(), SplitSettings(group_by="group_lot"), 1)
    assert "group_setup" in caught.value.why
    untimed = unsplit()
    untimed.loc[3, "captured_at"] = pd.NaT
    with pytest.raises(DefinitionError) as caught:
        assign_splits(untimed, SplitSettings(group_by="captured_at"), 1)
    assert "1 images have no time" in caught.value.why


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=30), st.integers(1, 5000))
@settings(max_examples=100, deadline=None)
def test_sessions_break_exactly_at_long_pauses(seconds, gap):
    times = pd.Series(pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(seconds, unit="s"))
    number = sessions(times, gap).astype(int).to_numpy()
    order = np.argsort(seconds, kind="stable")
    for before, after in pairwise(order):
        assert number[after] - number[before] == int(seconds[after] - seconds[before] > gap)


# Published lists ------------------------------------------------------------------------------------------------


def published(table, **sets):
    names = {image_id: set() for image_id in table["image_id"]}
    for name, rows in sets.items():
        for row in rows:
            names[table["image_id"][row]].add(name)
    return {image_id: frozenset(members) for image_id, members in names.items()}


LISTS = {"small": [*range(30), *range(60, 66)], "test": [*range(30, 46), *range(66, 78)]}
PUBLISHED = COUNTS.model_copy(update={"source": "published", "subsets": {"small": COUNTS.subsets["small"]}})


def test_published_lists_are_taken_as_they_are(unsplit):
    table = unsplit()
    result = assign_splits(table, PUBLISHED, 1, published(table, **LISTS)).frame
    assert result.index[result["split"] == "test"].tolist() == LISTS["test"]
    assert result.index[result["subset"] == "small"].tolist() == LISTS["small"]
    assert (count(result, "train", 0), count(result, "calibration", 0)) == (21, 9)
    assert count(result, "unused", 0) == 14


def test_published_lists_of_other_size_than_stated_are_refused(unsplit):
    table = unsplit()
    lists = published(table, small=LISTS["small"][1:], test=LISTS["test"])
    with pytest.raises(DataError) as caught:
        assign_splits(table, PUBLISHED, 1, lists)
    assert "small, normal: expected 30, found 29" in caught.value.why


def test_more_than_stated_is_refused_even_with_at_most(unsplit):
    table = unsplit()
    subsets = {"small": ClassCounts(normal=29, defective=6, at_most=True)}
    with pytest.raises(DataError, match="other numbers"):
        assign_splits(table, PUBLISHED.model_copy(update={"subsets": subsets}), 1, published(table, **LISTS))


def test_an_image_in_training_and_test_lists_is_a_leak(unsplit):
    table = unsplit()
    with pytest.raises(DataError, match="in the test list and in the training list") as caught:
        assign_splits(
            table, PUBLISHED, 1, published(table, small=LISTS["small"], test=[0, 60, *LISTS["test"]])
        )
    assert "images/00000.png" in caught.value.why


def test_a_subset_that_is_no_list_is_a_wrong_definition(unsplit):
    table = unsplit()
    with pytest.raises(DefinitionError) as caught:
        assign_splits(table, SplitSettings(source="published", subset="tiny"), 1, published(table, **LISTS))
    assert "small" in caught.value.why


def test_all_published_lists_together(unsplit):
    table = unsplit()
    result = assign_splits(table, SplitSettings(source="published"), 1, published(table, **LISTS)).frame
    assert count(result, "train", 0) + count(result, "calibration", 0) == 30
    assert count(result, "test", 1) == 12


# Arithmetic -----------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 300), min_size=1, max_size=12), st.floats(0.01, 0.99), st.integers(0, 99))
@settings(max_examples=200, deadline=None)
def test_shares_add_up_and_are_off_by_less_than_one(sizes, fraction, seed):
    wanted = share(fraction, sum(sizes))
    shares = allocate(sizes, wanted, np.random.default_rng(seed))
    assert sum(shares) == wanted
    for size, part in zip(sizes, shares, strict=True):
        assert 0 <= part <= size
        assert abs(part - size * wanted / sum(sizes)) < 1


def test_ties_are_broken_at_random():
    """Of four equal strata, one gives the single image; each about a quarter of the time."""
    winners = [int(np.argmax(allocate([5] * 4, 1, np.random.default_rng(seed)))) for seed in range(800)]
    counts = np.bincount(winners, minlength=4)
    assert np.abs(counts - 200).max() < 4 * np.sqrt(800 * 0.25 * 0.75)


def test_drawing_more_than_there_is_takes_everything(unsplit):
    table = unsplit(normal=5, defective=0)
    assert draw(table, 9, np.random.default_rng(0)).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ({"subset": "tiny"}, "tiny"),
        ({"subsets": {"test": {"normal": 1, "defective": 1}}}, "test"),
        ({"group_by": "lot"}, "group_by"),
        ({"group_by": "group_lot", "source": "published"}, "group_by"),
        ({"test_fraction": 1.0}, "test_fraction"),
        ({"test": {"normal": 0, "defective": 1}}, "test.normal"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_impossible_settings_are_named(content, key):
    with pytest.raises(DefinitionError) as caught:
        strict.parse(SplitSettings, content, "inspection.yaml")
    assert key in caught.value.why
