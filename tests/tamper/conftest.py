"""One signed release for the whole corpus, whichever worker comes first, and a copy of it for each forgery."""

import fcntl

import pytest
from tests.tamper.forger import Forgery, copy_tree
from tests.tamper.release import make_signed_release
from tests.tamper.strangers import Strangers


@pytest.fixture(scope="session")
def sealed(tmp_path_factory, request):
    """Root of the untouched project; nobody writes there. The workers of a run share it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if hasattr(request.config, "workerinput") else base) / "sealed"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / "root.txt"
        if not done.exists():
            folder.mkdir()
            done.write_text(str(make_signed_release(folder)))
        return type(folder)(done.read_text())


@pytest.fixture
def forgery(sealed, tmp_path_factory):
    root = tmp_path_factory.mktemp("forgery")
    copy_tree(sealed, root)
    return Forgery(root, sealed.parent / "pki" / "root.pem")


@pytest.fixture(scope="session")
def strangers():
    return Strangers()
