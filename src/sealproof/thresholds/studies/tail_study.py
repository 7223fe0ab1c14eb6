"""The sample-size study of extreme value theory: how far off are its quantiles, and how many normals do they need?"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from sealproof.thresholds.evt_pot import METHOD, evt_pot, tail_quantile
from sealproof.thresholds.generalised_pareto import Tail, fit
from sealproof.thresholds.resampling import generator
from sealproof.thresholds.result import Basis, Floats
from sealproof.thresholds.settings import ThresholdSettings
from sealproof.thresholds.studies.distributions import Distribution, score_like
from sealproof.thresholds.studies.rounding import rounded
from sealproof.thresholds.studies.simulated import methods_digest, parameters
from sealproof.thresholds.studies.tail_answers import answers
from sealproof.thresholds.tail_interval import TailSample
from sealproof.thresholds.tail_level import choose_level, split_tail

COMMAND = "make evt-study"
RATES = (0.01, 0.001, 0.0001)
#: Normals in a data set -> data sets for errors, and how many of them for eligibility, which takes intervals.
SETS = {
    60: (300, 20),
    115: (300, 20),
    200: (300, 40),
    382: (300, 40),
    600: (300, 40),
    1000: (300, 40),
    2000: (200, 20),
    5000: (100, 15),
    10000: (60, 15),
}
_RESAMPLES = 49
#: A threshold is close when its error is at most this share of the true threshold's distance from the median, and a
#: rate when it is at most this many times too high or too low.
CLOSE, FACTOR = 0.1, 2.0


@dataclass(frozen=True)
class TailTask:
    """One distribution and one number of normals, for all rates; `judged` of the data sets are put to evt_pot."""

    distribution: str
    n: int
    sets: int
    judged: int


def plan() -> list[TailTask]:
    """All tasks of the full study, the longest first."""
    return [
        TailTask(distribution.name, n, *sets)
        for n, sets in sorted(SETS.items(), reverse=True)
        for distribution in score_like()
    ]


def run_tail_task(task: TailTask, settings: ThresholdSettings, seed: int) -> list[dict[str, Any]]:
    """A row a rate. Keys: distribution, n, rate, datasets, error {median, low, high} of the threshold in units of the
    true one's distance from the median (5 % and 95 % of the data sets), share_close, rate_ratio {median, low, high}
    of realised to wanted rate, share_within_factor, realised_rate (mean), judged (data sets), share_eligible."""
    distribution = next(item for item in score_like() if item.name == task.distribution)
    random = generator(seed, "evt-study", task.distribution, str(task.n))
    samples = [np.sort(distribution.draw(random, task.n)) for _ in range(task.sets)]
    found = np.array([_estimates(sample, settings) for sample in samples])
    return [
        _row(task, distribution, rate, found[:, place])
        | {
            "judged": task.judged,
            "share_eligible": _share_eligible(samples[: task.judged], rate, settings, seed),
        }
        for place, rate in enumerate(RATES)
    ]


def _estimates(sample: Floats, settings: ThresholdSettings) -> list[float]:
    """The threshold at each rate, as evt_pot estimates it: one level and one fit serve all rates that allow it."""
    fitted: dict[float, tuple[float, Floats, Tail]] = {}
    thresholds = []
    for rate in RATES:
        evt = settings.evt.model_copy(update={"false_reject_rate": rate})
        open_to = min([share for share in evt.candidates if share > rate], default=rate)
        if open_to not in fitted:
            level, excesses = split_tail(sample, choose_level(sample, evt).share)
            fitted[open_to] = (level, excesses, fit(excesses))
        level, excesses, tail = fitted[open_to]
        thresholds.append(level + tail_quantile(TailSample(excesses, sample.size, rate), tail))
    return thresholds


def _share_eligible(samples: Sequence[Floats], rate: float, settings: ThresholdSettings, seed: int) -> float:
    evt = settings.evt.model_copy(update={"false_reject_rate": rate})
    eligible = 0
    for index, sample in enumerate(samples):
        basis = Basis("held-out", settings.confidence, _RESAMPLES, seed + index, settings.minimum_normals)
        eligible += evt_pot(sample, settings=evt, basis=basis).eligible
    return eligible / len(samples)


def _row(task: TailTask, distribution: Distribution, rate: float, estimates: Floats) -> dict[str, Any]:
    truth, centre = (float(distribution.upper_quantile(np.array(p))) for p in (rate, 0.5))
    error = (estimates - truth) / (truth - centre)
    ratio = np.array([distribution.rejected(float(estimate)) for estimate in estimates]) / rate
    return {
        "distribution": task.distribution,
        "n": task.n,
        "rate": rate,
        "datasets": task.sets,
        "error": _spread(error),
        "share_close": float((np.abs(error) <= CLOSE).mean()),
        "rate_ratio": _spread(ratio),
        "share_within_factor": float(((ratio <= FACTOR) & (ratio >= 1 / FACTOR)).mean()),
        "realised_rate": float(ratio.mean() * rate),
    }


def _spread(values: Floats) -> dict[str, float]:
    low, median, high = np.quantile(values, [0.05, 0.5, 0.95])
    return {"median": float(median), "low": float(low), "high": float(high)}


def tail_study(
    settings: ThresholdSettings, seed: int, tasks: Sequence[TailTask], processes: int = 1
) -> dict[str, Any]:
    """Content of evt_sample_size.json.

    Keys: command, seed, methods, methods_sha256, parameters, rates, close, factor, distributions, rows (see
    `run_tail_task`), answers (see `tail_answers.answers`).
    """
    count = len(tasks)
    if processes == 1:
        parts = [run_tail_task(task, settings, seed) for task in tasks]
    else:
        with ProcessPoolExecutor(processes) as pool:
            parts = list(pool.map(run_tail_task, tasks, [settings] * count, [seed] * count))
    order = {item.name: place for place, item in enumerate(score_like())}
    rows = [row for part in parts for row in part]
    rows.sort(key=lambda row: (-row["rate"], order[row["distribution"]], row["n"]))
    document = {
        "command": COMMAND,
        "seed": seed,
        "methods": [METHOD],
        "methods_sha256": methods_digest([METHOD]),
        "parameters": parameters(settings, [METHOD]),
        "rates": list(RATES),
        "close": CLOSE,
        "factor": FACTOR,
        "distributions": {item.name: item.words for item in score_like()},
        "rows": rows,
    }
    result: dict[str, Any] = rounded(document)
    return result | {"answers": answers(result)}
