"""A sound hand-made release once for this room, and pairs of copies of it for tests that change one."""

import pytest
from tests.change.build import Pair, make_tree


@pytest.fixture(scope="session")
def sound_release(tmp_path_factory):
    return make_tree(tmp_path_factory.mktemp("change") / "sound")


@pytest.fixture
def pair(sound_release, tmp_path):
    return Pair(sound_release, tmp_path)
