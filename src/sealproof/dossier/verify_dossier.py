#!/usr/bin/env python3
"""Verifies a dossier from its attachments alone: hashes, chains, counts, rates, exact bounds, thresholds, decision.

    pdfdetach -saveall -o attachments dossier.pdf
    python3 -I attachments/verify_dossier.py attachments

It needs Python 3.9 or later and nothing else, and shares no code with the software that wrote the dossier.
Exit codes: 0 sound, 2 incomplete (something is missing), 3 altered (something disagrees), 64 wrong usage.
It shows that the figures follow from the attached data. It does not show that the data are true, that the attachments
are those of the signed PDF (the signatures do), or that an image has the score that is stated.
"""

# ruff: noqa: B905, T201 - zip(strict=) needs Python 3.10; the report is printed
from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
import re
import sys
import uuid
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from statistics import NormalDist
from typing import Any

OK, ALTERED, MISSING, LEFT = "ok", "ALTERED", "missing", "not recomputed"
SOUND_CODE, MISSING_CODE, ALTERED_CODE, USAGE_CODE = 0, 2, 3, 64

TOLERANCE = 1e-9
"""Rates and bounds: largest difference. Scores and thresholds: the same, as a share of the largest score."""
FIT_TOLERANCE = 1e-6
"""Generalised Pareto fits: largest difference of the threshold as a share of the largest excess."""
LARGEST_FILE = 1 << 30
SHOWN = 20

DIGEST = re.compile(r"[0-9a-f]{64}")
PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
NUMBER = re.compile(r"-?(0|[1-9]\d{0,17})(\.\d+)?(e[+-]\d{1,3})?")
WHOLE = re.compile(r"-?(0|[1-9]\d{0,17})")
ORIGIN = "0" * 64

INDEX = "attachments.json"
COPIES = {
    "acceptance.yaml": "products/{product}/acceptance.yaml",
    "criteria.json": "artifacts/{product}/qualify/criteria.json",
    "evaluation.json": "artifacts/{product}/evaluate/evaluation.json",
    "iq.json": "artifacts/{product}/qualify/iq.json",
    "metrics.json": "reports/{product}/metrics.json",
    "oq.json": "artifacts/{product}/qualify/oq.json",
    "pq.json": "artifacts/{product}/qualify/pq.json",
    "thresholds.json": "artifacts/{product}/threshold/thresholds.json",
    "trace.json": "artifacts/{product}/qualify/trace.json",
}
OTHERS = ("ledger.jsonl", "manifest.csv", "predictions.csv", "records.json", "release.json", "sbom.json",
          "scores.csv", "trail.jsonl", "verify_dossier.py")  # fmt: skip
EXPECTED = sorted((*COPIES, *OTHERS))
PROTOCOLS = ("iq", "oq", "pq")
STAGES = ("ingest", "check", "roi", "train", "score", "threshold", "evaluate", "qualify")
ROLES = ("author", "reviewer", "approver")
SPLITS = ("train", "calibration", "tuning", "test", "unused", "excluded")
RATES = ("recall", "specificity", "accuracy", "balanced_accuracy", "precision", "f1")
AREAS = ("auroc", "auprc")


# --------------------------------------------------------------------------------------------------------- the report


class Section:
    """What one part of the verification found.

    Every figure that is looked at ends in exactly one of four: it agrees, it is ALTERED, it is missing, or it is not
    recomputed, with the reason. So nothing is passed over in silence.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self.agreed: Counter[str] = Counter()
        self.largest: dict[str, float] = {}
        self.problems: list[tuple[str, str]] = []
        self.left: Counter[str] = Counter()
        self.notes: list[str] = []

    def exact(self, what: str, name: str, stated: Any, found: Any) -> bool:
        """Hold a stated value against the one that was found; a truth value is never a number."""
        if same(stated, found):
            self.agreed[what] += 1
            return True
        return self.altered(f"{name}: stated {shown(stated)}, found {shown(found)}")

    def near(
        self,
        what: str,
        name: str,
        stated: Any,
        found: float | None,
        tolerance: float = TOLERANCE,
        scale: float = 1,
    ) -> bool:
        """Hold a stated number against the recomputed one; nothing is only equal to nothing."""
        if stated is None or found is None or not is_number(stated):
            return self.exact(what, name, stated, found)
        difference = abs(stated - found) / (scale or 1.0)
        if not difference <= tolerance:
            return self.altered(f"{name}: stated {stated!r}, recomputed {found!r}")
        self.agreed[what] += 1
        self.largest[what] = max(self.largest.get(what, 0.0), difference)
        return True

    def holds(self, what: str, text: str, condition: bool) -> bool:  # noqa: FBT001 - it is what is asked
        """`text` says what is wrong when the condition does not hold."""
        if condition:
            self.agreed[what] += 1
            return True
        return self.altered(text)

    def recorded(self, what: str, dossier: Dossier, record_id: str, found: Any) -> None:
        """Hold the value of a record against what was found."""
        record = dossier.book.get(record_id)
        if record is None:
            self.missing(f"records.json: no record {record_id}")
        else:
            self.exact(what, record_id, record["value"], found)

    def altered(self, text: str) -> bool:
        """Something disagrees."""
        self.problems.append((ALTERED, text))
        return False

    def missing(self, text: str) -> None:
        """Something is not there."""
        self.problems.append((MISSING, text))

    def not_recomputed(self, what: str, number: int = 1) -> None:
        """Figures that this script does not derive anew."""
        self.left[what] += number

    def as_json(self) -> dict[str, Any]:
        """JSON types only."""
        return {
            "section": self.title,
            "agreed": dict(sorted(self.agreed.items())),
            "largest_difference": dict(sorted(self.largest.items())),
            "problems": [{"status": status, "text": text} for status, text in self.problems],
            "not_recomputed": dict(sorted(self.left.items())),
            "notes": self.notes,
        }


class Absent(Exception):  # noqa: N818 - it is no error of the script: it ends a section
    """An attachment that a section needs is not there."""


class Unreadable(Exception):  # noqa: N818 - as above
    """An attachment cannot be read the only way it may be written."""


def is_number(value: Any) -> bool:
    """A finite number; truth values are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def same(stated: Any, found: Any) -> bool:
    """Equal, down to every part; a truth value equals no number.

    Example:
        >>> same([1, {"a": 2}], [1.0, {"a": 2}]), same(True, 1)
        (True, False)
    """
    if isinstance(stated, bool) or isinstance(found, bool):
        return stated is found
    if isinstance(stated, (list, tuple)) and isinstance(found, (list, tuple)):
        return len(stated) == len(found) and all(same(*pair) for pair in zip(stated, found))
    if isinstance(stated, dict) and isinstance(found, dict):
        return stated.keys() == found.keys() and all(same(stated[key], found[key]) for key in stated)
    return bool(stated == found)


def shown(value: Any) -> str:
    """A value as a report prints it: short."""
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."


def printable(text: str) -> str:
    """Text from a file without characters that could steer a terminal.

    Example:
        >>> printable("a" + chr(27) + "[2J")
        'a\\\\x1b[2J'
    """
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


# -------------------------------------------------------------------------------------------------- strict reading


def sha256(content: bytes) -> str:
    """64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def canonical(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no blanks."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def indented(value: Any) -> bytes:
    """JSON as the pipeline's artefacts are written."""
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


def parse_json(text: str) -> Any:
    """JSON without what its readers differ on: keys given twice, NaN, infinities, numbers of endless length."""
    try:
        return json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_refuse,
            parse_float=_finite,
            parse_int=_whole,
        )
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"is not strict JSON: {error}") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"key given twice: {sorted({name for name in names if names.count(name) > 1})}")
    return found


def _refuse(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value) or len(text) > 40:
        raise ValueError(f"number out of range: {text[:40]}")
    return value


def _whole(text: str) -> int:
    if len(text) > 19:
        raise ValueError(f"number out of range: {text[:40]}")
    return int(text)


def parse_csv(text: str) -> list[dict[str, str]]:
    """Rows of a CSV file that is written in the one way it may be: comma, header, line feed."""
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise Unreadable(f"is not CSV: {error}") from error
    again = io.StringIO()
    csv.writer(again, lineterminator="\n").writerows(rows)
    if not rows or again.getvalue() != text:
        raise Unreadable(
            "is not CSV as it is attached: comma, header, line feed, no quotes where none are needed"
        )
    header = rows[0]
    if len(set(header)) != len(header) or any(len(row) != len(header) for row in rows):
        raise Unreadable("has a column twice, or rows of different length")
    return [dict(zip(header, row)) for row in rows[1:]]


def number(text: str) -> float:
    """A number of a CSV cell, written as Python writes it; NaN, infinities and other spellings are refused.

    Example:
        >>> number("-0.25"), number("1e-05")
        (-0.25, 1e-05)
    """
    value = float(text) if NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value) or repr(value) != text:
        raise ValueError(f"{text[:40]!r} is no number as it is attached")
    return value


def whole(text: str) -> int:
    """A whole number of a CSV cell."""
    if not WHOLE.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is no whole number")
    return int(text)


def truth(text: str) -> bool:
    """A truth value of a CSV cell."""
    if text not in ("true", "false"):
        raise ValueError(f"{text[:40]!r} is neither true nor false")
    return text == "true"


class Dossier:
    """The attachments in a folder, each read once and strictly.

    Args:
        folder: where they were taken out to; nothing outside of it is read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.present = sorted(entry.name for entry in os.scandir(folder))
        self._kept: dict[str, Any] = {}

    def content(self, name: str) -> bytes:
        """The bytes of an attachment."""
        return self.once(f"bytes of {name}", lambda: self._read(name))  # type: ignore[no-any-return] # kept as Any

    def _read(self, name: str) -> bytes:
        path = self.folder / name
        if not PLAIN_NAME.fullmatch(name):
            raise Unreadable(f"{name!r} is no plain file name")
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise Unreadable(f"{name} is no plain file")
        if not path.exists():
            raise Absent(name)
        if path.stat().st_size > LARGEST_FILE:
            raise Unreadable(f"{name} is larger than any attachment is")
        return path.read_bytes()

    def text(self, name: str) -> str:
        """An attachment as text."""
        try:
            return self.content(name).decode("utf-8")
        except UnicodeDecodeError as error:
            raise Unreadable(f"{name} is not UTF-8: {error}") from error

    def json(self, name: str) -> Any:
        """An attachment as JSON."""
        return self.once(f"json of {name}", lambda: self._parsed(name, parse_json))

    def rows(self, name: str) -> list[dict[str, str]]:
        """An attachment as rows of text."""
        return self.once(f"rows of {name}", lambda: self._parsed(name, parse_csv))  # type: ignore[no-any-return] # kept as Any

    def _parsed(self, name: str, parse: Callable[[str], Any]) -> Any:
        text = self.text(name)
        try:
            return parse(text)
        except Unreadable as error:
            raise Unreadable(f"{name} {error}") from error

    def once(self, key: str, make: Callable[[], Any]) -> Any:
        """What `make` gives, made once."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]

    @property
    def release(self) -> dict[str, Any]:
        """release.json."""
        return checked_object(self.json("release.json"), "release.json")

    @property
    def evidence(self) -> dict[str, str]:
        """Path -> SHA-256 of what the release rests on."""
        return checked_object(self.release["evidence"], "release.json, evidence")

    @property
    def product(self) -> str:
        """Name of the product."""
        name = self.release["product"]
        if not isinstance(name, str) or not PLAIN_NAME.fullmatch(name):
            raise Unreadable("release.json names no product")
        return name

    def place(self, name: str) -> str:
        """The path that an attachment was copied from."""
        return COPIES[name].format(product=self.product)

    @property
    def book(self) -> dict[str, dict[str, Any]]:
        """Records by id."""
        rows: list[dict[str, Any]] = self.json("records.json")
        return self.once("book", lambda: {row["id"]: row for row in rows})  # type: ignore[no-any-return] # kept as Any

    def chain(self, name: str) -> list[Line]:
        """Lines of trail or ledger."""
        return self.once(f"chain {name}", lambda: read_chain(self.text(name)))  # type: ignore[no-any-return] # kept as Any

    def scores(self) -> list[Scored]:
        """Rows of scores.csv."""
        return self.once("scores", lambda: read_scores(self.rows("scores.csv")))  # type: ignore[no-any-return] # kept as Any

    def cases(self) -> list[Case]:
        """The test images."""
        return self.once("cases", lambda: read_cases(self))  # type: ignore[no-any-return] # kept as Any


def checked_object(value: Any, name: str) -> dict[str, Any]:
    """`value` when it is a JSON object."""
    if not isinstance(value, dict):
        raise Unreadable(f"{name} is no object")
    return value


# -------------------------------------------------------------------------------------------------- the statistics


def log_beta_density(x: float, a: float, b: float) -> float:
    """Logarithm of the Beta(a, b) density at x in (0, 1)."""
    return (
        (a - 1) * math.log(x)
        + (b - 1) * math.log1p(-x)
        + math.lgamma(a + b)
        - math.lgamma(a)
        - math.lgamma(b)
    )


def incomplete_beta(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta function I_x(a, b): the continued fraction DLMF 8.17.22 by Lentz's method.

    https://dlmf.nist.gov/8.17.E22

    Example:
        >>> round(incomplete_beta(0.25, 1, 2), 12)  # 1 - (1 - x)^2
        0.4375
    """
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast on the other side
        return 1 - incomplete_beta(1 - x, b, a)
    front = math.exp(log_beta_density(x, a, b) + math.log(x) + math.log1p(-x)) / a
    return front * _beta_fraction(x, a, b)


def _beta_fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 100_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d, c = 1 / _away(1 + term * d), _away(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < 1e-16:
            return value
    raise ArithmeticError("the incomplete beta function does not converge")


def _away(value: float) -> float:
    """Lentz's method divides by this: never by 0."""
    return value if abs(value) > 1e-300 else 1e-300


@cache
def beta_quantile(probability: float, a: float, b: float) -> float:
    """x with I_x(a, b) = probability: Newton's steps, kept inside of a bracket that is halved where they leave it."""
    low, high, x = 0.0, 1.0, a / (a + b)
    for _ in range(200):
        miss = incomplete_beta(x, a, b) - probability
        low, high = (low, x) if miss > 0 else (x, high)
        slope = math.exp(min(log_beta_density(x, a, b), 700)) if 0 < x < 1 else 0.0
        following = x - miss / slope if slope > 0 else low
        if not low < following < high:
            following = (low + high) / 2
        if miss == 0 or abs(following - x) <= 4e-16 * x:
            return following if miss else x
        x = following
    return x


def clopper_pearson(part: int, total: int, confidence: float) -> tuple[float, float]:
    """Exact two-sided bounds of a proportion: Clopper and Pearson, Biometrika 26 (1934) 404-413.

    Example:
        >>> low, high = clopper_pearson(10, 10, 0.95)
        >>> round(low, 12) == round(0.025 ** 0.1, 12), high
        (True, 1.0)
    """
    if not 0 <= part <= total or total < 1 or not 0 < confidence < 1:
        raise ValueError(f"{part} of {total} at confidence {confidence} is no proportion")
    tail = (1 - confidence) / 2
    low = beta_quantile(tail, part, total - part + 1) if part else 0.0
    return low, (beta_quantile(1 - tail, part + 1, total - part) if part < total else 1.0)


def strongest_bound(units: int, side: str, confidence: float) -> float:
    """The best bound that a number of units can give: no miss (low) or no event (high)."""
    low = math.exp(math.log((1 - confidence) / 2) / units)
    return float(low if side == "low" else 1 - low)


def massart_bound(rate: float, total: int, confidence: float) -> float:
    """Upper bound of a distribution function from the empirical one: Massart, Ann. Probab. 18 (1990) 1269-1283."""
    return min(1.0, rate + math.sqrt(math.log(1 / (1 - confidence)) / (2 * total)))


def student_tail(t: float, freedom: int) -> float:
    """P(T > t) of Student's t distribution, t >= 0."""
    return incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5) / 2


def binomial_distribution(n: int, p: float) -> list[float]:
    """P(B <= k) for k = 0 ... n, summed from the small end."""
    logs = [
        math.lgamma(n + 1)
        - math.lgamma(k + 1)
        - math.lgamma(n - k + 1)
        + k * math.log(p)
        + (n - k) * math.log1p(-p)
        for k in range(n + 1)
    ]
    total, found = 0.0, []
    for value in logs:
        total += math.exp(value)
        found.append(total)
    return found


def order_statistics(
    values: Sequence[float], probability: float, confidence: float
) -> tuple[float | None, float | None]:
    """The sorted values between which a quantile lies, whatever the distribution; None where there are too few."""
    tail, n = (1 - confidence) / 2, len(values)
    below = binomial_distribution(n, probability)
    lower = [rank for rank in range(1, n + 1) if below[rank - 1] <= tail]
    upper = [rank for rank in range(1, n + 1) if 1 - below[rank - 1] <= tail]
    return (values[lower[-1] - 1] if lower else None), (values[upper[0] - 1] if upper else None)


def linear_quantile(values: Sequence[float], probability: float) -> float:
    """Quantile of sorted values, interpolated between order statistics: type 7 of Hyndman and Fan (1996).

    Example:
        >>> linear_quantile([1.0, 2.0, 4.0], 0.75)
        3.0
    """
    place = (len(values) - 1) * probability
    below = min(math.floor(place), len(values) - 1)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (place - below)


def mean_of(values: Sequence[float]) -> float:
    """Mean, summed without rounding in between."""
    return math.fsum(values) / len(values)


def deviation_of(values: Sequence[float]) -> float:
    """Standard deviation with n - 1."""
    mean = mean_of(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def midranks(values: Sequence[float], within: Sequence[float]) -> list[float]:
    """How many of sorted `within` lie below each of `values`, ties counting half.

    Example:
        >>> midranks([2.0, 5.0], [1.0, 2.0, 2.0])
        [2.0, 3.0]
    """
    return [(bisect_left(within, value) + bisect_right(within, value)) / 2 for value in values]


def area_under_roc(bad: Sequence[float], good: Sequence[float]) -> float:
    """Chance that a defect scores above a normal part, a tie counting half (Mann and Whitney).

    Example:
        >>> area_under_roc([2.0, 3.0], [1.0, 2.0])
        0.875
    """
    return math.fsum(midranks(bad, sorted(good))) / (len(bad) * len(good))


def average_precision(bad: Sequence[float], good: Sequence[float]) -> float:
    """Sum over the thresholds of recall gained times precision there.

    Example:
        >>> average_precision([2.0, 3.0], [1.0, 2.0])
        0.8333333333333333
    """
    rising_bad, rising_good = sorted(bad), sorted(good)
    found, before = [], 0
    for score in sorted(set(bad), reverse=True):
        caught = len(bad) - bisect_left(rising_bad, score)
        rejected = caught + len(good) - bisect_left(rising_good, score)
        found.append((caught - before) / len(bad) * caught / rejected)
        before = caught
    return math.fsum(found)


def delong(bad: Sequence[float], good: Sequence[float], confidence: float) -> Bounded:
    """AUROC with DeLong's variance on the logit scale: Biometrics 44 (1988) 837-845."""
    if not bad or not good:
        return NOTHING
    for_bad = [rank / len(good) for rank in midranks(bad, sorted(good))]
    for_good = [1 - rank / len(bad) for rank in midranks(good, sorted(bad))]
    value = mean_of(for_bad)
    if min(len(bad), len(good)) < 2 or not 0 < value < 1:
        return value, None, None
    error = math.hypot(
        deviation_of(for_bad) / math.sqrt(len(bad)), deviation_of(for_good) / math.sqrt(len(good))
    )
    step = NormalDist().inv_cdf((1 + confidence) / 2) * error / (value * (1 - value))
    logit = math.log(value / (1 - value))
    return value, 1 / (1 + math.exp(step - logit)), 1 / (1 + math.exp(-step - logit))


def pareto_fit(excesses: Sequence[float]) -> tuple[float, float]:
    """(shape, scale) of a generalised Pareto tail by maximum likelihood, shape at least -1.

    At the maximum, shape = mean log(1 + theta y) with theta = shape / scale (Grimshaw, Technometrics 35 (1993)
    185-191), which leaves one unknown: its best place on a grid, then the root of the derivative by halving.
    """
    top = max(excesses)
    unit = [value / top for value in excesses]
    grid = [-12 + 0.1 * step for step in range(261)]
    likelihoods = [_profile(unit, math.expm1(place)) for place in grid]
    best = max(range(1, 260), key=lambda index: likelihoods[index])
    low, high = grid[best - 1], grid[best + 1]
    for _ in range(200):
        middle = (low + high) / 2
        rising = _profile_slope(unit, math.expm1(middle)) > 0
        low, high = (middle, high) if rising else (low, middle)
    theta = math.expm1((low + high) / 2)
    shape = _mean_log(unit, theta)
    return shape, (shape / theta if theta else mean_of(unit)) * top


def _mean_log(unit: Sequence[float], theta: float) -> float:
    return math.fsum(math.log1p(theta * y) for y in unit) / len(unit)


def _profile(unit: Sequence[float], theta: float) -> float:
    """Mean log-likelihood at the best scale and shape for theta."""
    if abs(theta) < 1e-9:
        return -math.log(mean_of(unit)) - 1
    shape = _mean_log(unit, theta)
    return -math.log(shape / theta) - shape - 1 if shape >= -1 else -math.inf


def _profile_slope(unit: Sequence[float], theta: float) -> float:
    """Derivative of the mean log-likelihood by theta; positive where the shape is below -1, so the search leaves."""
    if abs(theta) < 1e-9:
        theta = 1e-9
    shape = _mean_log(unit, theta)
    if shape < -1:
        return 1.0
    growth = math.fsum(y / (1 + theta * y) for y in unit) / len(unit)
    return 1 / theta - growth / shape - growth


def pareto_quantile(shape: float, scale: float, ratio: float) -> float:
    """Excess that is exceeded with probability `ratio`.

    Example:
        >>> pareto_quantile(1.0, 2.0, 0.25)
        6.0
    """
    exponent = -math.log(ratio)
    return scale * (math.expm1(shape * exponent) / shape if abs(shape) > 1e-12 else exponent)


def anderson_darling(excesses: Sequence[float], shape: float, scale: float) -> float:
    """A^2 of a fitted tail: Choulakian and Stephens, Technometrics 43 (2001) 478-484, equation 5."""
    k = len(excesses)
    survival = []
    for y in sorted(excesses):
        inner = max(shape * y / scale, -1.0) if abs(shape) > 1e-12 else 0.0
        value = (
            -y / scale if abs(shape) <= 1e-12 else (-math.log1p(inner) / shape if inner > -1 else -math.inf)
        )
        survival.append(min(max(value, -700.0), -1e-300))
    terms = [
        (2 * i + 1) * (math.log(-math.expm1(survival[i])) + survival[k - 1 - i]) for i in range(k)
    ]  # fmt: skip
    return -k - math.fsum(terms) / k


Bounded = tuple[Any, Any, Any]  # value, low, high
NOTHING: Bounded = (None, None, None)


# ------------------------------------------------------------------------------------------- counts and their rates


class Counts:
    """Images by truth and verdict; positive = defective = rejected.

    Args:
        tp, fp, tn, fn: decided images.
        un, ud: undecided normal and defective images.
    """

    def __init__(self, tp: int, fp: int, tn: int, fn: int, un: int = 0, ud: int = 0) -> None:
        self.tp, self.fp, self.tn, self.fn, self.un, self.ud = tp, fp, tn, fn, un, ud

    @classmethod
    def of(cls, labels: Sequence[int], verdicts: Sequence[str]) -> Counts:
        """Count pairs of label and verdict."""
        found = Counter(zip(labels, verdicts))
        return cls(
            found[1, "reject"],
            found[0, "reject"],
            found[0, "accept"],
            found[1, "accept"],
            found[0, "undecided"],
            found[1, "undecided"],
        )

    @classmethod
    def stated(cls, value: Any) -> Counts:
        """Counts as JSON states them."""
        names = ("true_positive", "false_positive", "true_negative", "false_negative")
        found = [value[name] for name in (*names, "undecided_normal", "undecided_defective")]
        if any(not isinstance(item, int) or isinstance(item, bool) or item < 0 for item in found):
            raise ValueError(f"{found} are no counts")
        return cls(*found)

    def as_json(self) -> dict[str, int]:
        """Counts by their full names."""
        return {
            "true_positive": self.tp,
            "false_positive": self.fp,
            "true_negative": self.tn,
            "false_negative": self.fn,
            "undecided_normal": self.un,
            "undecided_defective": self.ud,
        }

    @property
    def normal(self) -> int:
        """All normal images."""
        return self.tn + self.fp + self.un

    @property
    def defective(self) -> int:
        """All defective images."""
        return self.tp + self.fn + self.ud

    def against(self) -> Counts:
        """Undecided counts against the detector: a defect as missed, a normal part as falsely rejected."""
        return Counts(self.tp, self.fp + self.un, self.tn, self.fn + self.ud)

    def decided(self) -> Counts:
        """Without the undecided images."""
        return Counts(self.tp, self.fp, self.tn, self.fn)


def share(part: int, total: int, confidence: float) -> Bounded:
    """A proportion with exact bounds; nothing without units."""
    return (part / total, *clopper_pearson(part, total, confidence)) if total else NOTHING


def rates(counts: Counts, confidence: float) -> dict[str, Bounded]:
    """Every rate of a matrix without undecided images."""
    total = counts.normal + counts.defective
    return {
        "recall": share(counts.tp, counts.defective, confidence),
        "specificity": share(counts.tn, counts.normal, confidence),
        "accuracy": share(counts.tp + counts.tn, total, confidence),
        "precision": share(counts.tp, counts.tp + counts.fp, confidence),
        **_joint_rates(counts, confidence),
    }


def _joint_rates(counts: Counts, confidence: float) -> dict[str, Bounded]:
    """Balanced accuracy and F1 over the rectangle of exact bounds of recall and specificity, sqrt(confidence) each."""
    if not counts.defective or not counts.normal:
        f1 = 2 * counts.tp / (2 * counts.tp + counts.fp + counts.fn) if counts.defective else None
        return {"balanced_accuracy": NOTHING, "f1": (f1, None, None)}
    each = math.sqrt(confidence)
    recall, specificity = share(counts.tp, counts.defective, each), share(counts.tn, counts.normal, each)
    corners = list(zip(recall, specificity))
    balanced = tuple((r + s) / 2 for r, s in corners)
    f1s = tuple(
        2 * r * counts.defective / (r * counts.defective + counts.defective + (1 - s) * counts.normal)
        for r, s in corners
    )
    return {"balanced_accuracy": (balanced[0], balanced[1], balanced[2]), "f1": (f1s[0], f1s[1], f1s[2])}


# --------------------------------------------------------------------------------------------------- scores and cases


class Scored:
    """A row of scores.csv."""

    def __init__(self, image: str, split: str, decided: bool, values: dict[str, str]) -> None:  # noqa: FBT001 - a column
        self.image, self.split, self.decided, self._values = image, split, decided, values

    def score(self, name: str) -> float | None:
        """The score, None where the image is undecided."""
        text = self._values[name]
        if self.decided:
            return number(text)
        if text:
            raise ValueError(f"{self.image} is undecided, but has the score {text[:40]!r}")
        return None


class Case:
    """A test image with its label."""

    def __init__(self, row: Scored, label: int, groups: dict[str, str]) -> None:
        self.row, self.label, self.groups = row, label, groups

    def verdict(self, score: str, threshold: float | None) -> str:
        """At or above the threshold is rejected; without score or threshold nothing is decided."""
        value = self.row.score(score)
        if value is None or threshold is None:
            return "undecided"
        return "reject" if value >= threshold else "accept"


def read_scores(rows: Iterable[Mapping[str, str]]) -> list[Scored]:
    """Rows of scores.csv, in their order."""
    names = ("image_id", "split", "decided")
    return [
        Scored(
            row["image_id"],
            row["split"],
            truth(row["decided"]),
            {name: text for name, text in row.items() if name not in names},
        )
        for row in rows
    ]


def score_names(dossier: Dossier) -> list[str]:
    """Names of the score columns."""
    return [name for name in dossier.rows("scores.csv")[0] if name not in ("image_id", "split", "decided")]


def read_cases(dossier: Dossier) -> list[Case]:
    """Test images from scores.csv, labels from predictions.csv, subgroups from manifest.csv."""
    labels = {row["image_id"]: whole(row["label"]) for row in dossier.rows("predictions.csv")}
    facts = {row["image_id"]: row for row in dossier.rows("manifest.csv")}
    cases = []
    for row in sorted(dossier.scores(), key=lambda item: item.image):
        if row.split == "test":
            groups = {name: text for name, text in facts[row.image].items() if name.startswith("group_")}
            cases.append(Case(row, labels[row.image], groups))
    return cases


def calibration(dossier: Dossier, split: str, score: str) -> list[float]:
    """Sorted scores of the decided images of a split."""
    values = (row.score(score) for row in dossier.scores() if row.split == split and row.decided)
    return sorted(value for value in values if value is not None)


# ------------------------------------------------------------------------------------------------ section: attachments


def verify_attachments(dossier: Dossier, section: Section) -> None:
    """Every attachment is there, is the one that attachments.json names, and nothing else is there."""
    named = dossier.json(INDEX)
    if not isinstance(named, dict):
        raise Unreadable(f"{INDEX} is no list of names and hashes")
    for name in EXPECTED:
        if name not in named and name not in dossier.present:
            section.missing(f"{name} is not attached")
    for name, digest in sorted(named.items()):
        _hash_of_attachment(dossier, section, name, digest)
    for name in dossier.present:
        if name not in named and name != INDEX:
            section.altered(f"{name} is in the folder, but not in {INDEX}")


def _hash_of_attachment(dossier: Dossier, section: Section, name: str, digest: Any) -> None:
    if not PLAIN_NAME.fullmatch(name) or name == INDEX:
        section.altered(f"{INDEX} names {name!r}, which is no attachment's name")
        return
    if name not in EXPECTED:
        section.altered(f"{name} is no attachment of a dossier")
    try:
        section.exact("attachments with their hash", name, digest, sha256(dossier.content(name)))
    except Absent:
        section.missing(f"{name} is named in {INDEX}, but not attached")
    except Unreadable as error:
        section.altered(str(error))


def verify_release(dossier: Dossier, section: Section) -> None:
    """Copies of evidence have the hashes that the release names; its ids follow from these hashes."""
    release, evidence, product = dossier.release, dossier.evidence, dossier.product
    for path, digest in sorted(evidence.items()):
        plain = not path.startswith("/") and ".." not in path.split("/") and "\\" not in path
        fine = plain and isinstance(digest, str) and DIGEST.fullmatch(digest) is not None
        section.holds(
            "paths and hashes of the evidence", f"release.json, evidence: {path!r} is no path and hash", fine
        )
    for name in sorted(COPIES):
        _copy(dossier, section, name)
    for path in required_evidence(product):
        if path not in evidence:
            section.missing(f"{path}: release.json does not name it")
    section.exact(
        "identity", "release.json, release_id", release["release_id"], release_id(evidence, product)
    )
    section.exact(
        "identity", "release.json, results_id", release["results_id"], results_id(evidence, product)
    )
    section.exact("identity", "release.json, documents of the draft", release["documents"], {})
    section.notes.append(
        f"product {product}, decision {release['decision']}, release id {release['release_id']}"
    )


def _copy(dossier: Dossier, section: Section, name: str) -> None:
    try:
        digest = sha256(dossier.content(name))
    except Absent:
        return  # the section on attachments says so
    stated = dossier.evidence.get(dossier.place(name))
    if stated is None:
        section.missing(f"{dossier.place(name)}: release.json does not name it")
    else:
        section.exact("copies of evidence, byte for byte", name, digest, stated)


def required_evidence(product: str) -> list[str]:
    """Files without which there is no verdict."""
    artifacts = f"artifacts/{product}"
    return [
        *(f"{artifacts}/{stage}/records.json" for stage in STAGES),
        f"{artifacts}/ingest/manifest.parquet",
        f"{artifacts}/ingest/sealed_labels.parquet",
        f"{artifacts}/train/model.safetensors",
        f"{artifacts}/score/scores.parquet",
        *(f"protocols/{name}.yaml" for name in (*PROTOCOLS, "requirements", "risks")),
    ]


def release_id(evidence: Mapping[str, str], product: str) -> str:
    """SHA-256 of canonical JSON {path: hash}, without executed protocols and observations, which carry times."""
    folder = f"artifacts/{product}/qualify/"
    kept = {
        path: digest
        for path, digest in evidence.items()
        if not path.startswith(folder) or path == f"{folder}criteria.json"
    }
    return sha256(canonical(kept).encode())


def results_id(evidence: Mapping[str, str], product: str) -> str:
    """SHA-256 of canonical JSON {path: hash} of what ingest to evaluate computed, and metrics.json."""
    folders = tuple(f"artifacts/{product}/{stage}/" for stage in STAGES[:-1])
    metrics = f"reports/{product}/metrics.json"
    kept = {path: digest for path, digest in evidence.items() if path.startswith(folders) or path == metrics}
    return sha256(canonical(kept).encode())


# --------------------------------------------------------------------------------- section: software bill of materials

BILL_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:sealproof:sbom")


def verify_bill(dossier: Dossier, section: Section) -> None:
    """The bill names the model and the data of this release; its serial number follows from its content."""
    bill, folder = checked_object(dossier.json("sbom.json"), "sbom.json"), f"artifacts/{dossier.product}"
    section.exact("form of the bill", "sbom.json, bomFormat", bill["bomFormat"], "CycloneDX")
    section.exact(
        "form of the bill", "sbom.json, product", bill["metadata"]["component"]["name"], dossier.product
    )
    content = {key: value for key, value in bill.items() if key != "serialNumber"}
    serial = f"urn:uuid:{uuid.uuid5(BILL_SPACE, canonical(content))}"
    section.exact("form of the bill", "sbom.json, serialNumber", bill["serialNumber"], serial)
    for kind, path in (
        ("machine-learning-model", f"{folder}/train/model.safetensors"),
        ("data", f"{folder}/ingest/manifest.parquet"),
    ):
        stated = [item["hashes"] for item in bill["components"] if item["type"] == kind]
        wanted = [[{"alg": "SHA-256", "content": dossier.evidence.get(path)}]]
        section.exact("model and data of the bill", f"sbom.json, {kind}", stated, wanted)
    libraries = sum(item["type"] == "library" for item in bill["components"])
    section.not_recomputed("packages of the bill (their files are not attached)", libraries)


# ---------------------------------------------------------------------------------------------------- section: chains

CHAINS = ("ledger.jsonl", "trail.jsonl")
LEDGER_KEYS = {"number", "opened_at", "purpose", "labels_sha256", "model_sha256", "threshold_sha256",
               "criteria_sha256", "approval_sha256", "previous"}  # fmt: skip
TRAIL_KEYS = {"at", "by", "details", "event", "number", "previous"}
OPTIONAL_KEYS = {"approval_sha256"}
"""Lines that were written before approvals existed lack it."""
EVENTS = {
    "stage.run": {"stage", "fingerprint", "commit", "mlflow_run"},
    "criteria.approved": {"path", "sha256", "files"},
    "test-set.opened": {"opening", "ledger_sha256"},
    "deviation.opened": {"deviation", "case", "failure_sha256"},
    "deviation.disposed": {"deviation", "decision", "path", "sha256"},
    "case.recorded": {"case", "verdict", "path", "sha256"},
    "release.made": {"release_id", "decision", "release_sha256", "documents"},
    "document.signed": {"release_id", "role", "name", "certificate_sha256", "documents"},
    "release.published": {"release_id", "path", "sha256", "mlflow_model", "mlflow_version"},
    "reproduction.done": {"path", "sha256", "verdict"},
    "trail.repaired": {"bytes", "sha256"},
}


class Line:
    """One line of trail or ledger: its content, its hash, and that of the whole file up to and including it."""

    def __init__(self, content: dict[str, Any], digest: str, upto: str) -> None:
        self.content, self.digest, self.upto = content, digest, upto

    def event(self, name: str) -> dict[str, Any] | None:
        """The details of a line of the trail when it is about this event."""
        details = self.content.get("details")
        return details if self.content.get("event") == name and isinstance(details, dict) else None


def verify_chains(dossier: Dossier, section: Section) -> None:
    """Trail and ledger line by line, and that each tells what the other and the release tell."""
    trail, ledger = dossier.chain("trail.jsonl"), dossier.chain("ledger.jsonl")
    for name, lines, keys in (("trail.jsonl", trail, TRAIL_KEYS), ("ledger.jsonl", ledger, LEDGER_KEYS)):
        _lines(section, name, dossier.text(name), lines, keys)
        if not lines:
            section.missing(f"{name} has no line")
    for line in trail:
        event = line.content.get("event")
        known = (
            isinstance(event, str) and event in EVENTS and (line.event(event) or {}).keys() == EVENTS[event]
        )
        text = f"trail.jsonl, line {line.content.get('number')}: no event with its details"
        section.holds("events of trail.jsonl", text, known)
    if trail:
        _openings_in_trail(section, trail, ledger)
    _stage_runs(dossier, section, trail)
    _files_in_trail(dossier, section, trail)
    _last_opening(dossier, section, ledger)
    _approvals(section, trail, ledger)
    _head(dossier, section, trail)


def read_chain(text: str) -> list[Line]:
    """The whole lines of a chained file; one that is no object is read as an empty one."""
    found, whole_file = [], hashlib.sha256()
    for line in text.split("\n")[:-1]:
        raw = line.encode()
        whole_file.update(raw + b"\n")
        try:
            content = checked_object(parse_json(line), "the line")
        except Unreadable:
            content = {}
        found.append(Line(content, sha256(raw), whole_file.hexdigest()))
    return found


def _lines(section: Section, name: str, text: str, lines: Sequence[Line], keys: set[str]) -> None:
    """Every line that is not written as a line of this file, or does not continue the one before it, is named."""
    section.holds("ends of files", f"{name}: the last line is torn", text == "" or text.endswith("\n"))
    previous = ORIGIN
    for place, line in enumerate(lines, start=1):
        content = line.content
        fine = (
            sha256(canonical(content).encode()) == line.digest
            and keys - OPTIONAL_KEYS <= content.keys() <= keys
        )
        section.holds(f"lines of {name}", f"{name}, line {place}: is not written as a line of it", fine)
        linked = same(content.get("number"), place) and content.get("previous") == previous
        section.holds(
            f"links of {name}", f"{name}, line {place}: does not continue the line before it", linked
        )
        previous = line.digest


def events(trail: Iterable[Line], name: str) -> list[dict[str, Any]]:
    """Details of every event of this name."""
    return [details for details in (line.event(name) for line in trail) if details is not None]


def _openings_in_trail(section: Section, trail: Sequence[Line], ledger: Sequence[Line]) -> None:
    """Each opening is in both, once, by the hash of its line."""
    opened = events(trail, "test-set.opened")
    told: list[tuple[Any, Any]] = [(event.get("opening"), event.get("ledger_sha256")) for event in opened]
    kept: list[tuple[Any, Any]] = [(line.content.get("number"), line.digest) for line in ledger]
    for opening in kept:
        text = f"ledger.jsonl: opening {opening[0]} is not in trail.jsonl"
        section.holds("openings, in ledger and trail", text, told.count(opening) == 1)
    for opening in told:
        text = f"trail.jsonl: opening {opening[0]} is not in ledger.jsonl"
        section.holds("openings, in ledger and trail", text, opening in kept)


def _stage_runs(dossier: Dossier, section: Section, trail: Sequence[Line]) -> None:
    """The run that wrote each stage's present output is in the trail."""
    runs = {(run.get("stage"), run.get("fingerprint")) for run in events(trail, "stage.run")}
    for stage in STAGES:
        digest = dossier.evidence.get(f"artifacts/{dossier.product}/{stage}/records.json")
        if (stage, digest) in runs:
            section.agreed["stages whose run is in the trail"] += 1
        else:
            section.missing(f"trail.jsonl: no run of stage {stage} that wrote the output of this release")


def _files_in_trail(dossier: Dossier, section: Section, trail: Sequence[Line]) -> None:
    """The last that the trail says of a file is the hash that the release names for it."""
    last: dict[str, Any] = {}
    for line in trail:
        details = line.content.get("details")
        if isinstance(details, dict) and isinstance(details.get("path"), str):
            last[details["path"]] = details.get("sha256")
    for path in sorted(last.keys() & dossier.evidence.keys()):
        section.exact(
            "files named by trail and release", f"trail.jsonl, {path}", last[path], dossier.evidence[path]
        )


def _last_opening(dossier: Dossier, section: Section, ledger: Sequence[Line]) -> None:
    """The last opening judged the labels, weights, thresholds and criteria of this release."""
    if not ledger:
        return
    product = dossier.product
    for key, path in (
        ("labels_sha256", f"artifacts/{product}/ingest/sealed_labels.parquet"),
        ("model_sha256", f"artifacts/{product}/train/model.safetensors"),
        ("threshold_sha256", f"artifacts/{product}/threshold/thresholds.json"),
        ("criteria_sha256", f"products/{product}/acceptance.yaml"),
    ):
        stated = ledger[-1].content.get(key)
        section.exact(
            "what the last opening judged", f"ledger.jsonl, {key}", stated, dossier.evidence.get(path)
        )
    systems = {(line.content.get("model_sha256"), line.content.get("threshold_sha256")) for line in ledger}
    section.notes.append(f"openings of the test set: {len(ledger)}; systems judged on it: {len(systems)}")


def _approvals(section: Section, trail: Sequence[Line], ledger: Sequence[Line]) -> None:
    """An approval that an opening names stands in the trail before that opening."""
    approved: set[Any] = set()
    known: dict[Any, set[Any]] = {}
    for line in trail:
        approval, opening = line.event("criteria.approved"), line.event("test-set.opened")
        approved |= {approval.get("sha256")} if approval else set()
        if opening:
            known[opening.get("opening")] = set(approved)
    without = []
    for line in ledger:
        place, named = line.content.get("number"), line.content.get("approval_sha256")
        if named:
            text = f"ledger.jsonl: the approval that opening {place} names does not stand before it in trail.jsonl"
            section.holds("approvals before openings", text, named in known.get(place, set()))
        else:
            without.append(str(place))
    if without:
        section.notes.append(f"openings without an approval of the criteria: {', '.join(without)}")


def _head(dossier: Dossier, section: Section, trail: Sequence[Line]) -> None:
    """Release and records name the head of the trail, and with them the signed pages."""
    head = trail[-1].digest if trail else ORIGIN
    section.exact(
        "head of the trail", "release.json, trail_head", dossier.release["trail_head"] or ORIGIN, head
    )
    stated: dict[str, Any] = {"head": head, "lines": len(trail)}
    for name, found in stated.items():
        section.recorded("head of the trail", dossier, f"dossier.trail.{name}", found)
    section.notes.append(f"head of the trail: {head} ({len(trail)} lines)")


# ------------------------------------------------------------------------------------------------------ section: data


def verify_data(dossier: Dossier, section: Section) -> None:
    """manifest.csv, scores.csv and predictions.csv hold the same images, and what the records say of them."""
    manifest = dossier.rows("manifest.csv")
    for name in ("manifest.csv", "scores.csv", "predictions.csv"):
        ids = [row["image_id"] for row in dossier.rows(name)]
        twice = sorted(image for image, times in Counter(ids).items() if times > 1)
        section.holds(
            "tables with each image once", f"{name}: images given twice: {shown(twice[:5])}", not twice
        )
        section.holds(
            "tables in order", f"{name}: rows are not in the order of their images", ids == sorted(ids)
        )
    _images(section, manifest)
    _same_images(dossier, section, manifest)
    _images_hash(dossier, section, manifest)
    _predictions(dossier, section)
    counts = Counter(row["split"] for row in manifest)
    section.notes.append("images by split: " + ", ".join(f"{split} {counts[split]}" for split in SPLITS))


LABELS = {"train": "0", "calibration": "0", "tuning": "1", "test": ""}


def _images(section: Section, manifest: Sequence[Mapping[str, str]]) -> None:
    """Each row obeys the contract: split, sealed label, hash, no path that leaves the data."""
    for row in manifest:
        parts = row["path"].split("/")
        fine = (
            row["split"] in SPLITS
            and (row["split"] == "excluded") == truth(row["excluded"])
            and row["label"] == LABELS.get(row["split"], row["label"])
            and row["label"] in ("", "0", "1")
            and DIGEST.fullmatch(row["sha256"]) is not None
            and parts[0] != ""
            and ".." not in parts
        )
        section.holds(
            "rows of manifest.csv", f"manifest.csv: {row['image_id']} breaks the rules of its split", fine
        )
    test = {row["sha256"] for row in manifest if row["split"] == "test"}
    taught = {row["sha256"] for row in manifest if row["split"] in ("train", "calibration", "tuning")}
    section.notes.append(
        f"files that the test split shares with training, calibration or tuning: {len(test & taught)}"
    )


def _same_images(dossier: Dossier, section: Section, manifest: Sequence[Mapping[str, str]]) -> None:
    known = {row["image_id"]: row["split"] for row in manifest if row["split"] != "excluded"}
    scored = {row.image: row.split for row in dossier.scores()}
    judged = {row["image_id"]: "test" for row in dossier.rows("predictions.csv")}
    test = {image: split for image, split in known.items() if split == "test"}
    for name, found, wanted in (("scores.csv", scored, known), ("predictions.csv", judged, test)):
        for image in sorted(known.keys() | found.keys()):
            if found.get(image) != wanted.get(image):
                text = f"split {found.get(image)} here, {wanted.get(image)} in manifest.csv"
                section.altered(f"{name}: {image}: {text}")
        section.agreed["images in manifest, scores and predictions"] += len(found)


def _images_hash(dossier: Dossier, section: Section, manifest: Sequence[Mapping[str, str]]) -> None:
    """One hash over ids and hashes of all images: recorded by the stage that read them."""
    digest = sha256(canonical([[row["image_id"], row["sha256"]] for row in manifest]).encode())
    section.recorded("hash over all images", dossier, "ingest.images.sha256", digest)


def _predictions(dossier: Dossier, section: Section) -> None:
    """Score, threshold, verdict and correctness of each test image follow from scores.csv and thresholds.json."""
    force = dossier.json("thresholds.json")["in_force"]
    score, threshold = force["score"], force["threshold"]
    rows = {row["image_id"]: row for row in dossier.rows("predictions.csv")}
    for case in dossier.cases():
        row, verdict = rows[case.row.image], case.verdict(score, threshold)
        value = case.row.score(score)
        wanted = {
            "label": str(case.label) if case.label in (0, 1) else "0 or 1",
            "score": "" if value is None else repr(value),
            "threshold": "" if threshold is None else repr(float(threshold)),
            "verdict": verdict,
            "correct": "true" if verdict == ("reject" if case.label else "accept") else "false",
        }
        stated = {key: row[key] for key in wanted}
        section.exact("rows of predictions.csv", f"predictions.csv: {case.row.image}", stated, wanted)


# ------------------------------------------------------------------------------------------------ section: thresholds


def verify_thresholds(dossier: Dossier, section: Section) -> None:
    """Every method for every score, from the rows of scores.csv; the one in force is one of them."""
    thresholds = dossier.json("thresholds.json")
    confidence = threshold_confidence(thresholds)
    section.notes.append(f"confidence of the thresholds' bounds, found in thresholds.json: {confidence:.12g}")
    for key, split, kind in (("scores", "calibration", "held-out"), ("training_scores", "train", "training")):
        section.exact("scores with thresholds", key, sorted(thresholds[key]), sorted(score_names(dossier)))
        for score, methods in sorted(thresholds[key].items()):
            normals = calibration(dossier, split, score)
            defects = calibration(dossier, "tuning", score)
            held_out = calibration(dossier, "calibration", score)
            section.exact("methods", f"{key}, {score}", sorted(methods), sorted(METHODS))
            for method, stated in sorted(methods.items()):
                section.exact("calibrations", f"{key}, {score}, {method}", stated["calibration"], kind)
                judged = Judged(section, f"{score}, {method}, {kind}", stated, confidence, normals, defects)
                judged.verify(method, held_out if kind == "training" else None)
    force = thresholds["in_force"]
    chosen = thresholds["scores"][force["score"]][force["method"]]
    stated = {key: value for key, value in force.items() if key not in ("score", "method")}
    section.exact("threshold in force", "thresholds.json, in_force", stated, chosen)
    section.notes.append(f"in force: {force['score']}, {force['method']}, threshold {force['threshold']!r}")
    _optimism(dossier, section, thresholds["optimism"])
    for split in ("train", "calibration", "tuning"):
        number_of = sum(row.split == split and not row.decided for row in dossier.scores())
        section.exact("undecided images", f"undecided, {split}", thresholds["undecided"][split], number_of)


def threshold_confidence(thresholds: Any) -> float:
    """The confidence of the bounds, which thresholds.json states only by what it does: solved from one, held by all."""
    for methods in thresholds["scores"].values():
        for result in methods.values():
            found = result["details"].get("calibration_false_rejects")
            if found and found["bound"] < 1:
                gap = found["bound"] - found["rate"]
                return round(1 - math.exp(-2 * found["normals"] * gap * gap), 9)
    return 0.95


def _optimism(dossier: Dossier, section: Section, stated: Mapping[str, Any]) -> None:
    """Largest distance between the distribution functions of training and held-out scores."""
    for score, test in sorted(stated.items()):
        one, two = calibration(dossier, "train", score), calibration(dossier, "calibration", score)
        found = None
        if one and two:
            gaps = (
                abs(bisect_right(one, x) / len(one) - bisect_right(two, x) / len(two)) for x in (*one, *two)
            )
            found = max(gaps)
        section.near("Kolmogorov-Smirnov statistics", f"optimism, {score}", test["statistic"], found)
        section.not_recomputed("p-values of Kolmogorov-Smirnov tests")


class Judged:
    """One stated threshold, with the scores that it has to follow from."""

    def __init__(
        self,
        section: Section,
        name: str,
        stated: Mapping[str, Any],
        confidence: float,
        normals: Sequence[float],
        defects: Sequence[float],
    ) -> None:
        self.section, self.name, self.stated, self.confidence = section, name, stated, confidence
        self.normals, self.defects, self.details = normals, defects, stated["details"]
        self.scale = max((abs(value) for value in (*normals, *defects)), default=1.0)

    def verify(self, method: str, held_out: Sequence[float] | None) -> None:
        """Threshold, its interval where it is exact, its details and its eligibility."""
        threshold, faults = METHODS[method](self)
        n = len(self.normals) + (len(self.defects) if method == "supervised_accuracy" else 0)
        self.exact("n", n)
        self._eligibility(faults)
        if self.stated["eligible"]:
            tolerance = FIT_TOLERANCE if method == "evt_pot" else TOLERANCE
            self._score("thresholds", "threshold", self.stated["threshold"], threshold, tolerance)
            if method not in ("percentile", "conformal"):
                self.section.not_recomputed(LEFT_INTERVALS[method], 2)
        if "calibration_false_rejects" in self.details:
            against = self.stated["threshold"] if self.stated["eligible"] else self.details.get("estimate")
            self._false_rejects("calibration_false_rejects", self.normals, against)
        if held_out is not None and self.stated["eligible"]:
            self._false_rejects("held_out_false_rejects", held_out, self.stated["threshold"])
        self._assumptions()

    def exact(self, key: str, found: Any) -> None:
        """A figure of the result."""
        self.section.exact("figures of thresholds", f"{self.name}: {key}", self.stated[key], found)

    def detail(self, key: str, found: Any, scale: float = 1.0) -> None:
        """A figure among the details, where it is stated."""
        self.section.near(
            "details of thresholds", f"{self.name}: {key}", self.details[key], found, scale=scale
        )

    def _score(
        self, what: str, key: str, stated: Any, found: float | None, tolerance: float = TOLERANCE
    ) -> None:
        self.section.near(what, f"{self.name}: {key}", stated, found, tolerance, self.scale)

    def _eligibility(self, faults: Mapping[str, bool]) -> None:
        """Faults that can be derived anew are stated exactly when they are there; the others are counted."""
        eligible, codes = self.stated["eligible"], self.details.get("reason_codes", [])
        for code, there in faults.items():
            self.section.exact("rules of eligibility", f"{self.name}: {code}", code in codes, there)
        unknown = [code for code in codes if code not in faults]
        if unknown:
            self.section.not_recomputed("reasons against a threshold: " + ", ".join(sorted(unknown)))
        consistent = eligible == (not codes) == (self.stated["threshold"] is not None)
        text = f"{self.name}: eligibility, reasons and threshold contradict each other"
        self.section.holds("rules of eligibility", text, consistent and same(eligible, bool(eligible)))

    def common_faults(self) -> dict[str, bool]:
        """Rules of every method that can be derived anew; the smallest number of normals is not attached."""
        normals = self.normals
        return {"constant-scores": bool(normals) and normals[0] == normals[-1]}

    def _false_rejects(self, key: str, scores: Sequence[float], threshold: Any) -> None:
        """Share of normals at or above the threshold, with both kinds of bound."""
        stated, total = self.details[key], len(scores)
        rejected = total - bisect_left(scores, threshold)
        low, high = clopper_pearson(rejected, total, self.confidence)
        wanted = {"low": low, "high": high, "rate": rejected / total}
        wanted["bound"] = massart_bound(wanted["rate"], total, self.confidence)
        for name, found in (("normals", total), ("rejected", rejected)):
            self.section.exact(
                "counts of rejected normals", f"{self.name}: {key}, {name}", stated[name], found
            )
        for name, value in wanted.items():
            self.section.near("rates of rejected normals", f"{self.name}: {key}, {name}", stated[name], value)

    def _assumptions(self) -> None:
        """The share of ties can be derived anew; tests of normality and fit cannot."""
        values = self.normals if "supervised" not in self.name else (*self.normals, *self.defects)
        counts = Counter(values)
        tied = sum(times for times in counts.values() if times > 1) / len(values) if values else 0.0
        for test in self.stated["assumptions"]:
            if test["name"].startswith("continuity"):
                self.section.near("shares of tied scores", f"{self.name}: ties", test["statistic"], tied)
            elif test["name"].startswith(("normality", "generalised Pareto")):
                self.section.not_recomputed(f"tests of {test['name']}")


Derived = tuple["float | None", "dict[str, bool]"]


def mean_sigma(judged: Judged) -> Derived:
    """mean + k s, s with n - 1."""
    if not judged.stated["eligible"] and "mean" not in judged.details:
        return None, judged.common_faults()
    mean, deviation, n = mean_of(judged.normals), deviation_of(judged.normals), len(judged.normals)
    sigmas = judged.details["sigmas"]
    judged.detail("mean", mean, judged.scale)
    judged.detail("standard_deviation", deviation, judged.scale)
    tail = student_tail(sigmas / math.sqrt(1 + 1 / n), n - 1)
    judged.detail("normal_theory_expected_false_reject_rate", tail)
    judged.section.not_recomputed("intervals from the noncentral t distribution", 2)
    promised, found = judged.stated["promised_false_reject_rate"], math.erfc(sigmas / math.sqrt(2)) / 2
    judged.section.near("promised rates", f"{judged.name}: promised rate", promised, found)
    return mean + sigmas * deviation, judged.common_faults()


def percentile(judged: Judged) -> Derived:
    """The empirical percentile, interpolated linearly."""
    promise, n = judged.stated["promised_false_reject_rate"], len(judged.normals)
    faults = judged.common_faults() | {"promise-out-of-reach": (n + 1) * promise < 1}
    if not judged.stated["eligible"]:
        return None, faults
    probability = judged.details["percent"] / 100
    judged.section.near("promised rates", f"{judged.name}: promised rate", promise, 1 - probability)
    rank = math.floor((n - 1) * judged.details["percent"] / 100) + 1
    for place, part in enumerate((n - rank, n + 1 - rank)):
        stated = judged.details["expected_false_reject_rate"][place]
        judged.section.near("details of thresholds", f"{judged.name}: expected rate", stated, part / (n + 1))
    _exact_interval(judged, probability, rank)
    return linear_quantile(judged.normals, probability), faults


def conformal(judged: Judged) -> Derived:
    """The next number above the k-th smallest score, k = ceil((n + 1)(1 - rate))."""
    rate, n = judged.stated["promised_false_reject_rate"], len(judged.normals)
    rank = math.ceil(round((n + 1) * (1 - rate), 9))
    faults = judged.common_faults() | {"promise-out-of-reach": rank > n}
    if not judged.stated["eligible"]:
        return None, faults
    judged.detail("rank", rank)
    judged.detail("expected_false_reject_rate", (n + 1 - rank) / (n + 1))
    _exact_interval(judged, 1 - rate, rank)
    return math.nextafter(judged.normals[rank - 1], math.inf), faults


def _exact_interval(judged: Judged, probability: float, rank: int) -> None:
    """Order statistics around the quantile, and the bound of the rate above a rank (Wilks 1941)."""
    ends = order_statistics(judged.normals, probability, judged.confidence)
    for key, found in zip(("low", "high"), ends):
        judged.section.near(
            "exact intervals of thresholds",
            f"{judged.name}: {key}",
            judged.stated[key],
            found,
            scale=judged.scale,
        )
    bound = beta_quantile(judged.confidence, len(judged.normals) + 1 - rank, rank)
    judged.detail("false_reject_rate_bound", bound)


def evt_pot(judged: Judged) -> Derived:
    """Peaks over threshold: the tail above an order statistic, fitted anew by maximum likelihood."""
    details, normals = judged.details, judged.normals
    count = math.floor(round(len(normals) * details["tail_fraction"], 9))
    level = normals[max(0, len(normals) - count - 1)] if normals else 0.0
    excesses = [value - level for value in normals if value > level]
    judged.detail("exceedances", len(excesses))
    fitted = "estimate" in details
    few = len(excesses) < details["minimum_exceedances"] or not fitted
    faults = judged.common_faults() | {"too-few-exceedances": few}
    if not fitted:
        return None, faults
    estimate = level + _tail(judged, level, excesses)
    judged.section.near(
        "generalised Pareto quantiles, fitted anew",
        f"{judged.name}: estimate",
        details["estimate"],
        estimate,
        FIT_TOLERANCE,
        max(excesses),
    )
    judged.section.not_recomputed("p-values of generalised Pareto fits (seeded simulation of NumPy)")
    return estimate, faults


def _tail(judged: Judged, level: float, excesses: Sequence[float]) -> float:
    """The wanted excess by an own fit; shape, scale and fit statistic are held against it on the way."""
    details, section = judged.details, judged.section
    judged.detail("level", level, judged.scale)
    shape, scale = pareto_fit(excesses)
    ratio = details["false_reject_rate"] * len(judged.normals) / len(excesses)
    section.near(
        "generalised Pareto shapes, fitted anew", f"{judged.name}: shape", details["shape"], shape, 1e-5
    )
    section.near(
        "generalised Pareto scales, fitted anew",
        f"{judged.name}: scale",
        details["scale"],
        scale,
        1e-5,
        max(excesses),
    )
    stated = level + pareto_quantile(details["shape"], details["scale"], ratio)
    judged.detail("estimate", stated, judged.scale)
    distance = anderson_darling(excesses, details["shape"], details["scale"])
    section.near(
        "Anderson-Darling statistics", f"{judged.name}: A^2", details["anderson_darling"], distance, 1e-7
    )
    return pareto_quantile(shape, scale, ratio)


def supervised_accuracy(judged: Judged) -> Derived:
    """The lowest of the most accurate midpoints between normals and training defects."""
    normals, defects = judged.normals, judged.defects
    faults = judged.common_faults() | {"no-defects": not defects}
    if not defects or "accuracy" not in judged.details:
        return None, faults
    threshold, right = best_midpoint(normals, defects)
    total = len(normals) + len(defects)
    judged.detail("accuracy", right / total)
    judged.detail("normals", len(normals))
    judged.detail("defects", len(defects))
    against = judged.stated["threshold"] if judged.stated["eligible"] else judged.details["estimate"]
    caught = len(defects) - bisect_left(defects, against)
    judged.detail("defects_rejected", caught)
    recall, bounds = judged.details["recall_on_defects"], share(caught, len(defects), judged.confidence)
    for key, found in zip(("value", "low", "high"), bounds):
        judged.section.near("details of thresholds", f"{judged.name}: recall, {key}", recall[key], found)
    return threshold, faults | {"no-better-than-majority": right <= max(len(normals), len(defects))}


def best_midpoint(normals: Sequence[float], defects: Sequence[float]) -> tuple[float, int]:
    """(threshold, images judged rightly) at the lowest of the best cuts between two neighbouring scores.

    Example:
        >>> best_midpoint([0.0, 1.0], [3.0])
        (2.0, 3)
    """
    values = sorted({*normals, *defects})
    right = [bisect_right(normals, v) + len(defects) - bisect_right(defects, v) for v in values[:-1]]
    best = right.index(max(right))
    middle = values[best] / 2 + values[best + 1] / 2
    return max(middle, math.nextafter(values[best], math.inf)), right[best]


METHODS: dict[str, Callable[[Judged], Derived]] = {
    "conformal": conformal,
    "evt_pot": evt_pot,
    "mean_sigma": mean_sigma,
    "percentile": percentile,
    "supervised_accuracy": supervised_accuracy,
}
LEFT_INTERVALS = {
    "mean_sigma": "bootstrap intervals of thresholds (seeded resampling of NumPy)",
    "supervised_accuracy": "bootstrap intervals of thresholds (seeded resampling of NumPy)",
    "evt_pot": "profile-likelihood intervals of thresholds",
}


# ------------------------------------------------------------------------------------------------ section: evaluation


def verify_evaluation(dossier: Dossier, section: Section) -> None:
    """Every count, rate and bound of evaluation.json from scores and labels; metrics.json says the same."""
    evaluation, thresholds = dossier.json("evaluation.json"), dossier.json("thresholds.json")
    confidence = evaluation["confidence"]
    section.notes.append(f"confidence of the bounds {confidence!r}")
    force = {key: thresholds["in_force"][key] for key in ("score", "method", "threshold")}
    section.exact("threshold in force", "evaluation.json, in_force", evaluation["in_force"], force)
    _test_set(dossier, section, evaluation["test"])
    section.exact(
        "scores evaluated", "evaluation.json", sorted(evaluation["scores"]), sorted(score_names(dossier))
    )
    for score, stated in sorted(evaluation["scores"].items()):
        threshold = thresholds["scores"][score][force["method"]]["threshold"]
        _score(dossier, section, f"{score}", stated, threshold, confidence)
        wanted = {
            name: {key: found[key] for key in ("value", "low", "high")}
            for name, found in stated["metrics"].items()
        }
        section.exact(
            "scores of metrics.json", f"metrics.json, {score}", dossier.json("metrics.json")[score], wanted
        )
    section.exact(
        "scores of metrics.json",
        "metrics.json",
        sorted(dossier.json("metrics.json")),
        sorted(evaluation["scores"]),
    )
    _methods(dossier, section, evaluation, thresholds)
    _lists(dossier, section, evaluation)


def _test_set(dossier: Dossier, section: Section, stated: Mapping[str, Any]) -> None:
    cases = dossier.cases()
    undecided = [case for case in cases if not case.row.decided]
    wanted = {
        "images": len(cases),
        "normal": sum(case.label == 0 for case in cases),
        "defective": sum(case.label == 1 for case in cases),
        "undecided": len(undecided),
        "undecided_normal": sum(case.label == 0 for case in undecided),
        "undecided_defective": sum(case.label == 1 for case in undecided),
    }
    section.exact("counts of the test split", "evaluation.json, test", stated, wanted)


def counts_at(cases: Iterable[Case], score: str, threshold: float | None) -> Counts:
    """Confusion counts of a score at a threshold."""
    chosen = list(cases)
    return Counts.of([case.label for case in chosen], [case.verdict(score, threshold) for case in chosen])


def _score(
    dossier: Dossier,
    section: Section,
    score: str,
    stated: Mapping[str, Any],
    threshold: Any,
    confidence: float,
) -> None:
    """One score: counts, rates with undecided images against it and without them, areas."""
    cases = dossier.cases()
    section.exact("thresholds evaluated", f"{score}: threshold", stated["threshold"], threshold)
    counts = counts_at(cases, score, threshold)
    section.exact("confusion counts", f"{score}: counts", stated["counts"], counts.as_json())
    for key, used in (("metrics", counts.against()), ("decided_only", counts.decided())):
        found = rates(used, confidence) if threshold is not None else dict.fromkeys(RATES, NOTHING)
        _estimates(section, f"{score}, {key}", stated[key], found)
    worst = {0: math.inf, 1: -math.inf}  # an undecided image ranks where it harms most
    ranked = [(case.label, case.row.score(score)) for case in cases]
    groups = [
        [worst[label] if value is None else value for one, value in ranked if one == label]
        for label in (1, 0)
    ]
    decided = [[value for one, value in ranked if one == label and value is not None] for label in (1, 0)]
    found_delong = delong(groups[0], groups[1], confidence)
    _areas(section, f"{score}, metrics", stated["metrics"], groups, confidence)
    _areas(section, f"{score}, decided_only", stated["decided_only"], decided, confidence)
    _estimate(section, "DeLong's estimates", f"{score}: auroc_delong", stated["auroc_delong"], found_delong)
    section.exact("metrics", f"{score}: metrics", sorted(stated["metrics"]), sorted((*RATES, *AREAS)))


def _estimates(section: Section, name: str, stated: Mapping[str, Any], found: Mapping[str, Bounded]) -> None:
    for metric, bounded in found.items():
        _estimate(section, "rates and exact bounds", f"{name}, {metric}", stated[metric], bounded)


def _estimate(section: Section, what: str, name: str, stated: Mapping[str, Any], found: Bounded) -> None:
    for key, value in zip(("value", "low", "high"), found):
        section.near(what, f"{name}, {key}", stated[key], value)


def _areas(
    section: Section,
    name: str,
    stated: Mapping[str, Any],
    groups: Sequence[Sequence[float]],
    confidence: float,
) -> None:
    """Areas by ranks. Their bounds are bootstrap bounds, but for the exact one of a perfect separation."""
    bad, good = groups
    values = (
        {"auroc": area_under_roc(bad, good), "auprc": average_precision(bad, good)} if bad and good else {}
    )
    for metric in AREAS:
        item = stated[metric]
        section.near("areas under curves", f"{name}, {metric}", item["value"], values.get(metric))
        if item["interval"] == "Clopper-Pearson of independent pairs":
            pairs = min(len(bad), len(good))
            wanted = (1.0, *clopper_pearson(pairs, pairs, confidence))
            _estimate(section, "rates and exact bounds", f"{name}, {metric}", item, wanted)
        elif item["low"] is not None or item["high"] is not None:
            ordered = (
                is_number(item["low"]) and is_number(item["high"]) and 0 <= item["low"] <= item["high"] <= 1
            )
            section.holds(
                "order of bootstrap bounds", f"{name}, {metric}: bounds are no interval in 0 to 1", ordered
            )
            section.not_recomputed("bootstrap bounds of areas (seeded resampling of NumPy)", 2)


def _methods(dossier: Dossier, section: Section, evaluation: Any, thresholds: Any) -> None:
    """Every score, method and calibration, and the promise of the one in force."""
    wanted = [
        (score, method, result)
        for key in ("scores", "training_scores")
        for score, methods in thresholds[key].items()
        for method, result in methods.items()
    ]
    rows = evaluation["methods"]
    names = sorted((score, method, result["calibration"]) for score, method, result in wanted)
    stated = sorted((row["score"], row["method"], row["calibration"]) for row in rows)
    section.exact(
        "methods compared",
        "evaluation.json, methods",
        [list(row) for row in stated],
        [list(n) for n in names],
    )
    found = {(score, method, result["calibration"]): result for score, method, result in wanted}
    for row in rows:
        _method(
            dossier,
            section,
            row,
            found[row["score"], row["method"], row["calibration"]],
            evaluation["confidence"],
        )
    promise, force = dict(evaluation["promise"]), evaluation["in_force"]
    kept = promise.pop("kept")
    wanted_row = (force["score"], force["method"], "held-out")
    match = [row for row in rows if (row["score"], row["method"], row["calibration"]) == wanted_row]
    section.exact("promise of the threshold in force", "evaluation.json, promise", [promise], match)
    rate, low = promise["promised_false_reject_rate"], promise["observed_false_reject_rate"]["low"]
    wanted_kept = None if rate is None or low is None else low <= rate
    section.exact("promise of the threshold in force", "promise, kept", kept, wanted_kept)


def _method(
    dossier: Dossier, section: Section, row: Mapping[str, Any], result: Mapping[str, Any], confidence: float
) -> None:
    name, threshold = f"{row['score']}, {row['method']}, {row['calibration']}", result["threshold"]
    section.exact("thresholds evaluated", f"{name}: threshold", row["threshold"], threshold)
    promised = result["promised_false_reject_rate"]
    section.exact("promised rates", f"{name}: promised rate", row["promised_false_reject_rate"], promised)
    counts = counts_at(dossier.cases(), row["score"], threshold)
    section.exact("confusion counts", f"{name}: counts", row["counts"], counts.as_json())
    found = rates(counts.against(), confidence) if threshold is not None else dict.fromkeys(RATES, NOTHING)
    _estimates(section, name, row["metrics"], found)
    observed = share(counts.fp, counts.fp + counts.tn, confidence) if threshold is not None else NOTHING
    _estimate(
        section,
        "rates and exact bounds",
        f"{name}: observed rate",
        row["observed_false_reject_rate"],
        observed,
    )


def _lists(dossier: Dossier, section: Section, evaluation: Any) -> None:
    """The images that were judged wrongly or not at all, in the order of their distance from the threshold."""
    score, threshold = evaluation["in_force"]["score"], evaluation["in_force"]["threshold"]
    for key, label, verdict in (
        ("false_negatives", (1,), "accept"),
        ("false_positives", (0,), "reject"),
        ("undecided", (0, 1), "undecided"),
    ):
        chosen = [c for c in dossier.cases() if c.label in label and c.verdict(score, threshold) == verdict]
        rows = [_listed(case, score, threshold) for case in chosen]
        if key != "undecided":
            rows.sort(key=lambda row: (-abs(row["margin"]), row["image_id"]))
        stated = [
            {name: item[name] for name in ("image_id", "label", "score", "margin")}
            for item in evaluation[key]
        ]
        section.exact("lists of errors", f"evaluation.json, {key}", stated, rows)
        section.not_recomputed("defect types and sizes of test images (sealed, not attached)", len(stated))


def _listed(case: Case, score: str, threshold: float | None) -> dict[str, Any]:
    value = case.row.score(score)
    margin = None if value is None or threshold is None else value - threshold
    return {"image_id": case.row.image, "label": case.label, "score": value, "margin": margin}


# ------------------------------------------------------------------------------------------------- section: subgroups


def verify_subgroups(dossier: Dossier, section: Section) -> None:
    """Subgroups of the manifest from the cases; those by defect type from their stated counts, which have to add up."""
    evaluation = dossier.json("evaluation.json")
    stated, confidence = evaluation["subgroups"]["all"], evaluation["confidence"]
    by_type = [row for row in stated if row["column"] == "defect_type"]
    derived = derived_subgroups(dossier)
    names = [[row["column"], row["value"]] for row in stated if row["column"] != "defect_type"]
    section.exact("subgroups", "evaluation.json, subgroups", names, [list(name) for name in derived])
    for row in stated:
        counts = derived.get((row["column"], row["value"]), Counts.stated(row["counts"]))
        _subgroup(section, row, counts, confidence)
    _defect_types(dossier, section, by_type)
    present = [row for row in stated if row["images"]]
    least = min(present, key=lambda row: (row["images"], row["column"], row["value"]), default=None)
    section.exact("smallest subgroup", "subgroups, smallest", evaluation["subgroups"]["smallest"], least)
    empty = [{"column": row["column"], "value": row["value"]} for row in stated if not row["images"]]
    without = evaluation["subgroups"]["not_evaluable"]
    section.exact("subgroups without images", "subgroups, not_evaluable", without, empty)


def derived_subgroups(dossier: Dossier) -> dict[tuple[str, str], Counts]:
    """(column, value) -> counts, for every value that any image that is not excluded has, in their order."""
    force = dossier.json("thresholds.json")["in_force"]
    rows = [row for row in dossier.rows("manifest.csv") if row["excluded"] == "false"]
    found = {}
    for column in sorted(name for name in rows[0] if name.startswith("group_")):
        for value in sorted({row[column] for row in rows}):
            members = [case for case in dossier.cases() if case.groups[column] == value]
            found[column, value] = counts_at(members, force["score"], force["threshold"])
    return found


def _subgroup(section: Section, row: Mapping[str, Any], counts: Counts, confidence: float) -> None:
    name = f"{row['column']} = {row['value']}"
    section.exact("confusion counts", f"{name}: counts", row["counts"], counts.as_json())
    for key, found in (("normal", counts.normal), ("defective", counts.defective)):
        section.exact("images of subgroups", f"{name}: {key}", row[key], found)
    section.exact("images of subgroups", f"{name}: images", row["images"], counts.normal + counts.defective)
    for metric in ("recall", "specificity"):
        found_rates = rates(counts.against(), confidence)[metric]
        _estimate(section, "rates and exact bounds", f"{name}, {metric}", row[metric], found_rates)


def _defect_types(dossier: Dossier, section: Section, rows: Sequence[Mapping[str, Any]]) -> None:
    """Which defect a test image shows is sealed and not attached; but each defect is in one of these subgroups."""
    force = dossier.json("thresholds.json")["in_force"]
    whole_set = counts_at(dossier.cases(), force["score"], force["threshold"])
    for key in ("true_positive", "false_negative", "undecided_defective"):
        stated, found = sum(row["counts"][key] for row in rows), whole_set.as_json()[key]
        section.exact("sums over defect types", f"defect types: {key}", stated, found)
    section.not_recomputed("counts by defect type (sealed, not attached; only their sums are)", len(rows))


# --------------------------------------------------------------------------------------------------- section: criteria


def verify_criteria(dossier: Dossier, section: Section) -> None:
    """Criteria as acceptance.yaml states them, judged anew on records; criteria.json and release.json say the same."""
    judged, text = dossier.json("criteria.json"), dossier.text("acceptance.yaml")
    digest = sha256(dossier.content("acceptance.yaml"))
    section.exact(
        "acceptance criteria", "criteria.json, acceptance_sha256", judged["acceptance_sha256"], digest
    )
    force, evaluation = dossier.json("thresholds.json")["in_force"], dossier.json("evaluation.json")
    stated = {key: judged[key] for key in ("score", "method", "confidence")}
    wanted = {"score": force["score"], "method": force["method"], "confidence": evaluation["confidence"]}
    section.exact("acceptance criteria", "criteria.json, score, method, confidence", stated, wanted)
    section.exact("acceptance criteria", "release.json, score", dossier.release["score"], force["score"])
    section.exact(
        "acceptance criteria", "release.json, criteria", dossier.release["criteria"], judged["criteria"]
    )
    try:
        accepted = read_acceptance(text)
    except Unreadable as error:
        section.missing(
            f"acceptance.yaml cannot be read by this script, so its limits were not compared: {error}"
        )
        return
    demonstration = accepted["demonstration"]
    section.exact(
        "acceptance criteria", "criteria.json, demonstration", judged["demonstration"], demonstration
    )
    ids, stated_ids = ([item["id"] for item in found["criteria"]] for found in (accepted, judged))
    section.exact("acceptance criteria", "criteria.json, criteria", stated_ids, ids)
    for criterion, item in zip(accepted["criteria"], judged["criteria"]):
        _criterion(dossier, section, criterion, item, judged["confidence"])


def _criterion(
    dossier: Dossier,
    section: Section,
    criterion: Mapping[str, Any],
    stated: Mapping[str, Any],
    confidence: float,
) -> None:
    """Value, bound, limit and verdict of one criterion."""
    name, force = criterion["id"], dossier.json("thresholds.json")["in_force"]
    metric = criterion["metric"].replace("{score}", force["score"])
    for key, found in (
        ("metric", metric),
        ("bound", criterion["bound"]),
        ("comparison", criterion["comparison"]),
        ("limit", criterion["limit"]),
        ("requirement", criterion["requirement"]),
        ("risk", criterion["risk"]),
    ):
        section.exact("criteria as approved", f"{name}: {key}", stated[key], found)
    value, bound, units = judged_values(dossier, criterion, metric, confidence)
    section.near("criteria judged anew", f"{name}: value", stated["value"], value)
    section.near("criteria judged anew", f"{name}: bound", stated["bound_value"], bound)
    section.exact("criteria judged anew", f"{name}: units", stated["n"], units)
    met = verdict_of(dossier, criterion, metric, value, bound, units, confidence)
    section.exact("criteria judged anew", f"{name}: met", stated["met"], met)
    text = f"{name}: a reason stands there exactly when it is not evaluable"
    section.holds("criteria judged anew", text, (met is None) == bool(stated["reason"]))
    words = {True: "met", False: "not met", None: "not evaluable"}[met]
    compared = f"{criterion['bound']} bound {bound!r} {criterion['comparison']} {criterion['limit']!r}"
    section.notes.append(f"{name}: {compared}: {words}")


def recorded(dossier: Dossier, record_id: str) -> float | None:
    """The number of a record, None where there is none."""
    value = dossier.book.get(record_id, {}).get("value")
    return value if is_number(value) else None


def judged_values(
    dossier: Dossier, criterion: Mapping[str, Any], metric: str, confidence: float
) -> tuple[float | None, float | None, int | None]:
    """(value, bound, units) that a criterion is judged on."""
    units_id = criterion.get("of") or criterion.get("sample")
    units = recorded(dossier, units_id) if units_id else None
    count = int(units) if units is not None and units >= 1 and units == int(units) else None
    value = recorded(dossier, metric)
    if not criterion.get("of"):
        return value, recorded(dossier, f"{metric}.{criterion['bound']}"), count
    if value is None or count is None or value != int(value) or not 0 <= value <= count:
        return None, None, count
    low, high = clopper_pearson(int(value), count, confidence)
    return value / count, (low if criterion["bound"] == "low" else high), count


def verdict_of(
    dossier: Dossier,
    criterion: Mapping[str, Any],
    metric: str,
    value: float | None,
    bound: float | None,
    units: int | None,
    confidence: float,
) -> bool | None:
    """True, False, or None where the criterion cannot be judged: another score, no value, too few units."""
    force = dossier.json("thresholds.json")["in_force"]["score"]
    foreign = [part for part in metric.split(".") if part in score_names(dossier) and part != force]
    if foreign or value is None or bound is None:
        return None
    if criterion.get("of") or criterion.get("sample"):
        best = None if units is None else strongest_bound(units, criterion["bound"], confidence)
        if best is None or not _meets(best, criterion):
            return None
    return _meets(bound, criterion)


def _meets(bound: float, criterion: Mapping[str, Any]) -> bool:
    limit = float(criterion["limit"])
    return bound >= limit if criterion["comparison"] == ">=" else bound <= limit


NEEDED = {"id", "metric", "of", "bound", "comparison", "limit", "sample", "requirement", "risk"}


def read_acceptance(text: str) -> dict[str, Any]:
    """acceptance.yaml in the one shape that it has: keys of one line, a list of criteria with keys of one line.

    Raises:
        Unreadable: any other YAML in the keys that count; this is no YAML reader, and it does not guess.
    """
    found: dict[str, Any] = {}
    criteria: list[dict[str, Any]] = []
    depth, skipping = 0, False
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        indent = len(line) - len(line.lstrip(" "))
        starts = line.lstrip(" ").startswith("- ")
        if indent == 0 and not starts:
            skipping, depth = _put(found, line), 0
        elif starts and "criteria" in found and depth in (0, indent + 2):
            criteria.append({})
            skipping, depth = _put(criteria[-1], line.lstrip(" ")[2:]), indent + 2
        elif criteria and indent == depth:
            skipping = _put(criteria[-1], line.strip())
        elif not (skipping and indent > depth):
            raise Unreadable(f"a line of another shape: {line.strip()[:60]!r}")
    return _accepted(found, criteria)


def _put(target: dict[str, Any], text: str) -> bool:
    """Put `key: value` into `target`; True where the value may go on in deeper lines because it does not count."""
    key, colon, rest = text.partition(":")
    if not colon or not re.fullmatch(r"[a-z_]+", key) or key in target or (rest and not rest.startswith(" ")):
        raise Unreadable(f"a line of another shape, or a key given twice: {text[:60]!r}")
    counts = key in NEEDED or key in ("demonstration", "maximum_systems_judged")
    target[key] = scalar(rest.strip()) if counts else rest.strip()
    return not counts and key != "criteria"


def scalar(text: str) -> str:
    """A plain or quoted value of one line, without its comment.

    Example:
        >>> scalar('">="'), scalar("0.90  # nine in ten")
        ('>=', '0.90')
    """
    quoted = re.fullmatch(r"""(?:"([^"\\]*)"|'([^']*)')(?:\s+#.*)?""", text)
    if quoted:
        return quoted[1] if quoted[1] is not None else quoted[2]
    plain = re.sub(r"\s+#.*", "", text)
    if not plain or plain[0] in "&*!|>%@`[{\"'#-?" or ": " in plain:
        raise Unreadable(f"a value of another shape: {text[:60]!r}")
    return plain


def _accepted(found: Mapping[str, Any], criteria: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if found.get("criteria") != "" or found.get("demonstration") not in ("true", "false") or not criteria:
        raise Unreadable("demonstration or criteria are not stated")
    rows = []
    for item in criteria:
        lacking = sorted(NEEDED - {"of", "sample"} - item.keys())
        if lacking or not re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", item["limit"]):
            raise Unreadable(
                f"criterion {item.get('id')}: {', '.join(lacking) or 'limit'} is missing or no number"
            )
        rows.append({**item, "limit": float(item["limit"])})
    return {"demonstration": found["demonstration"] == "true", "criteria": rows}


# --------------------------------------------------------------------------------------- section: protocols, decision


def verify_protocols(dossier: Dossier, section: Section) -> None:
    """Counts, deviations and definitions of the executed protocols; the trace matrix says the same."""
    for stage in PROTOCOLS:
        protocol = dossier.json(f"{stage}.json")
        names = [protocol["stage"], protocol["product"]]
        section.exact("identity of protocols", f"{stage}.json", names, [stage, dossier.product])
        counts = case_counts(protocol["cases"])
        section.exact("counts of cases", f"{stage}.json, counts", protocol["counts"], counts)
        _cases(dossier, section, protocol)
        for path, digest in sorted(protocol["approved"].items()):
            name = f"{stage}.json was executed from another version of {path}"
            section.holds("definitions as executed", name, dossier.evidence.get(path) == digest)
        approval = dossier.release["approval"]
        section.exact("approval in force", f"{stage}.json, approval", protocol["approval"], approval)
    _approval(dossier, section)
    _trace(dossier, section)


def _approval(dossier: Dossier, section: Section) -> None:
    """The approval that protocols and release name is a file of the release, and covers its definitions."""
    approval, path = dossier.release["approval"], f"products/{dossier.product}/approvals/criteria.json"
    found = None if approval is None else approval["sha256"]
    section.exact("approval in force", "release.json, approval", found, dossier.evidence.get(path))
    told = [
        event
        for event in events(dossier.chain("trail.jsonl"), "criteria.approved")
        if event["sha256"] == found
    ]
    if approval is None:
        section.notes.append("nobody approved criteria and protocols")
    elif not told:
        section.missing("trail.jsonl: the approval that the release names is not in it")
    else:
        stated = {name: dossier.evidence.get(name) for name in told[-1]["files"]}
        section.exact("approval in force", "files approved", told[-1]["files"], stated)
        section.notes.append(f"approved by {approval['by']} ({approval['role']}) at {approval['at']}")


def case_counts(cases: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Cases by verdict."""
    found = Counter(case["verdict"] for case in cases)
    keys = {"pass": "passed", "fail": "failed", "not run": "not_run", "not evaluable": "not_evaluable"}
    if set(found) - set(keys):
        raise ValueError(f"unknown verdicts: {sorted(set(found) - set(keys))}")
    return {"total": sum(found.values()), **{name: found[verdict] for verdict, name in keys.items()}}


def _cases(dossier: Dossier, section: Section, protocol: Mapping[str, Any]) -> None:
    """Each failed case, and no other, has its deviation; a pass has evidence, and it is the release's."""
    cases, opened = protocol["cases"], {item["id"]: item for item in protocol["deviations"]}
    ids = [case["id"] for case in cases]
    section.holds("cases", f"{protocol['stage']}.json: a case is given twice", len(set(ids)) == len(ids))
    stated = [case["deviation"] for case in cases if case["deviation"] is not None]
    section.exact("deviations", f"{protocol['stage']}.json, deviations", list(opened), stated)
    for case in cases:
        failed, deviation = case["verdict"] == "fail", opened.get(case["deviation"])
        fine = (case["deviation"] is not None) == failed and (not failed or _same_failure(case, deviation))
        section.holds("cases", f"{case['id']}: verdict and deviation contradict each other", fine)
        if not case["automated"]:
            text = f"{case['id']}: a case for people has a verdict in the pipeline's file"
            section.holds("cases", text, case["verdict"] == "not run")
        if case["verdict"] == "pass":
            executed = bool(case["evidence"]) and bool(case["executed_at"])
            section.holds("cases", f"{case['id']}: a pass without execution or evidence", executed)
        for item in case["evidence"]:
            _cited(dossier, section, case["id"], item)


def _same_failure(case: Mapping[str, Any], deviation: Mapping[str, Any] | None) -> bool:
    return (
        deviation is not None
        and [deviation[key] for key in ("case", "expected", "actual")]
        == [case["id"], case["expected"], case["actual"]]
        and deviation["status"] == "open"
        and deviation["disposition"] is None
    )


def _cited(dossier: Dossier, section: Section, case: str, item: Mapping[str, Any]) -> None:
    """Evidence that a case cites is the evidence that the release names."""
    if item["path"] in dossier.evidence:
        name = f"{case}: evidence {item['path']}"
        section.exact("evidence cited by cases", name, item["sha256"], dossier.evidence[item["path"]])
    elif item["path"] in (f"artifacts/{dossier.product}/{name}" for name in CHAINS):
        lines = dossier.chain(item["path"].rsplit("/", 1)[1])
        text = f"{case}: {item['path']} was never as the case cites it"
        section.holds("evidence cited by cases", text, item["sha256"] in {line.upto for line in lines})
    else:
        section.not_recomputed("files cited by cases that the release does not name")


def _trace(dossier: Dossier, section: Section) -> None:
    """Each case stands, with its verdict and evidence, in the row of each requirement that it answers to."""
    cases = [case for stage in PROTOCOLS for case in dossier.json(f"{stage}.json")["cases"]]
    for row in dossier.json("trace.json"):
        wanted = [
            {
                "id": case["id"],
                "risks": case["risks"],
                "verdict": case["verdict"],
                "evidence": case["evidence"],
            }
            for case in cases
            if row["requirement"] in case["requirements"]
        ]
        stated = [{key: item[key] for key in ("id", "risks", "verdict", "evidence")} for item in row["cases"]]
        section.exact("rows of the trace matrix", f"trace.json, {row['requirement']}", stated, wanted)
    known = [row["requirement"] for row in dossier.json("trace.json")]
    needed = {name for case in cases for name in case["requirements"]}
    text = "trace.json: requirements are missing or given twice"
    section.holds("rows of the trace matrix", text, len(set(known)) == len(known) and needed <= set(known))


def verify_entries(dossier: Dossier, section: Section) -> None:
    """What people entered: recorded cases and dispositions, as the release counts them."""
    release, counts = dossier.release, settled_counts(dossier, section)
    for stage in PROTOCOLS:
        name = f"release.json, cases, {stage}"
        section.exact("counts of cases with recorded ones", name, release["cases"][stage], counts[stage])
        words = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in counts[stage].items())
        section.notes.append(f"{stage.upper()}: {words}")
    cases = {case["id"]: case for stage in PROTOCOLS for case in dossier.json(f"{stage}.json")["cases"]}
    failed = {case["id"] for case in cases.values() if case["verdict"] == "fail"}
    failed |= {case for case, verdict in recorded_cases(dossier).items() if verdict == "fail"}
    stated = [item["case"] for item in release["deviations"]]
    section.exact("deviations", "release.json, deviations", sorted(stated), sorted(failed))
    for item in release["deviations"]:
        _deviation(dossier, section, item, cases.get(item["case"], {}))


def recorded_cases(dossier: Dossier) -> dict[str, Any]:
    """Case -> verdict of each record of a person that counts, None where the trail does not tell its verdict."""
    folder, found = f"products/{dossier.product}/executions/", {}
    told = {
        (event["path"], event["sha256"]): event["verdict"]
        for event in events(dossier.chain("trail.jsonl"), "case.recorded")
    }
    for path, digest in sorted(dossier.evidence.items()):
        case = re.fullmatch(re.escape(folder) + r"([A-Z]{2}-\d{3})\.json", path)
        stale = case and any(
            text.startswith(f"executions/{case[1]}.json:") for text in dossier.release["stale"]
        )
        if case and not stale:
            found[case[1]] = told.get((path, digest))
    return found


def settled_counts(dossier: Dossier, section: Section) -> dict[str, dict[str, int]]:
    """Cases by verdict, with what people recorded in the place of "not run"."""
    recordings, found = recorded_cases(dossier), {}
    words = {"pass": "pass", "fail": "fail"}
    for stage in PROTOCOLS:
        cases = [dict(case) for case in dossier.json(f"{stage}.json")["cases"]]
        for case in cases:
            if case["id"] not in recordings or case["automated"]:
                continue
            if recordings[case["id"]] not in words:
                section.missing(
                    f"trail.jsonl: the record of {case['id']} is not in it, so its verdict is not known"
                )
                continue
            case["verdict"] = recordings[case["id"]]
        found[stage] = case_counts(cases)
    return found


def _deviation(dossier: Dossier, section: Section, item: Mapping[str, Any], case: Mapping[str, Any]) -> None:
    """A deviation is that of its case, and open unless a disposition about this very failure says otherwise."""
    name, decided = item["id"], item["disposition"]
    failure = {key: item[key] for key in ("case", "expected", "actual")}
    digest = sha256(canonical(failure).encode())
    section.exact("deviations", f"{name}: failure_sha256", item["failure_sha256"], digest)
    known = [f"DEV-{case.get('id')}", case.get("title"), case.get("expected")]
    section.exact("deviations", f"{name}: case", [item["id"], item["title"], item["expected"]], known)
    if case.get("verdict") == "fail":
        section.exact("deviations", f"{name}: observation", item["actual"], case["actual"])
    section.exact("deviations", f"{name}: status", item["status"], decided["decision"] if decided else "open")
    if decided:
        about = [decided[key] for key in ("deviation", "case", "failure_sha256")]
        section.exact("dispositions", f"{name}: disposition", about, [name, item["case"], digest])
        _disposition(dossier, section, item)


def _disposition(dossier: Dossier, section: Section, item: Mapping[str, Any]) -> None:
    """The trail tells the same decision, of the very file that the release names."""
    path = f"products/{dossier.product}/deviations/{item['id']}.yaml"
    told = [
        event for event in events(dossier.chain("trail.jsonl"), "deviation.disposed") if event["path"] == path
    ]
    if not told or path not in dossier.evidence:
        section.missing(f"{item['id']}: its disposition is not in trail.jsonl, or {path} not in the release")
        return
    stated = [told[-1]["decision"], told[-1]["sha256"]]
    section.exact(
        "dispositions", f"{item['id']}: in the trail", stated, [item["status"], dossier.evidence[path]]
    )


def verify_decision(dossier: Dossier, section: Section) -> None:
    """The decision follows from criteria, cases, deviations and what is missing."""
    release = dossier.release
    against, lacking, last = derived_reasons(release)
    decision = "rejected" if against else "incomplete" if lacking else "criteria_met" if last else "released"
    section.exact("decision", "release.json, decision", release["decision"], decision)
    wanted = [*against, *lacking, *last]
    agree = len(wanted) == len(release["reasons"]) and all(
        stated.startswith(start) for stated, start in zip(release["reasons"], wanted)
    )
    section.holds(
        "decision", f"release.json: the reasons are not those for {decision}: {shown(wanted)}", agree
    )
    accepted = [item["id"] for item in release["deviations"] if item["status"] == "accepted"]
    noted = [text.split(" ", 1)[0] for text in release["notes"]]
    section.exact("decision", "release.json, notes", noted, accepted)
    demonstration = dossier.json("criteria.json")["demonstration"] is not False or (
        dossier.book.get("ingest.simulated", {}).get("value") is not False
    )
    text = "release.json: limits or images are a demonstration, the release says it is none"
    section.holds("decision", text, release["demonstration"] is True or not demonstration)
    unsigned = [release["missing_signatures"], release["signatures"]]
    section.exact("decision", "release.json, signatures of the draft", unsigned, [list(ROLES), []])
    _first_page(dossier, section)


def derived_reasons(release: Mapping[str, Any]) -> tuple[list[str], list[str], list[str]]:
    """How each reason has to begin: what rejects, what is lacking, what is left at the end."""
    criteria, deviations, counts = release["criteria"], release["deviations"], release["cases"]
    against = [f"{item['id']} not met" for item in criteria if item["met"] is False]
    against += [f"{item['id']} {item['status']}" for item in deviations if item["status"] != "accepted"]
    for stage in PROTOCOLS:
        opened = sum(item["case"].lower().startswith(stage) for item in deviations)
        against += [f"{stage.upper()}: "] if counts[stage]["failed"] > opened else []
    lacking = [] if criteria else ["there is no acceptance criterion"]
    lacking += [f"{item['id']} not evaluable" for item in criteria if item["met"] is None]
    for stage in PROTOCOLS:
        open_ones = (
            [counts[stage]["not_run"], counts[stage]["not_evaluable"]] if counts[stage]["total"] else [1]
        )
        lacking += [f"{stage.upper()}: " for number_of in open_ones if number_of]
    lacking += [f"not provided: {name}" for name in release["missing_inputs"]]
    last = ["a demonstration"] if release["demonstration"] is not False else []
    return against, lacking, last + [f"not signed: {role}" for role in release["missing_signatures"]]


def _first_page(dossier: Dossier, section: Section) -> None:
    """What the dossier itself counted and prints."""
    release, counts = dossier.release, dossier.release["cases"]
    statuses = Counter(item["status"] for item in release["deviations"])
    facts = {
        "release-id": release["release_id"],
        "decision": release["decision"],
        "cases.total": sum(count["total"] for count in counts.values()),
        "cases.open": sum(count["not_run"] + count["not_evaluable"] for count in counts.values()),
        "signatures.missing": len(release["missing_signatures"]),
        "ledger.openings": len(dossier.chain("ledger.jsonl")),
        **{f"deviations.{status}": statuses[status] for status in ("open", "accepted", "rejected")},
    }
    for name, found in facts.items():
        section.recorded("figures of the first page", dossier, f"dossier.{name}", found)


# ---------------------------------------------------------------------------------------------------- section: records

RECORD_KEYS = ["artefact", "definition", "id", "pointer", "sha256", "stage", "unit", "value"]
ADDED_KEYS = ["commit", "inputs", "mlflow_run"]


def verify_records(dossier: Dossier, section: Section) -> None:
    """Records are the ones that the stages wrote, and each says what stands where it points to."""
    rows = dossier.json("records.json")
    ids = [row["id"] for row in rows]
    section.holds("records", "records.json: ids are given twice or out of order", ids == sorted(set(ids)))
    for row in rows:
        fine = sorted(row) == sorted((*RECORD_KEYS, *ADDED_KEYS)) and row["id"].startswith(f"{row['stage']}.")
        section.holds("records", f"{row['id']}: is no record", fine)
    for stage in STAGES:
        _record_file(dossier, section, stage, [row for row in rows if row["stage"] == stage])
    own = f"artifacts/{dossier.product}/dossier/context.json"
    _facts_file(section, [row for row in rows if row["artefact"] == own])
    places = {dossier.place(name): name for name in COPIES}
    for row in rows:
        _record(dossier, section, row, places.get(row["artefact"], ""))
    _runs(dossier, section, rows)


def _record_file(dossier: Dossier, section: Section, stage: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """The records of a stage, written as the stage wrote them, have the hash that the release names."""
    path = f"artifacts/{dossier.product}/{stage}/records.json"
    content = indented([{key: row[key] for key in RECORD_KEYS} for row in rows])
    section.exact("files of records, by hash", path, dossier.evidence.get(path), sha256(content))


def _runs(dossier: Dossier, section: Section, rows: Iterable[Mapping[str, Any]]) -> None:
    """Commit and run that a record names are those of a run of its stage that wrote this very output.

    A trail that knows no run of a stage was begun later, or elsewhere, and its output restored: missing, not altered.
    """
    told = {
        (run["stage"], run["fingerprint"], run["commit"], run["mlflow_run"])
        for run in events(dossier.chain("trail.jsonl"), "stage.run")
    }
    known = {stage for stage, *_ in told}
    for row in rows:
        digest = dossier.evidence.get(f"artifacts/{dossier.product}/{row['stage']}/records.json")
        text = f"{row['id']}: its run and commit are not in trail.jsonl"
        if not row["mlflow_run"]:
            section.not_recomputed("records that name no run")
        elif row["stage"] not in known:
            section.missing(text)
        else:
            run = (row["stage"], digest, row["commit"], row["mlflow_run"])
            section.holds("runs named by records", text, run in told)


def _facts_file(section: Section, rows: Sequence[Mapping[str, Any]]) -> None:
    """What the dossier itself counted lies in context.json, which holds nothing else."""
    content = indented({row["id"][len("dossier."):]: row["value"] for row in rows})  # fmt: skip
    for row in rows:
        section.exact("figures of the dossier, by hash", row["id"], row["sha256"], sha256(content))


def _record(dossier: Dossier, section: Section, row: Mapping[str, Any], name: str) -> None:
    """One record against its artefact, or against the tables that its artefact was made from."""
    evidence = dossier.evidence
    if row["artefact"] in evidence:
        section.exact("hashes of records' artefacts", row["id"], row["sha256"], evidence[row["artefact"]])
    elif row["stage"] != "dossier":
        section.missing(f"{row['id']}: release.json does not name {row['artefact']}")
    for path in sorted(row["inputs"].keys() & evidence.keys()):
        section.exact("inputs of stages", f"{row['id']}, {path}", row["inputs"][path], evidence[path])
    if name:
        _attached(dossier, section, row, name)
    elif not _from_tables(dossier, section, row):
        section.not_recomputed(f"records whose artefact is not attached ({row['stage']})")


def _attached(dossier: Dossier, section: Section, row: Mapping[str, Any], name: str) -> None:
    """A record of a file that is attached: what its pointer leads to, or what is counted there."""
    counted = COUNTED.get(row["id"])
    if counted is not None:
        section.exact("records that count", row["id"], row["value"], counted(dossier))
        return
    try:
        value = resolve(dossier.json(name), row["pointer"])
    except (LookupError, ValueError):
        section.altered(f"{row['id']}: {row['pointer']!r} leads nowhere in {name}")
        return
    section.exact("records found where they point to", row["id"], row["value"], value)


def resolve(document: Any, pointer: str) -> Any:
    """What a JSON pointer (RFC 6901) leads to.

    Example:
        >>> resolve({"a/b": [{"c": 1}]}, "/a~1b/0/c")
        1
    """
    if pointer and not pointer.startswith("/"):
        raise ValueError(f"{pointer!r} is no JSON pointer")
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        document = document[whole(key)] if isinstance(document, list) else document[key]
    return document


def _decided(split: str) -> Callable[[Dossier], int]:
    return lambda dossier: sum(row.split == split and row.decided for row in dossier.scores())


def _listed_count(key: str) -> Callable[[Dossier], int]:
    return lambda dossier: len(dossier.json("evaluation.json")[key])


def _group_text(row: Mapping[str, Any]) -> str:
    return f"{row['column']} = {row['value'] or '(not stated)'}"


def _smallest(dossier: Dossier) -> str | None:
    least = dossier.json("evaluation.json")["subgroups"]["smallest"]
    return None if least is None else _group_text(least)


def _without_images(dossier: Dossier) -> str:
    rows = dossier.json("evaluation.json")["subgroups"]["not_evaluable"]
    return ", ".join(_group_text(row) for row in rows) or "none"


def _smallest_images(dossier: Dossier) -> int:
    least = dossier.json("evaluation.json")["subgroups"]["smallest"]
    return 0 if least is None else int(least["images"])


def _promise(dossier: Dossier) -> Any:
    return dossier.json("evaluation.json")["promise"]["promised_false_reject_rate"]


def _open_deviations(dossier: Dossier) -> int:
    return sum(len(dossier.json(f"{stage}.json")["deviations"]) for stage in PROTOCOLS)


COUNTED: dict[str, Callable[[Dossier], Any]] = {
    "threshold.calibration.held_out_normals": _decided("calibration"),
    "threshold.calibration.training_normals": _decided("train"),
    "threshold.calibration.training_defects": _decided("tuning"),
    "evaluate.in_force.false_negatives": _listed_count("false_negatives"),
    "evaluate.in_force.false_positives": _listed_count("false_positives"),
    "evaluate.subgroups.smallest": _smallest,
    "evaluate.subgroups.smallest.images": _smallest_images,
    "evaluate.subgroups.not_evaluable": _without_images,
    "qualify.criteria.met": lambda d: sum(
        item["met"] is True for item in d.json("criteria.json")["criteria"]
    ),
    "qualify.criteria.total": lambda d: len(d.json("criteria.json")["criteria"]),
    "qualify.deviations.open": _open_deviations,
}
"""Records of attached files that no single place states: they count what stands there."""


def _from_tables(dossier: Dossier, section: Section, row: Mapping[str, Any]) -> bool:
    """Records of tables that are attached as CSV: counts of images, means and deviations of scores."""
    if row["stage"] == "score":
        return _score_record(dossier, section, row)
    if row["stage"] == "ingest" and row["pointer"].startswith("/"):
        parts = [part.replace("~1", "/").replace("~0", "~") for part in row["pointer"].split("/")[1:]]
        found = summary_value(dossier, parts)
        if found is not None:
            section.exact("records derived from manifest.csv", row["id"], row["value"], found)
            return True
    return bool(row["id"] == "ingest.images.sha256")  # held in the section on data


def _score_record(dossier: Dossier, section: Section, row: Mapping[str, Any]) -> bool:
    what = "records derived from scores.csv"
    if row["id"] in ("score.images", "score.undecided"):
        rows = dossier.scores()
        found = len(rows) if row["id"] == "score.images" else sum(not item.decided for item in rows)
        section.exact(what, row["id"], row["value"], found)
        return True
    match = re.fullmatch(r"score\.(.+)\.(train|calibration|tuning)\.(mean|sd)", row["id"])
    if not match or match[1] not in score_names(dossier):
        return False
    values = calibration(dossier, match[2], match[1])
    enough = len(values) > (0 if match[3] == "mean" else 1)
    value = (mean_of(values) if match[3] == "mean" else deviation_of(values)) if enough else None
    scale = max((abs(item) for item in values), default=1.0)
    section.near(what, row["id"], row["value"], value, scale=scale)
    return True


def labelled(dossier: Dossier) -> list[tuple[dict[str, str], str]]:
    """(row of manifest.csv, class); the class of a test image is the label that predictions.csv opened."""
    opened = {row["image_id"]: row["label"] for row in dossier.rows("predictions.csv")}
    names = {"0": "normal", "1": "defective", "": "unlabelled"}
    return [
        (row, names[opened.get(row["image_id"], row["label"]) if row["split"] == "test" else row["label"]])
        for row in dossier.rows("manifest.csv")
    ]


def summary_value(dossier: Dossier, parts: Sequence[str]) -> Any:
    """What manifest.csv says at a pointer into split_summary.json; None where it says nothing."""
    rows = dossier.once("labelled", lambda: labelled(dossier))
    if parts == ["images"]:
        return len(rows)
    if parts == ["unreadable"]:
        return sum(row["mode"] == "unreadable" for row, _ in rows)
    if parts[0] == "splits" and len(parts) in (2, 3):
        return sum(row["split"] == parts[1] and kind in (parts[2:] or [kind]) for row, kind in rows)
    if parts[0] == "subgroups" and len(parts) == 5:
        column, value, split, name = parts[1:]
        return sum(row[column] == value and row["split"] == split and kind == name for row, kind in rows)
    if parts[0] == "defect_types" and len(parts) == 3 and parts[1] != "test":
        return sum(row["split"] == parts[1] and row["defect_type"] == parts[2] for row, _ in rows)
    return None


# ------------------------------------------------------------------------------------------------------ the command

SECTIONS: tuple[tuple[str, Callable[[Dossier, Section], None]], ...] = (
    ("attachments", verify_attachments),
    ("release", verify_release),
    ("software bill of materials", verify_bill),
    ("trail and ledger", verify_chains),
    ("images, scores, predictions", verify_data),
    ("thresholds", verify_thresholds),
    ("evaluation", verify_evaluation),
    ("subgroups", verify_subgroups),
    ("acceptance criteria", verify_criteria),
    ("protocols", verify_protocols),
    ("entries of people", verify_entries),
    ("decision", verify_decision),
    ("records", verify_records),
)


def verify(folder: Path) -> list[Section]:
    """All sections; what cannot be read or followed ends its section as altered, never as sound."""
    dossier = Dossier(folder)
    found = []
    for title, function in SECTIONS:
        section = Section(title)
        try:
            function(dossier, section)
        except Absent as error:
            section.missing(f"{error} is not attached; this section was not finished")
        except Unreadable as error:
            section.altered(f"{error}; this section was not finished")
        except (
            ArithmeticError,
            AttributeError,
            LookupError,
            OSError,
            RecursionError,
            TypeError,
            ValueError,
        ) as error:
            section.altered(
                f"not of the form it has to have ({type(error).__name__}: {error}); section not finished"
            )
        found.append(section)
    return found


def exit_code(sections: Iterable[Section]) -> int:
    """The gravest finding."""
    found = {status for section in sections for status, _ in section.problems}
    return ALTERED_CODE if ALTERED in found else MISSING_CODE if MISSING in found else SOUND_CODE


WORDS = {SOUND_CODE: "SOUND", MISSING_CODE: "INCOMPLETE", ALTERED_CODE: "ALTERED"}


def report(sections: Sequence[Section]) -> Iterator[str]:
    """The report, a line each."""
    for section in sections:
        yield f"\n{section.title}"
        for what, times in sorted(section.agreed.items()):
            largest = section.largest.get(what)
            tail = f", largest difference {largest:.1e}" if largest is not None else ""
            yield f"  {OK:<15}{what}: {times} agree{tail}"
        for what, times in sorted(section.left.items()):
            yield f"  {LEFT:<15}{what}: {times}"
        for status, text in section.problems[:SHOWN]:
            yield f"  {status:<15}{printable(text)}"
        if len(section.problems) > SHOWN:
            yield f"  and {len(section.problems) - SHOWN} more; --json names all of them"
        for note in section.notes:
            yield f"  {'':<15}{printable(note)}"
    yield from _summary(sections)


def totals(sections: Iterable[Section]) -> dict[str, int]:
    """How many checks ended how."""
    found = Counter({OK: 0, ALTERED: 0, MISSING: 0, LEFT: 0})
    for section in sections:
        found[OK] += sum(section.agreed.values())
        found[LEFT] += sum(section.left.values())
        found.update(status for status, _ in section.problems)
    return dict(found)


def _summary(sections: Sequence[Section]) -> Iterator[str]:
    counts = totals(sections)
    yield f"\n{WORDS[exit_code(sections)]}: " + ", ".join(
        f"{number} {name}" for name, number in counts.items()
    )
    yield "This shows that the figures follow from the attached data; the signatures of the PDF show whose they are."


def find_folder(arguments: Sequence[str]) -> Path | None:
    """The folder to verify: the argument, or where we are, or where this file lies."""
    if len(arguments) == 1:
        return Path(arguments[0]) if Path(arguments[0]).is_dir() else None
    places = (Path.cwd(), Path(__file__).resolve().parent)
    return next((place for place in places if (place / INDEX).is_file()), None) if not arguments else None


def main(arguments: Sequence[str]) -> int:
    """Run from the command line; returns the exit code."""
    options = [item for item in arguments if item.startswith("-")]
    folder = find_folder([item for item in arguments if not item.startswith("-")])
    if "-h" in options or "--help" in options:
        print(__doc__)
        return SOUND_CODE
    if folder is None or set(options) - {"--json"}:
        print("usage: python3 -I verify_dossier.py [FOLDER OF THE ATTACHMENTS] [--json]", file=sys.stderr)
        return USAGE_CODE
    sections = verify(folder)
    code = exit_code(sections)
    if "--json" in options:
        content = {"verdict": WORDS[code].lower(), "exit_code": code, "totals": totals(sections)}
        print(json.dumps({**content, "sections": [section.as_json() for section in sections]}, indent=2))
    else:
        print("\n".join(report(sections)).lstrip("\n").encode("ascii", "backslashreplace").decode())
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
