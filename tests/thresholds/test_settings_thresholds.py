"""Impossible settings of the threshold are refused by name."""

import pytest

from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.strict import parse
from sealproof.thresholds.settings import METHOD_NAMES, ThresholdSettings


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ({"method": "largest"}, "method"),
        ({"sigmas": 0}, "sigmas"),
        ({"percentile": 100}, "percentile"),
        ({"evt": {"tail_fraction": 0.01, "false_reject_rate": 0.05}}, "evt"),
        ({"conformal": {"false_reject_rate": 0}}, "conformal.false_reject_rate"),
        ({"calibration": "training"}, "calibration"),
        ({"normality_minimum": 2}, "normality_minimum"),
        ({"tolerance": {"content": 1}}, "tolerance.content"),
        ({"cost": {"prevalence": 0}}, "cost.prevalence"),
        ({"cost": {"false_negative": 0}}, "cost.false_negative"),
        ({"recall_bound": {"recall": 1}}, "recall_bound.recall"),
        ({"three_way": {"false_reject_rates": []}}, "three_way.false_reject_rates"),
        ({"three_way": {"missed_defect_rates": [0.1, 0.6]}}, "three_way.missed_defect_rates"),
        ({"minimum_normals": 2}, "minimum_normals"),
        ({"confidence": 0.2}, "confidence"),
        ({"alpha": 0.1}, "alpha: unknown key"),
    ],
)
def test_impossible_settings(content, key):
    with pytest.raises(DefinitionError) as error:
        parse(ThresholdSettings, content, "params.yaml")
    assert key in str(error.value)


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_every_method_can_be_in_force(method):
    assert parse(ThresholdSettings, {"method": method}, "params.yaml").method == method
