import subprocess
import sys

from sealproof.dossier import system_libraries


def test_this_machine_has_the_libraries():
    assert system_libraries.missing_packages() == []
    assert system_libraries.main([]) == 0


def test_a_missing_library_is_named_by_its_debian_package(monkeypatch, capsys):
    monkeypatch.setattr(system_libraries, "loads", lambda name: "pango" not in name)
    assert system_libraries.main([]) == 1
    told = capsys.readouterr().err
    assert "apt-get install libpango-1.0-0 libpangoft2-1.0-0" in told
    assert "libharfbuzz-subset0" not in told


def test_quiet_says_nothing(monkeypatch, capsys):
    monkeypatch.setattr(system_libraries, "loads", lambda name: False)
    assert system_libraries.main(["--quiet"]) == 1
    assert capsys.readouterr() == ("", "")


def test_runs_as_a_module_without_importing_weasyprint():
    code = (
        "import runpy, sys\n"
        "sys.modules['weasyprint'] = None\n"
        "sys.argv = ['x', '--quiet']\n"
        "runpy.run_module('sealproof.dossier.system_libraries', run_name='__main__')\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
