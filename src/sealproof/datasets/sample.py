"""What every adapter yields: one `Sample` an image, and nothing about files that are not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from sealproof.evidence.errors import DataError

NORMAL, DEFECTIVE = 0, 1


@dataclass(frozen=True)
class Sample:
    """One image as its data set describes it.

    Args:
        path: relative to the data root, forward slashes.
        label: 0 normal, 1 defective, None only for an excluded image.
        defect_type: as the data set names it; empty for normals and where the data set does not say.
        groups: subgroup name -> value, without the prefix `group_`: `{"setup": "20"}`.
        captured_at: time of capture, UTC.
        mask_path: ground-truth mask, relative to the data root; empty when there is none.
        size_mm: size of the defect in millimetres, when known.
        excluded_reason: why the image belongs to no split; empty when it is not excluded.
        published: names of the published lists that the image is in (`partial-10`, `test`).
    """

    path: str
    label: int | None
    defect_type: str = ""
    groups: Mapping[str, str] = field(default_factory=dict)
    captured_at: datetime | None = None
    mask_path: str = ""
    size_mm: float | None = None
    excluded_reason: str = ""
    published: frozenset[str] = frozenset()

    @property
    def image_id(self) -> str:
        """The relative path without its ending.

        Example:
            >>> Sample("images/cell0001.png", 0).image_id
            'images/cell0001'
        """
        head, dot, _ = self.path.rpartition(".")
        return head if dot else self.path


class Adapter(Protocol):
    """Reads one kind of data set.

    Attributes:
        source: where the images come from, as documents print it.
        licence: their licence, as documents print it; empty when the adapter cannot know.
        simulated: True when the images show no real product.
    """

    @property
    def source(self) -> str:
        """Where the images come from."""

    @property
    def licence(self) -> str:
        """Licence of the images."""

    @property
    def simulated(self) -> bool:
        """Whether the images show no real product."""

    def acquire(self, target: Path, seed: int) -> None:
        """Fill the empty folder `target` with the images.

        Raises:
            DataError: the adapter reads images that the user puts in place.
        """

    def scan(self, root: Path) -> list[Sample]:
        """Describe every image below the data root, sorted by path.

        Raises:
            DataError: images or lists are missing or contradict each other.
        """


def nothing_to_acquire(adapter: str, mend: str) -> DataError:
    """The one message for a data set that the user puts in place."""
    return DataError(
        "there is nothing to acquire",
        where=f"inspection.yaml, key dataset.adapter: {adapter}",
        why="this adapter reads images that you put into the data folder yourself",
        mend=mend,
    )
