"""Which packages the software needs: extras, markers, cycles, licences."""

import sys

import pytest
from tests.evidence.distributions import install

from sealproof.evidence.errors import EvidenceMissingError
from sealproof.evidence.hashing import sha256_bytes
from sealproof.evidence.packages import required_packages


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site")])
    (tmp_path / "site").mkdir()
    return tmp_path / "site"


def project(tmp_path, *requirements):
    rows = ", ".join(f"'''{row}'''" for row in requirements)
    (tmp_path / "pyproject.toml").write_text(f"[project]\ndependencies = [{rows}]\n")
    return tmp_path


def test_direct_and_indirect_packages_with_extras_markers_and_a_cycle(site, tmp_path):
    install(site, "Alpha", {}, requires=["beta[fast]>=1", "windows-only; sys_platform == 'win32'"])
    install(site, "beta", {}, requires=["gamma; extra == 'fast'", "delta; extra == 'slow'", "Alpha"])
    install(site, "gamma", {}, requires=["beta"])
    install(site, "not-needed", {})
    direct, packages = required_packages(project(tmp_path, "alpha==1.0"))
    assert direct == ("alpha",)
    assert {name: package.needs for name, package in packages.items()} == {
        "alpha": ("beta",),
        "beta": ("alpha", "gamma"),
        "gamma": ("beta",),
    }
    record = (site / "gamma-1.0.dist-info" / "RECORD").read_bytes()
    assert packages["gamma"].record_sha256 == sha256_bytes(record)


def test_without_pyproject_the_installed_metadata_count(site, tmp_path):
    install(site, "sealproof", {}, requires=["alpha"])
    install(site, "alpha", {}, record=None)
    direct, packages = required_packages(tmp_path)
    assert (direct, packages["alpha"].record_sha256) == (("alpha",), "")


def test_packages_that_are_not_installed_are_all_named(site, tmp_path):
    install(site, "alpha", {}, requires=["beta", "gamma"])
    with pytest.raises(EvidenceMissingError) as caught:
        required_packages(project(tmp_path, "alpha", "delta"))
    assert caught.value.where == "beta, delta, gamma"
    (tmp_path / "pyproject.toml").unlink()
    with pytest.raises(EvidenceMissingError) as caught:
        required_packages(tmp_path)
    assert caught.value.where == "sealproof"


OSI = "Classifier: License :: OSI Approved :: "


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ("License-Expression: MIT OR Apache-2.0\nLicense: MIT\n", "MIT OR Apache-2.0"),
        ("License: BSD 3-Clause\n", "BSD 3-Clause"),
        (f"License: UNKNOWN\n{OSI}MIT License\n", "MIT License"),
        (f"License: Copyright (c)\n        of many lines\n{OSI}BSD License\n", "BSD License"),
        (f"License: {'long ' * 20}\n{OSI}B\n{OSI}A\n", "A, B"),
        ("Classifier: Programming Language :: Python\n", ""),
        ("", ""),
    ],
)
def test_licence_as_stated(site, tmp_path, metadata, expected):
    install(site, "alpha", {}, metadata=metadata)
    assert required_packages(project(tmp_path, "alpha"))[1]["alpha"].licence == expected
