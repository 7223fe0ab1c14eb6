"""The answers of the sample-size study: how many normals a quantile needs, and what a number of normals is good for."""

from __future__ import annotations

from typing import Any

from sealproof.thresholds.promises import percent

#: Normals of the paper's training set.
PAPER = 382
#: In this share of the data sets, on the worst distribution, a precision has to be reached.
SHARE = 0.9
Study = dict[str, Any]


def answers(study: Study) -> dict[str, Any]:
    """Keys: needs (a row a rate: rate, threshold, rate_within_factor: the fewest simulated normals, null when more
    than simulated), sentence (of the needs), paper (see `good_for`, for 382 normals)."""
    needs = [
        {"rate": rate, **{name: _needed(study, rate, key) for key, name in _names().items()}}
        for rate in study["rates"]
    ]
    return {"needs": needs, "sentence": _needs_sentence(study, needs), "paper": good_for(study, PAPER)}


def _names() -> dict[str, str]:
    return {"share_close": "threshold_close", "share_within_factor": "rate_within_factor"}


def sizes(study: Study) -> list[int]:
    """Simulated numbers of normals, rising."""
    return sorted({row["n"] for row in study["rows"]})


def worst(study: Study, rate: float, n: int, key: str) -> float:
    """The lowest value of a share over the distributions."""
    return float(min(row[key] for row in _rows(study, rate, n)))


def _rows(study: Study, rate: float, n: int) -> list[dict[str, Any]]:
    return [row for row in study["rows"] if row["rate"] == rate and row["n"] == n]


def _needed(study: Study, rate: float, key: str) -> int | None:
    """Fewest simulated normals from which on the share is reached on every distribution."""
    enough = None
    for n in reversed(sizes(study)):
        if worst(study, rate, n, key) < SHARE:
            break
        enough = n
    return enough


def good_for(study: Study, n: int) -> dict[str, Any]:
    """What n normals are good for, from the largest simulated number that is not above n.

    Keys: n, simulated_n (null when fewer than simulated), quantiles (a row a rate: rate, error_low, error_high: the
    widest 5 % to 95 % range over the distributions, ratio_low, ratio_high, share_close, share_within_factor and
    share_eligible on the worst distribution), sentence.
    """
    below = [size for size in sizes(study) if size <= n]
    if not below:
        text = (
            f"{n} normals are fewer than the {sizes(study)[0]} of the smallest simulation: nothing is known."
        )
        return {"n": n, "simulated_n": None, "quantiles": [], "sentence": text}
    simulated = below[-1]
    quantiles = [_quantile(study, rate, simulated) for rate in study["rates"]]
    return {
        "n": n,
        "simulated_n": simulated,
        "quantiles": quantiles,
        "sentence": _good_for_sentence(study, n, simulated, quantiles),
    }


def _quantile(study: Study, rate: float, n: int) -> dict[str, Any]:
    rows = _rows(study, rate, n)
    return {
        "rate": rate,
        "error_low": min(row["error"]["low"] for row in rows),
        "error_high": max(row["error"]["high"] for row in rows),
        "ratio_low": min(row["rate_ratio"]["low"] for row in rows),
        "ratio_high": max(row["rate_ratio"]["high"] for row in rows),
        **{
            key: min(row[key] for row in rows)
            for key in ("share_close", "share_within_factor", "share_eligible")
        },
    }


def _needs_sentence(study: Study, needs: list[dict[str, Any]]) -> str:
    most = sizes(study)[-1]
    parts = [
        f"the {percent(row['rate'])} quantile {_number(row['rate_within_factor'], most)} for the rate and "
        f"{_number(row['threshold_close'], most)} for the threshold"
        for row in needs
    ]
    return (
        f"For a realised false-reject rate within a factor of {study['factor']:g} of the wanted one, and for a "
        f"threshold within {percent(study['close'])} of its distance from the median, each in {percent(SHARE)} of "
        f"cases on the worst of {len(study['distributions'])} distributions, extreme value theory needs: "
        f"{'; '.join(parts)}."
    )


def _number(needed: int | None, most: int) -> str:
    return f"more than {most} normals" if needed is None else f"{needed} normals"


def _good_for_sentence(study: Study, n: int, simulated: int, quantiles: list[dict[str, Any]]) -> str:
    origin = "" if simulated == n else f" (as simulated with {simulated})"
    parts = [
        f"the {percent(row['rate'])} quantile is off by {_signed(row['error_low'])} to {_signed(row['error_high'])} of "
        f"its distance from the median, its realised rate is {_times(row['ratio_low'])} to "
        f"{_times(row['ratio_high'])} times the wanted one, "
        f"and the method is eligible in {percent(round(row['share_eligible'], 3))} of cases"
        for row in quantiles
    ]
    return (
        f"With {n} normals{origin}, on the worst of {len(study['distributions'])} distributions in 90 % of cases: "
        f"{'; '.join(parts)}. {_verdict(n, quantiles, study['factor'])}"
    )


def _verdict(n: int, quantiles: list[dict[str, Any]], factor: float) -> str:
    enough = [percent(row["rate"]) for row in quantiles if row["share_within_factor"] >= SHARE]
    rest = [percent(row["rate"]) for row in quantiles if row["share_within_factor"] < SHARE]
    if not rest:
        return f"So {n} normals are enough for each of these rates, within a factor of {factor:g}."
    if not enough:
        return f"So {n} normals are too few for any of these rates within a factor of {factor:g}."
    return (
        f"So {n} normals are good for a rate of {' and '.join(enough)} within a factor of {factor:g}, "
        f"not for {' or '.join(rest)}."
    )


def _times(value: float) -> str:
    """Two digits that count, never as a power of ten.

    Example:
        >>> _times(0.0067), _times(2.0), _times(221.4)
        ('0.0067', '2', '221')
    """
    return f"{value:.2g}" if value < 100 else f"{value:.0f}"


def _signed(value: float) -> str:
    return f"{100 * value:+.0f} %"
