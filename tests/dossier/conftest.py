import importlib.util
import sys
from pathlib import Path

import pytest


def _load_build():
    """The builder beside this file, under a name of its own: tests are imported without packages."""
    name = "sealproof_tests_dossier_build"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("build.py"))
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(scope="session")
def build():
    """The module that builds projects."""
    return _load_build()


@pytest.fixture(scope="session")
def shared_project(tmp_path_factory, build):
    """A simulated product with one failed case. Not to be changed by a test."""
    return build.build_project(tmp_path_factory.mktemp("shared") / "project")


@pytest.fixture
def project(tmp_path, build):
    """The same, for one test to change."""
    return build.build_project(tmp_path / "project")


@pytest.fixture(scope="session")
def rendered(shared_project):
    """Name -> bytes of the four documents, and the release, as the stage script makes them."""
    from pipeline.dossier import work

    from sealproof.settings import load_settings
    from sealproof.stage import Stage

    stage = Stage("dossier", load_settings(shared_project))
    stage.start()
    work(stage)
    stage.finish()
    reports = shared_project / "reports" / "seal-sim"
    return {path.name: path.read_bytes() for path in sorted(reports.iterdir()) if path.is_file()}
