"""Can every image be read, and is it still the one that was recorded?"""

from __future__ import annotations

from sealproof.quality.examination import Examination
from sealproof.quality.findings import Finding


def unreadable(data: Examination) -> list[Finding]:
    """Images that are missing, truncated, empty or of no known format, with what the decoder said.

    Excluded images count: an unreadable file is not passed over silently, a person replaces or removes it.
    """
    rows = data.frame[~data.frame["readable"]]
    if rows.empty:
        return []
    return [
        Finding(
            code="unreadable_image",
            severity="error",
            what=f"{len(rows)} of {len(data.frame)} images cannot be read",
            where=tuple(
                f"{path}: {problem}" for path, problem in zip(rows["path"], rows["problem"], strict=True)
            ),
            expected="every image decodes completely",
            observed=f"{len(rows)} do not",
            mend="copy the files again from their source, or remove them, and run `dvc repro`",
        )
    ]


def altered(data: Examination) -> list[Finding]:
    """Files whose SHA-256 is not the one in the manifest."""
    found = data.frame["sha256_found"]
    rows = data.frame[(found != "") & (found != data.frame["sha256"])]
    if rows.empty:
        return []
    return [
        Finding(
            code="altered_file",
            severity="error",
            what=f"{len(rows)} of {len(data.frame)} images have changed since they were recorded",
            where=tuple(
                f"{path}: recorded {was[:12]}..., found {is_now[:12]}..."
                for path, was, is_now in zip(rows["path"], rows["sha256"], rows["sha256_found"], strict=True)
            ),
            expected="the SHA-256 in the manifest",
            observed=f"another SHA-256 for {len(rows)} files",
            mend="restore the files, or run `dvc repro` so that the changed images are recorded as such",
        )
    ]
