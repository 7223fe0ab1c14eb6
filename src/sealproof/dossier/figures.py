"""Figures that earlier stages drew: found by file name, numbered in the order in which a document shows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sealproof.evidence.errors import EvidenceMissingError


@dataclass(frozen=True)
class Shown:
    """A figure in a document: its anchor, its number, and the name under which the layout finds the file."""

    anchor: str
    number: int
    name: str


@dataclass
class Figures:
    """The images of one document.

    Args:
        folder: `reports/<product>/`.

    Example:
        >>> Figures(Path("reports/none")).has("training/learning_curves.svg")
        False
    """

    folder: Path
    files: dict[str, Path] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Whether a stage drew this figure; some depend on what was found."""
        return (self.folder / name).is_file()

    def show(self, name: str) -> Shown:
        """Number the figure `name`, a path below the reports.

        Raises:
            EvidenceMissingError: no stage drew it.
        """
        path = self.folder / name
        if not path.is_file():
            raise EvidenceMissingError(
                "a figure of the documents is missing",
                where=str(path),
                why="the stage that draws it has not written it",
                mend="run `dvc repro`",
            )
        self.files.setdefault(name, path)
        return Shown(f"figure-{len(self.files)}", list(self.files).index(name) + 1, name)
