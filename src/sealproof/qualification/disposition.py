"""Dispositions: what QA decided about a deviation, a file each, bound by hash to the very failure it is about."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import yaml

from sealproof.evidence import strict
from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.files import write_bytes
from sealproof.evidence.hashing import sha256_json
from sealproof.evidence.strict import StrictModel
from sealproof.qualification.definitions import DeviationId, ExecutedCaseId, Moment, Sha256, Text

FOLDER = "deviations"


class Disposition(StrictModel):
    """`products/<name>/deviations/<DEV-ID>.yaml`.

    Args:
        deviation: its id, the name of the file.
        case: the test case that failed.
        failure_sha256: hash of the failure; a disposition covers no other one.
        cause: why the case failed.
        impact: what that means for the product.
        decision: `accepted`, the release may go on with it, or `rejected`, it may not.
        corrective_action: what is done about it.
        by: name of the person who decided.
        role: the role that person acted in.
        at: when, ISO 8601 with zone.
    """

    deviation: DeviationId
    case: ExecutedCaseId
    failure_sha256: Sha256
    cause: Text
    impact: Text
    decision: Literal["accepted", "rejected"]
    corrective_action: Text
    by: Text
    role: Text
    at: Moment


def failure_sha256(case: str, expected: str, actual: str) -> str:
    """The hash that binds a disposition to a failure: SHA-256 of canonical JSON `{"case", "expected", "actual"}`.

    Example:
        >>> failure_sha256("OQ-001", "0", "1") == failure_sha256("OQ-001", "0", "2")
        False
        >>> failure_sha256("OQ-001", "0", "1")[:16]
        'ef0dead336fb8622'
    """
    return sha256_json({"case": case, "expected": expected, "actual": actual})


def disposition_path(definition: Path, deviation: str) -> Path:
    """Where the disposition of a deviation lies; `definition` is the product's folder."""
    return definition / FOLDER / f"{deviation}.yaml"


def write_disposition(definition: Path, disposition: Disposition) -> Path:
    """Write a disposition for people to read; raises OutputError when the folder cannot be written."""
    path = disposition_path(definition, disposition.deviation)
    content = disposition.model_dump(mode="json")
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)
    write_bytes(path, text.encode())
    return path


def load_dispositions(definition: Path) -> tuple[Disposition, ...]:
    """All dispositions of a product, sorted by deviation; none when there is no folder.

    Args:
        definition: the product's folder, `products/<name>`.

    Raises:
        DefinitionError: a file cannot be read, says something that cannot be, or is named after another deviation;
            all of them are named.
    """
    found, problems = [], []
    for path in sorted((definition / FOLDER).glob("*.yaml")):
        try:
            disposition = strict.load(Disposition, path)
        except DefinitionError as error:
            problems.append(f"{path.name}: {error.why}")
            continue
        if path.stem != disposition.deviation:
            problems.append(f"{path.name}: is about {disposition.deviation}")
        found.append(disposition)
    if problems:
        raise DefinitionError(
            "dispositions of deviations cannot stand",
            where=str(definition / FOLDER),
            why="\n".join(problems),
            mend="correct the files named above, or write them with `sealproof dispose`",
        )
    return tuple(found)
