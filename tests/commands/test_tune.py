import shutil

import pytest
import yaml
from tests.commands.signing_project import plain, run
from tests.qualification.build import ROOT
from tests.repetition.conftest import write_project
from tests.tuning.conftest import Formula, write_space

from sealproof.commands.tune import tune
from sealproof.tuning.objective import Area
from sealproof.tuning.trials import Bench


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    root = tmp_path_factory.mktemp("tune") / "project"
    root.mkdir()
    write_project(root)
    write_space(root)
    return root


@pytest.fixture
def project(template, tmp_path):
    return shutil.copytree(template, tmp_path / "project")


@pytest.fixture
def formula(monkeypatch):
    found = Formula()
    monkeypatch.setattr(Bench, "measure", lambda _bench, settings: found.measure(settings))
    return found


def call(project, *options, text=None):
    code, printed = run(tune, "--root", project, *options, text=text)
    return code, plain(printed)


def params_with_comments(project):
    """params.yaml as this repository has it, of the toy product: its values stand on one line each."""
    text = (ROOT / "params.yaml").read_text().replace("product: elpv-mono ", "product: toy ")
    (project / "params.yaml").write_text(text)
    return text


def test_tune_then_apply(project, formula):
    before = params_with_comments(project)
    code, printed = call(project, "--trials", 2)
    assert code == 0, printed
    assert "written products/toy/tuning/best.yaml and products/toy/tuning/trials.json" in printed
    assert "step 2, trial 2 of 2: AUROC" in printed
    assert (project / "params.yaml").read_text() == before

    code, printed = call(project, "--apply", text="n\n")
    assert code == 1
    assert "+++ params.yaml, tuned" in printed
    assert "params.yaml is as it was" in printed
    assert (project / "params.yaml").read_text() == before

    assert call(project, "--apply", text="")[0] == 1  # nobody there to ask
    assert (project / "params.yaml").read_text() == before

    code, printed = call(project, "--apply", "--yes")
    assert code == 0, printed
    best = yaml.safe_load((project / "products" / "toy" / "tuning" / "best.yaml").read_text())
    after = (project / "params.yaml").read_text()
    assert yaml.safe_load(after)["train"].items() <= best["train"].items()
    assert after.count("#") == before.count("#")
    assert "has these settings already" in call(project, "--apply")[1]


def test_stopped_and_gone_on_with(project, formula):
    formula.stop_after = 4
    code, printed = call(project, "--trials", 3)
    assert code == 130
    assert "the same command goes on from there" in printed
    assert not (project / "products" / "toy" / "tuning" / "best.yaml").exists()
    formula.stop_after = None
    code, printed = call(project, "--trials", 3)
    assert code == 0, printed
    assert "goes on after" in printed
    assert "training with the settings of params.yaml" not in printed


@pytest.mark.parametrize(("signal", "code"), [(143, 143), (1, 130)])
def test_a_stop_signal_is_an_exit_code(project, monkeypatch, signal, code):
    """Lightning leaves with 1 on Ctrl-C; a termination is 143."""

    def stop(*_):
        raise SystemExit(signal)

    monkeypatch.setattr(Bench, "measure", stop)
    assert call(project)[0] == code


def test_no_time_nothing_written(project, formula):
    code, printed = call(project, "--minutes", 0)
    assert code == 0
    assert "nothing is written" in printed


def test_no_trial_in_full_is_no_result(project, monkeypatch, formula):
    write_space(project, step_1={"shift": {"choices": [9]}})
    monkeypatch.setattr(Bench, "check", _refuse)
    code, printed = call(project, "--trials", 2)
    assert code == 4
    assert "no trial was trained in full" in printed
    assert "does not fit" in printed


def _refuse(*_):
    from sealproof.tuning.trials import Infeasible

    raise Infeasible("does not fit")


def test_wrong_use_has_its_exit_codes(project, formula, monkeypatch):
    assert call(project, "--apply")[0] == 2
    assert call(project, "--yes")[0] == 4
    assert call(project, "--step", 2)[0] == 2
    assert call(project, "--step", 3)[0] == 2  # refused by the command line itself
    assert call(project, "--trials", 2)[0] == 0
    content = yaml.safe_load((project / "params.yaml").read_text())
    content["threshold"]["score"] = "mse"
    (project / "params.yaml").write_text(yaml.safe_dump(content))
    code, printed = call(project, "--apply", "--yes")
    assert code == 4
    assert "score 4-ms-ssim there, mse in params.yaml" in printed
    assert call(project, "--trials", 2)[0] == 4
    best = project / "products" / "toy" / "tuning" / "best.yaml"
    best.write_text(best.read_text().replace("product: toy", "product: other"))
    assert call(project, "--apply", "--yes")[0] == 3


def test_an_objective_without_an_error_is_printed(project, monkeypatch):
    monkeypatch.setattr(Bench, "measure", lambda *_: Area(1.0, None))
    code, printed = call(project, "--trials", 2, "--step", 1)
    assert code == 0
    assert "best: step 1 1.0000 -" in printed
