import json

import pytest

from sealproof.evidence.errors import DataError
from sealproof.quality.findings import CHECKS, Finding, arrange, as_json, count, enforce, not_evaluated
from sealproof.quality.run import RUN


def finding(code="blank_image", severity="error", where=("a",), **other):
    return Finding(
        code, severity, "what it is", tuple(where), "all well", "not well", f"mend {code}", **other
    )


def test_every_documented_code_is_run_and_explained():
    assert list(RUN) == list(CHECKS)
    for code, check in CHECKS.items():
        assert check.question.endswith("?"), code
        assert check.reason.endswith("."), code


@pytest.mark.parametrize(("code", "severity"), [("nonsense", "error"), ("blank_image", "fatal")])
def test_an_undocumented_code_or_severity_is_refused(code, severity):
    with pytest.raises(ValueError, match="undocumented"):
        finding(code, severity)


def test_errors_come_first_and_codes_keep_their_order():
    shuffled = [
        finding("drift_between_splits", "warning"),
        finding("class_count", "warning"),
        finding("missing_class", "info"),
        finding("unreadable_image"),
        finding("class_count"),
    ]
    order = [(f.severity, f.code) for f in arrange(shuffled)]
    assert order == [
        ("error", "unreadable_image"),
        ("error", "class_count"),
        ("warning", "class_count"),
        ("warning", "drift_between_splits"),
        ("info", "missing_class"),
    ]
    assert count(shuffled) == {"error": 2, "warning": 2, "info": 1}


def test_warnings_and_notes_do_not_stop():
    enforce(
        [finding(severity="warning"), finding(severity="info"), not_evaluated("class_count", "a", "b", "c")]
    )


def test_all_errors_are_in_one_message_with_files_and_remedies():
    errors = [
        finding(where=["one.png", "two.png"]),
        finding("class_count", where=["test, normal"]),
        finding("saturated_image", "warning", where=["three.png"]),
    ]
    with pytest.raises(DataError) as caught:
        enforce(errors)
    text = str(caught.value)
    assert caught.value.exit_code == 5
    assert caught.value.what == "the data set has 2 errors"
    for expected in ("one.png", "two.png", "test, normal", "mend blank_image", "mend class_count"):
        assert expected in text
    assert "three.png" not in text


def test_a_long_list_is_capped_but_counted():
    with pytest.raises(DataError) as caught:
        enforce([finding(where=[f"image-{number:03d}" for number in range(57)])])
    text = str(caught.value)
    assert "image-019" in text
    assert "image-020" not in text
    assert "and 37 more (57 in all)" in text


def test_a_finding_is_plain_json():
    told = json.loads(json.dumps(as_json(finding(where=("a", "b")))))
    assert told["where"] == ["a", "b"]
    assert told["evaluated"] is True
    assert not not_evaluated("class_count", "a", "b", "c").evaluated
