"""The mask function on real solar cells and on simulated seals, whose truth is known."""

import re
from pathlib import Path

import elpv_dataset
import numpy as np
import pytest
import yaml

from sealproof.datasets.images import read_image
from sealproof.datasets.seal_drawing import SETUPS, draw_scene
from sealproof.datasets.seal_sim import Options, draw, plan
from sealproof.roi.propose import propose
from sealproof.roi.settings import RoiSettings

ROOT = Path(__file__).parents[2]
CELLS = Path(elpv_dataset.__file__).parent / "data"
#: Rows of the three bus bars; between modules they move by up to 14 pixels.
BARS, REACH = np.array([52.0, 150.0, 248.0]), 15


def roi(product: str) -> dict[str, object]:
    return yaml.safe_load((ROOT / "products" / product / "inspection.yaml").read_text())["roi"]


def strips() -> RoiSettings:
    """The alternative that the comments of the product file describe."""
    text = (ROOT / "products/elpv-mono/inspection.yaml").read_text()
    block = re.findall(r"^  #  ( .*)$", text, re.MULTILINE)
    return RoiSettings(**yaml.safe_load("\n".join(line[1:] for line in block)))


def cells(label: str) -> list[Path]:
    rows = [line.split() for line in (CELLS / "labels.csv").read_text().splitlines()]
    return [CELLS / name for name, probability, kind in rows if kind == "mono" and probability == label]


@pytest.mark.parametrize(("label", "every"), [("0.0", 10), ("1.0", 5)])
def test_bus_bars_are_found_in_good_and_in_defective_cells(label, every):
    """Every monocrystalline cell in turn was tried once; this is a sample of them."""
    settings = strips()
    chosen = cells(label)[::every]
    assert len(chosen) > 50
    for path in chosen:
        regions = propose(read_image(path), settings)
        assert [region.name for region in regions] == [f"strip-{number}" for number in range(1, 5)]
        bars = np.array([region.y1 for region in regions[:3]]) + 5
        if all(region.decided for region in regions):
            assert np.abs(bars - BARS).max() < REACH, path.name
    undecided = [
        path for path in chosen if not all(part.decided for part in propose(read_image(path), settings))
    ]
    assert len(undecided) <= 0.05 * len(chosen)


def test_the_line_of_a_simulated_seal_is_found_with_its_tilt():
    options, seed = Options(normal=40, defective=24), 11
    settings = RoiSettings(**roi("seal-sim"))
    errors, tilts = [], []
    for planned in plan(options, seed):
        image = draw(planned, options, seed)[0].astype(np.float32) / 255
        (region,) = propose(image, settings)
        assert region.decided
        assert region.confidence > 0.7
        rng = np.random.default_rng([seed, 2, planned.number])
        line = draw_scene(SETUPS[planned.setup], (options.height, options.width), rng).line
        slope, start = np.polyfit(np.arange(options.width) + 0.5, line + 0.5, 1)
        middle = options.width / 2
        errors.append(region.y0 + 24 - (start + slope * middle))
        tilts.append(region.tilt - slope)
    assert np.median(np.abs(errors)) < 0.1
    assert np.max(np.abs(errors)) < 1.5  # an incomplete seal moves part of the line itself
    assert np.max(np.abs(tilts)) < 0.005
