"""OQ checks of the decision and of input: boundary, undecided images, altered models."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np

from sealproof.evaluation.cases import verdicts
from sealproof.evidence.errors import SealproofError
from sealproof.evidence.files import read_json, write_json
from sealproof.models.storage import load_detector
from sealproof.qualification.context import Context
from sealproof.qualification.iq_software import shown
from sealproof.qualification.registry import Finding, NoParameters, check

_STEPS = (1, 16, 4096)


@check("decision-boundary", NoParameters)
def decision_boundary(context: Context, parameters: NoParameters) -> Finding:
    """Does the decision rule hold at, above and below the threshold, and for scores that are no number?"""
    del parameters
    threshold = context.thresholds["in_force"]["threshold"]
    files = (context.artefact("threshold", "thresholds.json"),)
    if threshold is None:
        return Finding(passed=None, actual="there is no valid threshold in force", files=files)
    wrong, decided = [], 0
    for score, known, limit, allowed in boundary_cases(float(threshold)):
        decided += 1
        found = str(verdicts([score], [known], limit)[0])
        if found not in allowed:
            wrong.append(f"score {score!r}, threshold {limit!r}: {found} instead of {' or '.join(allowed)}")
    accept_below = context.thresholds["in_force"].get("accept_below")
    for score, expected in [] if accept_below is None else three_way_cases(float(threshold), accept_below):
        decided += 1
        found = str(verdicts([score], [True], threshold, accept_below)[0])
        if found != expected:
            wrong.append(f"score {score!r}, accepted below {accept_below!r}: {found} instead of {expected}")
    return Finding(
        passed=not wrong,
        actual=f"{decided} decisions around the threshold {threshold!r}, {len(wrong)} wrong{shown(wrong)}",
        values={"decisions": decided, "wrong": wrong, "threshold": threshold},
        files=files,
        records=("threshold.in_force.threshold",),
    )


def boundary_cases(threshold: float) -> list[tuple[float, bool, float | None, tuple[str, ...]]]:
    """(score, decided, threshold, verdicts allowed) of each decision that has to come out right."""
    cases: list[tuple[float, bool, float | None, tuple[str, ...]]] = [
        (threshold, True, threshold, ("reject",))
    ]
    for steps in _STEPS:
        cases.append((threshold + steps * math.ulp(threshold), True, threshold, ("reject",)))
        cases.append((threshold - steps * math.ulp(threshold), True, threshold, ("accept",)))
    never_accepted = ("reject", "undecided")
    cases += [(math.nan, known, threshold, never_accepted) for known in (True, False)]
    cases.append((math.inf, True, threshold, never_accepted))
    cases.append((math.nextafter(threshold, -math.inf), False, threshold, never_accepted))
    cases += [(score, True, None, never_accepted) for score in (threshold, -math.inf, math.nan)]
    cases.append((threshold, True, math.nan, never_accepted))
    return cases


def three_way_cases(threshold: float, accept_below: float) -> list[tuple[float, str]]:
    """(score, verdict) around the limit of acceptance; a limit above the threshold leaves nobody in between.

    Example:
        >>> [verdict for _, verdict in three_way_cases(2.0, 1.0)]
        ['undecided', 'accept', 'undecided', 'reject']
    """
    limit = min(accept_below, threshold)
    between = "undecided" if limit < threshold else "reject"
    below = "undecided" if limit < threshold else "accept"
    return [
        (limit, between),
        (math.nextafter(limit, -math.inf), "accept"),
        (math.nextafter(threshold, -math.inf), below),
        (threshold, "reject"),
    ]


@check("undecided-stays-undecided", NoParameters)
def undecided_stays_undecided(context: Context, parameters: NoParameters) -> Finding:
    """Does what is undecided at the region of interest have no score and no acceptance, and is each image there?"""
    del parameters
    regions, scores, table = context.regions, context.scores, context.predictions
    wanted = set(context.manifest.loc[~context.manifest["split"].isin(["excluded"]), "image_id"])
    undecided = set(regions.loc[~regions["decided"], "image_id"])
    names = scores.select_dtypes("float").columns
    scored = set(scores.loc[scores[names].notna().any(axis=1), "image_id"])
    accepted = set(table.loc[table["verdict"] == "accept", "image_id"])
    problems = [f"{image}: undecided, but has a score" for image in sorted(undecided & scored)]
    problems += [f"{image}: no score, but accepted" for image in sorted(accepted - scored)]
    problems += [f"{image}: undecided, but accepted" for image in sorted(accepted & undecided)]
    problems += [
        f"{image}: no region" for image in sorted(set(scores["image_id"]) - set(regions["image_id"]))
    ]
    problems += [f"{image}: not scored" for image in sorted(wanted - set(scores["image_id"]))]
    actual = (
        f"{len(wanted)} images, {len(undecided)} undecided at the region of interest, {len(accepted)} test images "
        f"accepted; {len(problems)} contradictions{shown(problems)}"
    )
    return Finding(
        passed=not problems and bool(wanted),
        actual=actual,
        values={"images": len(wanted), "undecided": sorted(undecided), "problems": problems},
        files=(
            context.artefact("roi", "regions.parquet"),
            context.artefact("score", "scores.parquet"),
            context.artefact("evaluate", "predictions.parquet"),
        ),
    )


@check("altered-model-refused", NoParameters)
def altered_model_refused(context: Context, parameters: NoParameters) -> Finding:
    """Is a model refused when one bit of its weights, or its description, is not what was saved?"""
    del parameters
    weights, description = (
        context.artefact("train", "model.safetensors"),
        context.artefact("train", "model.json"),
    )
    with context.scratch() as folder:
        states: dict[str, bool] = {}
        for name in ("untouched", "one bit of the weights changed", "another description"):
            place = folder / str(len(states))
            place.mkdir()
            shutil.copy(weights, place)
            shutil.copy(description, place)
            if name == "one bit of the weights changed":
                _flip_last_bit(place / weights.name)
            elif name == "another description":
                content = read_json(place / description.name)
                content["architecture"] = "unknown"
                write_json(place / description.name, content)
            states[name] = _loads(place)
    refused = sum(not loads for name, loads in states.items() if name != "untouched")
    actual = f"untouched copy {'loads' if states['untouched'] else 'is refused'}; {refused} of 2 altered copies refused"
    return Finding(
        passed=states["untouched"] and refused == 2,
        actual=actual,
        values=states,
        files=(weights, description),
    )


def _flip_last_bit(path: Path) -> None:
    content = np.fromfile(path, dtype=np.uint8)
    content[-1] ^= 1
    path.write_bytes(content.tobytes())


def _loads(folder: Path) -> bool:
    try:
        load_detector(folder)
    except SealproofError:
        return False
    return True
