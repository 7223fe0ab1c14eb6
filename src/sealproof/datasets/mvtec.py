"""MVTec AD layout: `train/good`, `test/good`, `test/<defect>`, `ground_truth/<defect>/<name>_mask.png`.

Bergmann et al., "The MVTec Anomaly Detection Dataset", IJCV 129 (2021). With `split.source: published` its
own division into train and test holds. It has no defects in training, so that `tuning` is empty and
thresholds that learn from defects are not eligible.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealproof.datasets.folder import images_below, no_images
from sealproof.datasets.sample import DEFECTIVE, NORMAL, Adapter, Sample, nothing_to_acquire
from sealproof.datasets.tables import listed
from sealproof.evidence import strict
from sealproof.evidence.errors import DataError
from sealproof.evidence.strict import StrictModel

_LAYOUT = "train/good/, test/good/, test/<defect>/, ground_truth/<defect>/<name>_mask.png"
_GOOD = "good"


class Options(StrictModel):
    """`masks_required` refuses a defective test image without a ground-truth mask."""

    masks_required: bool = False


@dataclass(frozen=True)
class Mvtec:
    """One category in MVTec AD's layout."""

    options: Options
    source: str = "images of the user, in the layout of MVTec AD"
    licence: str = ""
    simulated: bool = False

    def acquire(self, target: Path, seed: int) -> None:
        """There is nothing to acquire; raises DataError that says where images go."""
        raise nothing_to_acquire("mvtec", f"put your images into data/<product>/ ({_LAYOUT})")

    def scan(self, root: Path) -> list[Sample]:
        """List train and test images; the folder below `test` names the defect type.

        Raises:
            DataError: a folder is missing or empty, or a mask that is required is not there.
        """
        if not root.is_dir():
            raise no_images(root, _LAYOUT)
        folders = [root / "train" / _GOOD, root / "test" / _GOOD]
        missing = [str(folder) for folder in folders if not folder.is_dir()]
        if missing:
            raise DataError(
                "a folder of the data set is missing",
                where=str(root),
                why=listed(missing),
                mend=f"expected: {_LAYOUT}",
            )
        other = sorted(
            path.name for path in (root / "train").iterdir() if path.is_dir() and path.name != _GOOD
        )
        if other:
            raise DataError(
                "the training folder holds more than good images",
                where=str(root / "train"),
                why=listed(other),
                mend=f"expected: {_LAYOUT}",
            )
        samples = _samples(root, folders[0], "train") + _samples(root, folders[1], "test")
        for folder in sorted(
            path for path in (root / "test").iterdir() if path.is_dir() and path.name != _GOOD
        ):
            samples += _samples(root, folder, "test")
        bare = [sample.path for sample in samples if sample.label == DEFECTIVE and not sample.mask_path]
        if bare and self.options.masks_required:
            mend = f"expected: {_LAYOUT}; or set masks_required to false"
            raise DataError(
                f"{len(bare)} defective images have no mask", where=str(root), why=listed(bare), mend=mend
            )
        return sorted(samples, key=lambda sample: sample.path)


def make(options: dict[str, Any], where: str) -> Adapter:
    """The adapter for these options; DefinitionError when one is wrong."""
    return Mvtec(strict.parse(Options, options, where))


def _samples(root: Path, folder: Path, published: str) -> list[Sample]:
    good = folder.name == _GOOD
    samples = []
    for path in images_below(folder):
        mask = root / "ground_truth" / folder.name / f"{path.stem}_mask.png"
        samples.append(
            Sample(
                path=path.relative_to(root).as_posix(),
                label=NORMAL if good else DEFECTIVE,
                defect_type="" if good else folder.name,
                mask_path=mask.relative_to(root).as_posix() if not good and mask.is_file() else "",
                published=frozenset({published}),
            )
        )
    return samples
