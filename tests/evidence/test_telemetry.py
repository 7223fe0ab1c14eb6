"""The switches; that nothing leaves the machine in a real run is shown in tests/e2e."""

import configparser
import os
import subprocess
import sys
from pathlib import Path

from sealproof.evidence.telemetry import SILENCE, silence

ROOT = Path(__file__).parents[2]


def test_every_switch_is_set(monkeypatch):
    for name in SILENCE:
        monkeypatch.delenv(name, raising=False)
    silence()
    assert {name: os.environ[name] for name in SILENCE} == SILENCE


def test_each_tool_says_that_it_is_silent():
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            (
                "from sealproof.evidence.telemetry import silence; silence()\n"
                "from mlflow.telemetry.utils import is_telemetry_disabled\n"
                "from dvc.analytics import is_enabled\n"
                "from great_expectations.data_context.data_context.context_factory import get_context\n"
                "context = get_context(mode='ephemeral')\n"
                "print(is_telemetry_disabled(), is_enabled(), context.config.analytics_enabled)"
            ),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split()[:2] == ["True", "False"]
    assert said.stdout.split()[2] in {"False", "None"}


def test_dvc_is_silent_also_without_our_environment():
    config = configparser.ConfigParser()
    config.read_string((ROOT / ".dvc" / "config").read_text().replace("    ", ""))
    assert config["core"]["analytics"] == "false"
    assert config["core"]["check_update"] == "false"
