from pathlib import Path

import pytest

from sealproof.evidence import strict
from sealproof.evidence.errors import DefinitionError
from sealproof.roi.settings import FixedOptions, GridOptions, RoiSettings, SobelTransitionOptions


def refused(**content: object) -> str:
    with pytest.raises(DefinitionError) as caught:
        strict.parse(RoiSettings, content, "inspection.yaml")
    return str(caught.value)


@pytest.mark.parametrize("method", ["full_frame", "grid", "sobel_transition"])
def test_an_unknown_option_is_named_with_the_method_that_does_not_know_it(method):
    assert f"options.colour: unknown for {method}" in refused(method=method, options={"colour": 1})


def test_all_wrong_options_are_named_at_once():
    message = refused(method="sobel_transition", options={"scale": -1, "count": 0, "feature": "wavy"})
    assert all(f"options.{key}" in message for key in ("scale", "count", "feature"))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"between": True}, "count of at least 2"),
        ({"outer": True}, "`outer` and `inset` need `between: true`"),
        ({"inset": 3}, "`outer` and `inset` need `between: true`"),
        ({"level": True}, "`level` needs a `tilt_limit`"),
        ({"search": [0.6, 0.4]}, "first value must be smaller"),
        ({"search": [0.6, 1.4]}, "less than or equal to 1"),
        ({"spacing": [90, 90]}, "first value must be smaller"),
        ({"scale": float("nan")}, "finite number"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(options, reason):
    assert reason in refused(method="sobel_transition", options=options)


def test_fixed_regions_need_names_and_areas():
    corner = {"name": "corner", "x0": 0, "y0": 0, "x1": 4, "y1": 4}
    assert "a name of its own" in refused(method="fixed", options={"regions": [corner, corner]})
    assert "x0 must be smaller" in refused(method="fixed", options={"regions": [corner | {"x1": 0}]})
    assert "options.regions" in refused(method="fixed", options={"regions": []})
    assert "options.regions: Field required" in refused(method="fixed")


def test_options_arrive_as_the_mask_function_takes_them():
    fixed = RoiSettings(
        method="fixed", options={"regions": [{"name": "a", "x0": 0, "y0": 1, "x1": 2, "y1": 3}]}
    )
    assert isinstance(fixed.parsed_options(), FixedOptions)
    assert RoiSettings(method="grid", options={"rows": 3}).parsed_options() == GridOptions(rows=3)


@pytest.mark.parametrize(
    "product", sorted((Path(__file__).parents[2] / "products").glob("*/inspection.yaml"))
)
def test_every_product_has_valid_regions_and_a_limit_where_something_must_be_found(product):
    settings = strict.parse(RoiSettings, strict.read_yaml(product)["roi"], str(product))
    if isinstance(settings.parsed_options(), SobelTransitionOptions):
        assert settings.minimum_confidence > 0
