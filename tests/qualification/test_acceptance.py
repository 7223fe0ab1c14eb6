"""Acceptance criteria act on the unfavourable bound, and what cannot be judged is not met."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from tests.qualification.build import ROOT, book, outcome, write

from sealproof.evaluation.planning import strongest_bound
from sealproof.evidence import strict
from sealproof.evidence.errors import DefinitionError
from sealproof.qualification.acceptance import Acceptance, all_met, judge, load_acceptance
from sealproof.qualification.catalogue import load_catalogue
from sealproof.qualification.challenge import CRITERION
from sealproof.qualification.scaffold import write_acceptance_model


def acceptance(**changes):
    content = {
        "demonstration": True,
        "maximum_systems_judged": 1,
        "criteria": [CRITERION | changes],
    }
    return strict.parse(Acceptance, content, "acceptance.yaml")


def judged(records, score="4-ms-ssim", confidence=0.95, **changes):
    return judge(acceptance(**changes), records, score=score, confidence=confidence)[0]


RECALL = {"evaluate__4_ms_ssim__recall": 0.95, "evaluate__4_ms_ssim__recall__high": 0.98}


@pytest.mark.parametrize(("low", "met"), [(0.899999, False), (0.9, True), (0.900001, True)])
def test_the_bound_decides_not_the_point_estimate(low, met):
    result = judged(book(**RECALL, evaluate__4_ms_ssim__recall__low=low))
    assert (result.met, result.value, result.bound_value) == (met, 0.95, low)


@pytest.mark.parametrize(("high", "met"), [(0.05, True), (0.050001, False)])
def test_an_upper_limit_acts_on_the_upper_bound(high, met):
    records = book(evaluate__undecided=0.0, evaluate__undecided__low=0.0, evaluate__undecided__high=high)
    assert judged(records, metric="evaluate.undecided", bound="high", comparison="<=", limit=0.05).met is met


UNDECIDED = {
    "metric": "evaluate.test.undecided",
    "of": "evaluate.test.images",
    "bound": "high",
    "comparison": "<=",
}


@pytest.mark.parametrize(("count", "met"), [(0, True), (9, True), (10, False), (360, False)])
def test_a_share_of_counts_gets_its_exact_bound(count, met):
    records = book(evaluate__test__undecided=count, evaluate__test__images=360)
    result = judged(records, **UNDECIDED, limit=0.05)
    expected = stats.binomtest(count, 360).proportion_ci(0.95, method="exact").high
    assert (result.value, result.n, result.met) == (count / 360, 360, met)
    assert result.bound_value == pytest.approx(expected)


@pytest.mark.parametrize(
    ("count", "images"), [(None, 360), (1, None), (1, 0), (2, 1), (-1, 3), (0.5, 3), (True, 3)]
)
def test_counts_that_are_no_part_and_whole_are_not_evaluable(count, images):
    records = book(evaluate__test__undecided=count, evaluate__test__images=images)
    result = judged(records, **UNDECIDED, limit=0.05)
    assert result.met is None
    assert result.reason


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        (book(), "there is no record evaluate.4-ms-ssim.recall"),
        (book(**RECALL), "there is no record evaluate.4-ms-ssim.recall.low"),
        (
            book(**RECALL, evaluate__4_ms_ssim__recall__low=None),
            "definition of evaluate.4-ms-ssim.recall.low",
        ),
        (book(**RECALL, evaluate__4_ms_ssim__recall__low="0.99"), "is no number"),
        (book(**RECALL, evaluate__4_ms_ssim__recall__low=True), "is no number"),
    ],
)
def test_what_is_not_recorded_is_not_evaluable(records, reason):
    result = judged(records)
    assert result.met is None
    assert reason in result.reason
    assert not all_met([result])


def test_a_metric_of_another_score_than_the_one_in_force_is_not_evaluable():
    records = book(**RECALL, evaluate__4_ms_ssim__recall__low=0.99)
    result = judged(records, score="mahalanobis", metric="evaluate.4-ms-ssim.recall")
    assert result.met is None
    assert "not a metric of the score in force (mahalanobis)" in result.reason


def test_the_placeholder_follows_the_score_in_force():
    records = book(evaluate__mse__recall=0.95, evaluate__mse__recall__low=0.92)
    assert judged(records, score="mse").metric == "evaluate.mse.recall"
    assert judged(records, score="mse").met is True


@pytest.mark.parametrize(("n", "met"), [(58, None), (59, None), (71, None), (72, True)])
def test_a_claim_the_test_set_cannot_carry_is_not_evaluable(n, met):
    """Two-sided 95 %: 0.025 ** (1 / n) reaches 0.95 at n = 72; one-sided 95 % (two-sided 90 %) at 59."""
    records = book(
        evaluate__4_ms_ssim__recall=1.0,
        evaluate__4_ms_ssim__recall__low=0.99,
        evaluate__n=n,
    )
    result = judged(records, limit=0.95, sample="evaluate.n")
    assert result.met is met
    assert result.n == n
    assert met is True or f"{n} units can prove at most" in result.reason


@pytest.mark.parametrize("n", [0, None, 2.5, "many"])
def test_an_unusable_number_of_units_is_not_evaluable(n):
    records = book(**RECALL, evaluate__4_ms_ssim__recall__low=0.99, evaluate__n=n)
    assert judged(records, sample="evaluate.n").met is None


@pytest.mark.parametrize(("n", "low"), [(29, 0.9), (59, 0.95), (299, 0.99), (180, 0.9835)])
def test_strongest_bound_gives_the_printed_numbers_at_one_sided_95_percent(n, low):
    assert strongest_bound(n, "low", 0.90) >= low - 1e-4
    assert strongest_bound(n - 1, "low", 0.90) < low


@given(n=st.integers(1, 5000), confidence=st.floats(0.5, 0.999))
def test_strongest_bound_is_clopper_pearson_without_errors(n, confidence):
    reference = stats.binomtest(n, n).proportion_ci(confidence, method="exact").low
    assert strongest_bound(n, "low", confidence) == pytest.approx(reference, rel=1e-9)
    assert strongest_bound(n, "high", confidence) == pytest.approx(1 - reference, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("bound", "comparison"), [("high", ">="), ("low", "<=")])
def test_the_favourable_bound_cannot_be_chosen(bound, comparison):
    with pytest.raises(DefinitionError, match="unfavourable side"):
        acceptance(bound=bound, comparison=comparison)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "missing"),
        ("demonstration: true\nmaximum_systems_judged: 1\ncriteria: []\n", "at least 1"),
        ("demonstration: true\nmaximum_systems_judged: 0\ncriteria: []\n", "greater than 0"),
        ("demonstration: true\nlimit: 3\n", "unknown key"),
        ("demonstration: [\n", "not valid YAML"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, content, message):
    path = write(tmp_path / "acceptance.yaml", content)
    with pytest.raises(DefinitionError) as caught:
        load_acceptance(path)
    assert message in str(caught.value)


def test_a_criterion_given_twice_is_refused():
    content = {"demonstration": False, "maximum_systems_judged": 1, "criteria": [CRITERION, CRITERION]}
    with pytest.raises(DefinitionError, match="wrong") as caught:
        strict.parse(Acceptance, content, "acceptance.yaml")
    assert "AC-01" in str(caught.value)


@given(st.lists(st.sampled_from([True, False, None]), max_size=5))
def test_all_met_only_when_there_is_one_and_each_is_met(values):
    outcomes = [outcome("AC-01", met=value) for value in values]
    assert all_met(outcomes) == (values != [] and set(values) == {True})


@pytest.mark.parametrize(
    "product", sorted(path.parent.name for path in ROOT.glob("products/*/inspection.yaml"))
)
def test_each_product_of_this_project_has_criteria_that_stand(product):
    found = load_acceptance(ROOT / "products" / product / "acceptance.yaml")
    catalogue = load_catalogue(ROOT)
    assert found.demonstration is True, "nobody has decided on these limits for a real product"
    for criterion in found.criteria:
        assert criterion.requirement in catalogue.requirements
        assert criterion.risk in catalogue.risks


def test_the_model_for_users_stands_and_is_never_overwritten(tmp_path):
    path = write_acceptance_model(tmp_path)
    found = load_acceptance(path)
    assert found.demonstration is True
    assert [item.id for item in found.criteria] == ["AC-01", "AC-02", "AC-03", "AC-04"]
    with pytest.raises(DefinitionError, match="already"):
        write_acceptance_model(tmp_path)
