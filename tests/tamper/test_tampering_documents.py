"""The tamper corpus, documents, signatures and registry: one named test for each way to forge a signed release."""

import hashlib
import json
from datetime import UTC, datetime

import pytest
from tests.e2e.project import PRODUCT
from tests.tamper import pdf
from tests.tamper.moves import DOCUMENTS, DOSSIER, SIGNED, A, R, before_last_signature, sql
from tests.tamper.release import ROLES

from sealproof.evidence.workspace import Workspace
from sealproof.signing.archive import archive, archive_place
from sealproof.verification.signed import load_roots
from sealproof.verification.verify import verify

pytestmark = pytest.mark.corpus


# --- provenance and archive


def test_provenance_edited(forgery):
    name = f"{R}/provenance.json"
    forgery.json(name, lambda content: content["subject"][0]["digest"].update(sha256="0" * 64))
    forgery.finds("provenance-wrong", name)


def archived(forgery):
    workspace = Workspace(forgery.root, PRODUCT)
    release_id = json.loads(forgery.read(f"{R}/release.json"))["release_id"]
    archive(workspace, release_id)
    return archive_place(workspace, release_id)


def test_untouched_archive_passes(forgery):
    done = verify(archived(forgery), roots=load_roots([forgery.trust]))
    assert [(item.code, item.file, item.place) for item in done.findings if item.severity > 0] == []


def test_release_of_the_archive_changed(forgery):
    """The trail noted the archive; `_publish` noted another hash than this one has."""
    place = archived(forgery)
    name = (place / R / "signed" / "release.json").relative_to(forgery.root).as_posix()
    forgery.finds("archive-altered", name)


# --- documents and attachments


def test_text_of_a_document_changed(forgery):
    forgery.write(DOSSIER, pdf.rewrite(forgery.read(DOSSIER), pdf.note("All criteria are met.")))
    done = forgery.finds("document-altered", DOSSIER)
    assert "signed-other-document" in {item.code for item in done.findings}


def test_printed_number_of_another_record(forgery):
    change = pdf.point_link("record-evaluate.4-ms-ssim.recall", "record-evaluate.4-ms-ssim.specificity")
    forgery.write(DOSSIER, pdf.rewrite(forgery.read(DOSSIER), change))
    forgery.rehash_release()
    forgery.finds("printed-other-value", DOSSIER, "evaluate.4-ms-ssim.specificity")


def test_attachment_exchanged(forgery):
    content = forgery.read(DOSSIER)
    metrics = json.loads(pdf.attached(content, "metrics.json"))
    metrics["4-ms-ssim"]["recall"]["value"] = 1.0
    forgery.write(DOSSIER, pdf.rewrite(content, pdf.attach("metrics.json", json.dumps(metrics).encode())))
    done = forgery.finds("attachment-altered", DOSSIER, "metrics.json")
    assert ("attachment-differs", "metrics.json") in {(item.code, item.place) for item in done.findings}


def test_attachment_exchanged_with_its_hash(forgery):
    content = forgery.read(DOSSIER)
    csv = pdf.attached(content, "predictions.csv").replace(b"accept", b"reject", 1)
    index = json.loads(pdf.attached(content, "attachments.json")) | {
        "predictions.csv": hashlib.sha256(csv).hexdigest()
    }
    changed = pdf.rewrite(content, pdf.attach("predictions.csv", csv))
    forgery.write(DOSSIER, pdf.rewrite(changed, pdf.attach("attachments.json", json.dumps(index).encode())))
    forgery.finds("attachment-differs", DOSSIER, "predictions.csv, row")


def test_attachment_removed(forgery):
    forgery.write(DOSSIER, pdf.rewrite(forgery.read(DOSSIER), pdf.detach("trail.jsonl")))
    forgery.finds("attachment-missing", DOSSIER, "trail.jsonl")


def test_attachment_added(forgery):
    forgery.write(DOSSIER, pdf.rewrite(forgery.read(DOSSIER), pdf.attach("more.json", b"{}")))
    forgery.finds("attachment-extra", DOSSIER, "more.json")


def test_list_of_printed_records_shortened(forgery):
    forgery.json(f"{A}/dossier/printed.json", lambda printed: printed["dossier.pdf"].pop(0))
    forgery.finds("printed-list-wrong", f"{A}/dossier/printed.json", "dossier.pdf")


# --- signatures


def test_signature_bytes_changed(forgery):
    content = bytearray(forgery.read(SIGNED))
    place = (
        len(content[: content.rindex(b"/ByteRange")].rstrip().rstrip(b">").rstrip(b"0")) - 40
    )  # in its last bytes
    content[place] = ord("1") if content[place] != ord("1") else ord("2")
    forgery.write(SIGNED, bytes(content))
    forgery.finds("signature-broken", SIGNED)


def test_signed_content_changed(forgery):
    content = forgery.read(SIGNED)
    place = content.index(b"/MediaBox")
    forgery.write(SIGNED, content[:place] + content[place:].replace(b"/MediaBox", b"/MediaBoy", 1))
    forgery.finds("signature-broken", SIGNED, "author")


def test_change_added_behind_the_last_signature(forgery):
    forgery.write(SIGNED, pdf.update(forgery.read(SIGNED), pdf.note("accepted")))
    forgery.finds("changed-after-signature", SIGNED)


def test_bytes_added_behind_the_last_signature(forgery):
    forgery.write(SIGNED, forgery.read(SIGNED) + b"\n% more\n")
    forgery.finds("signature-not-whole-file", SIGNED, "approver")


def test_last_signature_removed_from_one_document(forgery):
    forgery.write(SIGNED, before_last_signature(forgery.read(SIGNED)))
    forgery.finds("signature-missing", SIGNED, "approver")


def test_last_signature_removed_everywhere(forgery):
    for name in DOCUMENTS:
        forgery.write(f"{R}/signed/{name}", before_last_signature(forgery.read(f"{R}/signed/{name}")))
    forgery.finds("signature-missing", f"{R}/signed", "approver")


def test_all_signatures_removed(forgery):
    forgery.remove(f"{R}/signed")
    forgery.finds("signed-document-missing", SIGNED)


def test_unsigned_document_in_the_place_of_the_signed_one(forgery):
    forgery.write(SIGNED, forgery.read(DOSSIER))
    forgery.finds("signature-missing", SIGNED, "author")


def test_signed_documents_exchanged(forgery):
    first, second = f"{R}/signed/iq.pdf", f"{R}/signed/oq.pdf"
    one, two = forgery.read(first), forgery.read(second)
    forgery.write(first, two)
    forgery.write(second, one)
    forgery.finds("signed-other-document", first)


def test_signed_by_another_certificate(forgery, strangers):
    """A stranger signs the very documents with certificates of the same names."""
    for name in DOCUMENTS:
        forgery.write(f"{R}/signed/{name}", strangers.sign(forgery, name, ROLES))
    done = forgery.finds("signer-not-trusted", SIGNED, "author")
    assert {"signature-list-wrong", "signature-not-in-trail"} <= {item.code for item in done.findings}


def test_one_document_signed_by_another_certificate(forgery, strangers):
    forgery.write(SIGNED, strangers.sign(forgery, "dossier.pdf", ROLES))
    forgery.finds("signer-differs", SIGNED, "author")


def test_signatures_in_another_order(forgery, strangers):
    forgery.write(SIGNED, strangers.sign(forgery, "dossier.pdf", ("reviewer", "author", "approver")))
    forgery.finds("signature-order-wrong", SIGNED)


def test_fourth_signature(forgery, strangers):
    forgery.write(SIGNED, strangers.sign(forgery, "dossier.pdf", ("visitor",), over=forgery.read(SIGNED)))
    forgery.finds("signature-extra", SIGNED, "visitor")


def test_one_person_in_all_roles(forgery, strangers):
    forgery.write(SIGNED, strangers.sign(forgery, "dossier.pdf", ROLES, one_key=True))
    forgery.finds("one-signer-in-two-roles", SIGNED)


def test_signed_for_another_release(forgery, strangers):
    forgery.write(SIGNED, strangers.sign(forgery, "dossier.pdf", ROLES, release_id="0" * 64))
    forgery.finds("signed-other-release", SIGNED, "author")


def test_signed_with_an_expired_certificate(forgery, strangers):
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    forgery.write(SIGNED, strangers.sign(forgery, "dossier.pdf", ROLES, moment=moment))
    forgery.finds("certificate-expired", SIGNED, "author")


def test_name_in_the_list_of_signatures_changed(forgery):
    name = f"{R}/signed/signatures.json"
    forgery.json(name, lambda content: content["signatures"][2].update(name="Test Somebody"))
    forgery.finds("signature-list-wrong", name, "approver, name")


def test_signature_list_removed(forgery):
    forgery.remove(f"{R}/signed/signatures.json")
    forgery.finds("signature-list-wrong", f"{R}/signed/signatures.json", "author")


# --- the registry


def test_model_swapped_in_mlflow(forgery):
    sql(
        forgery,
        "UPDATE model_versions SET run_id = (SELECT run_uuid FROM runs WHERE run_uuid != run_id LIMIT 1)",
    )
    forgery.finds("registered-model-altered", "mlflow.db", "run")


def test_weights_swapped_in_mlflow(forgery):
    name = (
        next(forgery.root.glob("mlruns/*/*/artifacts/artifacts/model.safetensors"))
        .relative_to(forgery.root)
        .as_posix()
    )
    forgery.flip_bit(name, place=-100)
    forgery.finds("registered-model-altered", "mlflow.db", "weights")


def test_alias_moved_in_mlflow(forgery):
    sql(forgery, "UPDATE registered_model_aliases SET version = 99")
    forgery.finds("registered-model-altered", "mlflow.db", "alias")


def test_version_deleted_in_mlflow(forgery):
    sql(forgery, "DELETE FROM model_versions")
    forgery.finds("registered-model-missing", "mlflow.db", exit_code=2)
