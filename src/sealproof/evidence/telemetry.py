"""Nothing leaves the machine: telemetry of DVC, MLflow and Great Expectations is switched off."""

from __future__ import annotations

import os

#: Environment that silences every tool we run; set before any of them is imported.
SILENCE = {
    "DVC_NO_ANALYTICS": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GX_ANALYTICS_ENABLED": "false",
    "NO_ALBUMENTATIONS_UPDATE": "1",
    "HF_HUB_OFFLINE": "1",
    "GIT_PYTHON_REFRESH": "quiet",
}


def silence() -> None:
    """Set the environment of this process and its children so that no tool phones home."""
    os.environ.update(SILENCE)
