"""The sample-size study of extreme value theory: its figures, its answers, and the records of them."""

import numpy as np
import pytest

from sealproof.evidence.errors import EvidenceAlteredError
from sealproof.evidence.files import write_json
from sealproof.evidence.records import Recorder
from sealproof.thresholds.evt_pot import evt_pot
from sealproof.thresholds.result import Basis
from sealproof.thresholds.settings import ThresholdSettings
from sealproof.thresholds.studies.evidence import record_evt_study, with_own_answer
from sealproof.thresholds.studies.reading import read_evt_study
from sealproof.thresholds.studies.tail_answers import answers, good_for
from sealproof.thresholds.studies.tail_study import TailTask, _estimates, plan, tail_study

SETTINGS = ThresholdSettings()


@pytest.fixture(scope="module")
def study():
    return tail_study(SETTINGS, 1, [TailTask("pareto-02", n, 30, 1) for n in (60, 400)])


def test_estimates_are_those_of_the_method():
    sample = np.sort(np.random.default_rng(1).gamma(2, size=700))
    for rate, found in zip((0.01, 0.001, 0.0001), _estimates(sample, SETTINGS), strict=True):
        evt = SETTINGS.evt.model_copy(update={"false_reject_rate": rate})
        expected = evt_pot(sample, settings=evt, basis=Basis(resamples=9)).details["estimate"]
        assert found == pytest.approx(expected, rel=1e-12)


def test_more_normals_err_less_and_rarer_quantiles_more(study):
    def width(n, rate):
        rows = [row for row in study["rows"] if row["n"] == n and row["rate"] == rate]
        return max(row["error"]["high"] - row["error"]["low"] for row in rows)

    assert width(400, 0.01) < width(60, 0.01)
    assert width(400, 0.01) < width(400, 0.0001)
    assert all(row["share_eligible"] == 0 for row in study["rows"] if row["n"] == 60)
    assert len(study["rows"]) == 6


def made_up(shares):
    """A study with one distribution and given shares within the factor, n -> share, at the rate of 1 %."""
    spread = {"median": 0.0, "low": -0.1, "high": 0.2}
    rows = [
        {
            "distribution": "gamma",
            "n": n,
            "rate": 0.01,
            "error": spread,
            "rate_ratio": {"median": 1.0, "low": 0.5, "high": 1.9},
            "share_close": share / 2,
            "share_within_factor": share,
            "share_eligible": share,
        }
        for n, share in shares.items()
    ]
    return {"rows": rows, "rates": [0.01], "close": 0.1, "factor": 2.0, "distributions": {"gamma": "gamma"}}


def test_the_fewest_normals_are_those_from_which_on_the_precision_is_reached():
    found = answers(made_up({60: 0.95, 115: 0.5, 382: 0.91, 1000: 0.99}))
    assert found["needs"] == [{"rate": 0.01, "threshold_close": None, "rate_within_factor": 382}]
    assert "the 1 % quantile 382 normals for the rate and more than 1000 normals for" in found["sentence"]
    assert "So 382 normals are enough" in found["paper"]["sentence"]


def test_an_answer_never_uses_more_normals_than_there_are():
    found = good_for(made_up({60: 0.2, 200: 0.95}), 199)
    assert found["simulated_n"] == 60
    assert "With 199 normals (as simulated with 60)" in found["sentence"]
    assert "199 normals are too few" in found["sentence"]
    nothing = good_for(made_up({60: 0.95}), 59)
    assert nothing["simulated_n"] is None
    assert "nothing is known" in nothing["sentence"]


def test_records_point_to_what_they_say(study, tmp_path):
    path = tmp_path / "evt_sample_size.json"
    own = with_own_answer(study, 115)
    write_json(path, own)
    recorder = Recorder("threshold")
    record_evt_study(recorder, read_evt_study(path), path)
    records = {record.id: record for record in recorder.finish(lambda p: (p, p.name))}
    assert records["threshold.evt_study.own.n"].value == 115
    assert records["threshold.evt_study.paper.sentence"].value.startswith("With 382 normals")
    for record in records.values():
        found = own
        for key in record.pointer.strip("/").split("/"):
            found = found[int(key)] if isinstance(found, list) else found[key]
        assert found == record.value, record.id


def test_reading_refuses_what_is_no_study(study, tmp_path):
    write_json(tmp_path / "x.json", {key: value for key, value in study.items() if key != "answers"})
    with pytest.raises(EvidenceAlteredError, match="make evt-study"):
        read_evt_study(tmp_path / "x.json")


def test_the_plan_has_the_papers_number_and_all_sizes():
    assert {task.n for task in plan()} == {60, 115, 200, 382, 600, 1000, 2000, 5000, 10000}
