import io
from pathlib import Path

import pytest
from pypdf import PdfReader

from sealproof.dossier.figures import Figures
from sealproof.dossier.render import document_time, render_html, render_pdf
from sealproof.evidence.errors import DefinitionError, EvidenceMissingError

TEMPLATES = Path("templates")
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20"/></svg>'


def page(body):
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>t</title>'
        f'<link rel="stylesheet" href="document.css"></head><body>{body}</body></html>'
    )


def text_of(pdf):
    return "\n".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(pdf)).pages)


def test_fonts_come_from_the_templates_and_from_nowhere_else():
    signs = "✓ ✗ ○ · ≥ ≤ ± μ → … \N{EN DASH} \N{MINUS SIGN} \N{GREEK SMALL LETTER SIGMA}"
    pdf = render_pdf(
        page(f"<p>Seal <b>{signs}</b> <i>{signs}</i> {signs}</p><code>ab12</code>"),
        TEMPLATES,
        {},
        identifier="x",
    )
    fonts = {
        str(font.get_object()["/BaseFont"]).split("+")[-1]
        for sheet in PdfReader(io.BytesIO(pdf)).pages
        for font in sheet["/Resources"]["/Font"].values()
    }
    assert fonts
    assert all(name.startswith(("Inter-Document", "Fira-Code-Document")) for name in fonts), fonts


def test_a_figure_is_found_by_name(tmp_path):
    (tmp_path / "a.svg").write_text(SVG)
    figures = Figures(tmp_path)
    shown = figures.show("a.svg")
    pdf = render_pdf(
        page(f'<img src="figure:{shown.name}" alt="a">'), TEMPLATES, figures.files, identifier="x"
    )
    assert b"%PDF-1.7" in pdf[:10]
    assert (shown.number, figures.show("a.svg").number) == (1, 1)


def test_a_figure_that_was_not_drawn_is_missing_evidence(tmp_path):
    with pytest.raises(EvidenceMissingError, match="figure"):
        Figures(tmp_path).show("thresholds/thresholds.svg")


@pytest.mark.parametrize(
    "body",
    [
        '<img src="https://example.org/a.png" alt="">',
        '<img src="file:///etc/hostname" alt="">',
        '<img src="../pyproject.toml" alt="">',
        '<img src="figure:unknown.svg" alt="">',
        '<a href="#nowhere">x</a>',
        '<p style="colour-of-text: red">x</p>',
    ],
    ids=["network", "absolute", "parent", "unknown figure", "dangling link", "unknown rule"],
)
def test_what_is_not_ours_stops_the_rendering(body):
    with pytest.raises(DefinitionError):
        render_pdf(page(body), TEMPLATES, {}, identifier="x")


def test_an_undefined_name_stops_the_rendering(tmp_path):
    (tmp_path / "a.html").write_text("{{ product.tittle }}")
    with pytest.raises(DefinitionError, match="template") as caught:
        render_html(tmp_path, "a.html", {"product": {}})
    assert "tittle" in str(caught.value)


def test_text_from_outside_is_escaped(tmp_path):
    (tmp_path / "a.html").write_text("{{ text }}")
    assert render_html(tmp_path, "a.html", {"text": "<script>"}) == "&lt;script&gt;"


def test_a_missing_template_is_named(tmp_path):
    with pytest.raises(DefinitionError) as caught:
        render_html(tmp_path, "none.html", {})
    assert "none.html" in str(caught.value)


def test_the_time_is_that_of_the_execution(monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert document_time("2026-11-21T22:00:00+01:00") == "2026-11-21T21:00:00Z"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert document_time("2026-11-21T22:00:00+01:00") == "1970-01-01T00:00:00Z"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(DefinitionError, match="SOURCE_DATE_EPOCH"):
        document_time("2026-11-21T22:00:00+01:00")


def test_a_rendered_document_is_tagged_and_carries_its_metadata():
    reader = PdfReader(
        io.BytesIO(render_pdf(page("<h1>Head</h1><p>Text</p>"), TEMPLATES, {}, identifier="abc"))
    )
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert reader.metadata.title == "t"
    assert reader.trailer["/Root"]["/Lang"] == "en"
