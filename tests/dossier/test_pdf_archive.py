"""What PDF/A-3 asks of a file, as far as its structure shows it. A full validation needs veraPDF, not used here."""

import hashlib
import io
import json
import re
import subprocess
from xml.etree import ElementTree as ET

import pytest
from pypdf import PdfReader
from pypdf.generic import DictionaryObject, IndirectObject

from sealproof.dossier.pdf_archive import media_type

NAMES = ("iq.pdf", "oq.pdf", "pq.pdf", "dossier.pdf")
PDFA = "{http://www.aiim.org/pdfa/ns/id/}"
RELATIONS = {"/Data", "/Supplement"}


@pytest.fixture(scope="module")
def readers(rendered):
    return {name: PdfReader(io.BytesIO(rendered[name])) for name in NAMES}


@pytest.fixture(scope="module")
def objects(readers):
    """Name -> every dictionary of the file, those of streams included."""
    return {
        name: [item for item in _all(reader) if isinstance(item, DictionaryObject)]
        for name, reader in readers.items()
    }


def _all(reader):
    for generation, numbers in reader.xref.items():
        for number in numbers:
            if number:
                yield reader.get_object(IndirectObject(number, generation, reader))
    for number in reader.xref_objStm:
        yield reader.get_object(IndirectObject(number, 0, reader))


def root(reader):
    return reader.trailer["/Root"]


@pytest.mark.parametrize("name", NAMES)
def test_it_says_that_it_is_pdf_a_3_with_structure(readers, name):
    tree = ET.fromstring(_xmp(readers[name]))  # noqa: S314 - our own file
    found = [item for item in tree.iter() if f"{PDFA}part" in item.attrib]
    assert [(item.attrib[f"{PDFA}part"], item.attrib[f"{PDFA}conformance"]) for item in found] == [("3", "A")]
    assert root(readers[name])["/MarkInfo"]["/Marked"]
    assert root(readers[name])["/Lang"] == "en"
    assert root(readers[name])["/ViewerPreferences"]["/DisplayDocTitle"]


def _xmp(reader):
    data = root(reader)["/Metadata"].get_object().get_data().decode()
    return re.sub(r"<\?xpacket[^>]*\?>", "", data).strip()


@pytest.mark.parametrize("name", NAMES)
def test_metadata_and_information_say_the_same(readers, name):
    xmp, info = _xmp(readers[name]), readers[name].metadata
    assert info.title in xmp.replace("&amp;", "&")
    assert info.author in xmp
    assert info.subject in xmp
    assert info.creation_date.strftime("%Y-%m-%dT%H:%M:%SZ") in xmp
    assert f"<xmp:CreatorTool>{info.creator}</xmp:CreatorTool>" in xmp


@pytest.mark.parametrize("name", NAMES)
def test_colours_have_one_output_intent_with_its_profile(readers, objects, name):
    (intent,) = root(readers[name])["/OutputIntents"]
    profile = intent["/DestOutputProfile"].get_object()
    assert intent["/S"] == "/GTS_PDFA1"
    assert profile["/N"] == 3
    assert profile.get_data()[36:40] == b"acsp"
    spaces = {str(item["/ColorSpace"]) for item in objects[name] if item.get("/Subtype") == "/Image"}
    assert spaces <= {"/DeviceRGB", "/DeviceGray"}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_encrypted_active_or_outside(readers, objects, name):
    assert not readers[name].is_encrypted
    assert "/ID" in readers[name].trailer
    keys = {key for item in objects[name] for key in item}
    assert keys.isdisjoint(
        {"/JS", "/JavaScript", "/AA", "/OpenAction", "/XFA", "/Launch", "/FFilter", "/OPI", "/Ref"}
    )
    actions = {str(item.get("/S")) for item in objects[name] if item.get("/Type") == "/Action"}
    assert actions <= {"/GoTo", "/URI"}
    filters = {str(item["/Filter"]) for item in objects[name] if "/Filter" in item}
    assert filters <= {"/FlateDecode", "/DCTDecode"}


@pytest.mark.parametrize("name", NAMES)
def test_images_are_not_interpolated_and_annotations_print(objects, name):
    assert not any(str(item.get("/Interpolate")) == "True" for item in objects[name])
    links = [item for item in objects[name] if item.get("/Subtype") == "/Link"]
    assert links
    assert {item["/F"] for item in links} == {4}


@pytest.mark.parametrize("name", NAMES)
def test_every_font_is_embedded_and_maps_to_unicode(objects, name):
    composite = [item for item in objects[name] if item.get("/Subtype") == "/Type0"]
    simple = [item for item in objects[name] if item.get("/Subtype") in ("/Type1", "/TrueType", "/Type3")]
    assert composite
    assert simple == []
    for font in composite:
        assert "/ToUnicode" in font
        descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        assert {"/FontFile2", "/FontFile3"} & set(descriptor), font["/BaseFont"]


@pytest.mark.parametrize("name", NAMES)
def test_every_word_is_in_the_structure_or_an_artifact_and_figures_have_words(readers, objects, name):
    top = root(readers[name])["/StructTreeRoot"]
    numbers = top["/ParentTree"]["/Nums"]
    parents = dict(zip(numbers[::2], numbers[1::2], strict=True))
    held = _held(top)
    for page in readers[name].pages:
        content = page.get_contents().get_data()
        marked = [int(value) for value in re.findall(rb"/MCID\s+(\d+)", content)]
        assert len(marked) == len(set(marked)) > 3
        owners = parents[page["/StructParents"]]
        for place in marked:
            assert owners[place].idnum in held
        artifacts = len(re.findall(rb"/Artifact\s+<<\s*/Type\s*/Pagination", content))
        assert artifacts >= 5, "the running header and footer are marked as such"
    figures = [item for item in objects[name] if item.get("/S") == "/Figure"]
    assert all(item.get("/Alt") for item in figures)


def _held(top):
    held, waiting = set(), list(top["/K"])
    while waiting:
        reference = waiting.pop()
        if isinstance(reference, IndirectObject) and reference.idnum not in held:
            held.add(reference.idnum)
            waiting += list(reference.get_object().get("/K", ()))
    return held


def test_each_attachment_is_associated_once_with_its_relation(readers, rendered):
    top = root(readers["dossier.pdf"])
    names = top["/Names"]["/EmbeddedFiles"]["/Names"]
    listed = {str(names[place]): names[place + 1] for place in range(0, len(names), 2)}
    assert list(listed) == sorted(listed)
    assert sorted(item.idnum for item in top["/AF"]) == sorted(item.idnum for item in listed.values())
    for name, reference in listed.items():
        file = reference.get_object()
        stream = file["/EF"]["/F"].get_object()
        assert file["/AFRelationship"] == ("/Supplement" if name == "verify_dossier.py" else "/Data")
        assert file["/UF"] == name
        assert file["/Desc"]
        assert str(stream["/Subtype"]) == f"/{media_type(name)}"
        assert stream["/Params"]["/ModDate"] == "D:20260102030405Z"
        assert stream["/Params"]["/Size"] == len(stream.get_data())
        assert stream["/Params"]["/CheckSum"].original_bytes == _checksum(stream.get_data())


def _checksum(content):
    """What ISO 32000 puts beside an embedded file: it guards nothing, SHA-256 in attachments.json does."""
    return hashlib.md5(content, usedforsecurity=False).digest()


@pytest.mark.parametrize("name", ["iq.pdf", "oq.pdf", "pq.pdf"])
def test_the_protocols_carry_no_files(readers, name):
    assert "/AF" not in root(readers[name])


def test_what_is_taken_out_is_what_was_put_in(rendered, tmp_path):
    path = tmp_path / "dossier.pdf"
    path.write_bytes(rendered["dossier.pdf"])
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run(["pdfdetach", "-saveall", "-o", str(out), str(path)], check=True, capture_output=True)
    stated = json.loads((out / "attachments.json").read_text())
    found = {item.name: hashlib.sha256(item.read_bytes()).hexdigest() for item in out.iterdir()}
    assert {
        "records.json",
        "release.json",
        "ledger.jsonl",
        "trail.jsonl",
        "sbom.json",
        "verify_dossier.py",
    } <= set(found)
    assert {name: found[name] for name in stated} == stated
    assert set(found) == {*stated, "attachments.json"}


@pytest.mark.parametrize("name", NAMES)
def test_the_file_is_sound(rendered, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(rendered[name])
    done = subprocess.run(["qpdf", "--check", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_text_comes_out_in_the_order_of_reading(rendered, tmp_path):
    path = tmp_path / "dossier.pdf"
    path.write_bytes(rendered["dossier.pdf"])
    command = ["pdftotext", "-f", "1", "-l", "1", str(path), "-"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    order = [
        "Decision on this release",
        "Acceptance criteria",
        "acceptance criteria met",
        "Changed since",
        "To be signed",
        "Author",
    ]
    places = [text.index(words) for words in order]
    assert places == sorted(places)
    assert "\N{REPLACEMENT CHARACTER}" not in text


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.csv", "text/csv"),
        ("a.jsonl", "application/jsonl"),
        ("a.yaml", "application/yaml"),
        ("a", "application/octet-stream"),
    ],
)
def test_types_come_from_our_own_table(name, kind):
    assert media_type(name) == kind
