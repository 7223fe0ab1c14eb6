"""Small images and manifests for the tests of data sets."""

import cv2
import numpy as np
import pandas as pd
import pytest

from sealproof.datasets.contract import Manifest, typed, validate


def texture(number, shape=(12, 16)):
    """A grey picture that no other number gives."""
    return np.random.default_rng(number).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def put():
    """Write an image; parents are made."""

    def write(path, image=None, number=0):
        path.parent.mkdir(parents=True, exist_ok=True)
        content = cv2.imencode(path.suffix, texture(number) if image is None else image)[1]
        path.write_bytes(content.tobytes())
        return path

    return write


def frame(normal=60, defective=24, *, setups=("12", "20", "23"), excluded=0, unreadable=0, gap=3600):
    """An unsplit manifest as `build_manifest` gives it, without images; sorted by id."""
    total = normal + defective + excluded + unreadable
    label = [0] * normal + [1] * defective + [pd.NA] * excluded + [0] * unreadable
    bad = np.arange(total) >= normal + defective + excluded
    out = (np.arange(total) >= normal + defective) & ~bad
    kinds = np.array(["crack", "scratch"])[np.arange(total) % 2]
    table = pd.DataFrame(
        {
            "image_id": [f"images/{number:05d}" for number in range(total)],
            "path": [f"images/{number:05d}.png" for number in range(total)],
            "sha256": [f"{number:064x}" for number in range(total)],
            "width": np.where(bad, 0, 16),
            "height": np.where(bad, 0, 12),
            "mode": np.where(bad, "unreadable", "grey8"),
            "label": label,
            "defect_type": [
                kinds[i] if value is not pd.NA and value == 1 else "" for i, value in enumerate(label)
            ],
            "split": np.where(out, "excluded", "unused"),
            "subset": "",
            "captured_at": pd.Timestamp("2024-01-01", tz="UTC")
            + pd.to_timedelta(np.arange(total) * 10 + (np.arange(total) // 7) * gap, unit="s"),
            "mask_path": "",
            "size_mm": np.nan,
            "excluded": out,
            "excluded_reason": np.where(out, "graders disagreed", ""),
            "source": "test",
            "licence": "none",
            "simulated": True,
        }
    )
    if setups:
        table["group_setup"] = [setups[number % len(setups)] for number in range(total)]
    return validate(typed(table), Manifest)


@pytest.fixture
def unsplit():
    """The maker of unsplit manifests."""
    return frame
