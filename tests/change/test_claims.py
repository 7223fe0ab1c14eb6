import json

from hypothesis import given
from hypothesis import strategies as st

from sealproof.change.claims import CHANGED, Change, Classification, differences, flatten, gathered, same

#: Without -0.0, which is written differently and is the same number.
FLOATS = st.floats(allow_nan=False).map(lambda value: value + 0.0)
SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | FLOATS | st.text(max_size=3)
KEYS = st.text("abc", min_size=1, max_size=2)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@given(VALUES)
def test_nothing_differs_from_itself(value):
    assert same(value, json.loads(json.dumps(value)))
    assert not list(differences({"a": value}, {"a": value}, "p"))


@given(st.dictionaries(KEYS, VALUES, max_size=4), st.dictionaries(KEYS, VALUES, max_size=4))
def test_differences_lead_from_old_to_new(old, new):
    rebuilt = dict(old)
    for change in differences(old, new, "p"):
        key = change.path.removeprefix("p.")
        if change.kind == "removed":
            del rebuilt[key]
        else:
            rebuilt[key] = change.new
    assert same(rebuilt, new)


@given(VALUES, VALUES)
def test_sameness_is_that_of_the_written_json(first, second):
    assert same(first, second) == (json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True))


def test_lists_of_mappings_go_by_their_names_so_that_order_is_no_change():
    one = flatten([{"id": "A", "x": 1}, {"id": "B", "x": 2}])
    assert one == flatten([{"id": "B", "x": 2}, {"id": "A", "x": 1}]) == {"A.x": 1, "B.x": 2}
    assert flatten([{"x": 1}, {"x": 2}]) == {"1.x": 1, "2.x": 2}
    assert flatten([{"id": "A", "x": 1}, {"id": "A", "x": 2}]) == {
        "1.id": "A",
        "1.x": 1,
        "2.id": "A",
        "2.x": 2,
    }


def test_an_empty_mapping_is_a_value_and_can_be_removed():
    assert [c.kind for c in differences(flatten({"a": {}}), flatten({}), "p")] == ["removed"]


def test_gathered_changes_keep_a_common_kind():
    worse = [Change("p.a", "worse", {"value": 2.0}, {"value": 1.0}), Change("p.b", "worse", 2, 1)]
    (found,) = gathered(worse, "p")
    assert (found.kind, found.details) == ("worse", ("a: 2 -> 1", "b: 2 -> 1"))
    (mixed,) = gathered([worse[0], Change("p.c", "better", 1, 2)], "p")
    assert mixed.kind == CHANGED
    assert not list(gathered([], "p"))


def test_a_change_that_nobody_classed_asks_for_requalification():
    assert Change("a", CHANGED, 1, 2).classification is Classification.REQUALIFICATION
