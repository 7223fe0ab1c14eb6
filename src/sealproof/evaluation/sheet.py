"""Records that all lie in one artefact: values, and estimates with their two bounds."""

from __future__ import annotations

from pathlib import Path

from sealproof.evaluation.intervals import Estimate
from sealproof.evidence.records import Recorder


class Sheet:
    """Writes records that all lie in one artefact.

    Args:
        recorder: of the stage.
        artefact: the JSON file that every pointer points into.
        confidence: of two-sided bounds.
    """

    def __init__(self, recorder: Recorder, artefact: Path, confidence: float) -> None:
        self.recorder, self.artefact, self.confidence = recorder, artefact, confidence

    def add(self, name: str, value: object, unit: str, definition: str, pointer: str) -> None:
        """One value, readable at the pointer."""
        self.recorder.add(
            name, value, unit=unit, definition=definition, artefact=self.artefact, pointer=pointer
        )

    def estimate(self, name: str, found: Estimate, definition: str, pointer: str) -> None:
        """The value and its two bounds."""
        why = f"; not evaluable: {found.reason}" if found.reason else ""
        self.add(name, found.value, "1", definition + why, f"{pointer}/value")
        for end, bound in (("low", found.low), ("high", found.high)):
            text = (
                f"{'lower' if end == 'low' else 'upper'} bound at {self.confidence:.0%} two-sided confidence"
            )
            how = f" ({found.interval})" if found.interval else ""
            self.add(f"{name}.{end}", bound, "1", f"{text}{how} of: {definition}{why}", f"{pointer}/{end}")
