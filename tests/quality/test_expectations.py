import html
import re
import socket
from dataclasses import replace

import pytest
from tests.quality.conftest import limited

from sealproof.quality.data_docs import clean_page, index_page
from sealproof.quality.expectations import check_frame, image_frame, outcome, validate
from sealproof.quality.findings import CHECKS, Finding, not_evaluated
from sealproof.quality.report import content
from sealproof.quality.run import run_checks

#: Whatever a browser would load or run, and whatever differs between two runs.
LOADS = re.compile(
    r"""(?:src|href|action)\s*=\s*["']?\s*(?:https?:)?//|url\(|@import|<script|<link|<iframe|<object""", re.I
)
RANDOM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d{2}-\d{2}|\d{8}T\d{6}")


def finding(code, severity="warning", where=("image-7",)):
    return Finding(code, severity, f"what of {code}", tuple(where), "all well", "not well", "mend it")


@pytest.fixture(scope="module")
def warned(sound):
    """The sound data set under a brightness limit that some images break; (data, findings, success, pages)."""
    value = sound[0].frame["brightness"]
    data = limited(
        sound[0], brightness={"low": 0.0, "high": float(value.quantile(0.95))}, neighbour_seconds=0
    )
    findings = [
        *run_checks(data),
        not_evaluated("drift_between_splits", "cannot be compared", "too few", "more"),
    ]
    return data, findings, *validate(data, findings)


@pytest.fixture(scope="module")
def offline(sound):
    """The sound data set, validated while every way to a network is closed; (attempts, success, pages)."""
    attempts = []

    def refuse(*arguments, **_):
        attempts.append(arguments)
        raise OSError("the network is closed in this test")

    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, refuse)
        for name in ("getaddrinfo", "gethostbyname", "create_connection"):
            patch.setattr(socket, name, refuse)
        with pytest.raises(OSError, match="closed"):
            socket.create_connection(("192.0.2.1", 80))
        assert attempts.pop(), "the guard notes nothing, so this test would prove nothing"
        success, pages = validate(sound[0], [])
    return attempts, success, pages


def test_no_connection_is_opened_and_no_name_is_looked_up(offline):
    assert offline[0] == []


def test_a_sound_data_set_meets_every_expectation(offline):
    _, success, pages = offline
    assert success == {"images": True, "checks": True}
    assert sorted(pages) == [
        "checks-expectations.html",
        "checks.html",
        "images-expectations.html",
        "images.html",
    ]
    assert "fa-times" not in pages["checks.html"].split("<body")[1]
    assert f'<div class="show-scrollbars">{len(CHECKS)}</div>' in pages["checks.html"]


def test_the_same_data_give_the_same_bytes_and_other_data_do_not(warned, offline):
    data, findings, _, pages = warned
    assert validate(data, findings)[1] == pages
    assert offline[2]["images.html"] != pages["images.html"]
    assert offline[2]["checks.html"] != pages["checks.html"]


def test_pages_load_nothing_run_nothing_and_carry_no_time_or_random_id(warned):
    data, findings, success, pages = warned
    index = index_page(content(data, findings), findings, "toy", success)
    for name, page in (pages | {"index.html": index}).items():
        assert not LOADS.search(page), name
        assert not RANDOM.search(page), name
        assert not TIME.search(page), name
        for target in re.findall(r'href="([^"#]+)"', page):
            assert target in {*pages, "index.html"}, f"{name} leads to {target}, which is not there"
        for target in re.findall(r'href="#([^"]+)"', page):
            assert re.search(rf'id="?{re.escape(target)}["\s]', page), (
                f"{name} leads to #{target}, which is not there"
            )


def test_every_check_stands_in_the_report_with_its_result(warned):
    _, findings, success, pages = warned
    assert success == {"images": False, "checks": False}
    for code, check in CHECKS.items():
        assert code in pages["checks.html"]
        assert check.question.replace("'", "&#39;") in pages["checks.html"].replace(
            "&#x27;", "&#39;"
        ).replace("'", "&#39;")
    failed = pages["checks.html"].count("fa-times text-danger")
    assert failed == 1 + len({f.code for f in findings}), "one a check, and the status of the suite"


def test_failing_images_are_named(warned):
    _, findings, _, pages = warned
    (bright,) = [f for f in findings if f.code == "brightness_range"]
    for entry in bright.where:
        assert entry.split()[0] in pages["images.html"]
    assert len(bright.where) == 4


def test_a_check_that_was_not_carried_out_is_not_met(sound):
    assert outcome([], "class_count") == 0
    assert outcome([finding("class_count"), finding("class_count")], "class_count") == 2
    missing = not_evaluated("class_count", "a", "b", "c")
    assert outcome([missing], "class_count") is None
    assert outcome([missing, finding("class_count")], "class_count") == 1
    frame = check_frame([missing])
    assert list(frame) == list(CHECKS)
    assert frame.isna().sum().sum() == 1
    assert validate(sound[0], [missing])[0] == {"images": True, "checks": False}


def test_the_frame_leaves_out_excluded_images_but_not_unreadable_ones(folder):
    folder.fill()
    folder.add("left.png", "unused", 0, excluded_reason="doubtful")
    folder.add("broken.png", "unused", 0, image=b"", excluded_reason="doubtful")
    data = folder.examine()
    assert set(data.frame["image_id"]) - set(image_frame(data)["image_id"]) == {"left"}
    success, pages = validate(data, run_checks(data))
    assert not success["images"]
    assert "broken" in pages["images.html"]


def test_names_of_images_are_shown_as_they_are_and_never_run(sound):
    """An id that looks random stays; one that looks like markup is escaped."""
    names = [
        "0b6e1f6e-7d5a-4b5e-9d0e-5c1f0c8c2c11",
        "<img src=//evil/x onerror=alert(1)>",
        "$a costs ${b} $$",
    ]
    frame = sound[0].frame.assign(image_id=[*names, *sound[0].frame["image_id"][3:]], brightness=0.99)
    data = replace(sound[0], measured=replace(sound[0].measured, frame=frame))
    findings = [finding("blank_image", "error", names)]
    _, pages = validate(data, findings)
    index = index_page(content(data, findings), findings, "toy", {"images": True, "checks": False})
    for page in (pages["checks.html"], pages["images.html"], index):
        shown = html.unescape(page)
        assert all(name in shown for name in names)
        assert "<img" not in page


def test_cleaning_numbers_random_ids_and_keeps_links_together():
    page = (
        '<head></head><a href="#x-collapse-body-b0dd76aa-de0d-48b9-955a-e38efa1ea6cf">more</a>'
        "<div id=x-collapse-body-b0dd76aa-de0d-48b9-955a-e38efa1ea6cf>b0dd76aa-de0d-48b9-955a-e38efa1ea6cf</div>"
    )
    cleaned = clean_page(page)
    assert 'href="#x-collapse-body-1"' in cleaned
    assert "<div id=x-collapse-body-1>" in cleaned
    assert ">b0dd76aa-de0d-48b9-955a-e38efa1ea6cf<" in cleaned, "only element ids are replaced"
