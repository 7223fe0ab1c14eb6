"""One signature in one PDF: PAdES-B-B, with a time stamp PAdES-B-T (ETSI EN 319 142-1), as an incremental update.

The author's signature certifies the document (ISO 32000-1, 12.8.2.2): from then on only signatures are permitted. All
three fields are made together with it, so that the later signatures fill what is there and add nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from io import BytesIO

from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.writer import BasePdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter, append_signature_field
from pyhanko.sign.signers.constants import ESIC_EXTENSION_1
from pyhanko.sign.signers.pdf_signer import PdfSigningSession
from pyhanko.sign.timestamps import TimeStamper

from sealproof.qualification.decision import REQUIRED_SIGNATURES
from sealproof.signing.appearance import SignatureStyle, Statement
from sealproof.signing.boxes import Box


def field_name(role: str) -> str:
    """Name of the field that a role signs.

    Example:
        >>> field_name("author")
        'signature-author'
    """
    return f"signature-{role}"


class _Writer(IncrementalPdfFileWriter):
    """Adds signatures and nothing else.

    pyHanko would write its own name and the time into the document's metadata, in two places that then disagree, and
    for some keys raise the version to PDF 2.0: both against PDF/A-3.
    """

    def _update_meta(self) -> None:
        """Title, producer and dates stay those of the document."""

    def ensure_output_version(self, version: tuple[int, int]) -> None:
        """The version stays that of the document."""


class _Signer(signers.PdfSigner):
    """Signs at the given moment, so that page, signature and signatures.json name one and the same."""

    moment: datetime

    def register_extensions(self, pdf_out: BasePdfFileWriter, *, md_algorithm: str) -> None:
        """PAdES in PDF 1.7, and no extension of PDF 2.0, whatever the kind of key."""
        pdf_out.register_extension(ESIC_EXTENSION_1)

    def init_signing_session(
        self,
        pdf_out: BasePdfFileWriter,
        existing_fields_only: bool = False,  # noqa: FBT001, FBT002 - as pyHanko has it
    ) -> PdfSigningSession:
        session = super().init_signing_session(pdf_out, existing_fields_only)
        session.system_time = self.moment
        return session


def sign_document(
    content: bytes,
    statement: Statement,
    boxes: Mapping[str, Box],
    signer: signers.Signer,
    *,
    font: bytes,
    stamper: TimeStamper | None = None,
) -> bytes:
    """Sign a PDF.

    Args:
        content: the PDF; whole, for the author, else as the role before left it.
        statement: who signs what, and when.
        boxes: role -> place on a page, of all roles.
        signer: of pyHanko.
        font: of `printable_font`; it is embedded.
        stamper: of a time-stamp authority; None for no time stamp.

    Returns:
        `content` with an incremental update behind it: its bytes are those of `content` as far as these go.

    Raises:
        DefinitionError: the text does not fit into the box.
        pyhanko.sign.timestamps.TimestampRequestError: the authority gives no time stamp.
        pyhanko.sign.general.SigningError: the field is signed already, or the document permits no further signature.
    """
    writer = _Writer(BytesIO(content))
    certifies = statement.role == REQUIRED_SIGNATURES[0]
    if certifies:
        for role in REQUIRED_SIGNATURES:
            append_signature_field(writer, _field(role, boxes[role]))
    meta = signers.PdfSignatureMetadata(
        field_name=field_name(statement.role),
        name=statement.name,
        reason=statement.reason,
        certify=certifies,
        docmdp_permissions=MDPPerm.FILL_FORMS,
        subfilter=SigSeedSubFilter.PADES,
    )
    style = SignatureStyle(border_width=0, lines=statement.lines, font=font)
    pdf_signer = _Signer(meta, signer, timestamper=stamper, stamp_style=style)
    pdf_signer.moment = statement.at
    signed: BytesIO = pdf_signer.sign_pdf(writer, existing_fields_only=True)
    return signed.getvalue()


def _field(role: str, box: Box) -> SigFieldSpec:
    return SigFieldSpec(
        field_name(role),
        on_page=box.page,
        box=box.rectangle,  # type: ignore[arg-type]  # pyHanko writes fractions of a point, its annotation says int
        readable_field_name=f"Signature of the {role}",
    )
