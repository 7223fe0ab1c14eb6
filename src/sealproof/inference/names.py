"""Which scores a run computes: those that are asked for, or the standard ones of the detector."""

from __future__ import annotations

from sealproof.evidence.errors import DefinitionError
from sealproof.models.detector import Detector
from sealproof.scores.settings import ScoreSettings, standard_scores

#: Scores of a detector's features, fitted in the score stage; all others come from the detector itself.
FEATURE_SCORES = ("mahalanobis", "k-means")
#: Scores made of other scores.
COMBINED_SCORES = ("fusion", "decision")


def chosen_scores(detector: Detector, settings: ScoreSettings) -> tuple[str, ...]:
    """Names of the scores, in the order of the tables.

    Raises:
        DefinitionError: a score of features is asked for and the detector has no features.
    """
    names = settings.names or standard_scores(detector.kind)
    impossible = [name for name in names if name in FEATURE_SCORES and not detector.feature_layers]
    if impossible:
        raise DefinitionError(
            f"the detector {detector.kind!r} has no features for {', '.join(impossible)}",
            where="params.yaml, key `score.names`",
            why="feature distances need an encoder whose layers can be looked at",
            mend="leave these scores out, or choose another detector (key `train.detector`)",
        )
    return tuple(names)
