"""PQ check of robustness: what holds without disturbance holds inside the declared acquisition envelope."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from sealproof.evaluation.cases import verdicts
from sealproof.evidence.files import read_json
from sealproof.qualification import reference
from sealproof.qualification.context import Context
from sealproof.qualification.iq_software import shown
from sealproof.qualification.registry import Finding, NoParameters, check

_TOLERANCE = 1e-9
#: Metric -> (label of its images, verdict that counts for it).
_SHARES = {"recall": (1, "reject"), "specificity": (0, "accept")}


@check("robust-inside-envelope", NoParameters)
def robust_inside_envelope(context: Context, parameters: NoParameters) -> Finding:
    """Does every criterion that holds without disturbance hold at each severity up to the declared limits?"""
    del parameters
    path, table = (
        context.artefact("evaluate", "robustness.json"),
        context.artefact("challenge", "disturbed.parquet"),
    )
    files, found = (path, table), read_json(path)
    records = ("evaluate.robustness.statement", "evaluate.robustness.criteria_lost_inside")
    if not found["declared"]:
        return Finding(
            passed=None, actual=f"robustness is {found['statement']}", files=files, records=records
        )
    problems = list(_wrong_figures(context, found, pd.read_parquet(table)))
    holding = [name for name, met in found["undisturbed"]["holds"].items() if met is True]
    inside = [
        (name, cell)
        for name, series in found["disturbances"].items()
        for cell in series["cells"].values()
        if cell["severity"] <= 1
    ]
    lost = [
        f"{criterion} at {name} {cell['amount']:g}"
        for name, cell in inside
        for criterion in holding
        if cell["holds"][criterion] is not True
    ]
    if len(lost) != len(found["lost_inside"]):
        problems.append("robustness.json lists other criteria as lost")
    actual = (
        f"{found['images']} of {found['test_images']} test images, {len(found['disturbances'])} disturbances, "
        f"{len(inside)} steps inside the envelope; {found['statement']}; of {len(holding)} criteria that hold "
        f"undisturbed, {len(lost)} times one is lost{shown(lost)}{shown(problems)}"
    )
    sound = not problems and not lost and bool(inside)
    return Finding(
        passed=None if not holding and not problems else sound,
        actual=actual if holding else f"not evaluable: no criterion holds undisturbed; {actual}",
        values={"statement": found["statement"], "lost": lost, "problems": problems},
        files=files,
        records=records,
    )


def _wrong_figures(context: Context, found: Mapping[str, Any], disturbed: pd.DataFrame) -> Iterator[str]:
    """Shares, bounds and criteria of robustness.json that a second computation does not give."""
    labels = context.predictions.set_index("image_id")["label"]
    cells = [("none", found["undisturbed"])]
    cells += [
        (name, cell) for name, series in found["disturbances"].items() for cell in series["cells"].values()
    ]
    for name, cell in cells:
        rows = disturbed[(disturbed["disturbance"] == name) & (disturbed["severity"] == cell["severity"])]
        truth = labels.reindex(rows["image_id"]).to_numpy()
        given = verdicts(rows[found["score"]], rows["decided"], found["threshold"], found["accept_below"])
        place = f"{name} at severity {cell['severity']:g}"
        if len(rows) != found["images"]:
            yield f"{place}: {len(rows)} images instead of {found['images']}"
        for metric, (label, wanted) in _SHARES.items():
            stated, n = cell["metrics"][metric], int((truth == label).sum())
            if found["threshold"] is None or not n:
                continue
            hits = int(((truth == label) & (given == wanted)).sum())
            low, high = reference.exact_bounds(hits, n, found["confidence"])
            pairs = ((stated["value"], hits / n), (stated["low"], low), (stated["high"], high))
            if not all(math.isclose(a, b, abs_tol=_TOLERANCE) for a, b in pairs):
                yield f"{place}: {metric} is {hits} of {n}"
        for claim in found["criteria"]:
            bound = cell["metrics"][claim["metric"].rsplit(".", 1)[1]][claim["bound"]]
            met = None if bound is None else (bound >= claim["limit"]) == (claim["bound"] == "low")
            if bound is not None and bound == claim["limit"]:
                met = True
            if cell["holds"][claim["id"]] != met:
                yield f"{place}: {claim['id']} is judged otherwise"
