"""Where the tail begins: sequential tests of fit over candidate levels, with a false-discovery stop."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sealproof.thresholds.anderson_darling_table import table_p_value
from sealproof.thresholds.generalised_pareto import anderson_darling, fit
from sealproof.thresholds.result import Floats
from sealproof.thresholds.settings import EvtSettings

#: Fewer different excesses than this are not fitted at all: two parameters cannot be told from so few.
FITTABLE = 8


@dataclass(frozen=True)
class Candidate:
    """A level that was tried: the share of scores above it, their number, and the test of the tail's fit."""

    share: float
    level: float
    exceedances: int
    statistic: float
    p_value: float

    def as_json(self) -> dict[str, Any]:
        """Share, level, exceedances, Anderson-Darling statistic and p-value, by these names."""
        return {
            "share": self.share,
            "level": self.level,
            "exceedances": self.exceedances,
            "anderson_darling": self.statistic,
            "p_value": self.p_value,
        }


@dataclass(frozen=True)
class LevelChoice:
    """The share of scores that forms the tail, and how it was chosen.

    Attributes:
        share: of the chosen level; when no level is chosen, the one an estimate is made from all the same.
        candidates: tried levels, lowest first; empty when the share is fixed or no level has enough exceedances.
        rejected: how many of them the stop rule rejects, counted from the lowest; all of them: no level fits.
    """

    share: float
    candidates: tuple[Candidate, ...] = ()
    rejected: int = 0

    @property
    def none_fits(self) -> bool:
        """Whether every candidate was rejected."""
        return bool(self.candidates) and self.rejected == len(self.candidates)


def split_tail(scores: Floats, tail_fraction: float) -> tuple[float, Floats]:
    """(level, excesses): the upper `tail_fraction` of sorted scores lies above the level, less where scores
    tie.

    Example:
        >>> split_tail(np.arange(10.0), 0.3)
        (6.0, array([1., 2., 3.]))
    """
    count = math.floor(round(scores.size * tail_fraction, 9))
    level = float(scores[max(0, scores.size - count - 1)])
    return level, scores[scores > level] - level


def choose_level(scores: Floats, settings: EvtSettings) -> LevelChoice:
    """The lowest candidate level above which the generalised Pareto tail is not rejected.

    At each candidate share with enough exceedances the tail is fitted and tested (Anderson-Darling, p-value
    from a simulated table). `forward_stop` tells how many of them, from the lowest level up, are rejected at the
    false-discovery rate; the next one is chosen. Reference: Bader, Yan and Zhang, Ann. Appl. Stat. 12 (2018)
    310-329. When all are rejected, the highest level is returned, and `none_fits` is true.

    Args:
        scores: (n,) sorted.
        settings: candidate shares, false-discovery rate, fewest exceedances; or the fixed share.

    Example:
        >>> scores = -np.log1p(-(np.arange(500) + 0.5) / 500)  # exponential
        >>> choose_level(scores, EvtSettings()).share
        0.3
    """
    if settings.level == "fraction":
        return LevelChoice(settings.tail_fraction)
    candidates = tuple(
        found for share in settings.candidates if (found := _tried(scores, share, settings)) is not None
    )
    if not candidates:
        return LevelChoice(settings.candidates[0])
    rejected = forward_stop([found.p_value for found in candidates], settings.false_discovery_rate)
    chosen = candidates[min(rejected, len(candidates) - 1)]
    return LevelChoice(chosen.share, candidates, rejected)


def _tried(scores: Floats, share: float, settings: EvtSettings) -> Candidate | None:
    level, excesses = split_tail(scores, share)
    too_few = excesses.size < settings.minimum_exceedances or np.unique(excesses).size < FITTABLE
    if too_few or excesses.size / scores.size <= settings.false_reject_rate:
        return None
    tail = fit(excesses)
    statistic = float(anderson_darling(excesses, tail))
    p_value = table_p_value(statistic, float(tail.shape))
    return Candidate(share, level, int(excesses.size), statistic, p_value)


def forward_stop(p_values: Sequence[float], false_discovery_rate: float) -> int:
    """How many ordered hypotheses are rejected, from the first: the largest k with
    -(1/k) sum of ln(1 - p_i), i = 1 to k, at most the rate; 0 when there is none.

    Reference: G'Sell, Wager, Chouldechova and Tibshirani, J. R. Statist. Soc. B 78 (2016) 423-444, ForwardStop.

    Example:
        >>> forward_stop([0.001, 0.02, 0.6, 0.4], 0.1), forward_stop([0.5, 0.001], 0.1)
        (2, 0)
    """
    means = np.cumsum(-np.log1p(-np.minimum(p_values, 1 - 1e-12))) / np.arange(1, len(p_values) + 1)
    below = np.flatnonzero(means <= false_discovery_rate)
    return int(below[-1]) + 1 if below.size else 0
