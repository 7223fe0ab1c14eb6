"""Installed packages against their RECORD, on made-up distributions and on the real ones."""

import sys

import pytest
from tests.evidence.distributions import install, record_hash

from sealproof.evidence.installed import check_installed, installed_distributions, verify_installed


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


FILES = {"alpha/__init__.py": b"x = 1\n", "alpha/data, with comma.txt": b"data"}


def test_an_untouched_package_is_sound(site):
    files = {"alpha/__init__.py": b"x = 1\n", "alpha/empty": b""}
    install(site, "Alpha.Package", files)
    report = verify_installed(["alpha_package"])
    assert report.sound
    assert (report.distributions, report.files, report.bytes, report.without_hash) == (1, 2, 6, 1)
    assert (report.missing, report.altered) == ((), ())


def test_quoted_paths_and_other_allowed_hashes(site):
    info = install(site, "alpha", FILES, record="")
    (info / "RECORD").write_text(
        f"alpha/__init__.py,{record_hash(FILES['alpha/__init__.py'], 'sha512')},6\n"
        f'"alpha/data, with comma.txt",{record_hash(b"data", "sha384")},4\n'
    )
    report = verify_installed(["alpha"])
    assert (report.sound, report.files) == (True, 2)


def test_all_that_is_missing_or_altered_is_named_at_once(site):
    files = {f"alpha/{name}.py": name.encode() for name in "abcde"}
    info = install(site, "alpha", files)
    (site / "alpha/a.py").write_bytes(b"A")
    (site / "alpha/b.py").unlink()
    (site / "alpha/c.py").write_bytes(b"c ")
    (site / "alpha/d.py").unlink()
    (site / "alpha/d.py").mkdir()
    content = (info / "RECORD").read_text()
    (info / "RECORD").write_text(content + f"alpha/e.py,{record_hash(b'e', 'md5')},1\n")
    install(site, "beta", {}, record=None)
    report = verify_installed(["alpha", "beta", "gamma"])
    assert not report.sound
    assert report.missing == (
        "alpha 1.0: alpha/b.py",
        "alpha 1.0: alpha/d.py",
        "beta 1.0: RECORD",
        "gamma: it is not installed",
    )
    assert report.altered == (
        "alpha 1.0: alpha/a.py",
        "alpha 1.0: alpha/c.py",
        "alpha 1.0: alpha/e.py",
    ), "a hash that is no longer allowed proves nothing"
    assert report.distributions == 3


def test_compiled_files_and_files_without_a_hash_are_counted_only(site):
    record = f"alpha/a.pyc,{record_hash(b'other')},1\nalpha/b.txt,,\n\n"
    install(site, "alpha", {"alpha/a.pyc": b"x", "alpha/b.txt": b"x"}, record=record)
    report = verify_installed(["alpha"])
    assert (report.files, report.without_hash) == (0, 2)
    assert not report.sound, "nothing was compared"


def test_asking_for_nothing_is_not_sound():
    assert not verify_installed([]).sound


def test_results_come_one_by_one_in_the_order_of_record(site):
    install(site, "alpha", {f"alpha/{number}": str(number).encode() for number in range(20)})
    results = check_installed(["alpha"])
    assert next(results).name == "alpha 1.0: alpha/0"
    assert [file.name.rpartition("/")[2] for file in results] == [*map(str, range(1, 20)), "RECORD"]


def test_the_distribution_that_python_would_import_is_the_one(site):
    install(site, "rich", {"rich_shadow.py": b"1"}, version="0.0.1")
    assert installed_distributions()["rich"].version == "0.0.1"


def test_no_names_means_every_distribution(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    install(tmp_path, "alpha", FILES | {"alpha/data.txt": b""}, record="")
    install(tmp_path, "beta", {"beta.py": b"1"})
    report = verify_installed()
    assert (report.distributions, report.files) == (1, 1), "an empty RECORD lists nothing"


def test_real_packages_are_what_was_installed():
    report = verify_installed(["packaging", "typer", "pyyaml"])
    assert (report.missing, report.altered) == ((), ())
    assert report.files > 30
    assert report.bytes > 100_000
