"""The outline of a document: one list gives the headings their numbers and the table of contents its entries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from sealproof.evidence.errors import DefinitionError


@dataclass(frozen=True)
class Section:
    """A chapter or a section of it.

    Args:
        id: anchor, unique in the document.
        title: as printed.
        sections: what stands below it, one level deep.
    """

    id: str
    title: str
    sections: tuple[Section, ...] = ()


@dataclass(frozen=True)
class Entry:
    """A numbered section."""

    id: str
    title: str
    number: str
    level: int


@dataclass
class Outline:
    """Numbers the sections of a document and hands out their headings.

    Example:
        >>> outline = Outline([Section("data", "Data", (Section("splits", "Splits"),)), Section("model", "Model")])
        >>> [(entry.number, entry.title) for entry in outline.entries]
        [('1', 'Data'), ('1.1', 'Splits'), ('2', 'Model')]
        >>> print(outline.heading("splits"))
        <h2 id="splits"><span class="number">1.1</span>Splits</h2>
        >>> outline.unused
        ['data', 'model']
    """

    sections: Sequence[Section]
    entries: list[Entry] = field(init=False)
    _printed: set[str] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self.entries = list(_numbered(self.sections, "", 1))

    def heading(self, section_id: str) -> Markup:
        """The heading element of a section.

        Raises:
            DefinitionError: the outline has no such section.
        """
        entry = self.entry(section_id)
        self._printed.add(section_id)
        return Markup('<h{0} id="{1}"><span class="number">{2}</span>{3}</h{0}>').format(
            entry.level, entry.id, entry.number, entry.title
        )

    def reference(self, section_id: str) -> Markup:
        """A link to a section: its number and title; the page is added by the style sheet."""
        entry = self.entry(section_id)
        return Markup('<a class="page" href="#{}">{} {}</a>').format(entry.id, entry.number, entry.title)

    def chapter(self, section_id: str) -> Markup:
        """A link to a section by its number alone, for narrow columns."""
        entry = self.entry(section_id)
        return Markup('<a href="#{}">{}</a>').format(entry.id, entry.number)

    def entry(self, section_id: str) -> Entry:
        """The numbered section of that id; raises DefinitionError as `heading` does."""
        for entry in self.entries:
            if entry.id == section_id:
                return entry
        raise DefinitionError(
            f"there is no section {section_id!r}",
            where="a template of the documents, or protocols/answers.yaml",
            why=f"the document has: {', '.join(entry.id for entry in self.entries)}",
            mend="name one of these",
        )

    @property
    def unused(self) -> list[str]:
        """Sections that the contents promise and the document does not hold."""
        return [entry.id for entry in self.entries if entry.id not in self._printed]


def _numbered(sections: Sequence[Section], prefix: str, level: int) -> Iterator[Entry]:
    for position, section in enumerate(sections, start=1):
        number = f"{prefix}{position}"
        yield Entry(section.id, section.title, number, level)
        yield from _numbered(section.sections, f"{number}.", level + 1)
