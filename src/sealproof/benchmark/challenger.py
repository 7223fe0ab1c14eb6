"""A challenger: a file whose settings lie over those of the champion."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from sealproof.benchmark.cells import merged, merged_roi
from sealproof.benchmark.champion import only, refuse_fitted_to_defects
from sealproof.benchmark.declaration import Overrides
from sealproof.evidence import strict
from sealproof.evidence.errors import DefinitionError
from sealproof.evidence.files import read_yaml
from sealproof.evidence.hashing import sha256_json
from sealproof.evidence.strict import StrictModel
from sealproof.models.settings import TrainSettings
from sealproof.roi.settings import RoiSettings
from sealproof.scores.settings import ScoreName, ScoreSettings, standard_scores
from sealproof.settings import Params, Settings


class ScoreInForce(StrictModel):
    """Section `threshold` of a challenger: the score that stands for it."""

    score: ScoreName | None = None


class ChallengerFile(StrictModel):
    """What a challenger's file may say.

    Attributes:
        train, score: over the sections of params.yaml; `score.names` of another detector are not kept.
        roi: over `roi` of inspection.yaml; where it names a method it replaces the section.
        threshold: the score that is compared.
    """

    train: Overrides = Field(default_factory=dict)
    score: Overrides = Field(default_factory=dict)
    roi: Overrides = Field(default_factory=dict)
    threshold: ScoreInForce = ScoreInForce()


class _Sections(StrictModel):
    train: TrainSettings
    score: ScoreSettings
    roi: RoiSettings


@dataclass(frozen=True)
class Challenger:
    """A challenger with every setting resolved.

    Attributes:
        file: stem of its file: its name on record.
        params: of the project, with sections of its own and the compared score alone.
        roi: where it looks.
        score: that is compared.
    """

    file: str
    params: Params
    roi: RoiSettings
    score: ScoreName

    @property
    def definition(self) -> dict[str, Any]:
        """All that decides what it comes to, as JSON types."""
        sections = self.params.model_dump(mode="json", include={"seed", "compute", "train", "score"})
        return sections | {"roi": self.roi.model_dump(mode="json"), "score_in_force": self.score}

    @property
    def sha256(self) -> str:
        """Hash of the definition."""
        return sha256_json(self.definition)


def load_challenger(path: Path, settings: Settings, score: str | None = None) -> Challenger:
    """Read a challenger's file and lay it over the settings of the project.

    Args:
        path: the file.
        settings: of the champion.
        score: that is compared; None: what the file says, else the champion's where the challenger has it, else the
            first of its detector's.

    Raises:
        DefinitionError: a key is unknown, a value impossible, the score is not one of the challenger's, or it was
            fitted to the training defects.
    """
    own = strict.load(ChallengerFile, path)
    base = read_yaml(settings.workspace.root / "params.yaml")
    train = merged(base.get("train") or {}, own.train)
    scoring = merged(base.get("score") or {}, own.score)
    if train.get("detector", "") != settings.params.train.detector and "names" not in own.score:
        scoring["names"] = None  # names of another detector have no meaning
    roi = merged_roi(settings.inspection.roi.model_dump(), own.roi)
    sections = strict.parse(_Sections, {"train": train, "score": scoring, "roi": roi}, str(path))
    chosen = _score(sections, settings, score or own.threshold.score, str(path))
    refuse_fitted_to_defects("the challenger", sections.train, chosen, str(path))
    threshold = settings.params.threshold.model_copy(update={"score": chosen})
    update = {"train": sections.train, "score": only(sections.score, chosen), "threshold": threshold}
    return Challenger(path.stem, settings.params.model_copy(update=update), sections.roi, chosen)


def _score(sections: _Sections, settings: Settings, wanted: str | None, where: str) -> ScoreName:
    names = sections.score.names or standard_scores(sections.train.detector)
    champion = settings.params.threshold.score
    for name in names:
        if name == (wanted or champion):
            return name
    if wanted is not None:
        raise DefinitionError(
            f"the challenger has no score {wanted!r}",
            where=f"--score, or {where}, key `threshold.score`",
            why=f"computed are {', '.join(names)}",
            mend="name one of these, or add it to `score.names` in that file",
        )
    return names[0]
