"""Shared by all tests: quiet tools and one thread a process, so that parallel test workers do not fight."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from sealproof.evidence.telemetry import silence

silence()
