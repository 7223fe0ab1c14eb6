"""The case that carries the study of training seeds: it passes on a result about this system, and on nothing else."""

import shutil

import pytest
from tests.qualification.build import ROOT, change_yaml, write

from sealproof.evidence.errors import EvidenceAlteredError
from sealproof.evidence.files import read_json, write_json
from sealproof.evidence.records import RecordBook
from sealproof.evidence.strict import parse
from sealproof.qualification.acceptance import load_acceptance
from sealproof.qualification.catalogue import load_catalogue
from sealproof.qualification.context import Context
from sealproof.qualification.pq_repeatability import SeedParameters
from sealproof.repetition.result import Run, SeedStudy, Share, belongs_to, study_path, summarise
from sealproof.settings import load_settings

CHECK = "repeatability-over-seeds"


def a_run(seed, equal):
    share = Share.made(equal, 60)
    return {
        "seed": seed,
        "kept_epoch": 3,
        "threshold": 0.25 + seed / 1000,
        "accept_below": None,
        "reason": "enough normals",
        "false_rejects": Share.made(1, 20).model_dump(),
        "detected": Share.made(9, 12).model_dump(),
        "auroc": 0.875,
        "equal": share.model_dump(),
        "kappa": 0.5,
    }


def write_study(context, equal=(57, 60, 54), **changes):
    runs = tuple(Run(**a_run(seed, count)) for seed, count in enumerate(equal, start=1))
    released = {key: value for key, value in a_run(0, 60).items() if key not in {"equal", "kappa"}}
    content = {
        "product": "seal-sim",
        "score": "4-ms-ssim",
        "method": "conformal",
        "belongs_to": belongs_to(context.settings).model_dump(),
        "released": released,
        "runs": [run.model_dump() for run in runs],
        "summary": summarise(runs).model_dump(),
    }
    study = parse(SeedStudy, content | changes, "a test")
    write_json(study_path(context.workspace), study.model_dump(mode="json"))


@pytest.fixture
def context(tmp_path):
    """A project of which the check needs no more than what a study is bound to by hash."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    change_yaml(tmp_path / "params.yaml", lambda content: content.update(product="seal-sim"))
    shutil.copytree(ROOT / "products" / "seal-sim", tmp_path / "products" / "seal-sim")
    for name in ("train/model.safetensors", "score/scores.parquet", "threshold/thresholds.json"):
        write(tmp_path / "artifacts" / "seal-sim" / name, f"made-up content of {name}")
    settings = load_settings(tmp_path)
    acceptance = load_acceptance(settings.workspace.definition / "acceptance.yaml")
    return Context(settings, RecordBook([]), acceptance, (), {})


def test_a_study_that_was_not_run_is_no_pass(context, run):
    finding = run(CHECK, context, minimum_agreement=0.9)
    assert finding.passed is None
    assert finding.actual == "not done: run `make repeatability`"


@pytest.mark.parametrize(
    ("equal", "passed"), [((57, 60, 54), True), ((57, 60, 53), False), ((54, 54, 54), True)]
)
def test_the_lowest_share_of_equal_verdicts_decides(context, run, equal, passed):
    write_study(context, equal)
    finding = run(CHECK, context, minimum_agreement=0.9)
    assert finding.passed is passed
    assert "3 trainings from other seeds; share of 60 test images" in finding.actual
    assert f"{min(equal) / 60:.4f} to {max(equal) / 60:.4f} (mean {sum(equal) / 180:.4f})" in finding.actual
    assert "no test label read" in finding.actual
    assert finding.values["summary"]["agreement"]["low"] == min(equal) / 60
    assert finding.values["minimum_agreement"] == 0.9
    assert finding.files == (study_path(context.workspace),)


def test_a_study_of_another_system_is_not_done(context, run):
    other = belongs_to(context.settings).model_dump() | {"weights": "0" * 64, "params": "1" * 64}
    write_study(context, belongs_to=other)
    finding = run(CHECK, context, minimum_agreement=0.9)
    assert finding.passed is None
    assert finding.actual.startswith("not done: run `make repeatability`")
    assert finding.actual.endswith("about other weights, params")


def test_too_few_seeds_are_no_answer(context, run):
    write_study(context, (60, 60))
    finding = run(CHECK, context, minimum_agreement=0.9)
    assert finding.passed is None
    assert "2 were run, 3 are needed" in finding.actual
    assert run(CHECK, context, minimum_agreement=0.9, minimum_seeds=2).passed is True


def test_an_altered_study_stops_the_check(context, run):
    write_study(context, (50, 60, 60))
    path = study_path(context.workspace)
    content = read_json(path)
    content["summary"]["agreement"]["low"] = 0.99
    write_json(path, content)
    with pytest.raises(EvidenceAlteredError):
        run(CHECK, context, minimum_agreement=0.9)


def test_the_protocol_names_the_check_with_its_limit():
    case = next(case for case in load_catalogue(ROOT).cases() if case.id == "PQ-031")
    assert case.check == CHECK
    assert case.automated
    found = SeedParameters.model_validate(case.parameters)
    assert f">= {found.minimum_agreement:.2f}" in case.expected
    assert f"At least {found.minimum_seeds} trainings" in case.expected
    assert "demonstration" in case.expected
