from sealproof.change.claims import Change, Classification, Gap
from sealproof.change.comparison import Comparison
from sealproof.change.integrity import Problem, Severity
from sealproof.change.paired import PairedTest
from sealproof.change.printing import as_markdown, notes, sections, shown

CHANGE = Change("parameters.x", "changed", 1, 2)
NONE = Change("statements.revision", "changed", "1", "2", classification=Classification.NONE)


def comparison(*changes, **fields):
    return Comparison("demo", "0" * 64, "1" * 64, tuple(changes), **fields)


def test_the_gravest_change_of_a_section_comes_first():
    other = Change("statements.intended_use", "changed", "a", "b")
    assert sections(comparison(NONE, other, CHANGE)) == {"statements": [other, NONE], "parameters": [CHANGE]}


def test_what_a_release_holds_cannot_break_out_of_its_cell():
    evil = Change(
        "parameters.x", "changed", "a | b\n# head", "<script>x</script> `code`", ("![](http://x)|",)
    )
    (row,) = (
        line for line in as_markdown(comparison(evil)).splitlines() if line.startswith("| parameters.x")
    )
    assert row.replace("\\|", "").count("|") == 7
    assert "<script" not in row
    assert "`" not in row


def test_markdown_holds_everything():
    test = PairedTest("recall", 4, 0.5, 0.75, 0, 1, 1.0, "McNemar, exact")
    text = as_markdown(
        comparison(
            CHANGE,
            NONE,
            paired=(test,),
            gaps=(Gap("packages", "none"),),
            problems=(Problem(Severity.MISSING, "x"),),
        )
    )
    assert "demo: not fully compared: evidence missing" in text
    assert "- missing: x" in text
    assert "- not compared: packages: none" in text
    assert "| recall | 4 | 0.5 | 0.75 | 0 | 1 | 1 | McNemar, exact |" in text
    assert "the provider decides" in text


def test_notes_are_one_line_each():
    found = comparison(gaps=(Gap("a", "b"),), problems=(Problem(Severity.ALTERED, "c"),))
    assert notes(found) == ["altered: c", "not compared: a: b"]
    assert (found.exit_code, found.verdict) == (3, "not compared: evidence altered")


def test_values_in_short():
    assert shown(True) == "yes"
    assert shown({"b": 1, "a": [2]}) == '{"a":[2],"b":1}'
    assert shown("x" * 100) == "x" * 57 + "..."
    assert shown("f" * 40) == "ffffffffffff..."
