import pytest

from sealproof.dossier.outline import Outline, Section
from sealproof.evidence.errors import DefinitionError


def test_numbers_levels_and_headings():
    outline = Outline([Section("a", "A & B"), Section("c", "C", (Section("d", "D"), Section("e", "E")))])
    assert [(entry.number, entry.level) for entry in outline.entries] == [
        ("1", 1),
        ("2", 1),
        ("2.1", 2),
        ("2.2", 2),
    ]
    assert outline.heading("a") == '<h1 id="a"><span class="number">1</span>A &amp; B</h1>'
    assert outline.unused == ["c", "d", "e"]


def test_an_unknown_section_is_a_mistake_of_the_template():
    outline = Outline([Section("a", "A")])
    for ask in (outline.heading, outline.reference):
        with pytest.raises(DefinitionError, match="no section 'b'"):
            ask("b")
