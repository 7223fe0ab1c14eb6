"""Time, memory and size of a cell: measured while it runs, so these figures alone differ from run to run."""

from __future__ import annotations

import platform
import resource
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sealproof.benchmark.declaration import Timing
from sealproof.benchmark.result import ScoringTime
from sealproof.inference.released import ReleasedDetector
from sealproof.models.data import VALUE_SCALE
from sealproof.repetition.detector import Images

#: What the times have in them; reports print it.
INSIDE = (
    "from the patches of an image, in memory as float32 in [0, 1], to all scores of the scoring for every patch; "
    "reading and decoding, the search for regions, the maximum over patches and the threshold are not in it"
)
_WARM_UPS = 2


def time_scoring(scorer: ReleasedDetector, images: Images, timing: Timing) -> ScoringTime:
    """Milliseconds an image, one at a time and in a batch: medians over repeats on held-out normals.

    Args:
        scorer: detector, feature distance and settings of one scoring.
        images: with patches of split `calibration`; where they are fewer than a batch, they are used again.
        timing: images a batch, and repeats.
    """
    normals = images.manifest.loc[images.manifest["split"] == "calibration", "image_id"]
    mine = images.regions[images.regions["image_id"].isin(normals)]
    whole = mine.groupby("image_id")["decided"].transform("all")
    rows = mine.loc[whole, ["row", "patch"]].to_numpy(np.int64)
    regions = int(mine["patch"].max()) + 1
    single, batch = (np.resize(rows, (count * regions, 2)) for count in (1, timing.batch))
    return ScoringTime(
        batch_1_ms=_milliseconds(scorer, images, single, timing.repeats),
        batch_ms=_milliseconds(scorer, images, batch, timing.repeats) / timing.batch,
    )


def _milliseconds(scorer: ReleasedDetector, images: Images, rows: NDArray[np.int64], repeats: int) -> float:
    patches = images.patches[rows[:, 0]].astype(np.float32) / np.float32(VALUE_SCALE)
    found = []
    for number in range(_WARM_UPS + repeats):
        clock = time.perf_counter()
        scorer.score_patches(patches, rows[:, 1])
        if number >= _WARM_UPS:
            found.append((time.perf_counter() - clock) * 1000)
    return statistics.median(found)


def peak_memory_mib() -> float:
    """Largest resident memory of this process so far, in MiB: everything it did, training included.

    Example:
        >>> peak_memory_mib() > 1
        True
    """
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def size_on_disk(folder: Path) -> int:
    """Bytes of all files of a model."""
    return sum(path.stat().st_size for path in sorted(folder.rglob("*")) if path.is_file())


def processor() -> str:
    """The processor's name as the operating system gives it.

    Example:
        >>> len(processor()) > 0
        True
    """
    table = Path("/proc/cpuinfo")
    lines = table.read_text(encoding="utf-8").splitlines() if table.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names and names[0] else platform.machine() or "unknown"
