"""Gives every change its class: rules first, then the plan, then what outputs of the pipeline owe to their causes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sealproof.change.claims import Change, Classification
from sealproof.change.plan import Facts, broken_limits, names
from sealproof.change.rules import RULES, Rule, rule_for
from sealproof.dossier.product import PredeterminedChange

PREDETERMINED, REQUALIFICATION = Classification.PREDETERMINED, Classification.REQUALIFICATION
CAUSES = ("data", "code", "parameters", "packages")
"""Sections whose changes can cause a change of the pipeline's outputs."""


@dataclass(frozen=True)
class _Planned:
    """What the plan says of one change."""

    covering: str = ""
    broken: tuple[str, ...] = ()


def classify(
    changes: Sequence[Change],
    plan: Sequence[PredeterminedChange],
    facts: Facts,
    rules: tuple[Rule, ...] = RULES,
) -> list[Change]:
    """Class all changes.

    An output of the pipeline takes the gravest class of its causes; a change of an output without any cause asks for
    requalification. Metrics have to be named by the plan as well: performance is planned, or it is not.

    Args:
        changes: of all sections; what they say of their class is ignored.
        plan: pre-determined changes of the old release.
        facts: of both releases, for the limits of the plan.
        rules: the table.

    Returns:
        the same changes in the same order, with class, reason, plan and remark.
    """
    broken = {entry.id: tuple(broken_limits(entry, changes, facts)) for entry in plan}
    found = [(rule_for(change, rules), _planned(change, plan, broken)) for change in changes]
    classed = [
        change if rule.effect else _input(change, rule, planned)
        for change, (rule, planned) in zip(changes, found, strict=True)
    ]
    causes = [
        change
        for change, (rule, _) in zip(classed, found, strict=True)
        if not rule.effect and change.section in CAUSES and change.classification is not Classification.NONE
    ]
    return [
        _output(change, rule, planned, causes) if rule.effect else change
        for change, (rule, planned) in zip(classed, found, strict=True)
    ]


def _planned(
    change: Change, plan: Sequence[PredeterminedChange], broken: dict[str, tuple[str, ...]]
) -> _Planned:
    naming = [entry.id for entry in plan if names(entry, change)]
    covering = next((name for name in naming if not broken[name]), "")
    return _Planned(covering, tuple(f"{name}: {text}" for name in naming for text in broken[name]))


def _input(change: Change, rule: Rule, planned: _Planned) -> Change:
    if rule.classification is Classification.NONE:
        return replace(change, classification=rule.classification, reason=rule.reason, remark=rule.remark)
    if rule.covered and planned.covering:
        return _within(change, planned.covering)
    return _requalification(change, rule, planned)


def _output(change: Change, rule: Rule, planned: _Planned, causes: Sequence[Change]) -> Change:
    if not causes:
        return replace(
            change,
            classification=REQUALIFICATION,
            reason="an output that differs although nothing that it is made from does, as far as the releases tell",
        )
    worst = max(causes, key=lambda cause: cause.classification)  # the first of the gravest
    if worst.classification is REQUALIFICATION:
        because = f"follows {worst.path}, which asks for requalification"
        return _requalification(change, replace(rule, reason=because), planned)
    if planned.covering:
        return _within(change, planned.covering)
    if planned.broken or change.section == "metrics":
        return _requalification(change, rule, planned)
    return replace(
        change,
        classification=PREDETERMINED,
        reason=f"follows planned changes: {', '.join(cause.path for cause in causes)}",
        plan=worst.plan,
    )


def _within(change: Change, plan: str) -> Change:
    return replace(
        change, classification=PREDETERMINED, reason=f"planned as {plan}, within its limits", plan=plan
    )


def _requalification(change: Change, rule: Rule, planned: _Planned) -> Change:
    reason = rule.reason
    if not rule.covered and planned.covering:
        reason += f"; {planned.covering} names it, but it cannot be planned beforehand"
    elif planned.broken:
        reason += f"; not within the plan, {'; '.join(planned.broken)}"
    return replace(change, classification=REQUALIFICATION, reason=reason, remark=rule.remark)
