"""Test cases hold exactly the test images, and verdicts follow the one rule."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealproof.evaluation.cases import assemble_cases, score_names, verdicts, worst_case
from sealproof.evidence.errors import EvidenceAlteredError


def test_cases_are_the_test_images_with_label_score_and_group(rows, labels, scores, manifest):
    cases = assemble_cases(labels, scores, manifest)
    expected = rows[rows["split"] == "test"].reset_index(drop=True)
    assert cases["image_id"].tolist() == expected["image_id"].tolist()
    assert cases["label"].tolist() == expected["label"].tolist()
    assert cases["group_setup"].tolist() == expected["group_setup"].tolist()
    np.testing.assert_array_equal(cases["4-ms-ssim"], expected["4-ms-ssim"])
    assert score_names(cases) == ["mse", "4-ms-ssim"]


def test_row_order_of_the_inputs_changes_nothing(labels, scores, manifest):
    shuffled = [table.sample(frac=1, random_state=1) for table in (labels, scores, manifest)]
    pd.testing.assert_frame_equal(assemble_cases(*shuffled), assemble_cases(labels, scores, manifest))


def test_all_images_that_are_missing_or_twice_are_named(labels, scores, manifest):
    short = labels[labels["image_id"] != "set/test-003"]
    twice = pd.concat([scores, scores[scores["image_id"] == "set/test-007"]])
    with pytest.raises(EvidenceAlteredError) as error:
        assemble_cases(short, twice, manifest)
    assert "set/test-003: 0 times in sealed labels" in str(error.value)
    assert "set/test-007: 2 times in scores" in str(error.value)


def test_a_decided_image_without_a_score_is_named(labels, scores, manifest):
    scores.loc[scores["image_id"] == "set/test-005", "mse"] = np.nan
    with pytest.raises(EvidenceAlteredError, match="not finite") as error:
        assemble_cases(labels, scores, manifest)
    assert "set/test-005" in str(error.value)


def test_verdicts():
    scores = [0.5, 1.0, 1.5, math.nan, 2.0]
    decided = [True, True, True, False, False]
    assert verdicts(scores, decided, 1.0).tolist() == ["accept", "reject", "reject", "undecided", "undecided"]
    assert set(verdicts(scores, decided, None)) == {"undecided"}


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_what_is_no_finite_number_is_never_accepted_even_where_it_is_called_decided(odd):
    assert verdicts([odd, 0.5], [True, True], 1.0).tolist() == ["undecided", "accept"]
    assert verdicts([0.5], [True], odd).tolist() == ["undecided"]


@given(st.floats(-1e9, 1e9))
def test_a_score_equal_to_the_threshold_is_rejected(score):
    assert verdicts([score], [True], score).tolist() == ["reject"]
    assert verdicts([np.nextafter(score, -math.inf)], [True], score).tolist() == ["accept"]


def test_undecided_counts_against_the_detector_in_rankings():
    found = worst_case([3.0, math.nan, math.nan], [True, False, False], [1, 1, 0])
    assert found.tolist() == [3.0, -math.inf, math.inf]
