"""What the chapters on thresholds and evaluation say, and the figures that the protocols repeat."""

import re
from dataclasses import replace
from html import unescape

import pytest

from sealproof.dossier.documents import Contents, draft_release, fill_document
from sealproof.dossier.facts import fact_records
from sealproof.dossier.inputs import load_inputs
from sealproof.dossier.quotations import all_facts
from sealproof.evidence.records import RecordBook
from sealproof.settings import load_settings


@pytest.fixture(scope="module")
def inputs(shared_project):
    return load_inputs(load_settings(shared_project))


def filled(inputs, kind):
    release = draft_release(inputs)
    records = fact_records(all_facts(inputs, release), inputs.workspace, b"{}")
    return fill_document(kind, Contents(inputs, release, records, {}), inputs.workspace.root / "templates")


def words(html):
    html = re.sub(r'\u202f?<a class="ix"[^>]*>\d+</a>', "", html)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


@pytest.fixture(scope="module")
def dossier(inputs):
    return filled(inputs, "dossier")


def chapter(html, name, after):
    return html[html.index(f'id="{name}"') : html.index(f'id="{after}"')]


def test_estimates_of_methods_that_may_not_be_used_are_told_apart(dossier, inputs):
    text = chapter(dossier.html, "thresholds", "promise")
    methods = inputs.results["thresholds"]["scores"]["4-ms-ssim"]
    estimates = [result["details"].get("estimate") for result in methods.values() if not result["eligible"]]
    assert any(estimates)
    assert "the estimate of a method that may not be used" in words(text)
    for estimate in filter(None, estimates):
        assert re.search(rf'class="estimate">\(<[^>]*>{estimate:.4g}<', text)
    for result in methods.values():
        assert result["reason"] in words(text)
        assert result["promise"] in words(text)


def test_a_promise_says_whether_it_holds_on_average_or_with_a_confidence(dossier):
    text = words(chapter(dossier.html, "thresholds", "promise"))
    assert "5.0% on average" in text
    assert "5.0% at 95%" in text


def test_the_simulations_are_called_simulations_and_answer_for_the_paper_and_the_product(dossier, inputs):
    text = words(chapter(dossier.html, "extreme-values", "evaluation"))
    assert "This is a simulation" in text
    for name in ("evt_study.paper.sentence", "evt_study.own.sentence", "guarantees.sentence"):
        assert " ".join(str(inputs.book[f"threshold.{name}"].value).split()) in text
    assert "With 382 normals" in text
    assert "With 60 normals" in text


def test_the_evaluation_leads_with_bounds_and_statements_of_confidence(dossier, inputs):
    text = words(chapter(dossier.html, "evaluation", "test-methods"))
    lead = text[: text.index("What the test split can prove at most")]
    assert re.search(r"Recall [\d.]+ \( ?[\d.]+ to [\d.]+ ?\) ?, specificity", lead)
    for metric in ("recall", "specificity"):
        assert str(inputs.book[f"evaluate.reliability.{metric}.statement"].value) in lead
    assert "not provided (product.yaml: field_prevalence)" in text
    assert "not provided (product.yaml: human_inspection)" in text


def test_every_figure_of_the_issue_is_shown(dossier):
    for name in ("calibration_gap", "thresholds", "evt", "evt_stability", "evt_sample_size", "guarantees"):
        assert f"thresholds/{name}.svg" in dossier.figures
    for name in ("robustness", "detection"):
        assert f"evaluation/{name}.svg" in dossier.figures


def test_the_protocols_show_what_their_cases_are_about(inputs):
    oq, pq, iq = (filled(inputs, kind) for kind in ("oq", "pq", "iq"))
    for name in ("evaluation/detection.svg", "thresholds/guarantees.svg", "thresholds/evt_sample_size.svg"):
        assert name in oq.figures
    assert "a90/95" in words(chapter(oq.html, "figures", "conclusion"))
    assert list(pq.figures) == ["evaluation/robustness.svg"]
    assert "promised and observed" in words(chapter(pq.html, "figures", "conclusion"))
    assert not iq.figures
    assert 'id="figures"' not in iq.html


def test_what_was_not_done_is_said_in_a_sentence(inputs):
    book = [
        replace(record, value="no masks: not evaluable")
        if record.id == "evaluate.localisation.reason"
        else record
        for record in inputs.book
    ]
    nothing = {"robustness": {"disturbances": {}}, "detection": {"curves": {"seeded": {}, "own": {}}}}
    results = {**inputs.results, **nothing, "localisation": {"reason": "no masks: not evaluable"}}
    found = filled(replace(inputs, book=RecordBook(book), results=results), "dossier")
    assert "Whether anomaly maps point at the defect: no masks: not evaluable ." in words(found.html)
    assert not {"evaluation/robustness.svg", "evaluation/detection.svg"} & set(found.figures)
    assert "Envelope." in words(found.html)


def test_calibration_by_cross_fitting_has_a_table_of_its_own(inputs, dossier):
    stem = re.compile(r"threshold\.4-ms-ssim\.([a-z_]+)\.training\.(.*)")
    more = [
        replace(record, id=f"threshold.4-ms-ssim.{found[1]}.cross_fit.{found[2]}")
        for record in inputs.book
        if (found := stem.fullmatch(record.id))
    ]
    thresholds = {**inputs.results["thresholds"], "cross_fit_scores": {}}
    crossed = replace(
        inputs,
        book=RecordBook([*inputs.book, *more]),
        results={**inputs.results, "thresholds": thresholds},
    )
    assert "The same by cross-fitting" in words(filled(crossed, "dossier").html)
    assert "The same by cross-fitting" not in words(dossier.html)
