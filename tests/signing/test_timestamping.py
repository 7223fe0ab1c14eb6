import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from asn1crypto import keys as asn1_keys
from asn1crypto import tsp
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID
from pyhanko.sign.timestamps import DummyTimeStamper
from tests.signing.build import certificate, pdfsig, rsa_key, tool

from sealproof.evidence.errors import DefinitionError, OutputError
from sealproof.signing.certificate import as_asn1
from sealproof.signing.inspection import inspect
from sealproof.signing.timestamping import time_stamper


@pytest.fixture(scope="module")
def authority():
    """A time-stamp authority that answers by itself."""
    found, key = certificate("Test authority", key=rsa_key(), purposes=[ExtendedKeyUsageOID.TIME_STAMPING])
    der = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return DummyTimeStamper(as_asn1(found), asn1_keys.PrivateKeyInfo.load(key.private_bytes(*der)))


@pytest.fixture
def server(authority):
    """Serves the authority over HTTP; `server.kind` is the content type, `server.asked` counts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = tsp.TimeStampReq.load(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", self.server.kind)
            self.end_headers()
            self.wfile.write(authority.request_tsa_response(asked).dump())
            self.server.asked += 1

        def log_message(self, *arguments):
            """Be quiet."""

    made = HTTPServer(("127.0.0.1", 0), Handler)
    made.kind, made.asked = "application/timestamp-reply", 0
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def url(server):
    return f"http://127.0.0.1:{server.server_port}/"


def test_a_time_stamp_lies_in_each_signature(workspace, sign, server):
    entry = sign("author", stamper=time_stamper(url(server)), authority=url(server)).entry
    assert entry.timestamped
    assert server.asked >= 4
    for name in entry.documents:
        path = workspace.signed / name
        assert [item.timestamped for item in inspect(path.read_bytes()).signatures] == [True]
        assert pdfsig(path)["signature-author"]["Signature Validation"] == "Signature is Valid."
        assert "No syntax" in tool("qpdf", "--check", str(path))


def test_with_and_without_a_time_stamp_in_one_document(workspace, sign, authority):
    sign("author")
    sign("reviewer", stamper=authority)
    found = inspect((workspace.signed / "dossier.pdf").read_bytes())
    assert [item.timestamped for item in found.signatures] == [False, True]
    assert all(item.sound for item in found.signatures)


def test_an_authority_that_cannot_be_reached(workspace, sign, server):
    gone = url(server)
    server.shutdown()
    server.server_close()
    with pytest.raises(OutputError, match="gave no time stamp") as caught:
        sign("author", stamper=time_stamper(gone), authority=gone)
    assert gone in str(caught.value)
    assert caught.value.exit_code == 6
    assert not workspace.signed.exists()


def test_an_answer_that_is_no_time_stamp(workspace, sign, server):
    server.kind = "text/html"
    with pytest.raises(OutputError, match="gave no time stamp"):
        sign("author", stamper=time_stamper(url(server)), authority=url(server))
    assert not workspace.signed.exists()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("tsa.example", "begins with http"),
        ("ftp://tsa.example", "begins with http"),
        ("http://", "begins with http"),
        ("https://user:secret@tsa.example", "user name or password"),
    ],
)
def test_addresses_that_are_refused(address, words):
    with pytest.raises(DefinitionError, match="cannot be used") as caught:
        time_stamper(address)
    assert words in caught.value.why
    assert "secret" not in str(caught.value)
