"""Every number in the result sections of the four PDFs lies below a link to a record that it is a printed form of.

The numbers are taken from the pages themselves: letters with place, typeface and size by PDFium, links and headings by
pypdf. What is no result is told by its typeface or by the short list `NO_RESULTS`, which is tested not to swallow any.
"""

import ctypes
import io
import json
import re
from dataclasses import dataclass, field

import pypdfium2
import pypdfium2.raw
import pytest
from pypdf import PdfReader

from sealproof.dossier.dossier_document import SECTIONS as DOSSIER
from sealproof.dossier.outline import Outline
from sealproof.dossier.protocol_document import sections as protocol_sections
from sealproof.dossier.render import render_pdf

DOCUMENTS = ("iq.pdf", "oq.pdf", "pq.pdf", "dossier.pdf")
RESULTS = {
    "protocol": {"front", "environment", "summary", "cases", "figures", "deviations", "conclusion"},
    "dossier": {
        *("front", "data", "splits", "findings", "regions", "model", "learning", "scores", "thresholds"),
        *("promise", "three-way", "extreme-values", "guarantees"),
        *("evaluation", "test-methods", "all-scores", "subgroups", "robustness", "detection"),
        *("localisation", "repeatability", "errors", "qualification", "deviations"),
    },
}
#: Typefaces that say "this is no result": quotations, titles and labels, identifiers, words inside figures.
QUOTED, TITLE, IDENTIFIER, DRAWN = "-Italic", "-Medium", "Fira-Code", "DejaVu-Sans"
NO_RESULTS = {
    r"(AC|IQ|OQ|PQ|URS|RC)-\d{2,3}(-AC-\d{2})?": "ids of criteria, cases, requirements and risks",
    r"DEV-(IQ|OQ|PQ)-\d{3}(-AC-\d{2})?": "ids of deviations",
    r"(annex-(iv|22)|21cfr11|iso-13485)/[a-z0-9./-]+|art-\d+": "ids of clauses",
    r"4-ms-ssim|4-ssim": "names of scores",
    r"F1": "name of a metric",
    r"SHA-256": "name of a hash",
    r"6\(1\)": "number of an article",
    r"\d{4}-\d{2}-\d{2}": "dates of execution",
    r"\d{2}:\d{2}:\d{2}": "times of execution",
    r"0\.1\.0": "version of the tool that executed",
    r"Figure \d+\.": "number of a figure",
    r"Equation \d\);": "number of an equation",
    r"a50|a90|a90/95": "names of sizes by their probability of detection",
    r"MIL-HDBK-1823A": "number of a handbook",
}


@dataclass(slots=True)
class Letter:
    """A letter on a page: its middle, its typeface and its size."""

    text: str
    x: float
    y: float
    font: str
    size: float


@dataclass
class Link:
    """A link: where it lies, and the name of what it leads to."""

    target: str
    box: tuple[float, float, float, float]
    letters: list[Letter] = field(default_factory=list)

    def covers(self, letter):
        x0, y0, x1, y1 = self.box
        return x0 <= letter.x <= x1 and y0 <= letter.y <= y1

    @property
    def text(self):
        return "".join(letter.text for letter in self.letters)


@dataclass
class Found:
    """A word with digits: where, what, the links above its digits, and why it is no result where it is none."""

    page: int
    section: str
    text: str
    targets: set
    reason: str = ""


@dataclass
class Place:
    """Where a word stands."""

    sheet: object
    page: int
    section: str


class Sheet:
    """One page: its letters in reading order, its links, the headings that stand on it from top to bottom."""

    def __init__(self, page, source, headings):
        self.letters = list(letters_of(page))
        self.links = [
            Link(str(found["/Dest"]), upright(*map(float, found["/Rect"])))
            for found in (item.get_object() for item in source.get("/Annots", ()))
            if found["/Subtype"] == "/Link" and "/Dest" in found
        ]
        self.headings = headings
        for letter in self.letters:
            for link in self.links:
                if link.covers(letter):
                    link.letters.append(letter)


def upright(x0, y0, x1, y1):
    """A rectangle by its lower left and upper right corner; a PDF may give any two opposite ones."""
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def letters_of(page):
    """The letters of a page in the order of its text; blanks stay, so that words can be told apart."""
    text = page.get_textpage()
    name = ctypes.create_string_buffer(128)
    for place in range(text.count_chars()):
        letter = chr(pypdfium2.raw.FPDFText_GetUnicode(text.raw, place))
        left, bottom, right, top = text.get_charbox(place, loose=True)
        pypdfium2.raw.FPDFText_GetFontInfo(text.raw, place, name, 128, ctypes.c_int())
        size = pypdfium2.raw.FPDFText_GetFontSize(text.raw, place)
        yield Letter(letter, (left + right) / 2, (bottom + top) / 2, name.value.decode(), size)


def sheets(pdf):
    reader = PdfReader(io.BytesIO(pdf))
    places = {}
    for name, target in reader.named_destinations.items():
        places.setdefault(reader.get_destination_page_number(target), []).append((float(target.top), name))
    document = pypdfium2.PdfDocument(pdf)
    for number, page in enumerate(document):
        yield Sheet(page, reader.pages[number], sorted(places.get(number, []), reverse=True))


def numbers(name, pages):
    """Every word with a digit in the result sections of a document, and what lies above it."""
    kind = "dossier" if name == "dossier.pdf" else "protocol"
    outline = DOSSIER if kind == "dossier" else protocol_sections(name.removesuffix(".pdf"))
    numbered = {item.id: item.number for item in Outline(outline).entries}
    known = {*numbered, "front", "contents"}
    section = "front"
    indexed = printed_order(pages)
    for number, sheet in enumerate(pages, start=1):
        before = ""
        for word in words(sheet.letters):
            here = [top for top, name in sheet.headings if name in known and top >= word[0].y]
            if here:
                section = next(name for top, name in sheet.headings if top == min(here) and name in known)
            if section in RESULTS[kind] and in_body(word[0], sheet) and any(is_digit(item) for item in word):
                yield judge(word, before, Place(sheet, number, section), indexed, numbered)
            before = "".join(letter.text for letter in word)


def printed_order(pages):
    """Record -> the small number printed behind it, as the links to the index say."""
    return {
        link.target.removeprefix("index-"): link.text
        for sheet in pages
        for link in sheet.links
        if link.target.startswith("index-")
    }


def words(letters):
    """Runs of letters without a blank; the small numbers stand apart from what they are behind."""
    run = []
    for letter in letters:
        if not letter.text.strip() or ord(letter.text) < 32:
            if run:
                yield run
            run = []
        else:
            run.append(letter)
    if run:
        yield run


def is_digit(letter):
    return letter.text.isdigit()


def in_body(letter, sheet):
    """Not in the running header or footer, which carry numbers of documents, releases and pages."""
    height = 595 if sheet.letters and max(item.x for item in sheet.letters) > 600 else 842
    return 60 < letter.y < height - 78


def judge(word, before, place, indexed, numbered):
    text = "".join(letter.text for letter in word)
    digits = [letter for letter in word if is_digit(letter)]
    above = [[link.target for link in place.sheet.links if link.covers(letter)] for letter in digits]
    number = "".join(letter.text for letter in digits)
    targets = {target for links in above for target in links if target.startswith("record-")}
    found = Found(place.page, place.section, text, targets)
    if all(any(target.startswith("record-") for target in links) for links in above):
        return found
    if all(any(is_index(target, indexed, number) for target in links) for links in above):
        found.reason = "number in the index"
    elif all(any(not target.startswith(("record-", "index-")) for target in links) for links in above):
        found.reason = "reference to a section or case"
    elif all(told(letter) for letter in digits):
        found.reason = told(digits[0])
    elif text == numbered.get(place.section) and is_heading(word, place):
        found.reason = "number of the section"
    else:
        found.reason = no_result(text) or no_result(f"{before} {text}")
    return found


def is_heading(word, place):
    """On the line that the section's own anchor stands on."""
    return any(name == place.section and 0 < top - word[0].y < 16 for top, name in place.sheet.headings)


def is_index(target, indexed, text):
    return target.startswith("index-") and indexed.get(target.removeprefix("index-")) == text


def told(letter):
    for mark in (QUOTED, TITLE, IDENTIFIER, DRAWN):
        if mark in letter.font:
            return f"typeface {mark}"
    return ""


def no_result(text):
    for pattern, reason in NO_RESULTS.items():
        if re.fullmatch(rf"[(·]*(?:{pattern})[).,;:·]*", text):
            return reason
    return ""


def prints(value, unit, definition, text):
    """Whether `text` is a printed form of a record's value: written for this test, from the rules alone."""
    plain = re.sub(r"[\s\u202f\ufffe\u00ad\x02]", "", text).replace("\N{MINUS SIGN}", "-")
    if value is None:
        return plain in {
            "notevaluable",
            "\N{EN DASH}",
            "none",
            "none:nothingisaccepted",
            "nopromisetokeep",
        } or (plain == re.sub(r"\s", "", f"notevaluable:{definition}"))
    if isinstance(value, bool):
        return plain == ("yes" if value else "no")
    if isinstance(value, str):
        return any(same_words(form, plain) for form in (value, value.replace("_", " ")))
    number = plain.removesuffix(re.sub(r"\s", "", unit)) if unit not in ("", "1") else plain
    percent = number.endswith("%")
    figure = re.fullmatch(r"-?[\d,]*\.?\d+(e[+-]?\d+)?", number.removesuffix("%"))
    if not figure:
        return False
    read = float(number.removesuffix("%").replace(",", ""))
    mantissa, _, exponent = number.removesuffix("%").partition("e")
    places = len(mantissa.partition(".")[2])
    half = 0.5 * 10.0 ** (int(exponent or 0) - places)
    return abs(read - value * (100 if percent else 1)) <= half * (1 + 1e-9)


def same_words(value, plain):
    whole = re.sub(r"\s", "", value).replace("-", "")
    plain = plain.replace("-", "")
    return plain == whole or (plain.endswith("…") and len(plain) > 1 and whole.startswith(plain[:-1]))


def link_texts(pages):
    """(record id, text) of every printed record; the lines of a long text are put together."""
    last, texts = None, []
    for sheet in pages:
        for link in sheet.links:
            if not link.target.startswith("record-"):
                last = None
            elif link.target == last:
                texts[-1][1] += link.text
            else:
                texts.append([link.target.removeprefix("record-"), link.text])
                last = link.target
    return texts


@pytest.fixture(scope="module")
def records(rendered, rendered_project):
    folder = rendered_project / "artifacts" / "seal-sim"
    rows = [row for path in sorted(folder.glob("*/records.json")) for row in json.loads(path.read_text())]
    return {row["id"]: row for row in rows}


@pytest.fixture(scope="module")
def read(rendered):
    """Name -> the pages of the document, read once."""
    return {name: list(sheets(rendered[name])) for name in DOCUMENTS}


@pytest.fixture(scope="module")
def every(read):
    return {name: list(numbers(name, read[name])) for name in DOCUMENTS}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_number_in_the_result_sections_resolves_to_a_record(every, records, name):
    unresolved = [item for item in every[name] if not item.targets and not item.reason]
    assert unresolved == []
    unknown = {target for item in every[name] for target in item.targets} - {
        f"record-{one}" for one in records
    }
    assert unknown == set()
    resolved = sum(bool(item.targets) for item in every[name])
    assert resolved > (30 if name != "dossier.pdf" else 450)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_is_printed_is_the_value_of_its_record(read, records, name):
    found = link_texts(read[name])
    wrong = [
        (record, text, records[record]["value"])
        for record, text in found
        if not prints(*(records[record][key] for key in ("value", "unit", "definition")), text)
    ]
    assert wrong == []
    assert len(found) > (45 if name != "dossier.pdf" else 500)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_small_numbers_are_those_of_the_index(read, rendered, rendered_project, name):
    printed = json.loads((rendered_project / "artifacts/seal-sim/dossier/printed.json").read_text())[name]
    assert printed_order(read[name]) == {
        record: str(number) for number, record in enumerate(printed, start=1)
    }
    reader = PdfReader(io.BytesIO(rendered[name]))
    for record in printed:
        assert f"record-{record}" in reader.named_destinations
        assert f"index-{record}" in reader.named_destinations


def test_the_exceptions_swallow_no_result(every):
    used = {item.reason for found in every.values() for item in found if item.reason}
    for pattern, reason in NO_RESULTS.items():
        assert reason in used, f"{pattern} is needed by nothing: take it out"
    for text in (
        "0.912",
        "12",
        "1,234",
        "95%",
        "0.912\N{EN DASH}0.948",
        "(0.861",
        "12/30",
        "3",
        "1e-05",
        "2:1",
        "2026",
        "n=30",
    ):
        assert no_result(text) == "", text


def test_a_quotation_says_so_by_its_typeface_alone(every):
    by_typeface = [item for found in every.values() for item in found if item.reason.startswith("typeface")]
    assert by_typeface
    assert {item.reason for item in by_typeface} <= {
        f"typeface {mark}" for mark in (QUOTED, TITLE, IDENTIFIER, DRAWN)
    }
    assert not any(DRAWN in item.reason for item in every["iq.pdf"])  # it shows no figure


@pytest.mark.parametrize(
    "typed",
    ["<p>Recall is 0.912.</p>", "<p>All 30 images</p>", "<td class='n'>17</td>", "<strong>98.7 %</strong>"],
)
def test_a_typed_number_is_found(typed, rendered_project):
    body = f'<h1 id="front">Seal</h1>{typed}<h1 id="contents">Contents</h1>'
    head = '<meta charset="utf-8"><title>t</title><link rel="stylesheet" href="document.css">'
    html = f'<!DOCTYPE html><html lang="en"><head>{head}</head><body>{body}</body></html>'
    pdf = render_pdf(html, rendered_project / "templates", {}, identifier="x")
    unresolved = [
        item for item in numbers("iq.pdf", list(sheets(pdf))) if not item.targets and not item.reason
    ]
    assert len(unresolved) == 1


@pytest.mark.parametrize(
    ("value", "unit", "text", "same"),
    [
        (0.91234, "1", "0.912", True),
        (0.91234, "1", "0.913", False),
        (0.91234, "1", "91.2%", True),
        (1234, "px", "1,234\u202fpx", True),
        (1234, "px", "1,235\u202fpx", False),
        (-0.5, "1", "\N{MINUS SIGN}0.500", True),
        (0.5, "1", "\N{MINUS SIGN}0.500", False),
        ("mean_sigma", "1", "mean sigma", True),
        ("2 of 12 differ", "1", "2 of 13 differ", False),
        ("2 of 12 differ", "1", "2 of …", True),
        (None, "1", "0.0", False),
        (True, "1", "yes", True),
    ],
)
def test_the_printed_form_is_judged_rightly(value, unit, text, same):
    assert prints(value, unit, "d", text) is same
