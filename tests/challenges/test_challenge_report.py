"""What the stage puts on record."""

import json

import numpy as np
import pandas as pd
import pytest

from sealproof.challenges.disturbed import disturbances_json, plan_disturbances
from sealproof.challenges.repeats import InForce, repeatability
from sealproof.challenges.report import challenge_table, compare_undisturbed, record_challenge
from sealproof.challenges.settings import AcquisitionSettings
from sealproof.evidence.pointers import resolve, same_value
from sealproof.evidence.records import Recorder

MANIFEST = pd.DataFrame({"image_id": ["a", "b"], "path": ["a.png", "b.png"], "split": "test"})


def scores(**changes):
    table = pd.DataFrame({"image_id": ["a", "b"], "split": "test", "decided": True, "mse": [1.0, 2.0]})
    return table.assign(**changes)


def disturbed(**changes):
    own = scores(**changes).drop(columns="split").assign(disturbance="none", severity=0.0, amount=0.0)
    return pd.concat([own, own.assign(disturbance="shift", severity=1.0, amount=4.0, mse=9.0)])


def test_undisturbed_images_are_compared_with_the_record():
    assert compare_undisturbed(disturbed(), scores()) == {
        "images": 2,
        "decided_otherwise": 0,
        "largest_relative_difference": 0.0,
    }
    found = compare_undisturbed(disturbed(mse=[1.0, 2.5]), scores())
    assert found["largest_relative_difference"] == 0.25
    found = compare_undisturbed(disturbed(decided=[True, False], mse=[1.0, np.nan]), scores())
    assert (found["decided_otherwise"], found["largest_relative_difference"]) == (1, 0.0)
    nothing = compare_undisturbed(disturbed().iloc[:0], scores())
    assert nothing == {"images": 0, "decided_otherwise": 0, "largest_relative_difference": None}


@pytest.mark.parametrize("envelope", [None, AcquisitionSettings(shift=4, jpeg=90)])
def test_every_record_is_the_value_its_pointer_leads_to(tmp_path, envelope):
    plan = plan_disturbances(MANIFEST, envelope, (1.0,), None, 1)
    table = disturbed() if envelope else disturbed().iloc[:0]
    challenge = {"disturbed": disturbances_json(plan), "undisturbed": compare_undisturbed(table, scores())}
    repeats = pd.DataFrame(
        {"image_id": ["a", "b"], "repeat": 1, "batch_size": 1, "order": "reversed", "mse": [1.0, 2.0]}
    )
    again = repeatability(repeats, scores(), InForce("mse", 1.5))
    paths = {"summary": tmp_path / "challenge.json", "again": tmp_path / "repeatability.json"}
    for path, content in zip(paths.values(), (challenge, again), strict=True):
        path.write_text(json.dumps(content))
    recorder = Recorder("challenge")
    record_challenge(recorder, challenge, again, **paths)
    records = recorder.finish(lambda path: (path, path.name))
    for record in records:
        found = resolve(json.loads((tmp_path / record.artefact).read_text()), record.pointer)
        assert same_value(found, record.value), record.id
    limits = {record.id: (record.value, record.unit) for record in records if ".envelope." in record.id}
    wanted = {"challenge.envelope.shift": (4.0, "px"), "challenge.envelope.jpeg": (90.0, "quality")}
    assert limits == (wanted if envelope else {})
    assert challenge_table(challenge, again).row_count == 2
