"""Transitions in a row profile: which peaks they are, where exactly, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from scipy.signal import find_peaks

from sealproof.roi.profile import Array, parabola_offset
from sealproof.roi.settings import SobelTransitionOptions

_CANDIDATES = 14  # strongest peaks that are considered
_EXTRA = 4  # at least this many more than transitions


@dataclass(frozen=True)
class Transition:
    """One transition.

    Args:
        position: pixels from the upper edge of the image (row i covers i to i + 1).
        prominence: how far the response rises above its surroundings.
        confidence: 0 to 1, see `find_transitions`.
    """

    position: float
    prominence: float
    confidence: float


def find_transitions(response: Array, options: SobelTransitionOptions) -> list[Transition]:
    """The `count` peaks of largest total prominence that keep the allowed spacing, from top to bottom.

    Position is the top of the parabola through the peak and its neighbours. Confidence of a peak of
    prominence p

        (1 - q / p) * p / (p + contrast)

    where q is the largest prominence among the peaks that could stand in its place (all others kept, spacing
    and separation held), and at least 0. A peak that another equals has confidence 0, and so has one without
    height.

    Args:
        response: (H,), from `row_profile`.
        options: count, search, spacing, separation and contrast are used.

    Returns:
        `count` transitions, or an empty list when that many peaks with allowed spacing do not exist.
    """
    candidates = _peaks(response, options)
    chosen = _choose(candidates, options)
    return [
        Transition(peak.position, peak.prominence, _confidence(peak, chosen, candidates, options))
        for peak in chosen
    ]


def _peaks(response: Array, options: SobelTransitionOptions) -> list[Transition]:
    """The strongest positive peaks within the search range, separated, from top to bottom."""
    if not np.isfinite(response).all():
        return []
    height = len(response)
    low, high = options.search[0] * height, options.search[1] * height
    rows, found = find_peaks(np.maximum(response, 0), prominence=0)
    peaks = []
    for row, prominence in zip(rows.tolist(), found["prominences"].tolist(), strict=True):
        position = row + 0.5 + parabola_offset(*response[row - 1 : row + 2])
        if low <= position <= high and prominence > 0:
            peaks.append(Transition(position, prominence, 0.0))
    peaks.sort(key=lambda peak: (-peak.prominence, peak.position))
    apart: list[Transition] = []
    for peak in peaks:
        if all(abs(peak.position - other.position) >= options.separation for other in apart):
            apart.append(peak)
    strongest = apart[: max(_CANDIDATES, options.count + _EXTRA)]
    return sorted(strongest, key=lambda peak: peak.position)


def _choose(candidates: Sequence[Transition], options: SobelTransitionOptions) -> tuple[Transition, ...]:
    allowed = [group for group in combinations(candidates, options.count) if _spaced(group, options)]
    return max(allowed, key=lambda group: sum(peak.prominence for peak in group), default=())


def _spaced(group: Sequence[Transition], options: SobelTransitionOptions) -> bool:
    if options.spacing is None:
        return True
    low, high = options.spacing
    distances = [after.position - before.position for before, after in pairwise(group)]
    return all(low <= distance <= high for distance in distances)


def _confidence(
    peak: Transition,
    chosen: Sequence[Transition],
    candidates: Sequence[Transition],
    options: SobelTransitionOptions,
) -> float:
    kept = [other for other in chosen if other is not peak]
    rivals = [
        rival.prominence
        for rival in candidates
        if rival not in chosen and _spaced(sorted([*kept, rival], key=lambda one: one.position), options)
    ]
    share = max(0.0, 1 - max(rivals, default=0.0) / peak.prominence)
    return share * peak.prominence / (peak.prominence + options.contrast)
