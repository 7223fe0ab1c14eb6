"""Made-up releases that can be signed: real evidence files, real PDF/A-3 documents, keys made at run time."""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import weasyprint
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sealproof.evidence.files import write_json
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.trail import append_event
from sealproof.qualification.challenge import write_project, write_release
from sealproof.signing.held import DOCUMENTS

ROOT = Path(__file__).parents[2]
ROLES = ("author", "reviewer", "approver")
NAMES = {"author": "Made-up Äuthor", "reviewer": "Made-up Reviewer", "approver": "Made-up Approver"}
BOXES = {
    role: {"page": 0, "x0": 40 + 175 * n, "y0": 80, "x1": 205 + 175 * n, "y1": 150}
    for n, role in enumerate(ROLES)
}
PHRASE = "a pass phrase that must never be printed"
COMPLETE = {"verdicts": ("pass", "pass"), "demonstration": False, "missing_inputs": ()}
PAGE = """<html lang="en"><head><title>{name}</title></head><body>
<h1>{name}</h1><p>Verdict: made up.</p><p style="margin-top: 14cm">last line</p></body></html>"""


def make_pdf(name="dossier.pdf"):
    """A small tagged PDF/A-3, as the documents are."""
    page = weasyprint.HTML(string=PAGE.format(name=name))
    return page.write_pdf(pdf_variant="pdf/a-3a", pdf_tags=True, pdf_identifier=name.encode())


def make_release_to_sign(root, pdfs, **parameters):
    """A project with a release, its four documents, places to sign and an audit trail; `pdfs`: name -> bytes."""
    parameters = COMPLETE | parameters
    workspace = write_project(root, **parameters)
    (root / "params.yaml").write_text("product: challenge\n")
    (root / "templates").symlink_to(ROOT / "templates")
    for name in DOCUMENTS:
        (workspace.reports / name).write_bytes(pdfs[name])
    write_json(workspace.artifacts("dossier") / "signature_boxes.json", dict.fromkeys(DOCUMENTS, BOXES))
    documents = tuple((f"reports/challenge/{name}", workspace.reports / name) for name in DOCUMENTS)
    write_release(workspace, documents, missing_inputs=parameters["missing_inputs"])
    note_release(workspace)
    return workspace


def note_release(workspace):
    release = json.loads((workspace.reports / "release.json").read_text())
    details = {
        "release_id": release["release_id"],
        "decision": release["decision"],
        "release_sha256": sha256_file(workspace.reports / "release.json"),
        "documents": release["documents"],
    }
    append_event(workspace.trail, "release.made", details, by="test")


def certificate(common_name="Signer", *, key=None, issuer=None, **changes):
    """(certificate, key); `issuer` is such a pair, itself when there is none."""
    now = datetime.now(UTC)
    options = {
        "first": now - timedelta(hours=1),
        "last": now + timedelta(days=3),
        "authority": False,
        "signature": True,
        "non_repudiation": True,
        "usage": True,
        "purposes": (),
    } | changes
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer[0].subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(options["first"])
        .not_valid_after(options["last"])
        .add_extension(x509.BasicConstraints(options["authority"], None), critical=True)
    )
    if options["usage"]:
        usage = (
            options["signature"],
            options["non_repudiation"],
            True,
            False,
            False,
            options["authority"],
            False,
        )
        builder = builder.add_extension(x509.KeyUsage(*usage, False, False), critical=True)
    if options["purposes"]:
        builder = builder.add_extension(x509.ExtendedKeyUsage(options["purposes"]), critical=False)
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256()), key


SERVER_ONLY = (ExtendedKeyUsageOID.SERVER_AUTH,)


def rsa_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def write_key(path, pair, phrase=PHRASE, others=()):
    """A PKCS#12 file, and its pass phrase beside it."""
    encryption = serialization.BestAvailableEncryption(phrase.encode())
    path.write_bytes(
        pkcs12.serialize_key_and_certificates(b"key", pair[1], pair[0], others or None, encryption)
    )
    beside = path.with_suffix(".pass")
    beside.write_text(phrase + "\n")
    beside.chmod(0o600)
    return path


def tool(*command):
    """Output of a program; it has to succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pdfsig(path):
    """Field -> what poppler says of the signature in it."""
    blocks = tool("pdfsig", str(path)).split("Signature #")[1:]
    rows = [
        dict(line.strip(" -").split(": ", 1) for line in block.splitlines() if ": " in line)
        for block in blocks
    ]
    for row, block in zip(rows, blocks, strict=True):
        row["whole"] = "- Total document signed" in block
    return {row["Signature Field Name"]: row for row in rows}
