"""The first step with your own images: a product folder with a commented inspection.yaml."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from sealproof.datasets.folder import DEFECTIVE_NAMES, NORMAL_NAMES, Folder
from sealproof.datasets.folder import Options as FolderOptions
from sealproof.datasets.mvtec import Mvtec
from sealproof.datasets.mvtec import Options as MvtecOptions
from sealproof.datasets.sample import DEFECTIVE, NORMAL, Adapter
from sealproof.evidence.errors import DataError, DefinitionError
from sealproof.evidence.files import unwritable, write_bytes

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TEMPLATE = """\
# What is inspected and how its images are read.
# There were {normal} normal and {defective} defective images when this file was written.
dataset:
  adapter: {adapter}             {adapter_comment}
  source: ""                  # where the images come from, as the documents print it
  licence: ""                 # their licence, as the documents print it
split:
  source: {source:<19} # seed: drawn at random; published: as the folders say
  subset: all                 # every image that is not in the test split
{test}  calibration_fraction: 0.3   # share of the training normals held out of training, for the threshold
  # group_by: captured_at     # keep images of one session, or of one group_* column, in one split
checks:
  minimum_side: 32            # pixels; a smaller image is an error
roi:
  method: full_frame          # full_frame, fixed, grid or sobel_transition
  patch_height: 128           # each region is resized to this; multiples of 16
  patch_width: 128
# The largest disturbances that your line gives; what is not declared is not tested.
# acquisition:
#   shift: 4                  # pixels, in any direction
#   tilt: 1.0                 # degrees, either way
#   brightness: 0.1           # share by which the light is stronger or weaker
#   contrast: 0.1             # share by which distances from the mean grey value are larger or smaller
#   blur: 0.8                 # pixels, standard deviation of a Gaussian
#   noise: 0.01               # grey value on a scale from 0 to 1, standard deviation
#   jpeg: 90                  # lowest quality of compression
"""
#: What people enter about a product: approvals, dispositions of deviations, recorded executions.
PEOPLE = ("approvals", "deviations", "executions")
#: Where `make repeatability` writes; the pipeline depends on it, filled or not.
REPEATABILITY = "repeatability"
_TEST = "  test_fraction: 0.3          # share of each class that is sealed for the test\n"


def init_product(root: Path, name: str, images: Path | None = None) -> list[Path]:
    """Write `products/<name>/inspection.yaml` for your own images, and copy them to `data/<name>/`.

    The folders for what people enter (`PEOPLE`) and for `make repeatability` are made as well, each with a
    `.gitkeep`, since Git keeps no empty folder and the pipeline depends on them.

    Args:
        root: the project's root.
        name: lower-case words joined by `-`.
        images: folder with the images, in one of two layouts: `normal/` and `defective/` (or the other usual
            names), or MVTec AD's `train/good/` and `test/`. None when they already lie in `data/<name>/`.

    Returns:
        What was created: the file, and the data folder when images were copied.

    Raises:
        DefinitionError: the name is not usable, or the product exists already.
        DataError: the images are in neither layout, a class is empty, or `data/<name>` already holds files.
        OutputError: a folder cannot be written.
    """
    definition, target = root / "products" / name / "inspection.yaml", root / "data" / name
    _refuse(name, definition)
    source = images if images is not None else target
    adapter = _detect(source)
    samples = adapter.scan(source)
    created = [definition]
    if source.resolve() != target.resolve():
        _copy(source, target)
        created.append(target)
    counts = {label: sum(sample.label == label for sample in samples) for label in (NORMAL, DEFECTIVE)}
    published = isinstance(adapter, Mvtec)
    text = _TEMPLATE.format(
        normal=counts[NORMAL],
        defective=counts[DEFECTIVE],
        adapter="mvtec " if published else "folder",
        adapter_comment="# train/good, test/<defect>"
        if published
        else "# normal/, defective/<type>/, subgroups.csv",
        source="published" if published else "seed",
        test="" if published else _TEST,
    )
    write_bytes(definition, text.encode())
    for folder in (*PEOPLE, REPEATABILITY):
        write_bytes(definition.parent / folder / ".gitkeep", b"")
    return created


def check_name(name: str) -> None:
    """Refuse a product name that is no folder name.

    Raises:
        DefinitionError: it is not lower-case words joined by `-`.
    """
    if not _NAME.fullmatch(name):
        raise DefinitionError(
            f"{name!r} is no name for a product",
            where="the name given",
            why="a product name is lower-case words joined by '-', and names a folder",
            mend="choose a name such as pouch-seal",
        )


def _refuse(name: str, definition: Path) -> None:
    check_name(name)
    if definition.exists():
        raise DefinitionError(
            f"product {name!r} exists already",
            where=str(definition),
            why="it would be overwritten",
            mend="choose another name, or edit the file",
        )


def _detect(images: Path) -> Adapter:
    """MVTec's layout when there is a `train/good`, else two class folders."""
    if (images / "train" / "good").is_dir():
        return Mvtec(MvtecOptions())
    if any((images / name).is_dir() for name in (*NORMAL_NAMES, *DEFECTIVE_NAMES)):
        return Folder(FolderOptions())
    raise DataError(
        "the images are in no known layout",
        where=str(images),
        why="there is neither a folder for normal images nor a train/good/"
        if images.is_dir()
        else "the folder does not exist",
        mend="sort them into normal/ and defective/<type>/, or train/good/, test/good/ and test/<defect>/",
    )


def _copy(source: Path, target: Path) -> None:
    """Copy a folder of images, whole or not at all."""
    if target.exists() and any(target.iterdir()):
        raise DataError(
            "the data folder holds files already",
            where=str(target),
            why="they would be mixed with the images to copy",
            mend="move them away, or leave out --images when they are the images",
        )
    partial = target.with_name(f".{target.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, partial)
        if target.exists():
            target.rmdir()
        partial.replace(target)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise unwritable(target, error) from error
