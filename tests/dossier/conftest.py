import importlib.util
import shutil
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
def shared_project(once, build):
    """A simulated product with one failed case, before its documents. Not to be changed by a test."""
    return once("dossier-built", lambda folder: build.build_project(folder / "project")) / "project"


@pytest.fixture
def project(tmp_path, shared_project):
    """The same, for one test to change."""
    return shutil.copytree(shared_project, tmp_path / "project", symlinks=True)


@pytest.fixture(scope="session")
def rendered_project(once, shared_project):
    """The same with its documents, as the stage script makes them. Not to be changed by a test."""

    def make(folder):
        _render(shutil.copytree(shared_project, folder / "project", symlinks=True))

    return once("dossier-rendered", make) / "project"


@pytest.fixture(scope="session")
def rendered(rendered_project):
    """Name -> bytes of the four documents, and the release."""
    reports = rendered_project / "reports" / "seal-sim"
    return {path.name: path.read_bytes() for path in sorted(reports.iterdir()) if path.is_file()}


def _render(project):
    from pipeline.dossier import work

    from sealproof.settings import load_settings
    from sealproof.stage import Stage

    stage = Stage("dossier", load_settings(project))
    stage.start()
    work(stage)
    stage.finish()
