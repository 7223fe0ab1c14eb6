"""Reading the committed studies, and whether they belong to the code and the settings in use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sealproof.evidence.errors import EvidenceAlteredError
from sealproof.evidence.files import read_json
from sealproof.thresholds.settings import ThresholdSettings
from sealproof.thresholds.studies.simulated import methods_digest, parameters

GUARANTEES = Path("protocols/data/guarantees.json")
EVT_STUDY = Path("protocols/data/evt_sample_size.json")
_BOTH = ("command", "seed", "methods", "methods_sha256", "parameters", "distributions", "rows")
_CELL = ("method", "distribution", "n", "promised", "observed", "verdict", "without_rule")
_TAIL = ("distribution", "n", "rate", "error", "rate_ratio", "share_eligible")


def read_guarantees(path: Path) -> dict[str, Any]:
    """Read guarantees.json.

    Raises:
        EvidenceMissingError: the file does not exist.
        EvidenceAlteredError: it is not what `make guarantees` writes.
    """
    return _read(path, ("coverage", "summary"), _CELL, "make guarantees")


def read_evt_study(path: Path) -> dict[str, Any]:
    """Read evt_sample_size.json.

    Raises:
        EvidenceMissingError: the file does not exist.
        EvidenceAlteredError: it is not what `make evt-study` writes.
    """
    return _read(path, ("rates", "answers", "close", "factor"), _TAIL, "make evt-study")


def _read(path: Path, keys: Sequence[str], fields: Sequence[str], command: str) -> dict[str, Any]:
    content = read_json(path)
    missing = [key for key in (*_BOTH, *keys) if not isinstance(content, dict) or key not in content]
    problems = [f"missing keys: {', '.join(missing)}"] if missing else []
    if not missing:
        rows = content["rows"] if isinstance(content["rows"], list) else []
        bad = [str(index) for index, row in enumerate(rows) if not set(fields) <= set(row)]
        problems += [f"rows without all of {', '.join(fields)}: {', '.join(bad)}"] if bad else []
        problems += [] if rows else ["it has no rows"]
    if problems:
        raise EvidenceAlteredError(
            "a simulation study cannot be read",
            where=str(path),
            why="; ".join(problems),
            mend=f"run `{command}`",
        )
    found: dict[str, Any] = content
    return found


def outdated(study: dict[str, Any], settings: ThresholdSettings) -> list[str]:
    """Why a study does not belong to the code and settings in use; empty when it does.

    Example:
        >>> own, settings = ["mean_sigma"], ThresholdSettings()
        >>> study = {"methods": own, "methods_sha256": methods_digest(own), "parameters": parameters(settings, own)}
        >>> outdated(study, settings)
        []
        >>> outdated(study, ThresholdSettings(sigmas=3.0))
        ['sigmas: 2.0 simulated, 3.0 in use']
    """
    reasons = []
    digest = methods_digest(study["methods"])
    if study["methods_sha256"] != digest:
        reasons.append(f"methods: source {study['methods_sha256'][:12]} simulated, {digest[:12]} in use")
    simulated, used = study["parameters"], parameters(settings, study["methods"])
    reasons += [
        f"{key}: {simulated.get(key)!r} simulated, {used.get(key)!r} in use"
        for key in sorted(simulated.keys() | used.keys())
        if simulated.get(key) != used.get(key)
    ]
    return reasons
