"""Shared by all tests: quiet tools and one thread a process, so that parallel test workers do not fight."""

import fcntl
import gc
import os
import shutil
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings

from sealproof.evidence.telemetry import silence

silence()

# A gate says the same of the same commit: drawn examples follow from the test, not from the moment. New ones are drawn
# with `HYPOTHESIS_PROFILE=search make test`; what it finds goes into the test by hand.
settings.register_profile("same", derandomize=True)
settings.register_profile("search", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


def pytest_collection_modifyitems(items):
    """The longest first, so that the other workers fill the time; pytest 9 takes no order from `testpaths`."""
    items.sort(key=lambda item: "/tests/e2e/" not in item.path.as_posix())


def pytest_collection_finish(session):
    """Modules and collected tests stay to the end: the garbage collector need not look through them again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def once(tmp_path_factory, worker_id):
    """once(name, make) -> a folder that `make(folder)` filled, one time a test run, whichever worker came first.

    Not to be changed by a test.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent

    def filled(name, make):
        folder = Path(shared) / f"once-{name}"
        with (Path(shared) / f"once-{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # the other worker waits; the lock goes with its process
            done = folder.with_suffix(".done")
            if not done.exists():
                folder.mkdir()  # fails where a worker died in the middle
                make(folder)
                done.touch()
        return folder

    return filled


@pytest.fixture
def champion_copy(once, tmp_path):
    """A small project with a champion on record, for one test to change."""
    from tests.benchmark.challenger_project import champion_project  # trains: only where it is asked for

    return shutil.copytree(once("champion", champion_project), tmp_path / "project")
