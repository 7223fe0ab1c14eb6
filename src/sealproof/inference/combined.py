"""Scores made of other scores: fusion of several by calibrated ranks, and the decision of a classifier (Table 4).

Both are fitted in the score stage on training images alone, so that held-out normals calibrate the threshold on them
as on any other score: fusion on the training normals, the decision on these and the training defects (split `tuning`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sealproof.evidence.errors import DataError
from sealproof.inference.names import COMBINED_SCORES
from sealproof.scores.decision import Decision, fit_decision, load_decision, save_decision
from sealproof.scores.fusion import Fusion, fit_fusion, load_fusion, save_fusion
from sealproof.scores.settings import ScoreSettings
from sealproof.scores.texture import texture_features

Floats = NDArray[np.float64]
Columns = Mapping[str, Floats]
FILES = {"fusion": "fusion.npz", "decision": "decision.npz"}


class CombinedScores:
    """The combined scores of a run.

    Attributes:
        fusion: None where it is not asked for.
        decision: likewise.
    """

    def __init__(self, settings: ScoreSettings, fusion: Fusion | None, decision: Decision | None) -> None:
        self._settings, self.fusion, self.decision = settings, fusion, decision

    @property
    def asked_for(self) -> bool:
        """Whether there is anything to combine."""
        return self.fusion is not None or self.decision is not None

    @classmethod
    def fit(
        cls,
        settings: ScoreSettings,
        names: tuple[str, ...],
        columns: Columns,
        splits: NDArray[np.str_],
        patches: Callable[[NDArray[np.int64]], NDArray[np.float32]],
        seed: int,
    ) -> CombinedScores:
        """Fit what `names` asks for.

        Args:
            settings: of the combined scores.
            names: scores of the run.
            columns: score name -> (S,) of all other scores, a row a decided patch.
            splits: (S,) split of each row.
            patches: rows -> (n, H, W) values in [0, 1], for texture features.
            seed: of the forest.

        Raises:
            DataError: too few training normals or defects.
        """
        normal, defective = np.flatnonzero(splits == "train"), np.flatnonzero(splits == "tuning")
        fusion = decision = None
        if "fusion" in names:
            chosen: dict[str, Floats] = {name: columns[name][normal] for name in settings.fusion.scores}
            fusion = fit_fusion(chosen, settings.fusion.rule)
        if "decision" in names:
            if not defective.size:
                raise DataError(
                    "the score `decision` cannot be fitted",
                    where="split `tuning`",
                    why="no training defect was scored, and a decision is learnt from defects as well as normals",
                    mend="add labelled training defects, or leave `decision` out of `score.names`",
                )
            rows = np.concatenate([normal, defective])
            inputs = _inputs(
                settings, {name: column[rows] for name, column in columns.items()}, patches(rows)
            )
            decision = fit_decision(inputs, np.arange(rows.size) >= normal.size, settings.decision.kind, seed)
        return cls(settings, fusion, decision)

    @classmethod
    def load(cls, folder: Path, settings: ScoreSettings, names: tuple[str, ...]) -> CombinedScores:
        """Read what `save` wrote, as far as `names` asks for it.

        Raises:
            EvidenceMissingError, EvidenceAlteredError: a file is missing or is not what was saved.
        """
        return cls(
            settings,
            load_fusion(folder / FILES["fusion"]) if "fusion" in names else None,
            load_decision(folder / FILES["decision"]) if "decision" in names else None,
        )

    def save(self, place: Callable[[str], Path]) -> dict[str, Path]:
        """Write each fit into its file; score name -> file.

        Args:
            place: file name -> where it goes.
        """
        paths: dict[str, Path] = {}
        if self.fusion is not None:
            save_fusion(self.fusion, paths.setdefault("fusion", place(FILES["fusion"])))
        if self.decision is not None:
            save_decision(self.decision, paths.setdefault("decision", place(FILES["decision"])))
        return paths

    def scores(self, columns: Columns, patches: NDArray[np.float32]) -> dict[str, Floats]:
        """Score name -> (N,).

        Args:
            columns: score name -> (N,) of all other scores.
            patches: (N, H, W) values in [0, 1].
        """
        found: dict[str, Floats] = {}
        if self.fusion is not None:
            found["fusion"] = self.fusion.fuse(columns)
        if self.decision is not None:
            found["decision"] = self.decision.decide(_inputs(self._settings, columns, patches))
        return found


def _inputs(settings: ScoreSettings, columns: Columns, patches: NDArray[np.float32]) -> dict[str, Floats]:
    """What the decision looks at: every other score, and texture where the settings say so."""
    scores = {name: column for name, column in columns.items() if name not in COMBINED_SCORES}
    return scores | texture_features(patches) if settings.decision.texture else scores
