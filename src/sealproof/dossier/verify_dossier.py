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
    "challenge.json": "artifacts/{product}/challenge/challenge.json",
    "criteria.json": "artifacts/{product}/qualify/criteria.json",
    "detection.json": "artifacts/{product}/evaluate/detection.json",
    "evaluation.json": "artifacts/{product}/evaluate/evaluation.json",
    "iq.json": "artifacts/{product}/qualify/iq.json",
    "localisation.json": "artifacts/{product}/evaluate/localisation.json",
    "metrics.json": "reports/{product}/metrics.json",
    "oq.json": "artifacts/{product}/qualify/oq.json",
    "pq.json": "artifacts/{product}/qualify/pq.json",
    "repeatability.json": "artifacts/{product}/challenge/repeatability.json",
    "robustness.json": "artifacts/{product}/evaluate/robustness.json",
    "thresholds.json": "artifacts/{product}/threshold/thresholds.json",
    "trace.json": "artifacts/{product}/qualify/trace.json",
}
OTHERS = ("cross_fit.csv", "disturbed.csv", "ledger.jsonl", "manifest.csv", "predictions.csv", "records.json",
          "release.json", "repeats.csv", "sbom.json", "scores.csv", "seeded.csv", "trail.jsonl",
          "verify_dossier.py")  # fmt: skip
EXPECTED = sorted((*COPIES, *OTHERS))
PROTOCOLS = ("iq", "oq", "pq")
STAGES = (
    "ingest",
    "check",
    "roi",
    "train",
    "score",
    "cross_fit",
    "threshold",
    "challenge",
    "evaluate",
    "qualify",
)
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

    def crossed(self) -> list[Scored]:
        """Rows of cross_fit.csv: normals, each scored by a detector of a fold that left it out."""
        return self.once("crossed", lambda: read_scores(self.rows("cross_fit.csv")))  # type: ignore[no-any-return] # kept as Any

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
    """x with I_x(a, b) = probability, a and b from 1: Newton's steps in a bracket, halved where they leave."""
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


@cache
def limit_factor(n: int, k: float, probability: float) -> float:
    """q with P(mean + q s >= mu + k sigma) = probability, mean and s of n normal values.

    Given s the event is one of a normal variable: its chance is averaged over the chi distribution of s by the
    trapezoid rule, which converges faster than any power here, and q is found by halving. With k the quantile of the
    content this is the one-sided tolerance factor of ISO 16269-6; no noncentral t distribution is needed. n >= 8.

    Example:
        >>> round(limit_factor(10, NormalDist().inv_cdf(0.95), 0.95), 3)
        2.911
    """
    freedom, root = n - 1, math.sqrt(n)
    reach, points = 12 / math.sqrt(2 * freedom), 400
    start = max(0.0, 1 - reach)
    values = [start + (1 + reach - start) * step / points for step in range(1, points + 1)]
    logs = [(freedom - 1) * math.log(value) - freedom * value * value / 2 for value in values]
    top = max(logs)
    weights = [math.exp(value - top) for value in logs]
    total = math.fsum(weights)
    low, high = k - 20.0, k + 20.0
    for _ in range(60):
        middle = (low + high) / 2
        chances = (math.erfc(root * (k - middle * s) / math.sqrt(2)) / 2 for s in values)
        below = math.fsum(w * p for w, p in zip(weights, chances)) / total < probability
        low, high = (middle, high) if below else (low, middle)
    return (low + high) / 2


def tolerance_rank(n: int, content: float, confidence: float) -> int | None:
    """Smallest rank whose order statistic covers the content with the confidence: P(Bin(n, content) < rank).

    Example:
        >>> [tolerance_rank(n, 0.95, 0.95) for n in (58, 59, 93)]
        [None, 59, 92]
    """
    below = binomial_distribution(n, content)
    return next((rank for rank in range(1, n + 1) if below[rank - 1] >= confidence), None)


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
    for _ in range(70):
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

    def verdict(self, score: str, threshold: float | None, limit: float | None = None) -> str:
        """At or above the threshold is rejected; without score or threshold nothing is decided.

        With a limit, a part is accepted below it alone, and undecided from there up to the threshold.
        """
        value = self.row.score(score)
        if value is None or threshold is None:
            return "undecided"
        if value >= threshold:
            return "reject"
        return "accept" if limit is None or value < limit else "undecided"


def read_scores(rows: Iterable[Mapping[str, str]]) -> list[Scored]:
    """Rows of scores.csv or cross_fit.csv, in their order."""
    names = ("image_id", "fold", "split", "decided")
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


def training_defects(dossier: Dossier, score: str) -> list[float]:
    """Sorted scores of the training defects that thresholds may use: none of a score that was fitted to them."""
    if score in dossier.json("thresholds.json")["fitted_to_defects"]:
        return []
    return calibration(dossier, "tuning", score)


def calibration(dossier: Dossier, split: str, score: str) -> list[float]:
    """Sorted scores of the decided images of a split."""
    values = (row.score(score) for row in dossier.scores() if row.split == split and row.decided)
    found: list[float] = dossier.once(f"{split}, {score}", lambda: sorted(v for v in values if v is not None))
    return found


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
        f"{artifacts}/cross_fit/scores.parquet",
        *(f"{artifacts}/challenge/{name}.parquet" for name in ("disturbed", "repeats", "seeded")),
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
    "repeatability.done": {"path", "sha256"},
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
    for name, columns in MAY_BE_EMPTY.items():
        header = dossier.text(name).partition("\n")[0].split(",")
        text = f"{name}: its first columns are not {', '.join(columns)}"
        section.holds("headers of tables", text, header[: len(columns)] == columns)
    for name in ("manifest.csv", "scores.csv", "predictions.csv", "cross_fit.csv"):
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


MAY_BE_EMPTY = {
    "cross_fit.csv": ["image_id", "fold", "split", "decided"],
    "disturbed.csv": ["image_id", "disturbance", "severity", "amount", "decided"],
    "repeats.csv": ["image_id", "repeat", "batch_size", "order"],
    "seeded.csv": ["image_id", "defect", "size_px", "size_mm", "contrast", "decided"],
}
"""Tables that may have no row, and their first columns."""
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
    crossed = {row.image: row.split for row in dossier.crossed()}
    normal = {image: split for image, split in known.items() if split in ("train", "calibration")}
    tables = [("scores.csv", scored, known), ("predictions.csv", judged, test)]
    tables += [("cross_fit.csv", crossed, normal)] if crossed else []
    for name, found, wanted in tables:
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
    score, threshold, limit = force["score"], force["threshold"], force["accept_below"]
    rows = {row["image_id"]: row for row in dossier.rows("predictions.csv")}
    for case in dossier.cases():
        row, verdict = rows[case.row.image], case.verdict(score, threshold, limit)
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


CALIBRATIONS = {
    "scores": "held-out",
    "training_scores": "training",
    "cross_fit_scores": "cross-fit",
}


def verify_thresholds(dossier: Dossier, section: Section) -> None:
    """Every method for every score and calibration, from the rows of scores.csv; the one in force is one of them."""
    thresholds = dossier.json("thresholds.json")
    confidence = threshold_confidence(thresholds)
    section.notes.append(f"confidence of the thresholds' bounds, found in thresholds.json: {confidence:.12g}")
    crossed = bool(dossier.rows("cross_fit.csv"))
    _fitted_to_defects(dossier, section, thresholds)
    there = "cross_fit_scores" in thresholds
    section.exact("calibrations", "thresholds.json, cross_fit_scores", there, crossed)
    for key in (name for name in CALIBRATIONS if name in thresholds):
        section.exact("scores with thresholds", key, sorted(thresholds[key]), sorted(score_names(dossier)))
        for score, methods in sorted(thresholds[key].items()):
            section.exact("methods", f"{key}, {score}", sorted(methods), sorted(METHODS))
            for method, stated in sorted(methods.items()):
                judged = Judged(dossier, section, (key, score, method), stated, confidence)
                judged.verify()
    _three_way(dossier, section, thresholds)
    _in_force(section, thresholds)
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


def _fitted_to_defects(dossier: Dossier, section: Section, thresholds: Any) -> None:
    """Scores that learnt from the training defects carry no threshold of theirs: all of a detector that was shown
    some, as the records of its training count, and always the score of the classifier."""
    shown_some = "train.defect-patches" in dossier.book
    names = [name for name in score_names(dossier) if shown_some or name == "decision"]
    stated = thresholds["fitted_to_defects"]
    section.exact("scores fitted to defects", "thresholds.json, fitted_to_defects", stated, sorted(names))


def force_row(thresholds: Any) -> Any:
    """The result of the score, method and calibration in force."""
    force = thresholds["in_force"]
    key = next(key for key, kind in CALIBRATIONS.items() if kind == force["calibration"])
    return thresholds[key][force["score"]][force["method"]]


def _in_force(section: Section, thresholds: Any) -> None:
    """In force is the result that it names, or, where a three-way verdict could accept nothing, no threshold."""
    force, chosen = thresholds["in_force"], force_row(thresholds)
    stated = {key: value for key, value in force.items() if key not in ("score", "method", "accept_below")}
    if "acceptance-out-of-reach" in force["details"].get("reason_codes", []):
        wanted = dict.fromkeys(("threshold", "low", "high", "accept_below"))
        section.exact("threshold in force", "in_force", {key: force[key] for key in wanted}, wanted)
        nothing = [item["accept_below"] for item in thresholds["three_way"][force["score"]]]
        text = "in_force: withdrawn, although each setting of the three-way verdict accepts something"
        section.holds("threshold in force", text, None in nothing and not force["eligible"])
    else:
        section.exact("threshold in force", "thresholds.json, in_force", stated, chosen)
    limit, threshold = force["accept_below"], force["threshold"]
    if limit is not None:
        limits = [item["accept_below"] for item in thresholds["three_way"][force["score"]]]
        fine = threshold is not None and limit in [
            min(item, threshold) for item in limits if item is not None
        ]
        text = "in_force, accept_below: is no limit of the three-way verdict at the threshold in force"
        section.holds("threshold in force", text, fine)
    section.notes.append(
        f"in force: {force['score']}, {force['method']}, threshold {threshold!r}, accepted below {limit!r}"
    )


def _three_way(dossier: Dossier, section: Section, thresholds: Any) -> None:
    """Both limits at every pair of rates, and the shares that go to a person."""
    stated, kind = thresholds["three_way"], thresholds["in_force"]["calibration"]
    section.exact("scores with thresholds", "three_way", sorted(stated), sorted(score_names(dossier)))
    for score, grid in sorted(stated.items()):
        normals, defects = calibration_normals(dossier, kind, score), training_defects(dossier, score)
        for item in grid:
            name = f"three-way, {score}, {item['false_reject_rate']}, {item['missed_defect_rate']}"
            low, high = three_way_limits(
                normals, defects, item["false_reject_rate"], item["missed_defect_rate"]
            )
            scale = max((abs(value) for value in (*normals, *defects)), default=1.0)
            for key, found in (("accept_below", low), ("reject_from", high)):
                section.near("three-way limits", f"{name}: {key}", item[key], found, scale=scale)
            for key, scores in (("calibration", normals), ("tuning", defects)):
                share_of = share_between(scores, low, high)
                text = f"{name}: share undecided, {key}"
                section.near("shares left undecided", text, item["share_undecided"][key], share_of)


def three_way_limits(
    normals: Sequence[float], defects: Sequence[float], reject: float, miss: float
) -> tuple[float | None, float | None]:
    """(accepted below, rejected from): conformal limits of both classes, each at its rate.

    Example:
        >>> low, high = three_way_limits(list(map(float, range(99))), list(map(float, range(90, 109))), 0.05, 0.1)
        >>> low, round(high)
        (91.0, 94)
    """
    rank = conformal_rank(len(normals), reject)
    high = math.nextafter(normals[rank - 1], math.inf) if rank <= len(normals) else None
    place = math.floor(round((len(defects) + 1) * miss, 9))
    low = defects[place - 1] if place else None
    if low is None or high is None:
        return low, high
    return min(low, high), max(low, high)


def share_between(scores: Sequence[float], low: float | None, high: float | None) -> float | None:
    """Share of sorted scores at or above one limit and below the other."""
    if low is None or high is None or not scores:
        return None
    return (bisect_left(scores, high) - bisect_left(scores, low)) / len(scores)


def calibration_normals(dossier: Dossier, kind: str, score: str) -> list[float]:
    """Sorted scores of the normals of a calibration: held-out, training or cross-fit."""
    if kind != "cross-fit":
        return calibration(dossier, "train" if kind == "training" else "calibration", score)
    values = (row.score(score) for row in dossier.crossed())
    found: list[float] = dossier.once(
        f"cross-fit, {score}", lambda: sorted(v for v in values if v is not None)
    )
    return found


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
    """One stated threshold, with the scores that it has to follow from.

    Args:
        dossier, section: where scores come from and findings go.
        place: key of thresholds.json, score, method.
        stated: the result.
        confidence: of its bounds.
    """

    def __init__(
        self,
        dossier: Dossier,
        section: Section,
        place: tuple[str, str, str],
        stated: Mapping[str, Any],
        confidence: float,
    ) -> None:
        key, score, self.method = place
        self.kind = CALIBRATIONS[key]
        self.section, self.name = section, f"{score}, {self.method}, {self.kind}"
        self.stated, self.details, self.confidence = stated, stated["details"], confidence
        self.normals = calibration_normals(dossier, self.kind, score)
        self.defects = training_defects(dossier, score)
        self.held_out = calibration(dossier, "calibration", score)
        self.scale = max((abs(value) for value in (*self.normals, *self.defects)), default=1.0)

    def verify(self) -> None:
        """Threshold, its interval where it is exact, its details, its promise and its eligibility."""
        method = self.method
        threshold, faults = METHODS[method](self)
        n = len(self.normals) + (len(self.defects) if method in ON_DEFECTS else 0)
        self.exact("n", len(self.defects) if method == "recall_bound" else n)
        self.exact("calibration", self.kind)
        self._eligibility(faults)
        tolerance = FIT_TOLERANCE if method == "evt_pot" else TOLERANCE
        if self.stated["eligible"]:
            self._score("thresholds", "threshold", self.stated["threshold"], threshold, tolerance)
        elif "estimate" in self.details or threshold is not None:
            stated = self.details.get("estimate")
            self._score("estimates of what may not be used", "estimate", stated, threshold, tolerance)
        if method in LEFT_INTERVALS and threshold is not None:
            self.section.not_recomputed(LEFT_INTERVALS[method], 2)
        if "calibration_false_rejects" in self.details:
            self._false_rejects("calibration_false_rejects", self.normals, self.stated_threshold())
        if self.kind != "held-out" and self.stated["eligible"]:
            self._false_rejects("held_out_false_rejects", self.held_out, self.stated["threshold"])
        self._words()
        self._assumptions()

    def stated_threshold(self) -> Any:
        """The threshold, or what would be it if the method were eligible."""
        return self.stated["threshold"] if self.stated["eligible"] else self.details.get("estimate")

    def exact(self, key: str, found: Any) -> None:
        """A figure of the result."""
        self.section.exact("figures of thresholds", f"{self.name}: {key}", self.stated[key], found)

    def detail(self, key: str, found: Any, scale: float = 1.0) -> None:
        """A figure among the details, where it is stated."""
        self.section.near(
            "details of thresholds", f"{self.name}: {key}", self.details[key], found, scale=scale
        )

    def promise(self, rate: float | None, confidence: float | None = None) -> None:
        """The promised share of rejected normals, and the confidence in it (None: on average)."""
        for key, found in (("promised_false_reject_rate", rate), ("promise_confidence", confidence)):
            self.section.near("promised rates", f"{self.name}: {key}", self.stated[key], found)

    def interval(self, scores: Sequence[float], probability: float) -> None:
        """Order statistics around a quantile, in the result or, where it may not be used, among the details."""
        place, prefix = (self.stated, "") if self.stated["eligible"] else (self.details, "estimate_")
        for key, found in zip(("low", "high"), order_statistics(scores, probability, self.confidence)):
            name = f"{self.name}: {prefix}{key}"
            self.section.near(
                "exact intervals of thresholds", name, place[f"{prefix}{key}"], found, scale=self.scale
            )

    def _score(
        self, what: str, key: str, stated: Any, found: float | None, tolerance: float = TOLERANCE
    ) -> None:
        self.section.near(what, f"{self.name}: {key}", stated, found, tolerance, self.scale)

    def _eligibility(self, faults: Mapping[str, bool]) -> None:
        """Faults that can be derived anew are stated exactly when they are there; the others are counted."""
        eligible, codes = self.stated["eligible"], self.details.get("reason_codes", [])
        constant = bool(self.normals) and self.normals[0] == self.normals[-1]
        faults = {"constant-scores": constant, **faults}
        for code, there in faults.items():
            self.section.exact("rules of eligibility", f"{self.name}: {code}", code in codes, there)
        unknown = sorted({*codes} - {*faults})
        if "assumption-not-met" in unknown:
            failed = any(test["holds"] is not True for test in self.stated["assumptions"])
            text = f"{self.name}: an assumption is said not to be met, but each of them is said to hold"
            self.section.holds("rules of eligibility", text, failed)
        if unknown:
            self.section.not_recomputed("reasons against a threshold: " + ", ".join(unknown))
        consistent = eligible == (not codes) == (self.stated["threshold"] is not None)
        first = self.stated["reason_code"]
        named = first in codes if codes else first in ("valid", "assumption-not-met")
        text = f"{self.name}: eligibility, reasons and threshold contradict each other"
        self.section.holds(
            "rules of eligibility", text, consistent and named and same(eligible, bool(eligible))
        )
        if not eligible:
            ends = [self.stated["low"], self.stated["high"]]
            self.section.exact("rules of eligibility", f"{self.name}: low, high", ends, [None, None])

    def _words(self) -> None:
        """The words of the promise name its rates; a threshold that may not be used promises nothing."""
        rate, confidence = self.stated["promised_false_reject_rate"], self.stated["promise_confidence"]
        told = [confidence, self.details.get("promised_recall", rate)]
        wanted = [in_percent(item) for item in told if item is not None] if self.stated["eligible"] else []
        found = re.findall(r"\d+(?:\.\d+)? %", self.stated["promise"])
        fine = found == wanted and bool(self.stated["promise"]) == bool(wanted)
        text = f"{self.name}: the words of the promise name {found}, not {wanted}"
        self.section.holds("words of promises", text, fine)

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
        """The share of ties can be derived anew; tests of normality, fit, drift and of two detectors cannot."""
        values = [*self.normals, *self.defects] if self.method in ON_DEFECTS else self.normals
        values = self.defects if self.method == "recall_bound" else values
        counts = Counter(values)
        tied = sum(times for times in counts.values() if times > 1) / len(values) if values else 0.0
        for test in self.stated["assumptions"]:
            if test["name"].startswith("continuity"):
                self.section.near("shares of tied scores", f"{self.name}: ties", test["statistic"], tied)
            elif test["p_value"] is not None:
                self.section.not_recomputed(f"tests of {test['name']}")


def in_percent(rate: float) -> str:
    """A rate in percent as promises name it: three decimals at most.

    Example:
        >>> in_percent(0.05), in_percent(0.0603448)
        ('5 %', '6.034 %')
    """
    return f"{100 * rate:.3f}".rstrip("0").rstrip(".") + " %"


Derived = tuple["float | None", "dict[str, bool]"]


def mean_sigma(judged: Judged) -> Derived:
    """mean + k s, s with n - 1; promised is what normal scores keep when both are estimated."""
    found = _normal_theory(judged, judged.details.get("sigmas", 0.0))
    if found is not None:
        sigmas, n = judged.details["sigmas"], len(judged.normals)
        judged.promise(student_tail(sigmas / math.sqrt(1 + 1 / n), n - 1))
        judged.detail("nominal_false_reject_rate", math.erfc(sigmas / math.sqrt(2)) / 2)
    return found, {}


def tolerance_normal(judged: Judged) -> Derived:
    """mean + K s, K the one-sided tolerance factor for content and confidence."""
    content, confidence = judged.details["content"], judged.details["content_confidence"]
    n, factor = len(judged.normals), judged.details["factor"]
    if n < FEW:
        judged.section.not_recomputed("tolerance factors of very few scores")
    else:
        factor = limit_factor(n, NormalDist().inv_cdf(content), confidence)
        judged.detail("factor", factor)
    if n:
        judged.promise(1 - content, confidence)
    return _normal_theory(judged, factor), {}


def _normal_theory(judged: Judged, factor: float) -> float | None:
    """mean + factor s, with the exact interval of what it estimates if scores are normal."""
    if "mean" not in judged.details:
        return None
    mean, deviation, n = mean_of(judged.normals), deviation_of(judged.normals), len(judged.normals)
    judged.detail("mean", mean, judged.scale)
    judged.detail("standard_deviation", deviation, judged.scale)
    judged.detail("sigmas", factor)
    tail = student_tail(factor / math.sqrt(1 + 1 / n), n - 1)
    judged.detail("normal_theory_expected_false_reject_rate", tail)
    if n < FEW:
        judged.section.not_recomputed("intervals from the noncentral t distribution of very few scores", 2)
        return mean + factor * deviation
    tails = ((1 - judged.confidence) / 2, (1 + judged.confidence) / 2)
    for stated, probability in zip(judged.details["normal_theory_interval"], tails):
        found = mean + deviation * limit_factor(n, factor, probability)
        name = f"{judged.name}: normal-theory interval"
        judged.section.near("intervals of normal scores", name, stated, found, scale=judged.scale)
    return mean + factor * deviation


def percentile(judged: Judged) -> Derived:
    """The empirical percentile, interpolated linearly, and above the score below it where both are equal."""
    n = len(judged.normals)
    if not n:
        return None, {"promise-out-of-reach": True}
    probability, nominal = judged.details["percent"] / 100, judged.details["nominal_false_reject_rate"]
    judged.detail("nominal_false_reject_rate", 1 - probability)
    rank = math.floor((n - 1) * judged.details["percent"] / 100) + 1
    for place, part in enumerate((n - rank, n + 1 - rank)):
        stated = judged.details["expected_false_reject_rate"][place]
        judged.section.near("details of thresholds", f"{judged.name}: expected rate", stated, part / (n + 1))
    judged.promise((n + 1 - rank) / (n + 1))
    _ranked(judged, rank, judged.confidence)
    judged.interval(judged.normals, probability)
    found = max(
        linear_quantile(judged.normals, probability), math.nextafter(judged.normals[rank - 1], math.inf)
    )
    return found, {"promise-out-of-reach": (n + 1) * nominal < 1}


def conformal_rank(n: int, rate: float) -> int:
    """ceil((n + 1)(1 - rate)), but for the last bit of the product."""
    return math.ceil(round((n + 1) * (1 - rate), 9))


def conformal(judged: Judged) -> Derived:
    """The next number above the k-th smallest score, k = ceil((n + 1)(1 - rate))."""
    rate, n = judged.stated["promised_false_reject_rate"], len(judged.normals)
    rank = conformal_rank(n, rate)
    judged.promise(rate)
    faults = {"promise-out-of-reach": rank > n}
    if rank > n:
        return None, faults
    judged.detail("expected_false_reject_rate", (n + 1 - rank) / (n + 1))
    _ranked(judged, rank, judged.confidence)
    judged.interval(judged.normals, 1 - rate)
    return math.nextafter(judged.normals[rank - 1], math.inf), faults


def tolerance_order(judged: Judged) -> Derived:
    """The next number above the smallest order statistic that covers the content with the confidence."""
    content, confidence = judged.details["content"], judged.details["content_confidence"]
    n = len(judged.normals)
    rank = tolerance_rank(n, content, confidence)
    judged.promise(1 - content, confidence)
    faults = {"promise-out-of-reach": rank is None}
    if rank is None:
        return None, faults
    judged.detail("expected_false_reject_rate", (n + 1 - rank) / (n + 1))
    _ranked(judged, rank, confidence)
    judged.interval(judged.normals, content)
    return math.nextafter(judged.normals[rank - 1], math.inf), faults


def _ranked(judged: Judged, rank: int, confidence: float) -> None:
    """The rank, and the bound of the rate above it (Wilks 1941)."""
    judged.detail("rank", rank)
    bound = beta_quantile(confidence, len(judged.normals) + 1 - rank, rank)
    judged.detail("false_reject_rate_bound", bound)


def evt_pot(judged: Judged) -> Derived:
    """Peaks over threshold: the level by its rule, the tail above it fitted anew by maximum likelihood."""
    details, normals = judged.details, judged.normals
    if not normals:
        return None, {"too-few-exceedances": True}
    none_fits = _level(judged)
    level, excesses = tail_above(normals, details["tail_fraction"])
    judged.detail("exceedances", len(excesses))
    fitted = "estimate" in details
    few = len(excesses) < details["minimum_exceedances"] or not fitted
    if not fitted:
        return None, {"too-few-exceedances": few}
    estimate = level + _tail(judged, level, excesses)
    judged.section.near(
        "generalised Pareto quantiles, fitted anew",
        f"{judged.name}: estimate",
        details["estimate"],
        estimate,
        FIT_TOLERANCE,
        max(excesses),
    )
    judged.promise(details["expected_false_reject_rate"])
    judged.section.not_recomputed("p-values of generalised Pareto fits (seeded simulation of NumPy)")
    judged.section.not_recomputed("expected rates of generalised Pareto tails (seeded simulation of NumPy)")
    return estimate, {"too-few-exceedances": few, **_tail_faults(judged, none_fits=none_fits)}


def _tail_faults(judged: Judged, *, none_fits: bool) -> dict[str, bool]:
    """Rules about the fit and about the interval's width in units of the distance from the median."""
    details, codes = judged.details, judged.details.get("reason_codes", [])
    # The limit of the fit's p-value is not attached: where some level fits, the stated code stands.
    faults = {"poor-tail-fit": True} if none_fits else {}
    if "poor-tail-fit" in codes and not none_fits:
        judged.section.not_recomputed("limits of the p-values of generalised Pareto fits")
        faults["poor-tail-fit"] = True
    low, high = (
        (judged.stated["low"], judged.stated["high"])
        if judged.stated["eligible"]
        else (details["estimate_low"], details["estimate_high"])
    )
    if low is None or high is None:
        return {**faults, "interval-not-finite": True}
    width = (high - low) / (details["estimate"] - linear_quantile(judged.normals, 0.5))
    judged.section.near("details of thresholds", f"{judged.name}: width", details["relative_width"], width)
    return {
        **faults,
        "interval-not-finite": False,
        "interval-too-wide": details["relative_width"] > details["maximum_relative_width"],
    }


def tail_above(normals: Sequence[float], share_of: float) -> tuple[float, list[float]]:
    """(level, excesses): the upper share of sorted scores lies above the level, less where scores tie.

    Example:
        >>> tail_above([0.0, 1.0, 2.0, 3.0], 0.5)
        (1.0, [1.0, 2.0])
    """
    count = math.floor(round(len(normals) * share_of, 9))
    level = normals[max(0, len(normals) - count - 1)]
    return level, [value - level for value in normals if value > level]


def _level(judged: Judged) -> bool:
    """The chosen level follows from the stated p-values of the candidates; their statistics are computed anew.

    Returns whether every candidate was rejected.
    """
    details, section = judged.details, judged.section
    tried = details["candidates"]
    for place, item in enumerate(tried):
        name = f"{judged.name}: candidate {place + 1}"
        level, excesses = tail_above(judged.normals, item["share"])
        section.near("candidate levels", f"{name}, level", item["level"], level, scale=judged.scale)
        section.exact("candidate levels", f"{name}, exceedances", item["exceedances"], len(excesses))
        section.holds("candidate levels", f"{name}: too few", len(excesses) >= details["minimum_exceedances"])
        found = anderson_darling(excesses, *pareto_fit(excesses))
        stated = item["anderson_darling"]
        section.near("Anderson-Darling statistics", f"{name}, A^2", stated, found, 1e-6)
        section.not_recomputed("p-values of candidate levels (a simulated table)")
    shares = [item["share"] for item in tried]
    falling = shares == sorted(set(shares), reverse=True)
    section.holds("candidate levels", f"{judged.name}: candidates are not in order", falling)
    rejected = forward_stop([item["p_value"] for item in tried], details["false_discovery_rate"])
    judged.detail("candidates_rejected", rejected)
    if tried:
        judged.detail("tail_fraction", tried[min(rejected, len(tried) - 1)]["share"])
    return bool(tried) and rejected == len(tried)


def forward_stop(p_values: Sequence[float], rate: float) -> int:
    """How many ordered hypotheses are rejected: G'Sell et al., J. R. Statist. Soc. B 78 (2016) 423-444.

    Example:
        >>> forward_stop([0.001, 0.02, 0.6, 0.4], 0.1), forward_stop([0.5, 0.001], 0.1)
        (2, 0)
    """
    total, found = 0.0, 0
    for place, p_value in enumerate(p_values, start=1):
        total -= math.log1p(-min(p_value, 1 - 1e-12))
        found = place if total / place <= rate else found
    return found


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


def _tuned(judged: Judged, worth: Callable[[int, int], float]) -> tuple[float, int, int] | None:
    """(threshold, normals below, defects at or above) at the lowest of the best cuts; None without any."""
    normals, defects = judged.normals, judged.defects
    if not normals or not defects or len({*normals, *defects}) < 2:
        return None
    judged.promise(None)
    found = best_midpoint(normals, defects, worth)
    _on_defects(judged, found[2])
    return found


def _on_defects(judged: Judged, caught: int) -> None:
    """What the threshold rejects of the defects that it was chosen on."""
    judged.detail("normals", len(judged.normals))
    judged.detail("defects", len(judged.defects))
    judged.detail("defects_rejected", caught)
    recall = judged.details["recall_on_defects"]
    bounds = share(caught, len(judged.defects), judged.confidence)
    for key, found in zip(("value", "low", "high"), bounds):
        judged.section.near("details of thresholds", f"{judged.name}: recall, {key}", recall[key], found)


def supervised_accuracy(judged: Judged) -> Derived:
    """The lowest of the most accurate midpoints between normals and training defects."""
    n, m = len(judged.normals), len(judged.defects)
    found, faults = _tuned(judged, lambda right, caught: right + caught), {"no-defects": not m}
    if found is None:
        return None, faults
    right = found[1] + found[2]
    judged.detail("accuracy", right / (n + m))
    return found[0], {**faults, "no-better-than-majority": right <= max(n, m)}


def supervised_balanced(judged: Judged) -> Derived:
    """The lowest of the midpoints of largest balanced accuracy."""
    n, m = len(judged.normals), len(judged.defects)
    found = _tuned(judged, lambda right, caught: right * m + caught * n)  # whole numbers: exact ties
    if found is None:
        return None, {"no-defects": not m}
    worth = found[1] * m + found[2] * n
    judged.detail("balanced_accuracy", worth / (2 * n * m))
    return found[0], {"no-defects": False, "no-better-than-one-verdict": worth <= n * m}


def cost(judged: Judged) -> Derived:
    """The lowest of the midpoints of least expected cost a part at the stated costs and prevalence."""
    n, m, given = len(judged.normals), len(judged.defects), judged.details
    prevalence = given["prevalence"]
    faults = {"no-defects": not m, "no-prevalence": prevalence is None}
    if prevalence is None:
        return None, faults
    all_missed = prevalence * given["false_negative_cost"]
    all_rejected = (1 - prevalence) * given["false_positive_cost"]

    def spent(right: int, caught: int) -> float:
        return float(all_missed * (m - caught) / m + all_rejected * (n - right) / n)

    found = _tuned(judged, lambda right, caught: -spent(right, caught))
    if found is None:
        return None, faults
    judged.detail("expected_cost", spent(*found[1:]))
    judged.detail("cost_of_rejecting_all", all_rejected)
    judged.detail("cost_of_accepting_all", all_missed)
    least = min(all_missed, all_rejected)
    faults["no-better-than-one-verdict"] = spent(*found[1:]) >= least * (1 - TIE)
    return found[0], faults


def recall_bound(judged: Judged) -> Derived:
    """The highest score of a training defect at which the exact lower bound of recall reaches the target."""
    target, m = judged.details["promised_recall"], len(judged.defects)
    judged.promise(None, judged.confidence)
    bounds = [beta_quantile(1 - judged.confidence, m + 1 - rank, rank) for rank in range(1, m + 1)]
    rank = sum(bound >= target for bound in bounds)
    faults = {"no-defects": not m, "promise-out-of-reach": not rank}
    if not rank:
        return None, faults
    threshold = judged.defects[rank - 1]
    judged.interval(judged.defects, 1 - target)
    if judged.normals:
        judged.detail("rank", rank)
        judged.detail("recall_bound", bounds[rank - 1])
        _on_defects(judged, m - bisect_left(judged.defects, threshold))
    return threshold, faults


FEW = 8
"""Fewer scores have a deviation whose density the trapezoid rule does not follow to the last digits."""
TIE = 1e-12
"""Two cuts whose worth differs by less than this share differ by rounding alone."""


def best_midpoint(
    normals: Sequence[float], defects: Sequence[float], worth: Callable[[int, int], float]
) -> tuple[float, int, int]:
    """(threshold, normals below, defects at or above) at the lowest of the best cuts between neighbouring scores.

    Example:
        >>> best_midpoint([0.0, 1.0], [3.0], lambda right, caught: right + caught)
        (2.0, 2, 1)
    """
    values = sorted({*normals, *defects})
    rows = [(bisect_right(normals, v), len(defects) - bisect_right(defects, v)) for v in values[:-1]]
    worths = [worth(*row) for row in rows]
    slack = TIE * max(abs(value) for value in worths)
    best = next(place for place, value in enumerate(worths) if value >= max(worths) - slack)
    middle = values[best] / 2 + values[best + 1] / 2
    return max(middle, math.nextafter(values[best], math.inf)), rows[best][0], rows[best][1]


METHODS: dict[str, Callable[[Judged], Derived]] = {
    "conformal": conformal,
    "cost": cost,
    "evt_pot": evt_pot,
    "mean_sigma": mean_sigma,
    "percentile": percentile,
    "recall_bound": recall_bound,
    "supervised_accuracy": supervised_accuracy,
    "supervised_balanced": supervised_balanced,
    "tolerance_normal": tolerance_normal,
    "tolerance_order": tolerance_order,
}
ON_DEFECTS = ("supervised_accuracy", "supervised_balanced", "cost")
_RESAMPLED = "bootstrap intervals of thresholds (seeded resampling of NumPy)"
LEFT_INTERVALS = {
    **dict.fromkeys((*ON_DEFECTS, "mean_sigma", "tolerance_normal"), _RESAMPLED),
    "evt_pot": "profile-likelihood intervals of thresholds",
}


# ------------------------------------------------------------------------------------------------ section: evaluation


def verify_evaluation(dossier: Dossier, section: Section) -> None:
    """Every count, rate and bound of evaluation.json from scores and labels; metrics.json says the same."""
    evaluation, thresholds = dossier.json("evaluation.json"), dossier.json("thresholds.json")
    confidence = evaluation["confidence"]
    section.notes.append(f"confidence of the bounds {confidence!r}")
    keys = ("score", "method", "calibration", "threshold", "accept_below")
    force = {key: thresholds["in_force"][key] for key in keys}
    section.exact("threshold in force", "evaluation.json, in_force", evaluation["in_force"], force)
    _test_set(dossier, section, evaluation["test"])
    results = thresholds[next(key for key, kind in CALIBRATIONS.items() if kind == force["calibration"])]
    section.exact(
        "scores evaluated", "evaluation.json", sorted(evaluation["scores"]), sorted(score_names(dossier))
    )
    for score, stated in sorted(evaluation["scores"].items()):
        limits = (results[score][force["method"]]["threshold"], None)
        if score == force["score"]:
            limits = (force["threshold"], force["accept_below"])
        _score(dossier, section, f"{score}", stated, limits, confidence)
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
    _plan(dossier, section, evaluation)
    _predictive(section, evaluation)
    _reliability(section, evaluation)
    _three_way_verdicts(dossier, section, evaluation)
    _non_inferiority(section, evaluation)


def _test_set(dossier: Dossier, section: Section, stated: Mapping[str, Any]) -> None:
    cases, force = dossier.cases(), dossier.json("thresholds.json")["in_force"]
    undecided = [case for case in cases if not case.row.decided]
    if force["accept_below"] is not None and force["threshold"] is not None:
        rule = (force["score"], force["threshold"], force["accept_below"])
        undecided = [case for case in cases if case.verdict(*rule) == "undecided"]
    wanted = {
        "images": len(cases),
        "normal": sum(case.label == 0 for case in cases),
        "defective": sum(case.label == 1 for case in cases),
        "undecided": len(undecided),
        "undecided_normal": sum(case.label == 0 for case in undecided),
        "undecided_defective": sum(case.label == 1 for case in undecided),
    }
    section.exact("counts of the test split", "evaluation.json, test", stated, wanted)


def counts_at(
    cases: Iterable[Case], score: str, threshold: float | None, limit: float | None = None
) -> Counts:
    """Confusion counts of a score at a threshold, and at the limit of a three-way verdict."""
    chosen = list(cases)
    return Counts.of(
        [case.label for case in chosen], [case.verdict(score, threshold, limit) for case in chosen]
    )


def _score(
    dossier: Dossier,
    section: Section,
    score: str,
    stated: Mapping[str, Any],
    limits: tuple[Any, Any],
    confidence: float,
) -> None:
    """One score: counts, rates with undecided images against it and without them, areas."""
    cases, (threshold, limit) = dossier.cases(), limits
    section.exact("thresholds evaluated", f"{score}: threshold", stated["threshold"], threshold)
    counts = counts_at(cases, score, threshold, limit)
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
        for key in CALIBRATIONS
        for score, methods in thresholds.get(key, {}).items()
        for method, result in methods.items()
    ]
    rows, confidence = evaluation["methods"], evaluation["confidence"]
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
        result = found[row["score"], row["method"], row["calibration"]]
        at = result["threshold"] if result["threshold"] is not None else result["details"].get("estimate")
        name = f"{row['score']}, {row['method']}, {row['calibration']}"
        _method(dossier, section, name, row, result, at, confidence)
    promise, force = evaluation["promise"], evaluation["in_force"]
    result = found[force["score"], force["method"], force["calibration"]]
    named = [promise[key] for key in ("score", "method", "calibration")]
    what = "promise of the threshold in force"
    section.exact(what, "promise", named, [force["score"], force["method"], force["calibration"]])
    _method(dossier, section, "promise", promise, result, force["threshold"], confidence)
    rate, low = promise["promised_false_reject_rate"], promise["observed_false_reject_rate"]["low"]
    wanted_kept = None if rate is None or low is None or not promise["eligible"] else low <= rate
    section.exact(what, "promise, kept", promise["kept"], wanted_kept)


def _method(
    dossier: Dossier,
    section: Section,
    name: str,
    row: Mapping[str, Any],
    result: Mapping[str, Any],
    at: Any,
    confidence: float,
) -> None:
    """One result with two verdicts at a limit: its threshold, or its estimate where it may not be used."""
    copied = ("threshold", "promised_false_reject_rate", "promise", "promise_confidence")
    stated = [row[key] for key in (*copied, "eligible", "judged_at")]
    wanted = [result[key] for key in copied] + [result["threshold"] is not None, at]
    section.exact("thresholds evaluated", f"{name}: threshold", row["threshold"], result["threshold"])
    section.exact("methods with their promise", f"{name}: promise and limit", stated, wanted)
    counts = counts_at(dossier.cases(), row["score"], at)
    section.exact("confusion counts", f"{name}: counts", row["counts"], counts.as_json())
    found = rates(counts.against(), confidence) if at is not None else dict.fromkeys(RATES, NOTHING)
    _estimates(section, name, row["metrics"], found)
    observed = share(counts.fp, counts.fp + counts.tn, confidence) if at is not None else NOTHING
    _estimate(
        section,
        "rates and exact bounds",
        f"{name}: observed rate",
        row["observed_false_reject_rate"],
        observed,
    )


def _lists(dossier: Dossier, section: Section, evaluation: Any) -> None:
    """The images that were judged wrongly or not at all, in the order of their distance from the threshold."""
    score, threshold, limit = (evaluation["in_force"][key] for key in ("score", "threshold", "accept_below"))
    for key, label, verdict in (
        ("false_negatives", (1,), "accept"),
        ("false_positives", (0,), "reject"),
        ("undecided", (0, 1), "undecided"),
    ):
        rule = (score, threshold, limit)
        chosen = [c for c in dossier.cases() if c.label in label and c.verdict(*rule) == verdict]
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


def counts_in_force(evaluation: Any) -> Counts:
    """The counts that the section above derived anew."""
    return Counts.stated(evaluation["scores"][evaluation["in_force"]["score"]]["counts"])


def _plan(dossier: Dossier, section: Section, evaluation: Any) -> None:
    """What the test set can carry of each criterion on a proportion, from its numbers of images alone."""
    stated, confidence = evaluation["plan"], evaluation["confidence"]
    section.near("what the test set can carry", "plan, confidence", stated["confidence"], confidence)
    one_sided = stated["one_sided_confidence"]
    section.near("what the test set can carry", "plan, one side", one_sided, (1 + confidence) / 2)
    try:
        criteria = read_acceptance(dossier.text("acceptance.yaml"))["criteria"]
    except Unreadable as error:
        section.missing(
            f"acceptance.yaml cannot be read by this script, so the plan was not derived: {error}"
        )
        return
    ids = sorted(criterion["id"] for criterion in criteria)
    section.exact("what the test set can carry", "plan, criteria", sorted(stated["criteria"]), ids)
    for criterion in criteria:
        item, name = stated["criteria"][criterion["id"]], f"plan, {criterion['id']}"
        metric = criterion["metric"].replace("{score}", evaluation["in_force"]["score"])
        counted = criterion.get("of") or criterion.get("sample")
        wanted = [metric, criterion["bound"], criterion["limit"], counted]
        told = [item[key] for key in ("metric", "bound", "limit", "units_record")]
        section.exact("what the test set can carry", name, told, wanted)
        if counted and item["units"] is not None:
            section.recorded("what the test set can carry", dossier, counted, item["units"])
        found = carried_by(item["units"], criterion, confidence) if counted else dict.fromkeys(CARRIED)
        for key, value in found.items():
            section.near("what the test set can carry", f"{name}, {key}", item[key], value)


CARRIED = ("strongest", "failures_allowed", "units_needed", "carried")


def carried_by(units: Any, criterion: Mapping[str, Any], confidence: float) -> dict[str, Any]:
    """Best bound, failures allowed, units needed, and whether so many units can carry a criterion.

    Example:
        >>> found = carried_by(180, {"bound": "low", "comparison": ">=", "limit": 0.95}, 0.95)
        >>> round(found["strongest"], 4), found["failures_allowed"], found["units_needed"], found["carried"]
        (0.9797, 3, 72, True)
    """
    side, limit, tail = criterion["bound"], float(criterion["limit"]), (1 - confidence) / 2
    reliability = limit if side == "low" else 1 - limit
    needed = 1 if reliability <= 0 else None
    if 0 < reliability < 1:
        needed = max(1, math.floor(math.log(tail) / math.log(reliability)))
        needed += reliability**needed > tail * (1 + TIE)
    found: dict[str, Any] = {**dict.fromkeys(CARRIED), "units_needed": needed}
    if units is None:
        return found
    allowed = -1
    while 0 <= allowed + 1 <= units and units:
        right = units - allowed - 1 if side == "low" else allowed + 1
        if not _meets(clopper_pearson(right, units, confidence)[side == "high"], criterion):
            break
        allowed += 1
    best = strongest_bound(units, side, confidence) if units else None
    fewest = None if allowed < 0 else allowed
    return {**found, "strongest": best, "failures_allowed": fewest, "carried": allowed >= 0}


def _predictive(section: Section, evaluation: Any) -> None:
    """Predictive values at the stated prevalence, by Bayes at the corners of recall and specificity."""
    stated, counts = evaluation["predictive"], counts_in_force(evaluation).against()
    prevalence = stated["field_prevalence"]
    section.exact("predictive values", "predictive, provided", stated["provided"], prevalence is not None)
    section.not_recomputed("share of defective parts in the field (the manufacturer's, not attached)")
    each = math.sqrt(evaluation["confidence"])
    corners: list[tuple[Any, Any]] = [(None, None)] * 3
    if None not in (prevalence, evaluation["in_force"]["threshold"]) and counts.defective and counts.normal:
        both = (share(counts.tp, counts.defective, each), share(counts.tn, counts.normal, each))
        corners = [bayes(recall, specificity, prevalence) for recall, specificity in zip(both[0], both[1])]
    for place, name in enumerate(("positive", "negative")):
        found = tuple(corner[place] for corner in corners)
        _estimate(
            section, "predictive values", f"predictive, {name}", stated[name], (found[0], found[1], found[2])
        )


def bayes(recall: float, specificity: float, prevalence: float) -> tuple[float | None, float | None]:
    """Share of defective among rejected parts, and of normal among accepted ones.

    Example:
        >>> bayes(1.0, 1.0, 0.1), bayes(0.0, 1.0, 0.1)
        ((1.0, 1.0), (None, 0.9))
    """
    rejected = (recall * prevalence, (1 - specificity) * (1 - prevalence))
    accepted = (specificity * (1 - prevalence), (1 - recall) * prevalence)
    positive = rejected[0] / sum(rejected) if sum(rejected) > 0 else None
    return positive, (accepted[0] / sum(accepted) if sum(accepted) > 0 else None)


def _reliability(section: Section, evaluation: Any) -> None:
    """One-sided exact bounds of recall and specificity, overall and by subgroup, and the figures of their words."""
    stated, groups = evaluation["reliability"], evaluation["subgroups"]["all"]
    confidence = stated["confidence"]
    section.near("reliabilities", "reliability, confidence", confidence, evaluation["confidence"])
    names = [[row["column"], row["value"]] for row in stated["subgroups"]]
    wanted = [[row["column"], row["value"]] for row in groups]
    section.exact("reliabilities", "reliability, subgroups", names, wanted)
    decided = evaluation["in_force"]["threshold"] is not None
    rows = [("overall", stated, counts_in_force(evaluation))]
    rows += [
        (f"{row['column']} = {row['value']}", row, Counts.stated(group["counts"]))
        for row, group in zip(stated["subgroups"], groups)
    ]
    for name, row, counts in rows:
        for metric, right, units in (
            ("recall", counts.tp, counts.defective),
            ("specificity", counts.tn, counts.normal),
        ):
            told = [row[metric]["units"], row[metric]["failures"]]
            section.exact("reliabilities", f"{name}, {metric}: units", told, [units, units - right])
            found = None
            if decided and units:
                found = beta_quantile(1 - confidence, right, units - right + 1) if right else 0.0
            section.near("reliabilities", f"{name}, {metric}: reliability", row[metric]["reliability"], found)
            _statement(section, f"{name}, {metric}", row[metric], confidence)
    for metric in ("recall", "specificity"):
        some = [row for row in stated["subgroups"] if row[metric]["units"]]
        least = min(some, key=lambda r: (r[metric]["units"], r["column"], r["value"]), default=None)
        found_least = least and {"column": least["column"], "value": least["value"], **least[metric]}
        section.exact("reliabilities", f"smallest, {metric}", stated["smallest"][metric], found_least)


def _statement(section: Section, name: str, row: Mapping[str, Any], confidence: float) -> None:
    """The words name the figures beside them, the bound rounded down."""
    if row["reliability"] is None:
        fine = "not evaluable" in row["statement"]
    else:
        floor = f"{math.floor(row['reliability'] * 1e4) / 1e4:.4f}"
        told = [f"{100 * confidence:g}", floor, str(row["failures"]), str(row["units"])]
        fine = re.findall(r"\d+(?:\.\d+)?", row["statement"]) == told
    text = f"reliability, {name}: the words name other figures: {shown(row['statement'])}"
    section.holds("words of reliabilities", text, fine)


def _three_way_verdicts(dossier: Dossier, section: Section, evaluation: Any) -> None:
    """Verdicts at every pair of limits of thresholds.json: counts, share sent to a person, rates."""
    score, confidence = evaluation["in_force"]["score"], evaluation["confidence"]
    settings = dossier.json("thresholds.json")["three_way"][score]
    keys = ("false_reject_rate", "missed_defect_rate", "accept_below", "reject_from")
    rows = evaluation["three_way"]
    stated = [[row[key] for key in keys] for row in rows]
    wanted = [[item[key] for key in keys] for item in settings]
    section.exact("three-way verdicts", "three_way, settings", stated, wanted)
    for row in rows:
        name = f"three_way, {row['false_reject_rate']}, {row['missed_defect_rate']}"
        low, high = row["accept_below"], row["reject_from"]
        known = low is not None and high is not None
        counts = counts_at(dossier.cases(), score, high, low) if known else Counts(0, 0, 0, 0)
        section.exact(
            "three-way verdicts", f"{name}: counts", row["counts"], by_verdict(counts) if known else None
        )
        undecided = counts.un + counts.ud
        shares = {
            "all": (undecided, counts.normal + counts.defective),
            "normal": (counts.un, counts.normal),
            "defective": (counts.ud, counts.defective),
        }
        for group, (part, total) in shares.items():
            found = share(part, total, confidence)
            text = f"{name}: to a person, {group}"
            _estimate(section, "three-way verdicts", text, row["share_to_person"][group], found)
        for kind, used in (("decided", counts.decided()), ("conservative", counts.against())):
            for metric in ("recall", "specificity"):
                text = f"{name}: {kind}, {metric}"
                found = rates(used, confidence)[metric]
                _estimate(section, "three-way verdicts", text, row[kind][metric], found)


def by_verdict(counts: Counts) -> dict[str, dict[str, int]]:
    """Counts by verdict, then by label."""
    return {
        "accept": {"normal": counts.tn, "defective": counts.fn},
        "reject": {"normal": counts.fp, "defective": counts.tp},
        "undecided": {"normal": counts.un, "defective": counts.ud},
    }


def _non_inferiority(section: Section, evaluation: Any) -> None:
    """Recall and specificity against those of the inspection that is replaced, as the manufacturer states them."""
    stated, counts = evaluation["non_inferiority"], counts_in_force(evaluation).against()
    confidence, margin = stated["confidence"], stated["margin"]
    section.near("comparison with people", "confidence", confidence, evaluation["confidence"])
    for metric, right, units in (
        ("recall", counts.tp, counts.defective),
        ("specificity", counts.tn, counts.normal),
    ):
        row, name = stated[metric], f"non_inferiority, {metric}"
        machine = {"right": right, "units": units, "share": right / units if units else None}
        section.exact("comparison with people", f"{name}: machine", row["machine"], machine)
        human, known = row["human"], row["human"] is not None
        known = known and units > 0 and evaluation["in_force"]["threshold"] is not None
        difference = low = None
        if known:
            part, whole_units = human["right"], human["units"]
            section.not_recomputed(
                "figures of the inspection that is replaced (the manufacturer's, not attached)"
            )
            section.near("comparison with people", f"{name}: human", human["share"], part / whole_units)
            difference = right / units - part / whole_units
            low = difference_low(right, units, part, whole_units, confidence)
        section.near("comparison with people", f"{name}: difference", row["difference"], difference)
        section.near("comparison with people", f"{name}: low", row["low"], low)
        shown_as = None if row["low"] is None else row["low"] > -margin
        section.exact("comparison with people", f"{name}: shown", row["shown"], shown_as)


def difference_low(x: int, m: int, y: int, n: int, confidence: float) -> float:
    """One-sided lower bound of x/m - y/n: Miettinen and Nurminen, Statistics in Medicine 4 (1985) 213-226.

    Example:
        >>> round(difference_low(56, 70, 48, 80, 0.975), 4)  # Newcombe, Statist. Med. 17 (1998) 873-890, table II
        0.0528
    """
    quantile, observed = NormalDist().inv_cdf(confidence), x / m - y / n
    low, high = -1.0, observed
    for _ in range(60):
        d = (low + high) / 2
        p = restricted_proportion(x, m, y, n, d)
        variance = (p * (1 - p) / m + (p - d) * (1 - p + d) / n) * (m + n) / (m + n - 1)
        rejected = observed > d if variance <= 1e-300 else (observed - d) / math.sqrt(variance) > quantile
        low, high = (d, high) if rejected else (low, d)
    return low


def restricted_proportion(x: int, m: int, y: int, n: int, d: float) -> float:
    """The first of two proportions of greatest likelihood when the second is smaller by d: root of the slope."""
    low, high = max(0.0, d), min(1.0, 1 + d)
    for _ in range(80):
        p = (low + high) / 2
        slope = 0.0
        for part, total, chance in ((x, m, p), (y, n, p - d)):
            slope += part / max(chance, 1e-300) if part else 0.0
            slope -= (total - part) / max(1 - chance, 1e-300) if total - part else 0.0
        low, high = (p, high) if slope > 0 else (low, p)
    return (low + high) / 2


# ------------------------------------------------------------------------------- section: disturbances and repetitions

UNDISTURBED = "none"
SIGNED = ("tilt", "brightness", "contrast")
Rows = Sequence[Mapping[str, str]]


def decide(value: float | None, force: Mapping[str, Any]) -> str:
    """The verdict in force on a score.

    Example:
        >>> force = {"threshold": 1.0, "accept_below": 0.5}
        >>> [decide(value, force) for value in (0.4, 0.5, 1.0, None)]
        ['accept', 'undecided', 'reject', 'undecided']
    """
    threshold, limit = force["threshold"], force["accept_below"]
    if value is None or threshold is None:
        return "undecided"
    if value >= threshold:
        return "reject"
    return "accept" if limit is None or value < limit else "undecided"


def scored_cell(row: Mapping[str, str], score: str) -> float | None:
    """The score in force of a row of disturbed.csv, seeded.csv or repeats.csv; None where it has none."""
    decided = truth(row["decided"]) if "decided" in row else row[score] != ""
    if decided:
        return number(row[score])
    if row[score]:
        raise ValueError(f"{row['image_id']} is undecided, but has a score")
    return None


def verify_challenge(dossier: Dossier, section: Section) -> None:
    """Disturbed images by kind and severity, and repetitions, against scores, labels, threshold and criteria."""
    force, challenge = dossier.json("thresholds.json")["in_force"], dossier.json("challenge.json")
    rows = disturbed_rows(dossier)
    _disturbed(dossier, section, challenge["disturbed"], rows)
    _undisturbed(dossier, section, challenge["undisturbed"], rows.get((UNDISTURBED, 0.0), []))
    _repeats(dossier, section, force)
    section.not_recomputed("disturbed and repeated scores other than the one in force (not attached)")


def disturbed_rows(dossier: Dossier) -> dict[tuple[str, float], list[Mapping[str, str]]]:
    """(disturbance, severity) -> rows of disturbed.csv."""
    found: dict[tuple[str, float], list[Mapping[str, str]]] = {}
    for row in dossier.rows("disturbed.csv"):
        found.setdefault((row["disturbance"], number(row["severity"])), []).append(row)
    return found


def amount_at(name: str, limit: float, severity: float) -> float:
    """What is done at a multiple of a declared limit; of JPEG, severities count from quality 100 downwards.

    Example:
        >>> amount_at("shift", 4.0, 1.5), amount_at("jpeg", 90, 2.0)
        (6.0, 80.0)
    """
    if name == "jpeg":
        return float(max(1, round(100 - severity * (100 - limit))))
    found = round(severity * limit, 9)
    return min(found, 1.0) if name in ("brightness", "contrast", "noise") else found


def _disturbed(
    dossier: Dossier,
    section: Section,
    stated: Mapping[str, Any],
    rows: Mapping[tuple[str, float], Rows],
) -> None:
    """Every declared disturbance and severity holds the same test images, each once, at the declared amount."""
    test = {case.row.image for case in dossier.cases()}
    images = [row["image_id"] for row in rows.get((UNDISTURBED, 0.0), [])]
    steps = {
        (name, step): amount
        for name, item in stated["envelope"].items()
        for step, amount in zip(stated["severities"], item["amounts"])
    }
    wanted = {**steps, **({(UNDISTURBED, 0.0): 0.0} if images else {})}
    section.exact("disturbances tried", "disturbed.csv", sorted(rows), sorted(wanted))
    for (name, step), amount in steps.items():
        limit = stated["envelope"][name]["limit"]
        section.near("disturbances tried", f"{name}, {step}: amount", amount, amount_at(name, limit, step))
    for (name, step), members in sorted(rows.items()):
        text = f"disturbed.csv, {name}, {step}: not the undisturbed test images, each once"
        same_images = [row["image_id"] for row in members] == images
        section.holds("disturbances tried", text, same_images and len(set(images)) == len(images))
        amounts = {number(row["amount"]) for row in members}
        amounts = {abs(value) for value in amounts} if name in SIGNED else amounts
        text = f"disturbed.csv, {name}, {step}: another amount than was declared"
        section.holds("disturbances tried", text, amounts == {wanted.get((name, step))})
    copies = len(images) * len(steps)
    facts = {
        "test": len(test),
        "disturbed": len(images),
        "sampled": 0 < len(images) < len(test),
        "copies": copies,
    }
    section.exact("disturbances tried", "challenge.json, images", stated["images"], facts)
    section.exact(
        "disturbances tried", "challenge.json, declared", stated["declared"], bool(stated["envelope"])
    )
    text = "disturbed.csv: an image that is none of the test split"
    section.holds("disturbances tried", text, set(images) <= test)


def _undisturbed(dossier: Dossier, section: Section, stated: Mapping[str, Any], rows: Rows) -> None:
    """Undisturbed images, scored once more, against the scores on record."""
    score = dossier.json("thresholds.json")["in_force"]["score"]
    known = {case.row.image: case.row.score(score) for case in dossier.cases()}
    again = {row["image_id"]: scored_cell(row, score) for row in rows}
    section.exact("undisturbed images", "images", stated["images"], len(again))
    otherwise = sum((known[image] is None) != (value is None) for image, value in again.items())
    section.exact("undisturbed images", "decided otherwise", stated["decided_otherwise"], otherwise)
    pairs = [(known[image], value) for image, value in again.items()]
    largest = largest_difference(pairs)
    text = "the largest difference of all scores is smaller than that of the score in force"
    told = stated["largest_relative_difference"]
    fine = (told is None) == (largest is None) and (largest is None or told >= largest * (1 - TOLERANCE))
    section.holds("undisturbed images", f"challenge.json, undisturbed: {text}", fine)


def largest_difference(pairs: Iterable[tuple[float | None, float | None]]) -> float | None:
    """Largest |b - a| / |a| of pairs that have both.

    Example:
        >>> largest_difference([(2.0, 2.5), (None, 1.0)])
        0.25
    """
    found = [abs(b - a) / max(abs(a), 1e-12) for a, b in pairs if a is not None and b is not None]
    return max(found, default=None)


def _repeats(dossier: Dossier, section: Section, force: Mapping[str, Any]) -> None:
    """Repetitions: which, how far from the scores on record, how many verdicts they change."""
    stated, score, what = dossier.json("repeatability.json"), force["score"], "repetitions"
    known = {case.row.image: case.row.score(score) for case in dossier.cases()}
    first = {image: value for image, value in known.items() if value is not None}
    rows = dossier.rows("repeats.csv")
    pairs = [(first.get(row["image_id"]), scored_cell(row, score)) for row in rows]
    runs: dict[int, set[tuple[int, str]]] = {}
    images: dict[int, list[str]] = {}
    for row in rows:
        runs.setdefault(whole(row["repeat"]), set()).add((whole(row["batch_size"]), row["order"]))
        images.setdefault(whole(row["repeat"]), []).append(row["image_id"])
    wanted = [
        {"repeat": place, "batch_size": size, "order": order}
        for place in sorted(runs)
        for size, order in sorted(runs[place])
    ]
    section.exact(what, "repeatability.json, repeats", stated["repeats"], wanted)
    once = all(len(set(found)) == len(found) for found in images.values())
    section.holds(what, "repeats.csv: an image twice in one repetition", once)
    facts = {"score": score, "threshold": force["threshold"], "accept_below": force["accept_below"]}
    section.exact(what, "repeatability.json, in force", {key: stated[key] for key in facts}, facts)
    section.exact(
        what, "images", [stated["images"], stated["undecided"]], [len(first), len(known) - len(first)]
    )
    told = stated["scores"][score]["largest_relative_difference"]
    section.near(what, f"{score}: largest difference", told, largest_difference(pairs))
    largest = [item["largest_relative_difference"] for item in stated["scores"].values()]
    most = max((item for item in largest if item is not None), default=None)
    section.exact(what, "largest difference", stated["largest_relative_difference"], most)
    missing = sum(max(0, len(first) - len(set(found))) for found in images.values())
    unmatched = missing + sum((one is None) != (two is None) for one, two in pairs)
    section.holds(what, f"unmatched: fewer than {unmatched}", stated["unmatched"] >= unmatched)
    flips = sum(decide(one, force) != decide(two, force) for one, two in pairs)
    section.exact(
        what, "verdict flips", stated["verdict_flips"], None if force["threshold"] is None else flips
    )


# ------------------------------------------------------------------------------------------------- section: robustness

JUDGED = ("recall", "specificity", "auroc")


def verify_robustness(dossier: Dossier, section: Section) -> None:
    """Each cell of disturbance and severity, what is lost there, and how far the criteria hold."""
    stated, challenge = dossier.json("robustness.json"), dossier.json("challenge.json")["disturbed"]
    force, rows = dossier.json("thresholds.json")["in_force"], disturbed_rows(dossier)
    labels = {case.row.image: case.label for case in dossier.cases()}
    confidence = dossier.json("evaluation.json")["confidence"]
    told = [stated[key] for key in ("confidence", "score", "threshold", "accept_below", "test_images")]
    wanted = [confidence, *(force[key] for key in ("score", "threshold", "accept_below")), len(labels)]
    section.exact("robustness in force", "robustness.json", told, wanted)
    criteria = _robust_criteria(dossier, section, stated)
    base = rows.get((UNDISTURBED, 0.0), [])
    section.exact("robustness in force", "robustness.json, declared", stated["declared"], bool(base))
    section.exact("robustness in force", "robustness.json, images", stated["images"], len(base))
    names = sorted(challenge["envelope"]) if base else []
    section.exact("robustness in force", "disturbances", sorted(stated["disturbances"]), names)
    if not base:
        section.exact("robustness in force", "undisturbed", stated["undisturbed"], None)
        return
    judge = Disturbances(section, force, labels, confidence, criteria)
    first = judge.cell("undisturbed", stated["undisturbed"], base, base, (0.0, 0.0))
    lost: list[dict[str, Any]] = []
    for name, item in stated["disturbances"].items():
        declared = challenge["envelope"][name]
        for key in ("unit", "limit", "meaning"):
            section.exact("robustness in force", f"{name}, {key}", item[key], declared[key])
        steps = list(zip(challenge["severities"], declared["amounts"]))
        keys = [str(float(step)).replace(".", "_") for step, _ in steps]
        section.exact("robustness in force", f"{name}, cells", sorted(item["cells"]), sorted(keys))
        cells = [
            judge.cell(f"{name}, {step}", item["cells"][key], rows[name, step], base, (step, amount))
            for key, (step, amount) in zip(keys, steps)
        ]
        judge.reach(name, item, first, cells)
        lost += [
            {
                "criterion": criterion,
                "disturbance": name,
                "severity": cell["severity"],
                "amount": cell["amount"],
            }
            for cell in cells
            for criterion, met in cell["holds"].items()
            if cell["severity"] <= 1 and met is not True and first["holds"][criterion] is True
        ]
    told = sorted(stated["lost_inside"], key=canonical)
    section.exact("criteria lost", "lost_inside", told, sorted(lost, key=canonical))
    number_lost = len({row["criterion"] for row in lost})
    section.exact("criteria lost", "criteria_lost_inside", stated["criteria_lost_inside"], number_lost)
    _robust_statement(section, stated, first)


def _robust_criteria(dossier: Dossier, section: Section, stated: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Criteria on recall, specificity and AUROC of the score in force, as acceptance.yaml states them."""
    score = dossier.json("thresholds.json")["in_force"]["score"]
    try:
        criteria = read_acceptance(dossier.text("acceptance.yaml"))["criteria"]
    except Unreadable as error:
        section.missing(
            f"acceptance.yaml cannot be read by this script, so its criteria are not held: {error}"
        )
        return [dict(item) for item in stated["criteria"]]
    named = {f"evaluate.{score}.{metric}" for metric in JUDGED}
    rows = [{**row, "metric": row["metric"].replace("{score}", score)} for row in criteria]
    chosen = [row for row in rows if row["metric"] in named]
    keys = ("id", "metric", "bound", "limit")
    told = [[item[key] for key in keys] for item in stated["criteria"]]
    section.exact("robustness in force", "criteria", told, [[row[key] for key in keys] for row in chosen])
    return chosen


def _robust_statement(section: Section, stated: Mapping[str, Any], first: Mapping[str, Any]) -> None:
    """The sentence names the criteria that fail undisturbed, or the amounts that they hold up to."""
    text, failing = stated["statement"], [name for name, met in first["holds"].items() if met is not True]
    if not first["holds"]:
        fine = not text.startswith("every criterion")
    elif failing:
        named = re.search(r"not met without disturbance \(([^)]*)\)", text)
        fine = named is not None and named[1].split(", ") == failing
    else:
        told = []
        for name, item in stated["disturbances"].items():
            amount, cells = item["criteria_hold_up_to"]["amount"], list(item["cells"].values())
            smallest = min(cells, key=lambda cell: cell["severity"])["amount"]
            way = "not even at" if amount is None else "down to" if name == "jpeg" else "up to"
            told.append(f"{name} {way} {smallest if amount is None else amount:g} {item['unit']}")
        fine = text.startswith("every criterion") and all(part in text for part in told)
    section.holds("words of the robustness", f"robustness.json, statement: {shown(text)}", fine)


class Disturbances:
    """Judges disturbed images.

    Args:
        section: where findings go.
        force: what is in force.
        labels: image -> 0 or 1.
        confidence: of bounds; a loss is significant at a p-value of at most its complement.
        criteria: on recall, specificity and AUROC.
    """

    def __init__(
        self,
        section: Section,
        force: Mapping[str, Any],
        labels: Mapping[str, int],
        confidence: float,
        criteria: Sequence[Mapping[str, Any]],
    ) -> None:
        self.section, self.force, self.labels = section, force, labels
        self.confidence, self.criteria = confidence, criteria

    def cell(
        self, name: str, stated: Mapping[str, Any], rows: Rows, base: Rows, step: tuple[float, float]
    ) -> Mapping[str, Any]:
        """One severity: rates, bounds, criteria, losses; returns it as it was derived."""
        section, told = self.section, [stated["severity"], stated["amount"]]
        section.exact("cells of robustness", f"{name}: severity and amount", told, list(step))
        found = self._metrics(rows)
        for metric, bounded in found.items():
            _estimate(
                section, "rates of disturbed images", f"{name}, {metric}", stated["metrics"][metric], bounded
            )
        holds = {row["id"]: self._met(row, found) for row in self.criteria}
        section.exact("criteria on disturbed images", f"{name}: holds", stated["holds"], holds)
        losses = {} if step[0] == 0 or self.force["threshold"] is None else self._losses(rows, base)
        section.exact("images lost", f"{name}: classes", sorted(stated["loss"]), sorted(losses))
        for kind, (lost, gained, chance) in losses.items():
            item = stated["loss"][kind]
            section.exact("images lost", f"{name}, {kind}", [item["lost"], item["gained"]], [lost, gained])
            section.near("images lost", f"{name}, {kind}: p-value", item["p_value"], chance)
        chances = [chance for _, _, chance in losses.values()]
        return {"severity": step[0], "amount": step[1], "holds": holds, "chances": chances}

    def reach(
        self, name: str, item: Mapping[str, Any], first: Mapping[str, Any], cells: Sequence[Mapping[str, Any]]
    ) -> None:
        """How far the criteria hold, and nothing is lost, from no disturbance upwards."""
        held = first["holds"] and all(met is True for met in first["holds"].values())
        criteria = [all(met is True for met in cell["holds"].values()) for cell in cells] if held else None
        level = 1 - self.confidence
        losses = [all(chance > level for chance in cell["chances"]) for cell in cells]
        for key, fine in (
            ("criteria_hold_up_to", criteria),
            ("no_loss_up_to", losses if self.force["threshold"] is not None else None),
        ):
            wanted: list[Any] = [None, None]
            if fine is not None:
                reached = fine.index(False) if False in fine else len(fine)
                last = cells[reached - 1]
                wanted = [last["severity"], last["amount"]] if reached else [0.0, None]
            told = [item[key]["severity"], item[key]["amount"]]
            self.section.exact("how far it holds", f"{name}, {key}", told, wanted)

    def _metrics(self, rows: Rows) -> dict[str, Bounded]:
        score, confidence = self.force["score"], self.confidence
        values = [(self.labels[row["image_id"]], scored_cell(row, score)) for row in rows]
        bad = [-math.inf if value is None else value for label, value in values if label == 1]
        good = [math.inf if value is None else value for label, value in values if label == 0]
        found = delong(bad, good, confidence)
        if found[0] == 1:
            pairs = min(len(bad), len(good))
            found = (1.0, *clopper_pearson(pairs, pairs, confidence))
        if self.force["threshold"] is None:
            return {**dict.fromkeys(("recall", "specificity", "undecided"), NOTHING), "auroc": found}
        counts = Counts.of([label for label, _ in values], [decide(value, self.force) for _, value in values])
        undecided = counts.un + counts.ud
        return {
            "recall": share(counts.tp, counts.defective, confidence),
            "specificity": share(counts.tn, counts.normal, confidence),
            "undecided": share(undecided, counts.normal + counts.defective, confidence),
            "auroc": found,
        }

    @staticmethod
    def _met(criterion: Mapping[str, Any], found: Mapping[str, Bounded]) -> bool | None:
        bound = found[criterion["metric"].rsplit(".", 1)[1]][1 if criterion["bound"] == "low" else 2]
        return None if bound is None else _meets(bound, {"comparison": ">=", **criterion})

    def _losses(self, rows: Rows, base: Rows) -> dict[str, tuple[int, int, float]]:
        """Class -> (judged rightly undisturbed alone, disturbed alone, exact one-sided McNemar test)."""
        score, found = self.force["score"], {}
        before = {row["image_id"]: decide(scored_cell(row, score), self.force) for row in base}
        for label, kind, right in ((0, "normal", "accept"), (1, "defective", "reject")):
            pairs = [
                (before[row["image_id"]] == right, decide(scored_cell(row, score), self.force) == right)
                for row in rows
                if self.labels[row["image_id"]] == label
            ]
            lost, gained = sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs)
            found[kind] = (lost, gained, mcnemar(lost, gained))
        return found


def mcnemar(lost: int, gained: int) -> float:
    """Chance of so many lost or more when either way is equally likely.

    Example:
        >>> mcnemar(5, 1), mcnemar(0, 3)
        (0.109375, 1.0)
    """
    total = lost + gained
    return float(sum(math.comb(total, k) for k in range(lost, total + 1)) / 2**total)


# --------------------------------------------------------------------------------- section: detection and localisation

DETECTION_TOLERANCE = 1e-6
"""What follows from the coefficients of a curve; and how much more likely another curve may be."""
BEYOND, POOR, MOST_FALSE_CALLS, FEWEST = 1.25, 0.05, 0.5, 20
SIZES = ("a50", "a90", "a90_95")


def verify_detection(dossier: Dossier, section: Section) -> None:
    """Curves of seeded defects from seeded.csv; figures of localisation against each other."""
    stated, force = dossier.json("detection.json"), dossier.json("thresholds.json")["in_force"]
    confidence = dossier.json("evaluation.json")["confidence"]
    told = [stated[key] for key in ("score", "threshold", "confidence")]
    section.exact(
        "detection in force", "detection.json", told, [force["score"], force["threshold"], confidence]
    )
    held_out = [row for row in dossier.scores() if row.split == "calibration"]
    normal = [case.row for case in dossier.cases() if case.label == 0]
    for key, members in (("held_out", held_out), ("test", normal)):
        _false_calls(section, stated["false_call_rate"][key], key, members, force, confidence)
    kinds: dict[str, list[Mapping[str, str]]] = {}
    for row in dossier.rows("seeded.csv"):
        kinds.setdefault(row["defect"], []).append(row)
    known = {row.image for row in held_out}
    foreign = sorted({row["image_id"] for row in dossier.rows("seeded.csv")} - known)
    section.holds("seeded defects", f"seeded.csv: not in held-out normals: {shown(foreign)}", not foreign)
    named = {item["defect"]: item for item in stated["curves"]["seeded"].values()}
    section.exact("seeded defects", "curves, seeded", sorted(named), sorted(kinds))
    unit = "mm" if kinds and all(row["size_mm"] for row in dossier.rows("seeded.csv")) else "px"
    for kind, rows in sorted(kinds.items()):
        if kind in named:
            Detection(section, kind, named[kind], force, confidence).verify(rows, unit)
    own = stated["curves"]["own"]
    section.not_recomputed(
        "curves of the data set's own defects (their sizes are sealed, not attached)", len(own)
    )
    _localisation(dossier, section, confidence)


def _false_calls(
    section: Section,
    stated: Mapping[str, Any],
    name: str,
    rows: Sequence[Scored],
    force: Mapping[str, Any],
    confidence: float,
) -> None:
    values = [row.score(force["score"]) for row in rows]
    decided = sum(value is not None for value in values)
    rejected = sum(decide(value, force) == "reject" for value in values)
    told = [stated[key] for key in ("n", "rejected", "undecided")]
    section.exact("false calls", f"false calls, {name}", told, [decided, rejected, len(values) - decided])
    found = share(rejected, 0 if force["threshold"] is None else decided, confidence)
    _estimate(section, "false calls", f"false calls, {name}", stated, found)


class Detection:
    """One curve of probability of detection.

    Args:
        section: where findings go.
        kind: type of defect.
        stated: the curve of detection.json.
        force: what is in force.
        confidence: of its bounds.
    """

    def __init__(
        self,
        section: Section,
        kind: str,
        stated: Mapping[str, Any],
        force: Mapping[str, Any],
        confidence: float,
    ) -> None:
        self.section, self.name, self.stated = section, f"seeded {kind}", stated
        self.force, self.confidence = force, confidence

    def verify(self, rows: Rows, unit: str) -> None:
        """Counts, groups, and, where a curve can be fitted, its maximum and what follows from it."""
        verdicts = [decide(scored_cell(row, self.force["score"]), self.force) for row in rows]
        hits = [verdict == "reject" for verdict in verdicts]
        sizes = [number(row[f"size_{unit}"]) for row in rows]
        images = [row["image_id"] for row in rows]
        facts = {
            "source": "seeded",
            "unit": unit,
            "n": len(rows),
            "images": len(set(images)),
            "hits": sum(hits),
            "undecided": verdicts.count("undecided"),
            "smallest_size": min(sizes),
            "largest_size": max(sizes),
            "enough_inspections": len(rows) >= 60,
        }
        told = {key: self.stated[key] for key in facts}
        self.section.exact("counts of seeded defects", f"{self.name}: counts", told, facts)
        self._groups(sizes, hits)
        code = "no-threshold" if self.force["threshold"] is None else refusal(sizes, hits)
        floor = min(self.stated["false_call_rate"] or 0.0, MOST_FALSE_CALLS)
        best = None if code else fit_curve(sizes, hits, floor)
        if code or self.stated["reason_code"] != "fitted":
            self._without_curve(code, best, Inspections(sizes, hits, images, floor))
        else:
            self._curve(best, Inspections(sizes, hits, images, floor))

    def _near(self, what: str, key: str, stated: Any, found: float | None) -> None:
        scale = 1.0 if found is None else max(1.0, abs(found))
        self.section.near(what, f"{self.name}: {key}", stated, found, DETECTION_TOLERANCE, scale)

    def _groups(self, sizes: Sequence[float], hits: Sequence[bool]) -> None:
        stated, proven = self.stated["groups"], None
        groups = size_groups(sizes)
        self.section.exact("groups of sizes", f"{self.name}: groups", len(stated), len(groups))
        rising = True
        for item, members in zip(reversed(stated), reversed(groups)):
            part, total = sum(hits[place] for place in members), len(members)
            ends = [min(sizes[place] for place in members), max(sizes[place] for place in members)]
            told = [item[key] for key in ("smallest", "largest", "n", "hits")]
            self.section.exact("groups of sizes", f"{self.name}: group", told, [*ends, total, part])
            found = share(part, total, self.confidence)
            for key, value in zip(("rate", "low", "high"), found):
                self.section.near("groups of sizes", f"{self.name}: group, {key}", item[key], value)
            low = clopper_pearson(part, total, 2 * self.confidence - 1)[0]
            rising = rising and ends[0] == ends[1] and low >= 0.9
            proven = ends[0] if rising else proven
        exact = self.stated["a90_95_exact"]
        self.section.exact("sizes proven without a curve", f"{self.name}: a90/95", exact, proven)

    def _without_curve(self, code: str, best: Curve | None, seen: Inspections) -> None:
        """No curve is stated exactly where none can be fitted, or none that bounds a size."""
        stated, what = self.stated, "seeded defects without a curve"
        nothing = (
            *SIZES,
            "intercept",
            "slope",
            "deviance",
            "degrees_of_freedom",
            "fit_p_value",
            "fit_adequate",
        )
        told = [stated[key] for key in nothing] + [stated["curve"]]
        self.section.exact(what, f"{self.name}: figures", told, [*[None] * len(nothing), []])
        if code:
            self.section.exact(what, f"{self.name}: reason_code", stated["reason_code"], code)
            return
        hidden = best is not None and best.proven_size(0.9, seen, self.confidence) < math.inf
        fine = stated["reason_code"] in ("undetermined", "slope-not-positive") and not hidden
        self.section.holds(what, f"{self.name}: a curve can be fitted, none is stated", fine)

    def _curve(self, best: Curve | None, seen: Inspections) -> None:
        stated = self.stated
        curve = Curve(stated["intercept"], stated["slope"], seen.floor)
        highest = -math.inf if best is None else best.log_likelihood(seen)
        text = f"{self.name}: the stated curve is no maximum of the likelihood"
        likely = best is not None and curve.log_likelihood(seen) >= highest - DETECTION_TOLERANCE
        if not self.section.holds("curves of detection, fitted anew", text, likely):
            return
        values: dict[str, float | None] = {
            "a50": curve.size_at(0.5),
            "a90": curve.size_at(0.9),
            "a90_95": curve.proven_size(0.9, seen, self.confidence),
        }
        deviance, freedom = curve.deviance(seen)
        chance = chi_square_tail(deviance, freedom) if freedom > 0 else None
        adequate = None if chance is None else chance >= POOR
        low, high = min(seen.sizes) / BEYOND, max(seen.sizes) * BEYOND
        for key, value in values.items():
            beyond = value is None or not low <= value <= high
            values[key] = None if beyond or (key == "a90_95" and adequate is False) else value
        for key, value in values.items():
            self._near("sizes that are detected", key, stated[key], value)
        self._near("fits of detection", "deviance", stated["deviance"], deviance)
        self._near("fits of detection", "p-value", stated["fit_p_value"], chance)
        told = [stated["degrees_of_freedom"], stated["fit_adequate"]]
        self.section.exact("fits of detection", f"{self.name}: fit", told, [freedom, adequate])
        self._points(curve, seen)

    def _points(self, curve: Curve, seen: Inspections) -> None:
        points = self.stated["curve"]
        first, last = math.log(min(seen.sizes)), math.log(max(seen.sizes))
        covariances = curve.covariances(seen, self.confidence)
        for place, point in enumerate(points):
            size = math.exp(first + (last - first) * place / (len(points) - 1))
            low, high = curve.bounds(math.log(size), covariances)
            pod = curve.pod(math.log(size))
            wanted = {"size": size, "pod": pod, "low": low, "high": high}
            wanted["hit_rate"] = seen.floor + (1 - seen.floor) * pod
            for key, value in wanted.items():
                self._near("points of curves", f"point {place + 1}, {key}", point[key], value)


class Inspections:
    """Sizes, hits and images of one type of defect, and the false-call rate."""

    def __init__(
        self, sizes: Sequence[float], hits: Sequence[bool], images: Sequence[str], floor: float
    ) -> None:
        self.sizes, self.hits, self.images, self.floor = sizes, hits, images, floor
        self.alike = Counter((math.log(size), hit) for size, hit in zip(sizes, hits))


def refusal(sizes: Sequence[float], hits: Sequence[bool]) -> str:
    """Why no curve can be fitted; empty when one can."""
    if len(sizes) < FEWEST:
        return "too-few-inspections"
    if all(hits) or not any(hits):
        return "all-hits" if all(hits) else "all-misses"
    if min(sizes) == max(sizes):
        return "one-size-only"
    hit = [size for size, found in zip(sizes, hits) if found]
    missed = [size for size, found in zip(sizes, hits) if not found]
    if max(hit) <= min(missed):
        return "slope-not-positive"
    return "complete-separation" if min(hit) >= max(missed) else ""


def size_groups(sizes: Sequence[float]) -> list[list[int]]:
    """Places of each size; of at most six groups of neighbours where a size recurs less than five times on average."""
    order, distinct = sorted(range(len(sizes)), key=lambda place: sizes[place]), sorted(set(sizes))
    if len(sizes) >= 5 * len(distinct):
        return [[place for place in order if sizes[place] == size] for size in distinct]
    parts = max(1, min(6, len(sizes) // 5))
    each, more = divmod(len(order), parts)
    ends = [part * each + min(part, more) for part in range(parts + 1)]
    return [order[ends[part] : ends[part + 1]] for part in range(parts)]


def logistic(value: float) -> float:
    """1 / (1 + exp(-value)) without overflow."""
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))


class Curve:
    """logit(POD) = intercept + slope ln(size), with the false-call rate under it (MIL-HDBK-1823A)."""

    def __init__(self, intercept: float, slope: float, floor: float) -> None:
        self.intercept, self.slope, self.floor = intercept, slope, floor

    def pod(self, log_size: float) -> float:
        """Probability of detection."""
        return logistic(self.intercept + self.slope * log_size)

    def log_likelihood(self, seen: Inspections) -> float:
        """Of hits and misses."""
        terms = []
        for (x, hit), times in seen.alike.items():
            logit = self.intercept + self.slope * x
            rest = 1 - self.floor
            chance = self.floor + rest * logistic(logit) if hit else rest * logistic(-logit)
            terms.append(times * math.log(max(chance, 1e-300)))
        return math.fsum(terms)

    def size_at(self, probability: float) -> float:
        """Size that is detected with this probability."""
        return safe_exp((math.log(probability / (1 - probability)) - self.intercept) / self.slope)

    def slopes(self, seen: Inspections, centre: float) -> tuple[Matrix, list[tuple[float, float]]]:
        """(expected information, gradient of each inspection) in terms of ln(size) less the centre."""
        a = b = c = 0.0
        of_each: dict[tuple[float, bool], tuple[float, float]] = {}
        for (x, hit), times in seen.alike.items():
            q = self.pod(x)
            chance = self.floor + (1 - self.floor) * q
            rise = (1 - self.floor) * q * (1 - q)
            weight = rise / max(chance * (1 - chance), 1e-300)
            away, part = x - centre, times * rise * weight
            a, b, c = a + part, b + part * away, c + part * away * away
            of_each[x, hit] = (weight * (hit - chance), weight * (hit - chance) * away)
        return (a, b, c), [of_each[math.log(size), hit] for size, hit in zip(seen.sizes, seen.hits)]

    def covariances(self, seen: Inspections, confidence: float) -> list[tuple[Matrix, float]]:
        """(covariance in terms of ln(size), quantile of Student's t), of the model and of images as units."""
        centre = math.fsum(math.log(size) for size in seen.sizes) / len(seen.sizes)
        information, gradients = self.slopes(seen, centre)
        model = inverse(information)
        found = [(model, NormalDist().inv_cdf(confidence))]
        names = set(seen.images)
        if len(names) < len(seen.sizes):
            sums = dict.fromkeys(names, (0.0, 0.0))
            for image, (first, second) in zip(seen.images, gradients):
                sums[image] = (sums[image][0] + first, sums[image][1] + second)
            factor = len(names) / max(len(names) - 1, 1)
            outer = (
                factor * math.fsum(u * u for u, _ in sums.values()),
                factor * math.fsum(u * v for u, v in sums.values()),
                factor * math.fsum(v * v for _, v in sums.values()),
            )
            found.append((sandwich(model, outer), student_quantile(confidence, max(len(names) - 2, 1))))
        return [(moved(matrix, centre), t) for matrix, t in found]

    def bounds(self, log_size: float, covariances: Sequence[tuple[Matrix, float]]) -> tuple[float, float]:
        """One-sided bounds at a size; the wider covariance counts."""
        spread = max(
            t * math.sqrt(max(a + 2 * b * log_size + c * log_size * log_size, 0.0))
            for (a, b, c), t in covariances
        )
        middle = self.intercept + self.slope * log_size
        return logistic(middle - spread), logistic(middle + spread)

    def proven_size(self, probability: float, seen: Inspections, confidence: float) -> float:
        """Smallest size from which on the lower bound stays at or above the probability; or infinity."""
        covariances, target = self.covariances(seen, confidence), math.log(probability / (1 - probability))
        if any(self.slope**2 <= t * t * c for (_, _, c), t in covariances):
            return math.inf
        low = (target - self.intercept) / self.slope
        step = 1.0
        while self.bounds(low + step, covariances)[0] < probability and step < 1e6:
            step *= 2
        high = low + step
        for _ in range(80):
            middle = (low + high) / 2
            enough = self.bounds(middle, covariances)[0] >= probability
            low, high = (low, middle) if enough else (middle, high)
        return safe_exp(high)

    def deviance(self, seen: Inspections) -> tuple[float, int]:
        """(deviance of the groups of sizes, degrees of freedom)."""
        total, groups = 0.0, size_groups(seen.sizes)
        for members in groups:
            n, hit = len(members), sum(seen.hits[place] for place in members)
            chances = [
                seen.floor + (1 - seen.floor) * self.pod(math.log(seen.sizes[place])) for place in members
            ]
            expected = min(max(math.fsum(chances), 1e-12), n - 1e-12)
            for part, wanted in ((hit, expected), (n - hit, n - expected)):
                total += 2 * part * math.log(part / wanted) if part else 0.0
        return max(total, 0.0), len(groups) - 2


Matrix = tuple[float, float, float]  # a symmetric 2 x 2 matrix: first, shared, second


def safe_exp(value: float) -> float:
    """exp, or infinity."""
    return math.exp(value) if value < 700 else math.inf


def inverse(matrix: Matrix) -> Matrix:
    """Of a symmetric 2 x 2 matrix."""
    a, b, c = matrix
    determinant = a * c - b * b
    return c / determinant, -b / determinant, a / determinant


def sandwich(model: Matrix, outer: Matrix) -> Matrix:
    """model x outer x model."""
    a, b, c = model
    p, q, r = outer
    left = ((a * p + b * q, a * q + b * r), (b * p + c * q, b * q + c * r))
    return (
        left[0][0] * a + left[0][1] * b,
        left[0][0] * b + left[0][1] * c,
        left[1][0] * b + left[1][1] * c,
    )


def moved(matrix: Matrix, centre: float) -> Matrix:
    """Covariance of the intercept at 0 and the slope, from that at the centre."""
    a, b, c = matrix
    return a - 2 * centre * b + centre * centre * c, b - centre * c, c


@cache
def student_quantile(probability: float, freedom: int) -> float:
    """Quantile above one half of Student's t distribution, by halving.

    Example:
        >>> round(student_quantile(0.95, 10), 4)
        1.8125
    """
    low, high = 0.0, 1e3
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if student_tail(middle, freedom) > 1 - probability else (low, middle)
    return (low + high) / 2


def chi_square_tail(value: float, freedom: int) -> float:
    """P(X > value) of a chi-square distribution with a whole number of degrees of freedom.

    Example:
        >>> round(chi_square_tail(5.991, 2), 3), round(chi_square_tail(7.815, 3), 3)
        (0.05, 0.05)
    """
    half = value / 2
    if freedom % 2 == 0:
        return math.fsum(math.exp(-half) * half**k / math.factorial(k) for k in range(freedom // 2))
    terms = [math.exp(-half) * half ** (k - 0.5) / math.gamma(k + 0.5) for k in range(1, (freedom + 1) // 2)]
    return math.erfc(math.sqrt(half)) + math.fsum(terms)


def fit_curve(sizes: Sequence[float], hits: Sequence[bool], floor: float) -> Curve | None:
    """The rising curve of largest likelihood by Fisher's scoring with halved steps; None where there is none."""
    seen = Inspections(sizes, hits, [], floor)
    centre = math.fsum(math.log(size) for size in sizes) / len(sizes)
    best: Curve | None = None
    highest = -math.inf
    for start in ((0.0, 0.0), (0.0, 1.0), (-1.0, 3.0)):
        found = _scored(start, centre, seen)
        if found is not None and found.log_likelihood(seen) > highest:
            best, highest = found, found.log_likelihood(seen)
    return best if best is not None and best.slope > 0 else None


def _scored(start: tuple[float, float], centre: float, seen: Inspections) -> Curve | None:
    middle, slope = start
    curve = Curve(middle - slope * centre, slope, seen.floor)
    likelihood = curve.log_likelihood(seen)
    for _ in range(200):
        (a, b, c), gradients = curve.slopes(seen, centre)
        if a * c - b * b <= 1e-14 * a * c:
            return None
        p, q, r = inverse((a, b, c))
        u, v = math.fsum(item[0] for item in gradients), math.fsum(item[1] for item in gradients)
        step, rise, following = 1.0, (p * u + q * v, q * u + r * v), curve
        while step > 1e-9:
            middle_next, slope_next = middle + step * rise[0], slope + step * rise[1]
            following = Curve(middle_next - slope_next * centre, slope_next, seen.floor)
            if following.log_likelihood(seen) >= likelihood:
                middle, slope = middle_next, slope_next
                break
            step /= 2
        else:
            return curve
        done = max(abs(step * item) for item in rise) <= 1e-10 * (1 + abs(middle) + abs(slope))
        curve, likelihood = following, following.log_likelihood(seen)
        if done:
            return curve
    return None


def _localisation(dossier: Dossier, section: Section, confidence: float) -> None:
    """Counts of localisation.json against the labels, rates against its counts; maps and masks are not attached."""
    stated, what = dossier.json("localisation.json"), "figures of localisation"
    defective = sum(case.label == 1 for case in dossier.cases())
    section.exact(what, "defective", stated["defective"], defective)
    section.exact(what, "masks", stated["with_mask"] + stated["without_mask"], defective)
    pointing, seen = stated["pointing"], stated["with_mask"] - stated["undecided"]
    found = share(pointing["hits"], stated["with_mask"], confidence)
    _estimate(section, what, "pointing", pointing, found)
    fine = 0 <= pointing["hits"] <= seen - stated["outside"] and stated["outside"] >= 0
    section.holds(what, "localisation.json: more hits than maps with a mask in them", fine)
    low, chance = pointing["low"], stated["chance"]
    better = None if low is None or chance is None else low > chance
    section.exact(what, "better than chance", stated["better_than_chance"], better)
    shares = [stated[key] for key in ("chance", "pixel_auroc", "pro") if stated[key] is not None]
    section.holds(what, "localisation.json: a share beyond 0 to 1", all(0 <= value <= 1 for value in shares))
    section.not_recomputed("what anomaly maps point at (maps and masks are not attached)", 4)


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
            rule = (force["score"], force["threshold"], force["accept_below"])
            found[column, value] = counts_at(members, *rule)
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
    rule = (force["score"], force["threshold"], force["accept_below"])
    whole_set = counts_at(dossier.cases(), *rule)
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


def _training_defects(dossier: Dossier) -> int:
    return len(training_defects(dossier, dossier.json("thresholds.json")["in_force"]["score"]))


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
    "threshold.calibration.training_defects": _training_defects,
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
    ("disturbances and repetitions", verify_challenge),
    ("robustness", verify_robustness),
    ("detection and localisation", verify_detection),
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
