"""What robustness is made of: verdicts of disturbed images in numbers, how far they hold, and the sentence for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sealproof.evaluation.claims import Claim
from sealproof.evaluation.intervals import Estimate

METRICS = ("recall", "specificity", "auroc", "undecided")
#: Metrics that acceptance criteria are held against.
JUDGED = METRICS[:3]
NO_THRESHOLD = "there is no valid threshold, so nothing was decided"
NOT_DECLARED = "the product declares no acquisition envelope (inspection.yaml, key acquisition)"


@dataclass(frozen=True)
class Rule:
    """What verdicts are given by, at which confidence bounds are stated, and the criteria they are held against.

    Args:
        score: in force.
        threshold: None when there is no valid one.
        accept_below: with a three-way verdict in force, the score below which is accepted.
        confidence: of two-sided bounds; a loss is significant at a p-value of at most its complement.
        criteria: of any metric; only those on recall, specificity and AUROC of the score in force count here.
    """

    score: str
    threshold: float | None
    accept_below: float | None
    confidence: float
    criteria: tuple[Claim, ...]

    @classmethod
    def of(cls, force: Mapping[str, Any], confidence: float, criteria: Iterable[Claim]) -> Rule:
        """From `in_force` of thresholds.json; criteria on other metrics are left out."""
        score = str(force["score"])
        wanted = {f"evaluate.{score}.{metric}" for metric in JUDGED}
        kept = tuple(claim for claim in criteria if claim.metric in wanted)
        return cls(score, force["threshold"], force.get("accept_below"), confidence, kept)


@dataclass(frozen=True)
class Loss:
    """Verdicts of one class, each image against itself undisturbed.

    Attributes:
        lost: right undisturbed and wrong disturbed; undecided is wrong.
        gained: the reverse.
        p_value: exact McNemar test, one-sided: chance of as many lost or more when either way is equally likely.
    """

    lost: int
    gained: int
    p_value: float


@dataclass(frozen=True)
class Cell:
    """One disturbance at one severity, or the undisturbed images.

    Attributes:
        severity: multiple of the declared limit; 0 undisturbed.
        amount: in the unit of the disturbance; 0 undisturbed.
        metrics: of `METRICS`.
        holds: criterion -> whether its bound meets its limit; None when it cannot be told.
        loss: class -> against the undisturbed images; empty there, and without a threshold.
    """

    severity: float
    amount: float
    metrics: Mapping[str, Estimate]
    holds: Mapping[str, bool | None]
    loss: Mapping[str, Loss]

    def as_json(self) -> dict[str, Any]:
        """All fields as JSON types."""
        return {
            "severity": self.severity,
            "amount": self.amount,
            "metrics": {name: found.as_json() for name, found in self.metrics.items()},
            "holds": dict(self.holds),
            "loss": {name: asdict(loss) for name, loss in self.loss.items()},
        }


@dataclass(frozen=True)
class Reach:
    """How far a statement holds, from no disturbance upwards without a gap among the severities tested.

    Attributes:
        severity: largest severity; 0 when it fails at the smallest tested; None when there is nothing to state.
        amount: that severity in the disturbance's unit; None at severity 0 and without one.
        reason: what ends it, or why there is nothing to state.
    """

    severity: float | None
    amount: float | None
    reason: str


@dataclass(frozen=True)
class Series:
    """One disturbance over its severities, with the two things that can be said of it."""

    name: str
    unit: str
    limit: float
    meaning: str
    cells: tuple[Cell, ...]
    criteria: Reach
    no_loss: Reach

    def as_json(self) -> dict[str, Any]:
        """All fields as JSON types; a cell by its severity, as `severity_key` writes it."""
        return {
            "unit": self.unit,
            "limit": self.limit,
            "meaning": self.meaning,
            "cells": {severity_key(cell.severity): cell.as_json() for cell in self.cells},
            "criteria_hold_up_to": asdict(self.criteria),
            "no_loss_up_to": asdict(self.no_loss),
        }


@dataclass(frozen=True)
class Robustness:
    """All disturbances.

    Attributes:
        rule: what was judged by.
        images, test: test images that were disturbed, and that there are.
        undisturbed: None when nothing is declared.
        series: by disturbance.
    """

    rule: Rule
    images: int
    test: int
    undisturbed: Cell | None
    series: tuple[Series, ...]

    @property
    def declared(self) -> bool:
        """Whether the product declares an envelope."""
        return self.undisturbed is not None

    @property
    def failing(self) -> list[str]:
        """Criteria that are not met without any disturbance."""
        holds = self.undisturbed.holds if self.undisturbed else {}
        return [name for name, met in holds.items() if met is not True]

    @property
    def lost(self) -> list[dict[str, Any]]:
        """Criteria that hold undisturbed and not at a severity inside the declared envelope (at most 1)."""
        return [
            {"criterion": name, "disturbance": series.name, "severity": cell.severity, "amount": cell.amount}
            for series in self.series
            for cell in series.cells
            for name, met in cell.holds.items()
            if cell.severity <= 1 and met is not True and name not in self.failing
        ]

    @property
    def statement(self) -> str:
        """The envelope in which the criteria hold, in a sentence or two."""
        if not self.declared:
            return f"not declared: {NOT_DECLARED}"
        if not self.rule.criteria:
            return "no acceptance criterion is on recall, specificity or AUROC"
        if not self.failing:
            parts = [f"{series.name} {_extent(series)}" for series in self.series]
            return f"every criterion holds undisturbed, and with {', '.join(parts)}"
        text = f"criteria are not met without disturbance ({', '.join(self.failing)}), so no envelope can be stated"
        met = [claim.id for claim in self.rule.criteria if claim.id not in self.failing]
        if not met:
            return text
        lost = sorted({f"{row['criterion']} by {row['disturbance']}" for row in self.lost})
        inside = (
            f"lost inside the declared envelope: {', '.join(lost)}"
            if lost
            else "kept in the declared envelope"
        )
        return f"{text}; of those met without disturbance ({', '.join(met)}), {inside}"

    def as_json(self) -> dict[str, Any]:
        """robustness.json."""
        return {
            "declared": self.declared,
            "statement": self.statement,
            "confidence": self.rule.confidence,
            "score": self.rule.score,
            "threshold": self.rule.threshold,
            "accept_below": self.rule.accept_below,
            "images": self.images,
            "test_images": self.test,
            "criteria": [asdict(claim) for claim in self.rule.criteria],
            "undisturbed": None if self.undisturbed is None else self.undisturbed.as_json(),
            "disturbances": {series.name: series.as_json() for series in self.series},
            "lost_inside": self.lost,
            "criteria_lost_inside": len({row["criterion"] for row in self.lost}),
        }


def _extent(series: Series) -> str:
    reach = series.criteria
    if reach.amount is None:
        return f"not even at {series.cells[0].amount:g} {series.unit}"
    way = "down to" if series.name == "jpeg" else "up to"
    return f"{way} {reach.amount:g} {series.unit}"


def severity_key(severity: float) -> str:
    """A severity as part of a record id.

    Example:
        >>> severity_key(1.0), severity_key(0.25), severity_key(10.0)
        ('1_0', '0_25', '10_0')
    """
    return str(float(severity)).replace(".", "_")
