import shutil

import pytest
from tests.signing.crash import all_moments, try_moment

from sealproof.evidence.workspace import Workspace


@pytest.fixture(scope="module")
def signed_once(tmp_path_factory, released_root, keys):
    """A project that the author has signed."""
    from tests.signing.crash import derive_draft, request

    from sealproof.signing import held
    from sealproof.signing.sign import sign_release

    root = tmp_path_factory.mktemp("crash") / "project"
    shutil.copytree(released_root, root, symlinks=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(held, "present_draft", derive_draft)
        sign_release(Workspace(root, "challenge"), request("author", keys["author"]))
    return root


def test_a_kill_leaves_the_former_or_the_new_state(signed_once, keys, tmp_path):
    """Six moments, the last ones close together: there folders change place and the trail is written."""
    total = all_moments(signed_once, tmp_path, "reviewer", keys["reviewer"])
    assert total > 50, "the operations are no longer seen, and this test guards nothing"
    for moment in (total // 2, total - 12, total - 8, total - 5, total - 2, total):
        assert try_moment(signed_once, tmp_path, ["author"], keys["reviewer"], moment) == []


def test_a_kill_of_the_first_signature(released_root, keys, tmp_path):
    total = all_moments(released_root, tmp_path, "author", keys["author"])
    for moment in (total - 6, total - 1):
        assert try_moment(released_root, tmp_path, [], keys["author"], moment) == []
