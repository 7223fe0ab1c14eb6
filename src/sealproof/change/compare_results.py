"""What the pipeline gave: model, threshold in force, metrics with their bounds, and all other outputs by hash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sealproof.change.claims import BETTER, CHANGED, WORSE, Change, differences, flatten, gathered, same
from sealproof.change.plan import number
from sealproof.change.tree import RESULT_STAGES, Tree

_SHOWN = 8


def model_changes(old: Tree, new: Tree) -> Iterator[Change]:
    """Changes of the weights (`model.weights`, by hash) and of what model.json says of them."""
    before, after = (tree.sha256(f"{tree.artifacts}/train/model.safetensors") for tree in (old, new))
    if before != after:
        yield Change("model.weights", CHANGED, before, after)
    first, second = (_description(tree) for tree in (old, new))
    yield from _in_groups(differences(first, second, "model"), ("model.training", "model.card"))


def _description(tree: Tree) -> dict[str, Any]:
    found = flatten(tree.mapping(f"{tree.artifacts}/train/model.json"))
    found.pop("weights.sha256", None)
    return {key.replace("weights.", "file.", 1): value for key, value in found.items()}


def in_force(tree: Tree) -> dict[str, Any]:
    """The threshold in force, as thresholds.json describes it."""
    found = tree.mapping(f"{tree.artifacts}/threshold/thresholds.json").get("in_force")
    return dict(found) if isinstance(found, Mapping) else {}


def threshold_changes(old: Tree, new: Tree) -> Iterator[Change]:
    """Changes of the threshold in force: score, method, value with its interval, validity, assumptions."""
    first, second = in_force(old), in_force(new)
    before, after = _interval(first), _interval(second)
    if not same(before, after):
        kind = WORSE if after["value"] is None else CHANGED
        yield Change("threshold.value", kind, before, after, _compared(before, after))
    groups = "threshold.details", "threshold.assumptions"
    for change in _in_groups(differences(_rest(first), _rest(second), "threshold"), groups):
        yield _judged(change) if change.path == "threshold.eligible" else change


def _rest(found: Mapping[str, Any]) -> dict[str, Any]:
    return flatten({key: value for key, value in found.items() if key not in {"threshold", "low", "high"}})


def _interval(found: Mapping[str, Any]) -> dict[str, Any]:
    return {"value": found.get("threshold"), "low": found.get("low"), "high": found.get("high")}


def _judged(change: Change) -> Change:
    """The same change as `better` when it ends in true, else `worse`."""
    kind = BETTER if change.new is True else WORSE
    return Change(change.path, kind, change.old, change.new)


def metrics_of(tree: Tree) -> dict[str, Any]:
    """Score -> metric -> `{value, low, high}`."""
    return tree.mapping(f"reports/{tree.product}/metrics.json")


def metrics_in_force(tree: Tree) -> dict[str, Any]:
    """Metric -> `{value, low, high}` of the score in force; empty when metrics.json does not know that score."""
    found = metrics_of(tree).get(str(in_force(tree).get("score")))
    return dict(found) if isinstance(found, Mapping) else {}


def metric_changes(old: Tree, new: Tree) -> Iterator[Change]:
    """Changes of the metrics, each for the score in force, in one line for every other score and for each subgroup.

    A metric is higher for a better detector, so a lower value is `worse`.
    """
    first, second = _estimates(old), _estimates(new)
    changes = [
        Change(f"metrics.{key}", _direction(first.get(key), second.get(key)), first.get(key), second.get(key),
               _compared(first.get(key), second.get(key)))
        for key in sorted({*first, *second})
        if not same(first.get(key), second.get(key))
    ]  # fmt: skip
    named = {str(in_force(tree).get("score")) for tree in (old, new)}
    groups = sorted(
        {change.path.rpartition(".")[0] for change in changes} - {f"metrics.{name}" for name in named}
    )
    yield from _in_groups(changes, groups)
    for change in differences(_facts(old), _facts(new), "metrics"):
        yield _judged(change) if change.path == "metrics.promise.kept" else change


def _in_groups(changes: Iterable[Change], groups: Iterable[str]) -> Iterator[Change]:
    """Changes as they are, but those below a path of `groups` as one; the groups come last."""
    inside: dict[str, list[Change]] = {group: [] for group in groups}
    for change in changes:
        group = next((name for name in inside if change.path.startswith(f"{name}.")), None)
        if group is None:
            yield change
        else:
            inside[group].append(change)
    for group, members in inside.items():
        yield from gathered(members, group)


def _estimates(tree: Tree) -> dict[str, Any]:
    found = {
        f"{score}.{metric}": value
        for score, metrics in metrics_of(tree).items()
        for metric, value in metrics.items()
    }
    evaluation = tree.mapping(f"{tree.artifacts}/evaluate/evaluation.json")
    for group in evaluation.get("subgroups", {}).get("all", []):
        for metric in ("recall", "specificity"):
            if isinstance(group.get(metric), Mapping):
                estimate = {key: group[metric].get(key) for key in ("value", "low", "high")}
                found[f"subgroups.{group.get('column')}={group.get('value')}.{metric}"] = estimate
    return found


def _facts(tree: Tree) -> dict[str, Any]:
    evaluation = tree.mapping(f"{tree.artifacts}/evaluate/evaluation.json")
    promise = evaluation.get("promise", {})
    return flatten(evaluation.get("test", {}), "test") | {
        "promise.kept": promise.get("kept"),
        "confidence": evaluation.get("confidence"),
    }


def _direction(old: Any, new: Any) -> str:
    before, after = (number(item.get("value")) if isinstance(item, Mapping) else None for item in (old, new))
    if before is None or after is None:
        return CHANGED
    return BETTER if after > before else WORSE if after < before else CHANGED


def _compared(old: Any, new: Any) -> tuple[str, ...]:
    """Difference of two estimates in words, and whether their intervals overlap."""
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return ()
    values, lows, highs = ([number(item.get(key)) for item in (old, new)] for key in ("value", "low", "high"))
    lines = []
    if values[0] is not None and values[1] is not None:
        lines.append(f"difference {values[1] - values[0]:+.4g}")
    overlap = overlapping((lows[0], highs[0]), (lows[1], highs[1]))
    if overlap is not None:
        lines.append("the intervals overlap" if overlap else "the intervals do not overlap")
    return tuple(lines)


def overlapping(
    first: tuple[float | None, float | None], second: tuple[float | None, float | None]
) -> bool | None:
    """Whether two closed intervals share a point; None when a bound is missing.

    Overlap proves no equality, and its absence is stricter than a test at the same level.

    Example:
        >>> overlapping((0.1, 0.3), (0.3, 0.5)), overlapping((0.1, 0.2), (0.3, 0.5))
        (True, False)
        >>> overlapping((None, 1.0), (0.0, 1.0)) is None
        True
    """
    (a, b), (c, d) = first, second
    if a is None or b is None or c is None or d is None:
        return None
    return max(a, c) <= min(b, d)


def result_changes(old: Tree, new: Tree) -> Iterator[Change]:
    """Outputs of every stage that differ by hash, one change a stage: the net below the claims above."""
    for stage in RESULT_STAGES:
        folder = f"{old.artifacts}/{stage}"
        names = sorted({*old.files(folder), *new.files(folder)})
        differing = [name for name in names if old.sha256(name) != new.sha256(name)]
        if differing:
            shown = tuple(name.removeprefix(f"{folder}/") for name in differing[:_SHOWN])
            more = (f"and {len(differing) - _SHOWN} more",) if len(differing) > _SHOWN else ()
            counts = (f"{len(tree.files(folder))} files" for tree in (old, new))
            before, after = counts
            yield Change(
                f"results.{stage}", CHANGED, before, f"{after}, {len(differing)} differ", (*shown, *more)
            )
