"""What the layout may read: the style sheet and fonts below `templates/`, the figures by name, and nothing else."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from weasyprint.urls import URLFetcher, URLFetcherResponse


class LocalSources(URLFetcher):  # type: ignore[misc]  # WeasyPrint ships no types
    """Serves `figure:NAME` and files below `templates/`; any other address stops the rendering.

    Args:
        templates: folder of style sheet and fonts.
        figures: name -> image file.
    """

    def __init__(self, templates: Path, figures: Mapping[str, Path]) -> None:
        super().__init__(fail_on_errors=True)
        self._templates = templates.resolve()
        self._figures = figures

    def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> URLFetcherResponse:
        """The content behind an address.

        Raises:
            ValueError: the address is not one of ours, or the file does not exist.
        """
        path = self._locate(url)
        if not path.is_file():
            raise ValueError(f"there is no file {path.name}")
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return URLFetcherResponse(url, path.read_bytes(), {"Content-Type": kind})

    def _locate(self, url: str) -> Path:
        parts = urlsplit(url)
        if parts.scheme == "figure" and unquote(parts.path) in self._figures:
            return self._figures[unquote(parts.path)]
        path = Path(unquote(parts.path)).resolve()
        if parts.scheme == "file" and path.is_relative_to(self._templates):
            return path
        raise ValueError(f"documents use nothing but their templates and figures, not {url}")
