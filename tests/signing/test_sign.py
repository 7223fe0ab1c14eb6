import json
import shutil

import pytest
from pyhanko.sign.timestamps import TimeStamper, TimestampRequestError
from tests.signing.build import NAMES, ROLES, certificate, note_release, write_key

from sealproof.evidence.errors import (
    DataError,
    DefinitionError,
    EvidenceAlteredError,
    EvidenceMissingError,
    OutputError,
)
from sealproof.evidence.hashing import sha256_file, sha256_tree
from sealproof.evidence.trail import read_trail
from sealproof.qualification.gate import evaluate_gate
from sealproof.qualification.release import read_release
from sealproof.signing.held import DOCUMENTS
from sealproof.signing.sign import sign_release


def signed_lines(workspace):
    return [entry for entry in read_trail(workspace.trail) if entry.event == "document.signed"]


def state(workspace):
    return sha256_tree(workspace.reports), workspace.trail.read_bytes()


def test_three_roles_sign_and_the_release_is_released(workspace, sign, keys):
    before = {name: (workspace.reports / name).read_bytes() for name in DOCUMENTS}
    decisions = [sign(role).release.decision for role in ROLES]
    assert decisions == ["criteria_met", "criteria_met", "released"]
    record = json.loads((workspace.signed / "signatures.json").read_text())
    assert [item["role"] for item in record["signatures"]] == list(ROLES)
    assert [item["name"] for item in record["signatures"]] == list(NAMES.values())
    assert {item["subject"] for item in record["signatures"]} == {f"CN=Test {role}" for role in ROLES}
    assert {item["issuer"] for item in record["signatures"]} == {"CN=Test root"}
    for name in DOCUMENTS:
        assert (workspace.reports / name).read_bytes() == before[name], "a DVC output was changed"
        assert (workspace.signed / name).read_bytes().startswith(before[name])
        assert record["signatures"][-1]["documents"][name] == sha256_file(workspace.signed / name)
    assert sorted(path.name for path in workspace.reports.glob("signed*")) == ["signed"]
    assert evaluate_gate(workspace, released=True).exit_code == 0


def test_the_trail_tells_of_each_signature(workspace, sign):
    sign(*ROLES)
    record = json.loads((workspace.signed / "signatures.json").read_text())
    lines = signed_lines(workspace)
    assert [entry.by for entry in lines] == list(NAMES.values())
    for entry, item in zip(lines, record["signatures"], strict=True):
        wanted = {key: item[key] for key in ("role", "name", "certificate_sha256", "documents")}
        assert entry.details == wanted | {"release_id": record["release_id"]}


def test_signed_release_names_the_signed_documents(workspace, sign):
    draft = read_release(workspace.reports / "release.json")
    sign("author")
    release = read_release(workspace.signed / "release.json")
    assert release.documents == {
        f"reports/challenge/signed/{name}": sha256_file(workspace.signed / name) for name in DOCUMENTS
    }
    assert release.missing_signatures == ("reviewer", "approver")
    assert (release.release_id, release.trail_head) == (draft.release_id, draft.trail_head)


@pytest.mark.parametrize(
    ("done", "role", "words"),
    [
        ((), "reviewer", "first let the author sign"),
        ((), "approver", "first let the author sign"),
        (("author",), "approver", "first let the reviewer sign"),
        (("author",), "author", "has signed already"),
        (ROLES, "approver", "nothing is left to sign"),
    ],
)
def test_out_of_order_is_refused(workspace, sign, done, role, words):
    for name in done:
        sign(name)
    before = state(workspace)
    with pytest.raises(DefinitionError) as caught:
        sign(role)
    assert words in str(caught.value)
    assert state(workspace) == before


def test_one_certificate_cannot_sign_two_roles(workspace, sign, keys):
    sign("author")
    with pytest.raises(DefinitionError, match="one key cannot sign in two roles") as caught:
        sign("reviewer", key=keys["author"])
    assert "as author" in caught.value.why


def test_one_key_under_another_certificate_cannot_either(workspace, sign, keys, tmp_path):
    sign("author")
    renewed = certificate("Another name", key=keys["pairs"]["author"][1], issuer=keys["root"])
    with pytest.raises(DefinitionError, match="one key cannot sign in two roles"):
        sign("reviewer", key=write_key(tmp_path / "renewed.p12", renewed))


def test_one_person_cannot_sign_two_roles(workspace, sign):
    sign("author")
    with pytest.raises(DefinitionError) as caught:
        sign("reviewer", name=f" {NAMES['author'].upper()} ")
    assert "different people" in caught.value.why


def alter(name):
    def change(workspace):
        path = workspace.root / name
        path.write_bytes(path.read_bytes() + b" ")

    return change


def drop(name):
    return lambda workspace: (workspace.root / name).unlink()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (alter("reports/challenge/iq.pdf"), EvidenceAlteredError, "iq.pdf"),
        (alter("artifacts/challenge/score/scores.parquet"), EvidenceAlteredError, "scores.parquet"),
        (alter("reports/challenge/release.json"), EvidenceAlteredError, "another one was made last"),
        (drop("reports/challenge/release.json"), EvidenceMissingError, "release.json"),
        (drop("artifacts/challenge/train/model.safetensors"), EvidenceMissingError, "model.safetensors"),
        (
            drop("artifacts/challenge/dossier/signature_boxes.json"),
            EvidenceMissingError,
            "signature_boxes.json",
        ),
        (drop("artifacts/challenge/trail.jsonl"), EvidenceMissingError, "trail"),
    ],
    ids=lambda value: getattr(value, "__name__", value if isinstance(value, str) else None),
)
def test_what_does_not_hold_is_not_signed(workspace, sign, change, error, words):
    change(workspace)
    with pytest.raises(error) as caught:
        sign("author")
    assert words in str(caught.value)
    assert not workspace.signed.exists()


def test_a_release_that_the_product_no_longer_gives_is_not_signed(workspace, sign, monkeypatch):
    from sealproof.signing import held

    now = held.present_draft(workspace).model_copy(update={"missing_inputs": ("intended use",)})
    monkeypatch.setattr(held, "present_draft", lambda workspace: now)
    with pytest.raises(EvidenceAlteredError, match="does not hold") as caught:
        sign("author")
    assert "missing_inputs" in caught.value.why


def rewrite(name, change):
    def do(workspace):
        path = workspace.signed / name
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return do


def _exchange_documents(workspace):
    one, other = workspace.signed / "iq.pdf", workspace.signed / "oq.pdf"
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (alter("reports/challenge/signed/pq.pdf"), EvidenceAlteredError, "pq.pdf"),
        (_exchange_documents, EvidenceAlteredError, "iq.pdf, oq.pdf"),
        (drop("reports/challenge/signed/pq.pdf"), EvidenceMissingError, "pq.pdf"),
        (drop("reports/challenge/signed/release.json"), EvidenceMissingError, "release.json"),
        (lambda w: (w.signed / "more.pdf").write_bytes(b"x"), EvidenceAlteredError, "more.pdf"),
        (
            rewrite("release.json", lambda content: content.update(decision="released")),
            EvidenceAlteredError,
            "signed/release.json",
        ),
        (
            rewrite("signatures.json", lambda content: content["signatures"][0].update(meaning="review")),
            EvidenceAlteredError,
            "the author says authorship",
        ),
        (
            rewrite("signatures.json", lambda content: content["signatures"][0].update(timestamped=True)),
            EvidenceAlteredError,
            "time stamp",
        ),
        (
            rewrite("signatures.json", lambda content: content.update(signatures=[])),
            EvidenceAlteredError,
            "holds no signature",
        ),
        (rewrite("signatures.json", lambda content: content.update(more=1)), EvidenceAlteredError, "more"),
    ],
)
def test_a_signature_that_does_not_hold_is_not_continued(workspace, sign, change, error, words):
    sign("author")
    change(workspace)
    before = state(workspace)
    with pytest.raises(error) as caught:
        sign("reviewer")
    assert words in str(caught.value)
    assert sha256_tree(workspace.reports) == before[0]


def test_a_name_changed_in_the_record_is_found(workspace, sign):
    sign("author", "reviewer")
    rewrite("signatures.json", lambda content: content["signatures"][0].update(name="Somebody Else"))(
        workspace
    )
    with pytest.raises(EvidenceAlteredError) as caught:
        sign("approver")
    assert "does not know a signature" in str(caught.value)


def test_signatures_of_another_release_are_not_continued(workspace, sign, pdfs):
    sign("author")
    for name in DOCUMENTS:
        (workspace.reports / name).write_bytes(pdfs["iq.pdf"] + b"\n")
    content = json.loads((workspace.reports / "release.json").read_text())
    content["documents"] = {
        f"reports/challenge/{name}": sha256_file(workspace.reports / name) for name in DOCUMENTS
    }
    (workspace.reports / "release.json").write_text(json.dumps(content))
    note_release(workspace)
    with pytest.raises(DefinitionError, match="those of another release"):
        sign("reviewer")
    shutil.move(workspace.signed, workspace.root / "kept")
    assert sign("author").entry.role == "author"


def test_a_line_that_a_kill_left_out_is_added(workspace, sign, monkeypatch):
    whole = workspace.trail.read_bytes()
    sign("author")
    kept = workspace.trail.read_bytes()
    workspace.trail.write_bytes(whole)
    sign("reviewer")
    lines = signed_lines(workspace)
    assert [entry.details["role"] for entry in lines] == ["author", "reviewer"]
    assert lines[0].details == json.loads(kept.splitlines()[-1])["details"]


def test_an_earlier_line_that_is_gone_is_found(workspace, sign):
    whole = workspace.trail.read_bytes()
    sign("author", "reviewer")
    workspace.trail.write_bytes(whole)
    with pytest.raises(EvidenceAlteredError, match="does not know a signature"):
        sign("approver")


class Unreachable(TimeStamper):
    async def async_request_tsa_response(self, req):
        raise TimestampRequestError("no answer")


def test_nothing_is_written_when_the_authority_gives_no_time(workspace, sign):
    before = state(workspace)
    with pytest.raises(OutputError, match="gave no time stamp"):
        sign("author", stamper=Unreachable(), authority="https://tsa.example")
    assert state(workspace) == before


def test_nothing_is_written_when_the_certificate_cannot_sign(workspace, sign, tmp_path):
    before = state(workspace)
    with pytest.raises(DataError, match="cannot sign a document"):
        sign("author", key=write_key(tmp_path / "k.p12", certificate(signature=False, non_repudiation=False)))
    assert state(workspace) == before


def test_only_a_trusted_certificate_when_roots_are_named(workspace, sign, keys):
    with pytest.raises(DataError, match="does not lead to one that is trusted"):
        sign("author", roots=(certificate("Other root", authority=True)[0],))
    assert sign("author", roots=(keys["root"][0],)).entry.issuer == "CN=Test root"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"meaning": "approval " * 80}, "does not fit"),
        ({"name": "\N{CJK UNIFIED IDEOGRAPH-4E00}"}, "U+4E00"),
        ({"name": "two\nlines"}, "U+000A"),
    ],
)
def test_text_that_cannot_be_printed_is_refused(workspace, sign, changes, words):
    with pytest.raises(DefinitionError) as caught:
        sign("author", **changes)
    assert words in str(caught.value)
    assert not workspace.signed.exists()


def test_only_one_signs_at_a_time(workspace, request_of):
    from sealproof.signing.exchange import only_one

    with only_one(workspace.reports), pytest.raises(OutputError, match="another process"):
        sign_release(workspace, request_of("author"))
