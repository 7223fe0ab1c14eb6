"""A verification in words: JSON for machines, Markdown and HTML for people, a table for the terminal."""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import Any

from rich.table import Table

from sealproof.verification.codes import Severity
from sealproof.verification.findings import ExitCode
from sealproof.verification.verify import Verification

VERDICTS = {ExitCode.SOUND: "sound", ExitCode.INCOMPLETE: "incomplete", ExitCode.ALTERED: "altered"}
_HEADINGS = ("severity", "code", "file", "place", "expected", "found")
_COLOURS = {
    Severity.ALTERED: "bold red",
    Severity.MISSING: "red",
    Severity.INCOMPLETE: "yellow",
    Severity.NOTE: "cyan",
}
_STYLE = """body{font:15px/1.5 system-ui,sans-serif;margin:2.5rem auto;max-width:78rem;padding:0 1rem;color:#1d2733}
h1{font-size:1.5rem}table{border-collapse:collapse;width:100%;font-size:13px}th,td{text-align:left;vertical-align:top;
padding:.35rem .6rem;border-bottom:1px solid #d8dee6;overflow-wrap:anywhere}th{border-bottom:2px solid #8796a8}
.altered,.missing{color:#b3261e}.incomplete{color:#8a5a00}.note{color:#46617d}.sound{color:#1c6e3d}"""


def as_json(done: Verification) -> dict[str, Any]:
    """JSON types only; the same for the same files."""
    return {
        "subject": done.subject,
        "product": done.product,
        "release_id": done.release_id,
        "verdict": VERDICTS[done.findings.exit_code],
        "exit_code": int(done.findings.exit_code),
        "findings": [item.as_dict() for item in done.findings],
        "checked": dict(sorted(done.findings.checked.items())),
    }


def headline(done: Verification) -> str:
    """The verdict in one sentence.

    Example:
        >>> from sealproof.verification.findings import Findings
        >>> headline(Verification("x", "p", "", Findings()))
        'p: sound, no findings'
    """
    counts = Counter(item.severity.name.lower() for item in done.findings)
    words = ", ".join(f"{number} {name}" for name, number in counts.items()) or "no findings"
    return f"{done.product or done.subject}: {VERDICTS[done.findings.exit_code]}, {words}"


def terminal_table(done: Verification) -> Table:
    """A row a finding."""
    table = Table(title_justify="left", header_style="bold", expand=True)
    for heading in ("", "what and where", "expected", "found"):
        table.add_column(heading, overflow="fold")
    for item in done.findings:
        where = " · ".join(part for part in (item.file, item.place) if part)
        cells = (
            item.severity.name.lower(),
            f"[bold]{item.code}[/]\n{_plain(where)}",
            _plain(item.expected),
            _plain(item.found),
        )
        table.add_row(*cells, style=_COLOURS[item.severity] if item.severity is Severity.ALTERED else "")
    return table


def _plain(text: str) -> str:
    return text.replace("[", r"\[")


def as_markdown(done: Verification) -> str:
    """A report for a CI summary or a repository."""
    lines = [f"# Verification: {headline(done)}", "", f"Release {done.release_id or '(none)'}.", ""]
    if len(done.findings):
        lines += [f"| {' | '.join(_HEADINGS)} |", f"|{' --- |' * len(_HEADINGS)}"]
        lines += [
            f"| {' | '.join(_cell(item.as_dict()[name]) for name in _HEADINGS)} |" for item in done.findings
        ]
        lines += ["", "## What the codes mean", ""]
        lines += [f"- `{code}`: {meaning}" for code, meaning in _meanings(done)]
    lines += [
        "",
        "## What was checked",
        "",
        *(f"- {number} {what}" for what, number in sorted(done.findings.checked.items())),
    ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")


def _meanings(done: Verification) -> list[tuple[str, str]]:
    return sorted({item.code: item.meaning for item in done.findings}.items())


def as_html(done: Verification) -> str:
    """A page of its own, without anything from elsewhere."""
    verdict = VERDICTS[done.findings.exit_code]
    rows = "".join(
        f'<tr><td class="{item.severity.name.lower()}">{item.severity.name.lower()}</td>'
        + "".join(
            f"<td>{escape(text)}</td>"
            for text in (item.code, item.file, item.place, item.expected, item.found)
        )
        + "</tr>\n"
        for item in done.findings
    )
    heads = "".join(f"<th>{name}</th>" for name in _HEADINGS)
    table = (
        f"<table><thead><tr>{heads}</tr></thead><tbody>\n{rows}</tbody></table>"
        if rows
        else "<p>No findings.</p>"
    )
    meanings = "".join(
        f"<li><code>{escape(code)}</code>: {escape(meaning)}</li>" for code, meaning in _meanings(done)
    )
    checked = "".join(
        f"<li>{number} {escape(what)}</li>" for what, number in sorted(done.findings.checked.items())
    )
    explained = f"<h2>What the codes mean</h2><ul>{meanings}</ul>" if meanings else ""
    head = f'<head><meta charset="utf-8"><title>Verification</title><style>{_STYLE}</style></head>'
    title = f'<h1 class="{verdict}">{escape(headline(done))}</h1><p>Release {escape(done.release_id or "(none)")}</p>'
    body = f"{title}\n{table}\n{explained}<h2>What was checked</h2><ul>{checked}</ul>"
    return f'<!DOCTYPE html>\n<html lang="en">{head}\n<body>{body}</body></html>\n'
