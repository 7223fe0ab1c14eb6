import io
import json
import multiprocessing
import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path

import pypdfium2
import pytest
from pypdf import PdfReader

from sealproof.dossier import documents
from sealproof.dossier.answers import FRAMES
from sealproof.dossier.documents import Contents, Filled, draft_release, fill_document
from sealproof.dossier.facts import fact_records
from sealproof.dossier.inputs import load_inputs
from sealproof.dossier.quotations import all_facts
from sealproof.dossier.render import lay_out
from sealproof.evidence.errors import DefinitionError, EvidenceMissingError, OutputError
from sealproof.evidence.hashing import sha256_bytes, sha256_file
from sealproof.qualification.gate import Severity, evaluate_gate
from sealproof.qualification.release import read_release, required_files
from sealproof.settings import load_settings

NAMES = ("iq.pdf", "oq.pdf", "pq.pdf", "dossier.pdf")
MARK = "simulated images - not evidence about a real product"
#: Words that would claim something by themselves, and the contexts in which they are about something else.
CLAIMS = re.compile(r"(?i)\b(compliant|complies|conforms?|conformity|validated|certified)\b")
ALLOWED = (
    "validated equipment",  # what the draft of Annex 22, 5.3 names as an example
    "declaration of conformity",  # the name of a document that is asked for
    "conformity assessment",  # the name of a procedure
    "keep it compliant throughout",  # what Annex IV 2(f) asks for
    "'part 11 compliant' alone",  # the rule that no such thing is printed
)


#: Sizes of the small numbers in CSS pixels, as PDFium reports them: 4.6 and 5.5 points.
SMALL = (4.6 / 0.75, 5.5 / 0.75)


@pytest.fixture(scope="module")
def pages(rendered):
    return {
        name: [
            " ".join(page.get_textpage().get_text_range().split())
            for page in pypdfium2.PdfDocument(rendered[name])
        ]
        for name in NAMES
    }


@pytest.fixture(scope="module")
def plain(rendered):
    """The text of each page without the small numbers that lead to the index."""
    return {name: [_without_small(page) for page in pypdfium2.PdfDocument(rendered[name])] for name in NAMES}


def _without_small(page):
    text = page.get_textpage()
    letters = (
        text.get_text_range(place, 1)
        for place in range(text.count_chars())
        if not any(abs(pypdfium2.raw.FPDFText_GetFontSize(text.raw, place) - size) < 0.02 for size in SMALL)
    )
    return " ".join("".join(letters).split())


@pytest.mark.parametrize("name", NAMES)
def test_every_page_says_what_it_is(pages, name):
    kind = name.removesuffix(".pdf").upper()
    for number, text in enumerate(pages[name], start=1):
        assert f"page {number} of {len(pages[name])}" in text
        assert f"DEMO-SEAL-SIM-{kind} · revision 1" in text
        assert "executed · unsigned unless signed on page 1" in text
        assert "demonstration product" in text
        assert MARK in text


@pytest.mark.parametrize("name", NAMES)
def test_no_page_is_empty_or_nearly_so(pages, name):
    for number, text in enumerate(pages[name][:-1], start=1):
        assert len(text) > 700 or "Figure" in text, f"{name}, page {number}: {text}"


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_claimed(pages, name):
    whole = " ".join(pages[name])
    for allowed in ALLOWED:
        whole = re.sub(re.escape(allowed), "", whole, flags=re.IGNORECASE)
    assert CLAIMS.findall(whole) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_first_page_can_be_signed(rendered, pages, rendered_project, name):
    front = pages[name][0]
    for words in ("Author", "Reviewer", "Approver", "To be signed"):
        assert words in front
    assert front.count("While this field is empty: not signed.") == 3
    path = rendered_project / "artifacts" / "seal-sim" / "dossier" / "signature_boxes.json"
    boxes = json.loads(path.read_text())[name]
    assert set(boxes) == {"author", "reviewer", "approver"}
    sheet = pypdfium2.PdfDocument(rendered[name])[0].get_textpage()
    for box in boxes.values():
        corners = [box[key] for key in ("x0", "y0", "x1", "y1")]
        assert box["page"] == 0
        assert sheet.get_text_bounded(*corners).strip() == ""  # nothing lies where a signature is shown
        wide, high = corners[2] - corners[0], corners[3] - corners[1]
        assert wide >= 55 / 25.4 * 72
        assert high >= 20 / 25.4 * 72
    lefts = [boxes[role]["x0"] for role in ("author", "reviewer", "approver")]
    assert lefts == sorted(lefts)


def test_verdict_reasons_criteria_and_open_points_stand_on_the_first_page(plain):
    front = plain["dossier.pdf"][0]
    assert "✗ rejected" in front
    assert "deviation open: DEV-OQ-005" in front
    assert "cases not run: IQ 5 of 24" in front
    assert "not signed when this was written: author, reviewer, approver" in front
    for number in ("AC-01", "AC-02", "AC-03", "AC-04"):
        assert number in front
    for words in (
        "25 of 26",
        "14 of 14",
        "1 open, 0 accepted, 0 rejected",
        "clauses of Annex IV open",
        "To be signed",
    ):
        assert words in front
    assert "nobody has approved" in front
    assert "No earlier release" in front
    assert "no commercial use" in front


def test_a_protocol_says_what_was_approved_before_and_executed_after(plain):
    front = plain["oq.pdf"][0]
    assert "✗ failed" in front
    assert re.search(r"Before: approved ○ nobody has approved", front)
    assert re.search(r"After: executed 2026-01-02 03:04:05 UTC", front)
    assert "DEV-OQ-005" in front
    whole = " ".join(plain["oq.pdf"])
    assert whole.count("○ not approved") == 6


def test_every_clause_of_annex_iv_is_there_and_what_is_missing_says_so(pages, rendered_project):
    whole = " ".join(pages["dossier.pdf"])
    inputs = load_inputs(load_settings(rendered_project))
    for report in inputs.annex_iv:
        assert f"{report.clause.number} · {report.clause.title}" in whole
    missing = set(re.findall(r"not provided \(Annex IV ([^)]*\)?[^)]*)\)", whole))
    assert len(missing) == 25
    assert "clauses are open: they wait for text" in whole


def test_drafts_are_called_drafts_and_every_frame_says_what_people_owe(pages, rendered_project):
    whole = " ".join(pages["dossier.pdf"])
    together = whole.replace(" ", "")
    assert whole.count("DRAFT") >= 37
    inputs = load_inputs(load_settings(rendered_project))
    for name in FRAMES:
        for clause in inputs.instruments[name].clauses:
            number = clause.id.removeprefix("annex-22/") if name == "annex-22" else clause.number
            assert number.replace(" ", "") in together, clause.id
    assert whole.count("manufacturer: not provided.") == 15 + 27 + 37
    assert "procedural controls needed" in whole


def test_law_texts_stand_in_no_template(rendered_project):
    templates = "\n".join(path.read_text() for path in (rendered_project / "templates").rglob("*.html"))
    for citation in ("2024/1689", "2026/1744", "OJ L", "Regulation (EU)", "2017/745"):
        assert citation not in templates


def test_contents_name_the_pages_on_which_the_headings_stand(rendered, pages):
    reader = PdfReader(io.BytesIO(rendered["dossier.pdf"]))
    contents = pages["dossier.pdf"][1]
    found = list(_bookmarks(reader, reader.outline))
    checked = 0
    for title, page in found:
        match = re.match(r"(\d+(?:\.\d+)?) ?(.*)", title)
        if match and f"{match[1]} {match[2]} " in contents:
            listed = re.search(re.escape(f"{match[1]} {match[2]} ") + r"[. ]*(\d+)", contents)
            assert listed, title
            assert int(listed[1]) == page, title
            checked += 1
    assert checked >= 25


def _bookmarks(reader, outline):
    for item in outline:
        if isinstance(item, list):
            yield from _bookmarks(reader, item)
        else:
            yield str(item.title), reader.get_destination_page_number(item) + 1


@pytest.mark.parametrize("name", NAMES)
def test_a_document_is_tagged_dated_by_its_execution_and_uses_our_fonts_alone(rendered, build, name):
    reader = PdfReader(io.BytesIO(rendered[name]))
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert reader.metadata.creation_date.isoformat() == build.AT
    fonts = {
        str(font.get_object()["/BaseFont"]).split("+")[-1]: "/FontFile3" in _descriptor(font.get_object())
        for page in reader.pages
        for font in page["/Resources"]["/Font"].values()
    }
    # Words in figures ask for DejaVu Sans and get Inter, an OpenType font with CFF outlines; DejaVu has none.
    assert set(fonts) <= {
        "Inter-Document",
        "Inter-Document-Italic",
        "Inter-Document-Medium",
        "Inter-Document-Semi-Bold",
        "Fira-Code-Document",
        "DejaVu-Sans",
        "DejaVu-Sans-Bold",
    }
    assert all(outlines or name == "Fira-Code-Document" for name, outlines in fonts.items()), fonts


def _descriptor(font):
    return font["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()


def test_every_case_is_printed_with_its_observation(pages, rendered_project):
    inputs = load_inputs(load_settings(rendered_project))
    for stage, protocol in inputs.protocols.items():
        whole = " ".join(pages[f"{stage}.pdf"])
        for case in protocol.cases:
            assert f"{case.id} · {case.title}" in whole
        assert "2 of 12 differ" in whole or stage != "oq"
    assert "DEV-OQ-005" in " ".join(pages["oq.pdf"])


def test_real_images_carry_no_mark_of_simulation(tmp_path, build):
    root = build.build_project(tmp_path / "project", simulated=False)
    text = _fill(root, "iq")
    assert MARK not in text
    assert "no commercial use" in text


def test_no_valid_threshold_is_said_and_nothing_breaks(tmp_path, build):
    root = build.build_project(tmp_path / "project", method="evt_pot")
    text = _fill(root, "dossier")
    assert "threshold none: nothing is accepted" in text
    assert "not evaluable" in text
    assert "✗ rejected" in text  # a case failed; without one it would be incomplete, never a pass


@pytest.mark.parametrize(
    "record", ["evaluate.test.defective", "threshold.calibration.training_normals", "roi.method"]
)
def test_a_figure_without_a_record_is_never_printed(project, record):
    path = project / "artifacts" / "seal-sim" / record.split(".")[0] / "records.json"
    path.write_text(json.dumps([row for row in json.loads(path.read_text()) if row["id"] != record]))
    with pytest.raises(EvidenceMissingError, match=re.escape(record)):
        _fill(project, "dossier")


def test_a_figure_that_was_not_drawn_stops_the_dossier(project):
    (project / "reports" / "seal-sim" / "evaluation" / "roc.svg").unlink()
    with pytest.raises(EvidenceMissingError, match="figure"):
        _fill(project, "dossier")


def _fill(root, kind, changes=None):
    """The words of a document before its layout, without the small numbers."""
    inputs = load_inputs(load_settings(root))
    release = draft_release(inputs)
    records = fact_records(all_facts(inputs, release), inputs.workspace, b"{}")
    html = fill_document(kind, Contents(inputs, release, records, {}, changes), root / "templates").html
    html = re.sub(r'\u202f?<a class="ix"[^>]*>\d+</a>', "", html)
    return " ".join(unescape(re.sub(r"<[^>]*>", "", html)).split())


RENDER = """
import sys
from pathlib import Path
from sealproof.dossier.attachments import attachments
from sealproof.dossier.documents import Contents, draft_release, render_document
from sealproof.dossier.facts import fact_records
from sealproof.dossier.inputs import load_inputs
from sealproof.dossier.quotations import all_facts
from sealproof.dossier.render import lay_out
from sealproof.evidence.hashing import sha256_bytes
from sealproof.settings import load_settings
root = Path(sys.argv[1])
trail = root / "artifacts/seal-sim/trail.jsonl"
lines = trail.read_bytes().splitlines(keepends=True)
trail.write_bytes(b"".join(line for line in lines if b'"event":"release.made"' not in line))
inputs = load_inputs(load_settings(root))
release = draft_release(inputs)
context = (root / "artifacts/seal-sim/dossier/context.json").read_bytes()
records = fact_records(all_facts(inputs, release), inputs.workspace, context)
contents = Contents(inputs, release, records, attachments(inputs, release, records))
for kind in ("dossier", "iq"):
    print(sha256_bytes(render_document(kind, contents, root / "templates").content))
"""


def test_another_process_renders_the_same_bytes(rendered, rendered_project, tmp_path):
    copy = tmp_path / "project"
    shutil.copytree(rendered_project, copy, symlinks=True)
    command = [sys.executable, "-c", RENDER, str(copy)]
    environment = {"PYTHONHASHSEED": "7", "PATH": "/usr/bin:/bin", "TZ": "Asia/Tokyo", "LANG": "C"}
    made = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    # In the stage a second process laid out iq.pdf beside the dossier; here one process lays out both.
    wanted = [sha256_bytes(rendered[name]) for name in ("dossier.pdf", "iq.pdf")]
    assert made.stdout.split() == wanted, made.stderr


def test_the_release_names_everything_it_rests_on(rendered, rendered_project):
    workspace = load_settings(rendered_project).workspace
    release = read_release(workspace.reports / "release.json")
    assert release.decision == "rejected"
    assert set(required_files(workspace)) <= set(release.evidence)
    for name, digest in (release.evidence | release.documents).items():
        assert not name.startswith("/")
        assert sha256_file(rendered_project / name) == digest
    assert set(release.documents) == {f"reports/seal-sim/{name}" for name in NAMES}
    assert str(rendered_project) not in rendered["release.json"].decode()


def test_the_gate_finds_the_release_sound_and_its_criteria_not_met(rendered, rendered_project):
    result = evaluate_gate(load_settings(rendered_project).workspace)
    assert result.exit_code == Severity.NOT_MET
    assert {problem.severity for problem in result.problems} == {Severity.NOT_MET}


def test_what_was_printed_is_on_record(rendered, rendered_project):
    printed = json.loads((rendered_project / "artifacts/seal-sim/dossier/printed.json").read_text())
    assert set(printed) == set(NAMES)
    stages = (
        "ingest",
        "check",
        "roi",
        "train",
        "score",
        "cross_fit",
        "threshold",
        "challenge",
        "evaluate",
        "qualify",
        "dossier",
    )
    known = {
        row["id"]
        for stage in stages
        for row in json.loads((rendered_project / "artifacts/seal-sim" / stage / "records.json").read_text())
    }
    assert set(printed["dossier.pdf"]) <= known
    assert len(printed["dossier.pdf"]) > 300


def _filled(name, body):
    html = f'<!DOCTYPE html><html lang="en"><head><title>t</title></head><body>{body}</body></html>'
    return Filled(name, html, {}, (), "x", None)


@pytest.mark.parametrize("broken", ["iq", "dossier"])
def test_an_error_in_either_process_reaches_the_user(monkeypatch, broken):
    wrong = '<a href="#nowhere">x</a>'
    made = {kind: _filled(f"{kind}.pdf", wrong if kind == broken else "<p>x</p>") for kind in documents.KINDS}
    monkeypatch.setattr(documents, "fill_document", lambda kind, *_: made[kind])
    with pytest.raises(DefinitionError, match="laid out as it is meant"):
        documents.render_all(None, Path("templates"))
    assert multiprocessing.active_children() == []


def test_a_second_process_that_dies_is_told(monkeypatch):
    receiver, sender = multiprocessing.get_context("spawn").Pipe(duplex=False)
    sender.close()
    with pytest.raises(OutputError, match="not laid out"):
        documents._received(receiver)


def test_the_first_page_has_room_for_many_criteria_reasons_deviations_and_changes(rendered_project):
    inputs = load_inputs(load_settings(rendered_project))
    release = draft_release(inputs)
    crowded = release.model_copy(
        update={
            "criteria": release.criteria * 3,
            "reasons": tuple(
                f"a reason of many words that takes more than one line, number {n}: {'word ' * 16}"
                for n in range(12)
            ),
        }
    )
    records = fact_records(all_facts(inputs, crowded), inputs.workspace, b"{}")
    changes = [
        (f"thresholds.4-ms-ssim.method-{n}: 0.123456 to 0.234567", "needs re-qualification") for n in range(9)
    ]
    html = fill_document(
        "dossier", Contents(inputs, crowded, records, {}, changes), rendered_project / "templates"
    ).html
    front = re.sub(r'href="#[^"]*"|class="page"', "", html[: html.index('<section class="chapter">')])
    done = lay_out(f"{front}</body></html>", rendered_project / "templates", {}, identifier="x")
    assert set(done.boxes) == {"author", "reviewer", "approver"}
    assert {box.page for box in done.boxes.values()} == {0}
