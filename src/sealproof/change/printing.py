"""A comparison as text: short values for a narrow cell, and Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sealproof.change.claims import Change, Classification
from sealproof.change.comparison import Comparison
from sealproof.evidence.hashing import canonical_json

HEADINGS = ("claim", "change", "old", "new", "class", "reason")
PAIRED_HEADINGS = ("metric", "images", "old", "new", "only old right", "only new right", "p", "test")
NO_CLAIM = (
    "The classes follow the rules of docs/change-control.md and the plan in the old release's product.yaml. Whether a "
    "change is a substantial modification (Regulation (EU) 2024/1689, Articles 3(23) and 43(4)) the provider decides."
)
_MOST = 60


def shown(value: Any, most: int = _MOST) -> str:
    """A value in short.

    Example:
        >>> shown({"value": 0.91234, "low": 0.85, "high": None}), shown(None), shown("0" * 64), shown(0.006)
        ('0.9123 [0.85, -]', '-', '000000000000...', '0.006')
    """
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping) and {"value", "low", "high"} <= value.keys():
        return f"{shown(value['value'])} [{shown(value['low'])}, {shown(value['high'])}]"
    text = value if isinstance(value, str) else canonical_json(value)
    if len(text) in {40, 64} and not set(text) - set("0123456789abcdef"):
        return f"{text[:12]}..."
    return text if len(text) <= most else f"{text[: most - 3]}..."


def row(change: Change) -> tuple[str, ...]:
    """Cells of one change, columns as `HEADINGS`."""
    new = "\n".join([shown(change.new), *change.details])
    reason = "\n".join(text for text in (change.reason, change.remark) if text)
    return change.path, change.kind, shown(change.old), new, change.classification.word, reason


def paired_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    """Cells of the tests on the same images, columns as `PAIRED_HEADINGS`."""
    return [
        tuple(shown(value) for value in (t.metric, t.n, t.old, t.new, t.lost, t.gained, t.p_value, t.method))
        for t in comparison.paired
    ]


def summary(comparison: Comparison) -> str:
    """One line: the verdict and how many changes of each class.

    Example:
        >>> summary(Comparison("p", "", ""))
        'no change: 0 changes that ask for nothing, 0 pre-determined, 0 that need requalification'
    """
    counts = comparison.counts
    return (
        f"{comparison.verdict}: {counts[Classification.NONE.word]} changes that ask for nothing, "
        f"{counts[Classification.PREDETERMINED.word]} pre-determined, "
        f"{counts[Classification.REQUALIFICATION.word]} that need requalification"
    )


def notes(comparison: Comparison) -> list[str]:
    """What could not be compared and why a release is not compared, one line each."""
    return [
        *(f"{problem.severity.name.lower()}: {problem.text}" for problem in comparison.problems),
        *(f"not compared: {gap.path}: {gap.why}" for gap in comparison.gaps),
    ]


def sections(comparison: Comparison) -> dict[str, list[Change]]:
    """Changes by section, in the order of the comparison, the gravest first within a section."""
    found: dict[str, list[Change]] = {}
    for change in comparison.changes:
        found.setdefault(change.section, []).append(change)
    return {
        name: sorted(changes, key=lambda change: -change.classification) for name, changes in found.items()
    }


def as_markdown(comparison: Comparison) -> str:
    """Tables by section for the text of a pull request or a CI summary."""
    lines = [f"### {comparison.product}: {summary(comparison)}", ""]
    lines += [f"Old release `{comparison.old[:12] or '-'}`, new release `{comparison.new[:12] or '-'}`.", ""]
    lines += [f"- {_cell(note)}" for note in notes(comparison)]
    for name, changes in sections(comparison).items():
        lines += ["", f"#### {name}", "", *table_lines(HEADINGS, [row(change) for change in changes])]
    if comparison.paired:
        lines += ["", "#### Same test images", "", *table_lines(PAIRED_HEADINGS, paired_rows(comparison))]
    return "\n".join([*lines, "", NO_CLAIM])


def table_lines(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Lines of a Markdown table; what stands in a cell cannot break out of it.

    Example:
        >>> table_lines(("a",), [("x | <b>",)])
        ['| a |', '| --- |', '| x \\\\| &lt;b> |']
    """
    body = [f"| {' | '.join(map(_cell, cells))} |" for cells in rows]
    return [f"| {' | '.join(headings)} |", f"|{' --- |' * len(headings)}", *body]


def _cell(text: str) -> str:
    """Text that cannot break out of its cell: what a release holds is not ours."""
    for sign, safe in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("`", "'"), ("\r", " ")):
        text = text.replace(sign, safe)
    return text.replace("\n", "<br>")
