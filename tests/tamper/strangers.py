"""People with keys and certificates of their own making, who sign what they were never asked to."""

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers import SimpleSigner
from pyhanko.sign.signers.pdf_signer import PdfSigner
from tests.e2e.project import PRODUCT
from tests.tamper.release import ROLES


def _certificate(name, key, issuer=None, issuer_key=None, *, authority=False):
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                not authority, not authority, False, False, False, authority, authority, False, False
            ),
            critical=True,
        )
    )
    return builder.sign(issuer_key or key, hashes.SHA256())


class _Dated(PdfSigner):
    moment = None

    def init_signing_session(self, pdf_out, existing_fields_only=False):
        session = super().init_signing_session(pdf_out, existing_fields_only)
        session.system_time = self.moment
        return session


class Strangers:
    """A root of their own and a certificate a role, by the names of the real ones."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        root = _certificate("Strange root", key, authority=True)
        self._signers = {
            role: self._signer(f"Test {role.title()}", root, key) for role in (*ROLES, "visitor")
        }

    @staticmethod
    def _signer(name, root, root_key):
        key = ec.generate_private_key(ec.SECP256R1())
        content = pkcs12.serialize_key_and_certificates(
            b"x", key, _certificate(name, key, root, root_key), [root], serialization.NoEncryption()
        )
        return SimpleSigner.load_pkcs12_data(content, [], None)

    def sign(self, forgery, name, roles, *, over=None, one_key=False, release_id=None, moment=None) -> bytes:
        """Sign a document of the release in these roles, one behind the other.

        Args:
            over: a PDF that is signed further; None for the unsigned document.
            one_key: one person signs in all roles.
            release_id: in the reason; None for the right one.
            moment: the time that is stated; None for now.
        """
        reports = f"reports/{PRODUCT}"
        content = over or forgery.read(f"{reports}/{name}")
        stated = release_id or json.loads(forgery.read(f"{reports}/release.json"))["release_id"]
        for role in roles:
            signer = self._signers[roles[0] if one_key else role]
            content = _sign(
                content,
                role,
                signer,
                stated,
                moment or datetime.now(UTC),
                first=over is None and role == roles[0],
            )
        return content


def _sign(content, role, signer, release_id, moment, *, first) -> bytes:
    writer = IncrementalPdfFileWriter(BytesIO(content))
    meta = signers.PdfSignatureMetadata(
        field_name=f"signature-{role}",
        name=f"Test {role.title()}",
        reason=f"approval; release {release_id}",
        subfilter=SigSeedSubFilter.PADES,
        certify=first,
        docmdp_permissions=MDPPerm.ANNOTATE if first else MDPPerm.FILL_FORMS,
    )
    stranger = _Dated(meta, signer, new_field_spec=SigFieldSpec(f"signature-{role}"))
    stranger.moment = moment
    return stranger.sign_pdf(writer).getvalue()
