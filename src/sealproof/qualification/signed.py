"""Whether the signed copy of a release belongs to the release at hand, and whether it is released."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from sealproof.evidence.errors import SealproofError
from sealproof.qualification.release import Release, read_release

#: What signing changes; all else stays as it was drafted.
BY_SIGNING = {"decision", "reasons", "notes", "missing_signatures", "signatures", "documents"}


Finding = tuple[Literal["NOT_MET", "MISSING", "ALTERED"], str]


@dataclass(frozen=True)
class SignedRelease:
    """The signed release where it can be judged, and what keeps it from being released.

    Attributes:
        release: None when there is none of the release at hand.
        problems: (`NOT_MET`, `MISSING` or `ALTERED`, what is wrong).
    """

    release: Release | None
    problems: tuple[Finding, ...]


def judge_signed(draft: Release, path: Path) -> SignedRelease:
    """Judge `signed/release.json` against the release as it was drafted.

    Args:
        draft: `reports/<product>/release.json`.
        path: of the signed one.
    """
    if not path.is_file():
        return SignedRelease(None, tuple(_not_released(draft)))
    try:
        signed = read_release(path)
    except SealproofError as error:
        return SignedRelease(None, (("ALTERED", f"{error.what} ({error.where}: {error.why})"),))
    if (signed.evidence, signed.trail_head) != (draft.evidence, draft.trail_head):
        words = f"the signatures are for release {signed.release_id[:12]} as it was; sign {draft.release_id[:12]} anew"
        return SignedRelease(None, (("NOT_MET", words),))
    altered = sorted(
        name
        for name in Release.model_fields
        if name not in BY_SIGNING and getattr(signed, name) != getattr(draft, name)
    )
    problems: list[Finding] = [
        ("ALTERED", f"signed/release.json: {name} is not that of the release") for name in altered
    ]
    names = {PurePosixPath(name).name for name in signed.documents}
    unsigned = sorted({PurePosixPath(name).name for name in draft.documents} - names)
    problems += [("MISSING", f"signed/release.json: it names no signed {name}") for name in unsigned]
    return SignedRelease(signed, (*problems, *_not_released(signed)))


def _not_released(release: Release) -> Iterator[Finding]:
    if release.decision != "released":
        yield "NOT_MET", f"not released: {release.decision}"
        for reason in release.reasons:
            yield "NOT_MET", reason
