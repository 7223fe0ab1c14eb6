import shutil

import pytest
from pydantic import SecretStr
from tests.signing.build import NAMES, PHRASE, ROLES, certificate, make_pdf, make_release_to_sign, write_key

from sealproof.evidence.workspace import Workspace
from sealproof.qualification.release import make_release
from sealproof.signing import held
from sealproof.signing.credentials import open_pkcs12
from sealproof.signing.held import DOCUMENTS
from sealproof.signing.sign import MEANINGS, Request, sign_release


@pytest.fixture(scope="session")
def pdfs():
    return {name: make_pdf(name) for name in DOCUMENTS}


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    """role -> PKCS#12 file; `root` -> (certificate, key) that issued them."""
    folder = tmp_path_factory.mktemp("keys")
    root = certificate("Test root", authority=True)
    pairs = {role: certificate(f"Test {role}", issuer=root) for role in ROLES}
    files = {role: write_key(folder / f"{role}.p12", pair, others=[root[0]]) for role, pair in pairs.items()}
    return files | {"root": root, "pairs": pairs}


@pytest.fixture(scope="session")
def released_root(tmp_path_factory, pdfs):
    root = tmp_path_factory.mktemp("signing") / "project"
    root.mkdir()
    make_release_to_sign(root, pdfs)
    return root


@pytest.fixture(autouse=True)
def draft(monkeypatch):
    """The made-up project has no manufacturer's texts; evidence, criteria and cases are derived anew all the same."""

    def present(workspace):
        return make_release(workspace, demonstration=False, missing_inputs=())

    monkeypatch.setattr(held, "present_draft", present)


@pytest.fixture
def workspace(released_root, tmp_path):
    """A release that nobody has signed, for one test to change."""
    root = tmp_path / "project"
    shutil.copytree(released_root, root, symlinks=True)
    return Workspace(root, "challenge")


@pytest.fixture
def request_of(keys):
    """`request_of("author", name=...)`: a request to sign with that role's key."""

    def make(role, **changes):
        from contextlib import nullcontext

        key = changes.pop("key", keys.get(role))
        fields = {
            "role": role,
            "name": NAMES[role],
            "meaning": MEANINGS[role],
            "credential": lambda: nullcontext(open_pkcs12(key, SecretStr(PHRASE))),
        }
        return Request(**(fields | changes))

    return make


@pytest.fixture
def sign(workspace, request_of):
    """`sign("author", "reviewer")` signs the workspace in these roles."""

    def do(*roles, **changes):
        return [sign_release(workspace, request_of(role, **changes)) for role in roles][-1]

    return do
