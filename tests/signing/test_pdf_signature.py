import re
from datetime import UTC, datetime
from io import BytesIO

import pypdf
import pytest
from fontTools.ttLib import TTFont
from pydantic import SecretStr
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext
from tests.signing.build import (
    BOXES,
    NAMES,
    PHRASE,
    ROLES,
    ROOT,
    certificate,
    pdfsig,
    rsa_key,
    tool,
    write_key,
)

from sealproof.signing.appearance import FONT, Statement, printable_font
from sealproof.signing.boxes import Box
from sealproof.signing.certificate import as_asn1
from sealproof.signing.credentials import open_pkcs12
from sealproof.signing.inspection import inspect
from sealproof.signing.pdf_signature import sign_document

RELEASE = "0123456789abcdef" * 4
AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
PLACES = {role: Box(**box) for role, box in BOXES.items()}


def statement(role, **changes):
    fields = {
        "role": role,
        "name": NAMES[role],
        "meaning": f"{role} of this",
        "at": AT,
        "certificate": f"Test {role}",
        "release_id": RELEASE,
    }
    return Statement(**(fields | changes))


def sign_in_turn(content, keys, roles=ROLES):
    for role in roles:
        said = statement(role)
        font = printable_font(said.lines, ROOT / FONT)
        signer = open_pkcs12(keys[role], SecretStr(PHRASE)).signer
        content = sign_document(content, said, PLACES, signer, font=font)
    return content


@pytest.fixture(scope="module")
def plain(pdfs):
    return pdfs["dossier.pdf"]


@pytest.fixture(scope="module")
def signed(plain, keys, tmp_path_factory):
    path = tmp_path_factory.mktemp("signed") / "dossier.pdf"
    path.write_bytes(sign_in_turn(plain, keys))
    return path


def test_poppler_finds_each_signature_valid_over_its_revision(signed):
    found = pdfsig(signed)
    assert list(found) == [f"signature-{role}" for role in ROLES]
    assert {row["Signature Validation"] for row in found.values()} == {"Signature is Valid."}
    assert [row["whole"] for row in found.values()] == [False, False, True]
    assert {row["Signature Type"] for row in found.values()} == {"ETSI.CAdES.detached"}
    assert {row["Signing Time"] for row in found.values()} == {"Mar 04 2026 05:06:07"}
    ends = [int(row["Signed Ranges"].split(" - ")[-1].rstrip("]")) for row in found.values()]
    content = signed.read_bytes()
    assert ends[-1] == len(content)
    for end in ends:
        assert content[:end].rstrip().endswith(b"%%EOF")


def test_pyhanko_trusts_them_and_finds_only_permitted_changes(signed, keys):
    reader = PdfFileReader(BytesIO(signed.read_bytes()))
    context = ValidationContext(trust_roots=[as_asn1(keys["root"][0])], allow_fetching=False)
    for signature in reader.embedded_regular_signatures:
        status = validate_pdf_signature(signature, context)
        assert status.bottom_line, status.pretty_print_details()
        assert status.docmdp_ok
        assert status.modification_level <= ModificationLevel.FORM_FILLING


def test_the_first_signature_certifies_and_permits_signatures_alone(signed):
    reader = PdfFileReader(BytesIO(signed.read_bytes()))
    first, *later = reader.embedded_regular_signatures
    parameters = first.sig_object["/Reference"][0]["/TransformParams"]
    assert (reader.root["/Perms"].raw_get("/DocMDP").reference, parameters["/P"]) == (
        first.sig_field.raw_get("/V").reference,
        2,
    )
    assert all("/Reference" not in signature.sig_object for signature in later)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_qpdf_finds_nothing_to_complain_of(plain, keys, tmp_path, count):
    path = tmp_path / "document.pdf"
    path.write_bytes(sign_in_turn(plain, keys, ROLES[:count]))
    assert "No syntax or stream encoding errors found" in tool("qpdf", "--check", str(path))


def test_text_of_the_page_can_be_extracted(signed):
    plain_text = tool("pdftotext", str(signed), "-")
    text = " ".join(plain_text.split())
    for role in ROLES:
        assert f"Signed by: {NAMES[role]}" in text
        assert f"Role: {role}" in text
        assert f"Meaning: {role} of this" in text
        assert f"Certificate: Test {role}" in text
    assert text.count("Time: 2026-03-04 05:06:07 UTC") == 3
    assert text.count(f"Release: {RELEASE[:12]}") == 3
    places = [
        text.index(words) for words in ("Verdict", "last line", "Signed by: Made-up Ä", "Made-up Approver")
    ]
    assert places == sorted(places)
    block = text[text.index("Signed by: Made-up Ä") :]
    labels = [
        block.index(word) for word in ("Signed by", "Role", "Meaning", "Time", "Certificate", "Release")
    ]
    assert labels == sorted(labels)


def test_letters_stand_as_the_font_wants_them(signed):
    """By the widths that poppler computes, against those of the whole font, at the 8 points that fit here."""
    page = tool("pdftotext", "-bbox", str(signed), "-")
    font = TTFont(ROOT / FONT)
    glyphs = font.getBestCmap()
    for word, times in (("Signed", 3), ("reviewer", 3), ("05:06:07", 3)):
        found = re.findall(rf'xMin="([\d.]+)".*xMax="([\d.]+)".*>{word}<', page)
        assert len(found) == times
        wanted = 8 * sum(font["hmtx"][glyphs[ord(letter)]][0] for letter in word) / font["head"].unitsPerEm
        for left, right in found:
            assert float(right) - float(left) == pytest.approx(wanted, abs=0.05)


def test_signatures_hold_name_reason_and_release(signed):
    found = inspect(signed.read_bytes())
    assert found.closed
    for role, item in zip(ROLES, found.signatures, strict=True):
        assert (item.field, item.name) == (f"signature-{role}", NAMES[role])
        assert item.reason == f"{role} of this; release {RELEASE}"
        assert item.sound
        assert not item.timestamped


def test_the_document_itself_is_not_touched(plain, signed):
    content = signed.read_bytes()
    assert content.startswith(plain)
    before, after = pypdf.PdfReader(BytesIO(plain)), pypdf.PdfReader(BytesIO(content))
    metadata = [reader.trailer["/Root"]["/Metadata"].get_object().get_data() for reader in (before, after)]
    assert metadata[0] == metadata[1], "PDF/A: metadata in two places that disagree"
    assert dict(before.metadata) == dict(after.metadata)
    assert after.trailer["/Root"].get("/Version") is None, "PDF/A-3 rests on PDF 1.7"
    assert [p.extract_text() for p in before.pages] == [p.extract_text() for p in after.pages]


def test_every_font_is_embedded_and_mapped_to_unicode(signed):
    rows = tool("pdffonts", str(signed)).splitlines()[2:]
    assert sum("Inter-Regular" in row for row in rows) == 3
    assert all(row.split()[-5:-2] == ["yes", "yes", "yes"] for row in rows), rows


def test_fields_are_printed_and_named_for_people(signed):
    fields = pypdf.PdfReader(signed).get_fields()
    for role in ROLES:
        field = fields[f"signature-{role}"].indirect_reference.get_object()
        assert field["/F"] & 4, "not printed"
        assert field["/TU"] == f"Signature of the {role}"
        box = BOXES[role]
        assert [float(value) for value in field["/Rect"]] == [box[key] for key in ("x0", "y0", "x1", "y1")]


def test_nothing_is_drawn_outside_of_the_box(signed, tmp_path):
    tool("pdftoppm", "-r", "72", "-png", "-gray", str(signed), str(tmp_path / "page"))
    from PIL import Image

    page = Image.open(next(tmp_path.glob("page*.png"))).convert("L")
    for box in BOXES.values():
        left, top = int(box["x0"]), page.height - int(box["y1"])
        inside = page.crop((left, top, int(box["x1"]), page.height - int(box["y0"])))
        assert inside.getextrema()[0] < 128
        right = page.crop((int(box["x1"]) - 4, top, int(box["x1"]) + 1, page.height - int(box["y0"])))
        assert right.getextrema() == (255, 255), "a line runs up to the edge: it is cut off"
    between = page.crop((0, page.height - 150, 39, page.height - 80))
    assert between.getextrema() == (255, 255)


@pytest.mark.parametrize("make", [rsa_key], ids=["RSA"])
def test_other_kinds_of_key(plain, tmp_path, make, keys):
    pair = certificate("RSA", key=make(), issuer=keys["root"])
    content = sign_in_turn(plain, {"author": write_key(tmp_path / "key.p12", pair)}, ("author",))
    (tmp_path / "signed.pdf").write_bytes(content)
    assert (
        pdfsig(tmp_path / "signed.pdf")["signature-author"]["Signature Validation"] == "Signature is Valid."
    )


def test_one_changed_byte_is_found(signed):
    content = bytearray(signed.read_bytes())
    place = content.index(b"/Reason", len(content) // 2)
    content[place + 9] ^= 1
    assert not all(item.sound for item in inspect(bytes(content)).signatures)


def test_what_is_added_behind_the_last_signature_is_found(signed, tmp_path):
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    writer = IncrementalPdfFileWriter(BytesIO(signed.read_bytes()))
    page = writer.find_page_for_modification(0)[0].get_object()
    page["/Rotate"] = page["/StructParents"]
    writer.update_container(page)
    stream = BytesIO()
    writer.write(stream)
    assert all(item.sound for item in inspect(stream.getvalue()).signatures)
    assert not inspect(stream.getvalue()).closed
    assert not inspect(signed.read_bytes() + b"%").closed


def test_what_is_put_between_two_signatures_is_found(plain, keys):
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    writer = IncrementalPdfFileWriter(BytesIO(sign_in_turn(plain, keys, ("author",))))
    page = writer.find_page_for_modification(0)[0].get_object()
    page["/Rotate"] = page["/StructParents"]
    writer.update_container(page)
    stream = BytesIO()
    writer.write(stream)
    both = inspect(sign_in_turn(stream.getvalue(), keys, ("reviewer",)))
    assert [item.sound for item in both.signatures] == [True, True]
    assert not both.closed


def test_an_unsigned_document_carries_nothing(plain):
    assert inspect(plain).signatures == ()
    assert inspect(plain).closed
    with pytest.raises(ValueError, match="cannot be read"):
        inspect(b"no PDF at all")


def test_long_texts_are_set_smaller_then_refused(plain, keys):
    from sealproof.evidence.errors import DefinitionError

    signer = open_pkcs12(keys["author"], SecretStr(PHRASE)).signer
    for words, fits in ((20, True), (200, False)):
        said = statement("author", meaning="reviewed " * words)
        font = printable_font(said.lines, ROOT / FONT)
        if fits:
            assert len(sign_document(plain, said, PLACES, signer, font=font)) > len(plain)
        else:
            with pytest.raises(DefinitionError, match="does not fit"):
                sign_document(plain, said, PLACES, signer, font=font)
