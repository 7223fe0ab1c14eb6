"""The champion: the detector that the pipeline made for a product, as it lies on record.

Nothing is taken for granted: dvc.lock says with which parameters and from which results each stage ran, and what it
wrote. The sealed labels are not opened, and no score of a test image is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sealproof.evidence.errors import (
    DataError,
    DefinitionError,
    EvidenceAlteredError,
    EvidenceMissingError,
)
from sealproof.evidence.files import read_json, read_yaml
from sealproof.evidence.pipeline import Locked, md5_of, read_lock
from sealproof.inference.released import ReleasedDetector
from sealproof.models.defects import scores_fitted_to_defects
from sealproof.models.settings import TrainSettings
from sealproof.models.storage import DESCRIPTION, WEIGHTS
from sealproof.repetition.detector import Images
from sealproof.scores.settings import ScoreName, ScoreSettings
from sealproof.settings import Settings
from sealproof.thresholds.selection import check_against_manifest, read_scores

#: Splits that are looked at; rows of all others are dropped with the manifest.
DEVELOPMENT = ("train", "calibration", "tuning")
_NEEDED = ("ingest/manifest.parquet", "roi/regions.parquet", "roi/patches.npy", f"train/{DESCRIPTION}",
           f"train/{WEIGHTS}", "score/scores.parquet", "threshold/thresholds.json")  # fmt: skip
#: Stages whose parameters decide what the champion is; what `ingest` wrote is held against what its readers noted.
_STAGES = ("ingest", "roi", "train", "score", "threshold")
_MEND = "run `dvc repro`"


@dataclass(frozen=True)
class Champion:
    """What a challenger has to beat.

    Attributes:
        settings: of the project; params.yaml describes the champion.
        images: training normals, held-out normals and training defects.
        table: image_id, split, decided and one column a score; no test image.
        detector: at work, with the score in force alone.
        model_sha256: of the weights.
        model_bytes: of the weights' file.
        changed_code: sources that the champion was made with and that are others now, as dvc.lock names them.
    """

    settings: Settings
    images: Images
    table: pd.DataFrame
    detector: ReleasedDetector
    model_sha256: str
    model_bytes: int
    changed_code: tuple[str, ...]

    @property
    def score(self) -> str:
        """The score in force."""
        return self.settings.params.threshold.score


def champion_on_record(settings: Settings) -> Champion:
    """Read the champion and hold it against params.yaml and dvc.lock.

    Raises:
        EvidenceMissingError: the pipeline was not run, or not to its end, for this product.
        EvidenceAlteredError: a result is another one than the stage wrote, or scores and manifest disagree.
        DefinitionError: params.yaml or inspection.yaml is not what the champion was made with.
            Or it was fitted to the training defects.
        DataError: a development image is not known to be what its split says.
    """
    workspace, params = settings.workspace, settings.params
    refuse_fitted_to_defects("the champion", params.train, params.threshold.score, "params.yaml")
    folder = workspace.artifacts("train").parent
    if missing := [name for name in _NEEDED if not (folder / name).is_file()]:
        raise EvidenceMissingError(
            "there is no champion to compare with",
            where=", ".join(f"{workspace.relative(folder)}/{name}" for name in missing),
            why="the files do not exist",
            mend=_MEND,
        )
    changed = _check_lock(settings)
    images = Images.of(workspace, DEVELOPMENT)
    _check_labels(images.manifest)
    table = read_scores(workspace.artifacts("score") / "scores.parquet")
    check_against_manifest(table, images.manifest)
    return Champion(
        settings=settings,
        images=images,
        table=table,
        detector=ReleasedDetector.load(
            workspace.artifacts("train"),
            workspace.artifacts("score"),
            only(params.score, params.threshold.score),
            params.compute.device,
        ),
        model_sha256=str(read_json(workspace.artifacts("train") / DESCRIPTION)["weights"]["sha256"]),
        model_bytes=(workspace.artifacts("train") / WEIGHTS).stat().st_size,
        changed_code=changed,
    )


def refuse_fitted_to_defects(who: str, train: TrainSettings, score: str, where: str) -> None:
    """Whoever has seen the training defects ranks them too well.

    Args:
        who: as the message names it.
        train: its settings.
        score: that is compared.
        where: what the message blames.

    Raises:
        DefinitionError: the detector cannot be fitted without defects, or the score is `decision`.
    """
    if scores_fitted_to_defects([score], train.detector):
        what = "the score decision" if score == "decision" else f"the detector {train.detector}"
        raise DefinitionError(
            f"{who} cannot be compared on development images",
            where=where,
            why=f"{what} is fitted to the training defects, and these are the defects that are compared on",
            mend="compare over seeds with `sealproof benchmark`, whose test splits are not the release's",
        )


def only(settings: ScoreSettings, score: ScoreName) -> ScoreSettings:
    """The same settings with one score alone, and what it is made of.

    Example:
        >>> only(ScoreSettings(), "mse").names
        ('mse',)
        >>> only(ScoreSettings(), "fusion").names
        ('4-ms-ssim', 'mahalanobis', 'fusion')
    """
    parts = settings.fusion.scores if score == "fusion" else ()
    return settings.model_copy(update={"names": (*parts, score)})


def _check_lock(settings: Settings) -> tuple[str, ...]:
    """Hold parameters and results against dvc.lock; returns the sources that changed since."""
    root, product = settings.workspace.root, settings.workspace.product
    lock = read_lock(root)
    unknown = [
        stage
        for stage in _STAGES
        if stage not in lock or f"artifacts/{product}/{stage}" not in lock[stage].outs
    ]
    if unknown:
        raise EvidenceMissingError(
            "it is not known what the champion was made with",
            where="dvc.lock",
            why=f"it does not hold {', '.join(unknown)} of product {product}",
            mend=_MEND,
        )
    locked = {stage: lock[stage] for stage in _STAGES}
    _refuse_other_parameters(settings, locked)
    now = _Now(settings)
    results = [name for name in _STAGES if name != "ingest"]  # its folder holds the sealed labels
    written = {
        f"artifacts/{product}/{name}": locked[name].outs[f"artifacts/{product}/{name}"] for name in results
    }
    if altered := [path for path, md5 in written.items() if now.md5(path) != md5]:
        raise EvidenceAlteredError(
            "results of the champion are not those that the pipeline wrote",
            where=", ".join(altered),
            why="dvc.lock names another MD5",
            mend=f"restore them, or {_MEND}",
        )
    read = {(path, md5) for stage in results for path, md5 in locked[stage].deps.items()}
    differing = sorted({path for path, md5 in read if not path.startswith("data/") and now.md5(path) != md5})
    if stale := [path for path in differing if path.startswith("artifacts/")]:
        raise EvidenceMissingError(
            "the champion was made from other results than there are now",
            where=", ".join(stale),
            why="a stage was run again, and not those that read what it wrote",
            mend=_MEND,
        )
    return tuple(differing)


class _Now:
    """MD5 of files and folders as they are, each computed once."""

    def __init__(self, settings: Settings) -> None:
        self._root, self._known = settings.workspace.root, dict[str, str]()

    def md5(self, path: str) -> str:
        if path not in self._known:
            self._known[path] = md5_of(self._root / path)
        return self._known[path]


def _refuse_other_parameters(settings: Settings, locked: Mapping[str, Locked]) -> None:
    root = settings.workspace.root
    stated = {
        (file, key): value
        for stage in locked.values()
        for file, values in stage.params.items()
        for key, value in values.items()
    }
    content = {file: read_yaml(root / file) for file in sorted({file for file, _ in stated})}
    differing = [
        f"{file}, `{key}`" for (file, key), value in stated.items() if _value(content[file], key) != value
    ]
    if differing:
        raise DefinitionError(
            "the settings do not describe the champion on record",
            where="; ".join(differing),
            why="the stages ran with other values, so it is not known what a challenger is compared with",
            mend="run `dvc repro`, or restore the values",
        )


def _value(content: Any, dotted: str) -> Any:
    for part in dotted.split("."):
        content = content.get(part) if isinstance(content, Mapping) else None
    return content


def _check_labels(manifest: pd.DataFrame) -> None:
    wanted = manifest["split"].map({"train": 0, "calibration": 0, "tuning": 1})
    strange = manifest.loc[~(manifest["label"] == wanted).fillna(value=False).astype(bool), "image_id"]
    counts = manifest["split"].value_counts()
    few = [f"{int(counts.get(split, 0))} in {split}" for split in DEVELOPMENT[1:] if counts.get(split, 0) < 2]
    if len(strange) or few:
        raise DataError(
            "two detectors cannot be compared on these development images",
            where="ingest/manifest.parquet, splits `calibration` (held-out normals) and `tuning` (training defects)",
            why="; ".join(
                [f"{len(strange)} images are not known to be what their split says: {', '.join(strange[:5])}"]
                * bool(len(strange))
                + [f"two images of each are needed, there are {' and '.join(few)}"] * bool(few)
            ),
            mend="correct the labels, or add labelled defects to the training subset (inspection.yaml, key "
            "`split.subsets`), and run `dvc repro`",
        )
