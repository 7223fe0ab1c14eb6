"""Findings: codes, severities, exit codes, what malformed files turn into; the tree; the report."""

import json
import struct
import zlib
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from sealproof.commands.verify import verify as command
from sealproof.evidence.errors import DefinitionError
from sealproof.verification.codes import CODES, Severity
from sealproof.verification.findings import Findings
from sealproof.verification.report import as_html, as_json, as_markdown, headline, terminal_table
from sealproof.verification.tree import Tree
from sealproof.verification.verify import Verification, locate

ROOT = Path(__file__).parents[2]


def with_codes(*codes):
    findings = Findings()
    for code in codes:
        findings.add(code, "a.json", "/x", expected=1, found="<b>|2</b>")
    return Verification("here", "p", "0" * 64, findings)


@pytest.mark.parametrize(
    ("codes", "exit_code"),
    [
        ((), 0),
        (("not-signed",), 0),
        (("file-missing",), 2),
        (("lock-missing", "not-signed"), 2),
        (("file-missing", "metric-changed"), 3),
    ],
)
def test_the_gravest_finding_decides(codes, exit_code):
    assert int(with_codes(*codes).findings.exit_code) == exit_code


def test_an_unknown_code_is_a_defect_of_ours():
    with pytest.raises(KeyError):
        Findings().add("no-such-code", "a")


def test_a_finding_is_listed_once_and_the_gravest_first():
    found = list(with_codes("not-signed", "metric-changed", "metric-changed").findings)
    assert [item.severity for item in found] == [Severity.ALTERED, Severity.NOTE]


@pytest.mark.parametrize(
    "error",
    [
        KeyError("x"),
        ValueError("x"),
        TypeError("x"),
        OSError("x"),
        RecursionError("x"),
        AssertionError("x"),
        struct.error("x"),
        zlib.error("x"),
        ZeroDivisionError("x"),
    ],
)
def test_what_a_malformed_file_raises_is_a_finding(error):
    findings = Findings()
    with findings.guard("a.json", "/x"):
        raise error
    assert [(item.code, item.severity) for item in findings] == [("malformed", Severity.ALTERED)]


def test_a_defect_of_ours_is_not_swallowed():
    with pytest.raises(NameError), Findings().guard("a.json"):
        raise NameError("x")


def test_every_code_is_explained_in_the_documentation():
    text = (ROOT / "docs" / "verify.md").read_text()
    assert [name for name, code in CODES.items() if f"| `{name}` | {code.meaning} |" not in text] == []


def test_every_code_is_used():
    source = "".join(
        path.read_text()
        for path in (ROOT / "src/sealproof/verification").glob("*.py")
        if path.name != "codes.py"
    )
    built = {
        f"{prefix}-{name}"
        for prefix in ("trail", "ledger")
        for name in ("torn", "line-unreadable", "line-missing", "reordered", "line-altered")
    }
    assert [name for name in CODES if f'"{name}"' not in source and name not in built] == []


def test_reports_tell_the_same_and_escape():
    done = with_codes("metric-changed")
    assert as_json(done)["verdict"] == "altered"
    json.dumps(as_json(done))
    html, markdown = as_html(done), as_markdown(done)
    assert "&lt;b&gt;|2&lt;/b&gt;" in html
    assert "<b>\\|2</b>" in markdown
    assert CODES["metric-changed"].meaning in html
    assert CODES["metric-changed"].meaning in markdown
    assert headline(done) == "p: altered, 1 altered"
    assert terminal_table(done).row_count == 1
    assert "No findings" in as_html(with_codes())


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", "a\\b", ""])
def test_no_name_leaves_the_root(tmp_path, name):
    with pytest.raises(ValueError, match="leaves"):
        Tree(tmp_path, "p", Findings()).path(name)


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.json", b"{"), ("a.json", b'{"a": NaN}'), ("a.json", b"\xff"), ("a.json", b"[" * 100000)],
)
def test_an_unreadable_file_is_one_finding(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    tree = Tree(tmp_path, "p", Findings())
    assert (tree.json(name), tree.json(name)) == (None, None)
    assert [item.code for item in tree.findings] == ["file-unreadable"]


def test_a_missing_file_is_a_finding_unless_it_is_optional(tmp_path):
    tree = Tree(tmp_path, "p", Findings())
    assert tree.json("a.json", optional=True) is None
    assert len(tree.findings) == 0
    assert tree.table("a.parquet") is None
    assert [item.code for item in tree.findings] == ["file-missing"]
    assert (tree.sha256("a"), tree.digest("../a")) == ("", None)


def test_an_object_is_asked_for(tmp_path):
    (tmp_path / "a.json").write_text("[]")
    tree = Tree(tmp_path, "p", Findings())
    assert tree.dictionary("a.json") == {}
    assert [item.code for item in tree.findings] == ["file-unreadable"]


def test_what_there_is_to_verify(tmp_path):
    reports = tmp_path / "reports" / "one"
    reports.mkdir(parents=True)
    assert locate(tmp_path, None) == (tmp_path, "one")
    (reports / "release.json").write_text("{}")
    assert locate(reports, None) == (tmp_path.resolve(), "one")
    (tmp_path / "reports" / "two").mkdir()
    (tmp_path / "params.yaml").write_text("product: two\n")
    assert locate(tmp_path, None) == (tmp_path, "two")
    assert locate(tmp_path, "one") == (tmp_path, "one")
    (tmp_path / "params.yaml").write_text("product: [\n")
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(DefinitionError, match="nothing to verify"):
            locate(path, None)


def test_the_command_collects_exits_and_reports(tmp_path):
    """A nearly empty project: everything is missing, and all of it is said."""
    (tmp_path / "reports" / "p").mkdir(parents=True)
    app = typer.Typer()
    app.command()(command)
    report = tmp_path / "r.html"
    done = CliRunner().invoke(app, [str(tmp_path), "--json", "--report", str(report)])
    found = json.loads(done.stdout)
    assert done.exit_code == found["exit_code"] == 2
    files = {item["file"] for item in found["findings"]}
    assert {
        "reports/p/release.json",
        "reports/p/dossier.pdf",
        "artifacts/p/trail.jsonl",
        "artifacts/p/ledger.jsonl",
        "dvc.lock",
    } <= files
    assert report.read_text().startswith("<!DOCTYPE html>")
    plain = CliRunner().invoke(app, [str(tmp_path), "--report", str(tmp_path / "r.md")])
    assert "incomplete" in plain.stdout
    assert (tmp_path / "r.md").read_text().startswith("# Verification: p: incomplete")


def test_a_root_that_is_none_is_refused(tmp_path):
    (tmp_path / "reports" / "p").mkdir(parents=True)
    (tmp_path / "root.pem").write_text("nothing")
    app = typer.Typer()
    app.command()(command)
    for name in ("root.pem", "none.pem"):
        done = CliRunner().invoke(app, [str(tmp_path), "--trust", str(tmp_path / name)])
        assert isinstance(done.exception, DefinitionError)
