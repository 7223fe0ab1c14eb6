"""OQ checks of detection by size and of localisation: what the evaluation states, followed back to the scores."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pydantic import PositiveFloat
from scipy import stats

from sealproof.datasets.manifest import read_parquet
from sealproof.evidence.files import read_json
from sealproof.evidence.strict import StrictModel
from sealproof.qualification.context import NO_THRESHOLD, Context, manufacturer_says
from sealproof.qualification.iq_software import shown
from sealproof.qualification.registry import Finding, NoParameters, check

#: Level of the test whether detection falls with size.
FALL = 0.05


class DetectionParameters(StrictModel):
    """`tolerance`: largest departure from a maximum of the likelihood, in hits; of sizes, relative."""

    tolerance: PositiveFloat


@check("probability-of-detection", DetectionParameters)
def probability_of_detection(context: Context, parameters: DetectionParameters) -> Finding:
    """Does the probability of detection rise with size, by curves that follow from the scores of seeded defects?"""
    path = context.artefact("evaluate", "detection.json")
    files = (path, context.artefact("challenge", "seeded.parquet"))
    if not context.has_threshold:
        return Finding(passed=None, actual=NO_THRESHOLD, files=files)
    found = read_json(path)
    every = [
        (source, name, item) for source in ("seeded", "own") for name, item in found["curves"][source].items()
    ]
    fitted = [item for _, _, item in every if item["reason_code"] == "fitted"]
    problems = [f"{item['defect']}: no bound and no reason" for item in fitted if not _says_all(item)]
    problems += [
        f"{item['defect']}: larger defects are detected less often" for _, _, item in every if _falls(item)
    ]
    problems += _recounted(context, found, parameters.tolerance)
    passed = False if problems else (True if fitted else None)
    words = "; ".join(_words(source, item) for source, _, item in every)
    return Finding(
        passed=passed,
        actual=f"{len(every)} defect types, {len(fitted)} with a curve: {words or 'none'}{shown(problems)}",
        values={
            "types": [{"source": source, "type": name, **_figures(item)} for source, name, item in every],
            "problems": problems,
        },
        files=files,
        records=tuple(f"evaluate.detection.{source}.{name}.a90_95" for source, name, _ in every),
    )


def _figures(item: dict[str, Any]) -> dict[str, Any]:
    names = (
        "defect",
        "unit",
        "n",
        "hits",
        "undecided",
        "a50",
        "a90",
        "a90_95",
        "a90_95_exact",
        "slope",
        "reason",
    )
    return {name: item[name] for name in names}


def _says_all(item: dict[str, Any]) -> bool:
    """Whether each of a50, a90 and a90/95 has a value or a reason, and the sizes a unit."""
    missing = any(item[name] is None for name in ("a50", "a90", "a90_95"))
    return bool(item["unit"]) and (not missing or bool(item["reason"]))


def _falls(item: dict[str, Any]) -> bool:
    """Whether detection falls with size beyond chance: Fisher's exact test of the smaller against the larger half.

    A type that the detector does not see at all has a few hits anywhere, by false calls: that is no fall.
    """
    if item["slope"] is not None:
        return bool(item["slope"] <= 0)
    groups = sorted(item["groups"], key=lambda group: group["smallest"])
    halves = groups[: len(groups) // 2], groups[len(groups) // 2 :]
    table = [[sum(g["hits"] for g in half), sum(g["n"] - g["hits"] for g in half)] for half in halves]
    return bool(stats.fisher_exact(np.array(table), alternative="greater").pvalue < FALL)


def _words(source: str, item: dict[str, Any]) -> str:
    counts = f"{item['defect']} ({source}) {item['hits']} of {item['n']} detected"
    if item["reason_code"] != "fitted":
        return f"{counts}, {item['reason']}"
    sizes = ", ".join(
        f"{text} not stated" if item[name] is None else f"{text} {item[name]:.3g} {item['unit']}"
        for name, text in (("a50", "a50"), ("a90", "a90"), ("a90_95", "a90/95"))
    )
    why = f" ({item['reason']})" if item["reason"] else ""
    return f"{counts}, {sizes}{why}"


def _recounted(context: Context, found: dict[str, Any], tolerance: float) -> list[str]:
    """Hits counted again from the scores, and whether each curve is where the likelihood has its maximum."""
    force, problems = context.thresholds["in_force"], []
    table = read_parquet(context.artefact("challenge", "seeded.parquet"))
    for item in found["curves"]["seeded"].values():
        own = table[table["defect"] == item["defect"]]
        # NaN, the score of an undecided image, is not at or above any threshold.
        hits = own["decided"].to_numpy(dtype=bool) & (own[force["score"]].to_numpy() >= force["threshold"])
        if (len(own), int(hits.sum())) != (item["n"], item["hits"]):
            problems.append(f"{item['defect']}: {int(hits.sum())} of {len(own)} counted again")
        elif item["slope"] is not None:
            logs = np.log(own[f"size_{item['unit']}"].to_numpy(dtype=np.float64))
            if _departure(logs, hits, item) > tolerance:
                problems.append(f"{item['defect']}: the curve is not at the maximum of its likelihood")
            if item["a50"] is not None and not math.isclose(
                item["a50"], math.exp(-item["intercept"] / item["slope"]), rel_tol=tolerance
            ):
                problems.append(f"{item['defect']}: a50 does not follow from its curve")
    return problems


def _departure(logs: Any, hits: Any, item: dict[str, Any]) -> float:
    """Largest derivative of the log likelihood by intercept and slope (about the mean size); 0 at its maximum."""
    floor = item["fitted_false_call_rate"]
    pod = 1 / (1 + np.exp(-(item["intercept"] + item["slope"] * logs)))
    hit = floor + (1 - floor) * pod
    by_logit = (1 - floor) * pod * (1 - pod) * np.where(hits, 1 / hit, -1 / (1 - hit))
    return float(max(abs(by_logit.sum()), abs((by_logit * (logs - logs.mean())).sum())))


def _not_asked_for(context: Context) -> str:
    """The manufacturer's reason why no masks are asked for; empty when there is none."""
    masks = manufacturer_says(context.workspace.definition / "product.yaml", "masks")
    return str((masks or {}).get("not_applicable") or "")


@check("localisation", NoParameters)
def localisation(context: Context, parameters: NoParameters) -> Finding:
    """Do the anomaly maps point at the defects more often than chance would?"""
    del parameters
    path = context.artefact("evaluate", "localisation.json")
    found = read_json(path)
    pointing, chance = found["pointing"], found["chance"]
    if found["with_mask"] == 0 and (reason := _not_asked_for(context)):
        product = context.existing(context.workspace.definition / "product.yaml")
        actual = f"no masks; not applicable, as the manufacturer states: {reason}"
        return Finding(passed=True, actual=actual, values={"not_applicable": reason}, files=(path, product))
    if found["with_mask"] == 0 or chance is None:
        actual = found["reason"] or "no defective test image with a mask is decided: not evaluable"
        return Finding(passed=None if found["with_mask"] == 0 else False, actual=actual, files=(path,))
    measures = ", ".join(
        f"{name} {'not evaluable' if value is None else f'{value:.3f}'}"
        for name, value in (("pixel AUROC", found["pixel_auroc"]), ("PRO", found["pro"]))
    )
    return Finding(
        passed=pointing["low"] > chance,
        actual=(
            f"in {pointing['hits']} of {found['with_mask']} images the maximum lies on the defect, "
            f"{pointing['value']:.3f} ({pointing['low']:.3f} to {pointing['high']:.3f}), chance {chance:.3f}; "
            f"{measures}; {found['undecided']} undecided, {found['outside']} defects outside the regions"
        ),
        values={
            key: found[key] for key in ("pointing", "chance", "pixel_auroc", "pro", "with_mask", "undecided")
        },
        files=(path, context.artefact("score", "maps.npy")),
        records=("evaluate.localisation.pointing.low", "evaluate.localisation.chance"),
    )
