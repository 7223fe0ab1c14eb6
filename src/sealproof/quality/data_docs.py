"""Data Docs that work offline and are the same on every run: cleaned pages, and an index of our own.

The pages that Great Expectations renders load style sheets, scripts, fonts and images from public servers,
and carry the time of the run and random element ids. All of that is taken out; one style sheet, written for
these pages, goes in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from sealproof.evidence.files import write_bytes
from sealproof.quality.data_docs_style import INDEX, STYLE
from sealproof.quality.findings import SHOWN, Finding, shown

_DROPPED = (
    r"<script\b.*?</script>",
    r"<style\b.*?</style>",
    r"<link\b[^>]*>",
    r"<footer\b.*?</footer>",
    r"<title>\s*</title>",
    r'<div class="card mb-3">\s*<div class="card-header p-2">\s*<strong>Actions<.*?</label>(\s*</div>){5}',
    r"<tr>\s*<td[^>]*>\s*<div[^>]*>Run Time</div>.*?</tr>",
    r"<tr>\s*<td[^>]*>\s*<div[^>]*>\s*<span >\s*<span[^>]*>ge_load_time</span>.*?</tr>",
    r" Data asset: None<br>",
    r'\s*id="[^"]*cell[^"]*"',
)
_REPLACED = (
    (r'<img\s+class="NO-CACHE".*?/>', "Great Expectations"),
    (r" / check / 2000-01-01T00:00:00Z", ""),
    (r'href="[./]*expectations/(\w+)\.html"', r'href="\1-expectations.html"'),
    (r'href="[./]+index\.html"', 'href="index.html"'),
    (r"\bdata-toggle=\"table\"|data-search=\"True\" data-icon-size=\"sm\"|data-sortable=\"True\"", ""),
    (r"[ \t]+\n", "\n"),
    (r"\n{2,}", "\n"),
)
_RANDOM = re.compile(r"collapse-body-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def clean_page(page: str) -> str:
    """Take out of a page what loads from a network, what runs, and what differs from run to run.

    Args:
        page: HTML as Great Expectations renders it.

    Returns:
        The page with our own style sheet inside; it loads nothing and runs nothing.
    """
    for pattern in _DROPPED:
        page = re.sub(pattern, "", page, flags=re.DOTALL)
    for pattern, replacement in _REPLACED:
        page = re.sub(pattern, replacement, page, flags=re.DOTALL)
    numbers: dict[str, int] = {}
    page = _RANDOM.sub(lambda found: f"collapse-body-{numbers.setdefault(found[0], len(numbers) + 1)}", page)
    return page.replace("</head>", f"<style>{STYLE}</style>\n</head>", 1)


def index_page(
    content: Mapping[str, Any], findings: Sequence[Finding], product: str, success: Mapping[str, bool]
) -> str:
    """The entry page: outcome of every check, each finding in full, and what was measured.

    Args:
        content: as `sealproof.quality.report.content` gives it.
        findings: the findings in it.
        product: name of the product.
        success: suite -> whether Great Expectations found every expectation met.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(INDEX).render(
        product=product,
        content=content,
        findings=[(f, shown(f.where, SHOWN)) for f in findings],
        success=success,
        style=STYLE,
    )


def mark_simulated(page: str) -> str:
    """Say on top of a page that its images show no real product.

    Example:
        >>> mark_simulated("<body>text")
        '<body>\\n<p class="simulated">Simulated images - not evidence about a real product.</p>text'
    """
    sentence = "Simulated images - not evidence about a real product."
    return page.replace("<body>", f'<body>\n<p class="simulated">{sentence}</p>', 1)


def write_site(folder: Path, pages: Mapping[str, str]) -> None:
    """Write the pages into `folder`.

    Raises:
        OutputError: the place cannot be written.
    """
    for name, text in sorted(pages.items()):
        write_bytes(folder / name, text.encode())
