"""What changed since the last release, in a line each, for page one of the documents."""

from __future__ import annotations

from sealproof.change.comparison import changes_since, latest_archive
from sealproof.evidence.workspace import Workspace


def headlines(workspace: Workspace) -> list[tuple[str, str]] | None:
    """Claim and class of each change since the newest archive, the gravest class first.

    Old and new values are left out: documents print figures through records alone, and `sealproof diff` shows them.

    Args:
        workspace: the present run, whose stages up to `qualify` are done.

    Returns:
        pairs of (claim and kind of change, class); None when there is no earlier release to compare with.

    Raises:
        EvidenceAlteredError: the earlier release is not the one that was made.
        EvidenceMissingError: a file is missing, in either.
        DefinitionError: a definition file of one of the two cannot be read.

    Example:
        >>> from pathlib import Path
        >>> headlines(Workspace(Path("nowhere"), "my-part")) is None
        True
    """
    previous = latest_archive(workspace)
    if previous is None:
        return None
    changes = sorted(changes_since(previous, workspace), key=lambda change: -change.classification)
    return [(f"{change.path}: {change.kind}", change.classification.word) for change in changes]
