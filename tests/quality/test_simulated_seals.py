"""From the simulator through ingest to the findings: the confounder of SSI, rebuilt, must be found without help."""

import pytest

from sealproof.datasets.acquisition import acquire
from sealproof.datasets.ingest import ingest
from sealproof.datasets.settings import ClassCounts, DatasetSettings, SplitSettings
from sealproof.quality.examination import Examination
from sealproof.quality.measure import measure
from sealproof.quality.run import run_checks
from sealproof.quality.settings import CheckSettings

SPLIT = SplitSettings(
    subset="small",
    subsets={"small": ClassCounts(normal=60, defective=30)},
    test=ClassCounts(normal=30, defective=30),
)


@pytest.mark.parametrize("confounded", [True, False])
def test_a_set_up_without_defects_is_found_when_it_is_there(tmp_path, confounded):
    options = {"normal": 90, "defective": 60, "defect_free_setups": ["20"] if confounded else []}
    dataset = DatasetSettings(adapter="seal_sim", options=options)
    acquire(tmp_path / "seals", dataset, seed=3)
    ingested = ingest(tmp_path / "seals", dataset, SPLIT, seed=3)
    measured = measure(ingested.manifest, tmp_path / "seals", progress=False)
    findings = run_checks(Examination(ingested.manifest, measured, ingested.summary, CheckSettings(), SPLIT))
    assert [f for f in findings if f.severity == "error"] == []
    lacking = [f.what for f in findings if f.code == "subgroup_lacks_class"]
    expected = [f"in {pool}, setup 20 has no defective image" for pool in ("training", "test")]
    assert lacking == (expected if confounded else [])
    codes = {f.code for f in findings}
    assert ("subgroup_predicts_class" in codes) == confounded
    assert "time_neighbours_across_splits" in codes
    assert "near_duplicate_across_splits" not in codes
